"""A whole platform against a replica: started as a person starts it, watched, killed, and held against the truth."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from martian_moments.dagster_runtime.processes import supervised_by
from martian_moments.events.log import INGESTION_REQUESTS
from martian_moments.events.messages import refresh_request
from martian_moments.operations.demo import environment
from martian_moments.operations.platform import find_running
from martian_moments.replica.running import RunningReplica
from martian_moments.resources import Resources
from martian_moments_tests.e2e.loop import Loop, settings_of
from martian_moments_tests.waiting import wait_until

READY_SECONDS = 120


@dataclass
class Platform(Loop):
    """``martian-moments up --headless`` on a home of its own, in a folder without ``.env``."""

    home: Path
    replica: RunningReplica
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MARS_")},
            **environment(self.home, self.replica.addresses),
            "MARS_CONCURRENCY": "8",
            "MARS_SERVE": "False",  # several platforms at once would want its port
            **self.extra,
        }
        self.settings = settings_of(self.environment)
        self.resources = Resources(self.settings)

    def up(self) -> None:
        log = (self.home.parent / f"{self.home.name}-up.log").open("ab")
        command = [str(Path(sys.executable).with_name("martian-moments")), "up", "--headless"]
        self.process = subprocess.Popen(
            command, cwd=self.home.parent, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )
        wait_until(self._ready, lambda: f"the platform is not ready:\n{self.log_tail()}", READY_SECONDS)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log_tail()
        state = find_running(self.home)
        return state is not None and state.supervisor.pid == self.process.pid

    def revive(self) -> None:
        if self.process is None or self.process.poll() is not None:
            self.up()

    def down(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.process = None

    def log_tail(self) -> str:
        return (self.home.parent / f"{self.home.name}-up.log").read_text()[-3000:]

    def victims(self, kind: str) -> list[int]:
        """The living processes of one kind: supervisor, daemon, code server, forge or run worker."""
        state = find_running(self.home)
        assert state is not None, "no platform to kill"
        if kind == "supervisor":
            return [state.supervisor.pid]
        return [identity.pid for identity in supervised_by(state.supervisor) if _kind(identity.pid) == kind]

    def kill_one(self, kind: str, chance: random.Random) -> None:
        """kill -9 for one process of a kind, asked for work first where no run is under way; a supervisor starts again."""
        if kind in ("run worker", "forge") and not self.victims(kind):
            self.resources.event_log.publish(INGESTION_REQUESTS, [refresh_request(self.settings.rovers, young=True)])
        pids = wait_until(lambda: self.victims(kind), lambda: f"no {kind} to kill:\n{self.log_tail()}", 120, pause=0.02)
        with suppress(ProcessLookupError):
            os.kill(chance.choice(pids), signal.SIGKILL)
        if kind == "supervisor":
            assert self.process is not None
            self.process.wait(30)
            self.up()


def _kind(pid: int) -> str | None:
    try:
        command = " ".join(psutil.Process(pid).cmdline())
        parent = " ".join(psutil.Process(psutil.Process(pid).ppid()).cmdline())
    except psutil.NoSuchProcess:
        return None
    if "dagster_runtime.worker" in command:
        return "run worker" if "dagster_runtime.worker" in parent else "forge"
    if "grpc" in command:
        return "code server"
    return "daemon" if "martian_moments.dagster_runtime.daemon" in command else None


@contextmanager
def platform(home: Path, replica: RunningReplica, **extra: str) -> Iterator[Platform]:
    """A platform that runs, and is gone at the end of the block."""
    running = Platform(home, replica, extra)
    with running_instance(running):
        running.up()
        try:
            yield running
        finally:
            running.down()


@contextmanager
def running_instance(running: Platform) -> Iterator[None]:
    """Dagster's home in the environment of this process, put back afterwards."""
    before = os.environ.get("DAGSTER_HOME")
    try:
        yield
    finally:
        if before is None:
            os.environ.pop("DAGSTER_HOME", None)
        else:
            os.environ["DAGSTER_HOME"] = before
