"""What tests ask of a whole platform, embedded or deployed: that it settles, and that it then holds exactly the truth."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pyarrow.compute as pc
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorStatus

from martian_moments.nasa.sources import sources_of
from martian_moments.operations.instance import open_instance
from martian_moments.operations.platform import is_running
from martian_moments.operations.status import Status
from martian_moments.operations.status import status as read_status
from martian_moments.replica.running import RunningReplica
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.waiting import wait_until

REST_SECONDS = 15
"""Three ticks of the sensors."""


def settings_of(environment: Mapping[str, str]) -> Settings:
    """The settings that a process with this environment has in a folder without ``.env``."""
    with mock.patch.dict(os.environ, environment, clear=True):
        return Settings.load(_env_file=None)


class Loop(ABC):
    """A platform on a replica.

    Attributes:
        replica: its NASA.
        environment: of every process of it.
        settings: as it has them.
        resources: its parts, opened in this process.
    """

    replica: RunningReplica
    environment: dict[str, str]
    settings: Settings
    resources: Resources

    look_seconds = 0.5
    """Between two looks at the status."""

    @abstractmethod
    def revive(self) -> None:
        """Start again what a test has killed."""

    @abstractmethod
    def log_tail(self) -> str:
        """The end of what it said."""

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command on the platform, where there is no ``.env``."""
        command = [str(Path(sys.executable).with_name("martian-moments")), *arguments]
        with tempfile.TemporaryDirectory() as folder:
            return subprocess.run(
                command, cwd=folder, env=self.environment, capture_output=True, text=True, timeout=300, check=False
            )

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        with open_instance(self.settings) as instance:
            yield instance

    def status(self) -> Status:
        with self.instance() as instance:
            return read_status(self.resources, instance, running=is_running(self.settings, instance))

    def settle(self, seconds: float) -> Status:
        """Wait until all is settled."""

        def settled() -> Status | None:
            self.revive()
            now = self.status()
            return now if now.settled else None

        def waiting() -> str:
            return f"not settled: {self.status().waiting_for}\n{self.log_tail()}"

        return wait_until(settled, waiting, seconds, pause=self.look_seconds)

    def rest(self, seconds: float) -> Status:
        """Wait until all is settled and no sensor finds anything more to start: what is under way may cause one more run."""
        while True:
            now = self.settle(seconds)
            runs = len(self.runs())
            time.sleep(REST_SECONDS)
            if len(self.runs()) == runs:
                return now

    def stop_schedules(self) -> None:
        """From now on nothing is asked for because a minute of the hour has come; what they have asked for goes on."""
        with self.instance() as instance:
            states = instance.all_instigator_state(instigator_type=InstigatorType.SCHEDULE)
            assert {"manifests", "traverse_maps"} <= {state.instigator_name for state in states}
            for state in states:
                instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED))

    def runs(self, *statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
        with self.instance() as instance:
            return list(instance.get_runs(dg.RunsFilter(statuses=list(statuses))))

    def published(self, schema: str, table: str) -> list[dict[str, Any]]:
        rows = self.resources.published.read(schema, table)
        assert rows is not None, f"{schema}.{table} is not published"
        return list(rows.to_pylist())

    def photo_counts(self) -> dict[tuple[str, int], int]:
        """Photos in the published facts by rover and sol."""
        rows = self.resources.published.read("silver", "fact_photos", ["rover", "sol"])
        assert rows is not None
        counted = rows.group_by(["rover", "sol"]).aggregate([([], "count_all")]).to_pylist()
        return {(row["rover"], row["sol"]): row["count_all"] for row in counted}

    def expected(self, rover: str, source: str | None = None) -> dict[int, list[str]]:
        """The ids of all photos that the replica has, by sol, as a source reports them: the preferred one by default."""
        reported = self.replica.control.ids(source or sources_of(rover, self.resources.settings.sources)[0], rover)
        return {sol: ids for sol, ids in reported.items() if ids}

    def assert_exactly_the_truth(self, sources: Mapping[str, str] | None = None) -> None:
        """Lake, bronze and gold hold exactly what the replica has: each photo, once.

        Of each rover by the source that is preferred, or by the one named for it.
        """
        truth = self.replica.control.truth()
        now = self.status()
        facts = self.resources.published.read("silver", "fact_photos", ["rover", "source", "source_id"])
        assert facts is not None
        summary = {row["rover"]: row for row in self.published("gold", "rover_summary")}
        for rover in truth["rovers"]:
            source = (sources or {}).get(rover, sources_of(rover, self.resources.settings.sources)[0])
            expected = self.expected(rover, source)
            photos = sum(map(len, expected.values()))
            found = now.rovers[rover]
            counts = (found.photos_in_lake, found.photos_in_bronze, found.photos_in_silver, summary[rover]["photos"])
            assert counts == (photos,) * 4, rover
            assert (found.photos_expected, found.sols_expected) == (photos, len(expected)), rover
            assert found.sols_in_lake == found.sols_in_bronze == len(expected), rover
            mine = facts.filter(pc.equal(facts["rover"], rover))
            assert set(mine["source"].to_pylist()) == {source}, rover
            assert sorted(mine["source_id"].to_pylist()) == sorted(each for ids in expected.values() for each in ids), rover
            in_gold = {sol: count for (name, sol), count in self.photo_counts().items() if name == rover}
            assert in_gold == {sol: len(ids) for sol, ids in expected.items()}, rover
            if driven := truth["traverse"].get(rover):
                assert abs(summary[rover]["distance_m"] - driven["distance_m"]) < 0.1, rover
