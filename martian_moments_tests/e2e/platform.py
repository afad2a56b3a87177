"""A whole platform against a replica: started as a person starts it, watched, killed, and held against the truth."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import dagster as dg
import psutil
import pyarrow.compute as pc

from martian_moments.automation.processes import supervised_by
from martian_moments.events.log import INGESTION_REQUESTS
from martian_moments.events.messages import refresh_request
from martian_moments.operations.platform import find_running
from martian_moments.operations.status import Status
from martian_moments.operations.status import status as read_status
from martian_moments.replica.running import RunningReplica
from martian_moments.rooms import Rooms
from martian_moments.settings import Settings
from martian_moments_tests.conftest import REPOSITORY

T = TypeVar("T")

READY_SECONDS = 120
REST_SECONDS = 15
"""Three ticks of the sensors."""


def wait_until(condition: Callable[[], T | None], what: Callable[[], str], seconds: float, pause: float = 0.5) -> T:
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain: {what()}"
        time.sleep(pause)
    return value


@dataclass
class Platform:
    """``martian-moments up --headless`` on a home of its own."""

    home: Path
    replica: RunningReplica
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("MARS_")},
            "MARS_HOME": str(self.home),
            "MARS_V1_URL": self.replica.v1_url,
            "MARS_MMGIS_URL": self.replica.mmgis_url,
            "MARS_MER_TRAVERSE_URL": self.replica.mer_traverse_url,
            "MARS_REQUESTS_PER_MINUTE": "60000",
            "MARS_CONCURRENCY": "8",
            **self.extra,
        }
        self.settings = Settings.load(
            home=self.home,
            v1_url=self.replica.v1_url,
            mmgis_url=self.replica.mmgis_url,
            mer_traverse_url=self.replica.mer_traverse_url,
        )
        self.rooms = Rooms(self.settings)

    def up(self) -> None:
        log = (self.home.parent / f"{self.home.name}-up.log").open("ab")
        command = [str(Path(sys.executable).with_name("martian-moments")), "up", "--headless"]
        self.process = subprocess.Popen(
            command, cwd=REPOSITORY, env=self.environment, stdout=log, stderr=log, start_new_session=True
        )
        wait_until(self._ready, lambda: f"the platform is not ready:\n{self.log_tail()}", READY_SECONDS)

    def _ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log_tail()
        state = find_running(self.home)
        return state is not None and state.supervisor.pid == self.process.pid

    def down(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)
        self.process = None

    def log_tail(self) -> str:
        return (self.home.parent / f"{self.home.name}-up.log").read_text()[-3000:]

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(Path(sys.executable).with_name("martian-moments")), *arguments]
        return subprocess.run(
            command, cwd=REPOSITORY, env=self.environment, capture_output=True, text=True, timeout=300, check=False
        )

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        os.environ["DAGSTER_HOME"] = str(self.settings.instance_home)
        with dg.DagsterInstance.get() as instance:
            yield instance

    def status(self) -> Status:
        with self.instance() as instance:
            return read_status(self.rooms, instance, running=find_running(self.home) is not None)

    def settle(self, seconds: float) -> Status:
        """Wait until all is settled; restarts the supervisor where a test has killed it."""

        def settled() -> Status | None:
            if self.process is None or self.process.poll() is not None:
                self.up()
            now = self.status()
            return now if now.settled else None

        return wait_until(settled, lambda: f"not settled: {self.status().waiting_for}\n{self.log_tail()}", seconds)

    def rest(self, seconds: float) -> Status:
        """Wait until all is settled and no sensor finds anything more to start: what is under way may cause one more run."""
        while True:
            now = self.settle(seconds)
            runs = len(self.runs())
            time.sleep(REST_SECONDS)
            if len(self.runs()) == runs:
                return now

    def runs(self, *statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
        with self.instance() as instance:
            return list(instance.get_runs(dg.RunsFilter(statuses=list(statuses))))

    def victims(self, kind: str) -> list[int]:
        """The living processes of one kind: supervisor, daemon, code server, forge or run worker."""
        state = find_running(self.home)
        assert state is not None, "no platform to kill"
        if kind == "supervisor":
            return [state.supervisor.pid]
        return [identity.pid for identity in supervised_by(state.supervisor) if _kind(identity.pid) == kind]

    def kill_one(self, kind: str, chance: random.Random) -> None:
        """kill -9 for one process of a kind; asks for work first where no run is under way."""
        if kind in ("run worker", "forge") and not self.victims(kind):
            self.rooms.log.publish(INGESTION_REQUESTS, [refresh_request(self.settings.rovers, young=True)])
        pids = wait_until(lambda: self.victims(kind), lambda: f"no {kind} to kill:\n{self.log_tail()}", 120, pause=0.02)
        with suppress(ProcessLookupError):
            os.kill(chance.choice(pids), signal.SIGKILL)

    def published(self, schema: str, table: str) -> list[dict[str, Any]]:
        rows = self.rooms.published.read(schema, table)
        assert rows is not None, f"{schema}.{table} is not published"
        return list(rows.to_pylist())

    def photo_counts(self) -> dict[tuple[str, int], int]:
        """Photos in the published facts by rover and sol."""
        rows = self.rooms.published.read("silver", "fact_photos", ["rover", "sol"])
        assert rows is not None
        counted = rows.group_by(["rover", "sol"]).aggregate([([], "count_all")]).to_pylist()
        return {(row["rover"], row["sol"]): row["count_all"] for row in counted}

    def assert_exactly_the_truth(self) -> None:
        """Lake, bronze and gold hold exactly what the replica has: each photo, once."""
        truth = self.replica.control.truth()
        now = self.status()
        facts = self.rooms.published.read("silver", "fact_photos", ["rover", "source_id"])
        assert facts is not None
        summary = {row["rover"]: row for row in self.published("gold", "rover_summary")}
        for rover, expected in truth["rovers"].items():
            found = now.rovers[rover]
            counts = (found.photos_in_lake, found.photos_in_bronze, found.photos_in_silver, summary[rover]["photos"])
            assert counts == (expected["photos"],) * 4, rover
            assert found.sols_in_lake == found.sols_in_bronze == len(expected["sols"]), rover
            ids = facts.filter(pc.equal(facts["rover"], rover))["source_id"].to_pylist()
            digest = hashlib.sha256("\n".join(sorted(ids, key=int)).encode()).hexdigest()
            assert digest == expected["photo_ids_sha256"], rover
            in_gold = {sol: count for (name, sol), count in self.photo_counts().items() if name == rover}
            assert in_gold == {int(sol): count for sol, count in expected["sols"].items()}, rover
        if "perseverance" in truth["traverse"] and "perseverance" in truth["rovers"]:
            driven = summary["perseverance"]["distance_m"]
            assert abs(driven - truth["traverse"]["perseverance"]["distance_m"]) < 0.1


def _kind(pid: int) -> str | None:
    try:
        command = " ".join(psutil.Process(pid).cmdline())
        parent = " ".join(psutil.Process(psutil.Process(pid).ppid()).cmdline())
    except psutil.NoSuchProcess:
        return None
    if "automation.worker" in command:
        return "run worker" if "automation.worker" in parent else "forge"
    if "grpc" in command:
        return "code server"
    return "daemon" if "dagster._daemon" in command else None


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
