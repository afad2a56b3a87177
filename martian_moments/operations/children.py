"""The supervisor's child processes: started with a log, restarted when they die, all gone in the end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from martian_moments.dagster_runtime.processes import ProcessId, supervised_by
from martian_moments.domain.backoff import Backoff
from martian_moments.domain.errors import PlatformFailed

POLL_SECONDS: Final = 0.2
QUICK_DEATH_SECONDS: Final = 30.0
"""A child that lived shorter than this died of its start, and is given :data:`MAX_QUICK_DEATHS` attempts."""

MAX_QUICK_DEATHS: Final = 5
STOP_SECONDS: Final = 6.0
"""How long processes may take to end by themselves before they are killed."""

_RESTARTS: Final = Backoff(first=0.5, longest=4.0)
_TAIL_LINES: Final = 15
_LOG_BYTES: Final = 10_000_000
"""A log larger than this is set aside when its process starts again; one older log is kept."""


class Child:
    """One process that has to run all the time.

    Attributes:
        name: what people call it.
        log: where its output goes.
    """

    def __init__(self, name: str, *, arguments: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._command = [sys.executable, "-m", "martian_moments.operations.supervised", *arguments]
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._quick_deaths = 0
        self._restart_at: float | None = None
        self._asked_at: float | None = None

    @property
    def pid(self) -> int | None:
        """The pid of the process that runs or ran last."""
        return None if self._process is None else self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts the process, in the supervisor's process group."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                self._command, env=self._environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        self._started = time.monotonic()
        self._restart_at = None
        self._asked_at = None

    def wait_ready(self, is_ready: Callable[[], bool], *, timeout: float) -> None:
        """Waits for the process to do its work.

        Args:
            is_ready: asks it.
            timeout: in seconds.

        Raises:
            PlatformFailed: it ended, or was not ready in time; the message has the end of its log.
        """
        deadline = time.monotonic() + timeout
        while not is_ready():
            code = None if self._process is None else self._process.poll()
            if code is not None:
                raise PlatformFailed(self._with_tail(f"The {self.name} ended with code {code} while it started"))
            if time.monotonic() > deadline:
                raise PlatformFailed(self._with_tail(f"The {self.name} was not ready after {timeout:.0f} s"))
            time.sleep(POLL_SECONDS)

    def look_after(self, on_event: Callable[[str], None]) -> None:
        """Restarts the process if it died, after a pause that doubles with every quick death.

        Raises:
            PlatformFailed: it died quickly :data:`MAX_QUICK_DEATHS` times in a row.
        """
        now = time.monotonic()
        if self._restart_at is not None:
            if now >= self._restart_at:
                self.start()
                on_event(f"{self.name} restarted (pid {self.pid})")
            return
        code = None if self._process is None else self._process.poll()
        if code is None:
            return
        self._quick_deaths = self._quick_deaths + 1 if now - self._started < QUICK_DEATH_SECONDS else 1
        if self._quick_deaths >= MAX_QUICK_DEATHS:
            raise PlatformFailed(
                self._with_tail(f"The {self.name} ended {self._quick_deaths} times in a row, now with {code}")
            )
        self._restart_at = now + _RESTARTS.delay(self._quick_deaths)
        on_event(f"{self.name} ended with code {code}; its log is {self.log}")

    def stop(self) -> None:
        """Asks the process to end; when asked again and it has not ended after :data:`STOP_SECONDS`, kills it."""
        if self._process is None or not self.alive:
            return
        if self._asked_at is None:
            self._asked_at = time.monotonic()
            self._process.terminate()
        elif time.monotonic() >= self._asked_at + STOP_SECONDS:
            self._process.kill()

    def revive(self, on_event: Callable[[str], None]) -> None:
        """Starts the process again if it is gone. How often it died before does not count any more."""
        self._quick_deaths = 0
        if not self.alive:
            self.start()
            on_event(f"{self.name} restarted (pid {self.pid})")

    def _with_tail(self, message: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        return "\n".join([f"{message}. The end of {self.log}:", *(f"  {line}" for line in lines)])


def stop_all(owner: ProcessId, *, patience: float = STOP_SECONDS) -> None:
    """Ends every process that descends from a supervisor, whoever its parent is now.

    Args:
        owner: the supervisor; it is not ended itself.
        patience: seconds between asking (SIGTERM) and killing; 0 kills at once.
    """
    deadline = time.monotonic() + patience
    asked: set[ProcessId] = set()
    while remaining := set(supervised_by(owner)):
        overdue = time.monotonic() >= deadline
        for process in remaining if overdue else remaining - asked:
            process.send(signal.SIGKILL if overdue else signal.SIGTERM)
        asked |= remaining
        time.sleep(POLL_SECONDS / 4)
