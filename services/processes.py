"""Programs that run on by themselves: started apart from whoever starts them, known by a pid file, stopped by it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from martian_moments.dagster_runtime.processes import ProcessId
from services.errors import ServicesError

_LOOK_SECONDS: Final = 0.1
_START_SECONDS: Final = 180
_STOP_SECONDS: Final = 30
_TAIL_LINES: Final = 15
_INHERITED: Final = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR", "JAVA_HOME", "SYSTEMROOT")


@dataclass(frozen=True, slots=True)
class Command:
    """What to run.

    Attributes:
        arguments: the program and its arguments; everyone on the machine can read them.
        environment: added to the few variables that every program gets.
    """

    arguments: Sequence[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Daemon:
    """One program in the background.

    Attributes:
        name: for messages and file names.
        root: the folder of the services' state.
    """

    name: str
    root: Path

    @property
    def folder(self) -> Path:
        """Its data, and its working directory."""
        return self.root / "data" / self.name

    @property
    def log(self) -> Path:
        """What it prints."""
        return self.root / "logs" / f"{self.name}.log"

    @property
    def pid_file(self) -> Path:
        """Which process it is: pid and start time."""
        return self.root / "pids" / self.name

    def process(self) -> ProcessId | None:
        """The process that runs, or None; a pid that went to another process counts as none."""
        try:
            identity = ProcessId.parse(self.pid_file.read_text())
        except (FileNotFoundError, ValueError):
            return None
        return identity if identity.alive else None

    def start(self, command: Command) -> None:
        """Starts it in a session of its own: it outlives its starter, and Ctrl-C does not reach it."""
        for folder in (self.folder, self.log.parent, self.pid_file.parent):
            folder.mkdir(parents=True, exist_ok=True)
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                [str(each) for each in command.arguments],
                cwd=self.folder,
                env={**inherited, "HOME": str(self.folder), **command.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Unreaped until this process ends, so the pid cannot have gone to another one.
        part = self.pid_file.with_suffix(".part")
        part.write_text(str(ProcessId.of(process.pid) or ""))
        part.replace(self.pid_file)

    def wait(self, responds: Callable[[], bool]) -> None:
        """Waits until it responds.

        Raises:
            ServicesError: it ended, or did not respond in time; the message has the end of its log.
        """
        deadline = time.monotonic() + _START_SECONDS
        while not responds():
            if self.process() is None:
                raise ServicesError(f"{self.name} ended while it started; {self.log} ends with:\n{_tail(self.log)}")
            if time.monotonic() > deadline:
                late = f"{self.name} runs, but does not respond within {_START_SECONDS} s"
                raise ServicesError(f"{late}; {self.log} ends with:\n{_tail(self.log)}")
            time.sleep(_LOOK_SECONDS)

    def stop(self, gently: signal.Signals) -> bool:
        """Ends it and everything that it started, by force when it does not go by itself; returns whether it ran."""
        process = self.process()
        if process is not None:
            process.send(gently)
            if not _until(lambda: not process.alive, seconds=_STOP_SECONDS):
                process.send(signal.SIGKILL)
        # Children of one that was killed need a moment to notice.
        if not _until(lambda: not any(_living_in(self.folder)), seconds=_STOP_SECONDS):
            self.kill()
        self.pid_file.unlink(missing_ok=True)
        return process is not None

    def kill(self) -> None:
        """Ends it and its children at once, as a crash would; the pid file stays behind."""

        def gone() -> bool:
            left = list(_living_in(self.folder))
            for process in left:
                process.send(signal.SIGKILL)
            return not left

        _until(gone, seconds=_STOP_SECONDS)


def run(arguments: Sequence[str | Path], *, log: Path, environment: Mapping[str, str] | None = None, text: str = "") -> None:
    """Runs a program to its end, with the caller's environment; what it prints is added to the log.

    Raises:
        ServicesError: it failed; the message has the end of the log.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [str(each) for each in arguments]
    with log.open("ab") as output:
        done = subprocess.run(
            words, env={**os.environ, **(environment or {})}, input=text.encode(), stdout=output, stderr=output, check=False
        )
    if done.returncode:
        raise ServicesError(f"{Path(words[0]).name} failed ({done.returncode}); {log} ends with:\n{_tail(log)}")


def _living_in(folder: Path) -> Iterator[ProcessId]:
    """Every process whose working directory is this folder or within it: ours and what they started, whoever owns them."""
    for process in psutil.process_iter():
        try:
            place = Path(process.cwd())
        except psutil.Error:
            continue
        identity = ProcessId.of(process.pid) if place.is_relative_to(folder) else None
        if identity is not None:
            yield identity


def _until(condition: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_LOOK_SECONDS)
    return True


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
