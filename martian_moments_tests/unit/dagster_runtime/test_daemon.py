"""When a sensor ticks before its interval is over, and when a loop of the daemon looks before its own is."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.scheduler.instigation import SensorInstigatorData

from martian_moments.dagster_runtime import daemon
from martian_moments.dagster_runtime.daemon import Alarm, RunEnds, Wakes, followed
from martian_moments.dagster_runtime.follows import EVENTS, RUNS
from martian_moments.definitions import build_defs
from martian_moments.settings import Settings


class Bench:
    """A sensor with an interval of 30 s that follows a file, and has ticked three seconds ago."""

    def __init__(self, file: Path, tags: dict[str, str]) -> None:
        self.file = file
        self.ticked = time.time() - 3
        self.took = 0.02
        self._sensor: Any = SimpleNamespace(min_interval_seconds=30, tags=tags)
        self._wakes = Wakes({"events": partial(daemon.written, file)})

    def written(self, seconds_after: float, suffix: str = "", content: bytes = b"SQLite") -> None:
        """The file was written so long after the tick."""
        file = self.file.with_name(self.file.name + suffix)
        file.write_bytes(content)
        os.utime(file, (self.ticked + seconds_after,) * 2)

    @property
    def waits(self) -> bool:
        data = SensorInstigatorData(
            last_tick_timestamp=self.ticked,
            last_tick_start_timestamp=self.ticked,
            last_tick_success_timestamp=self.ticked + self.took,
        )
        state: Any = SimpleNamespace(instigator_data=data)
        return self._wakes.is_too_early(state, self._sensor)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "events.db", EVENTS)


def test_a_sensor_waits_for_its_interval_while_nothing_is_written(bench: Bench) -> None:
    assert bench.waits, "the file is not there"
    bench.written(-5)
    assert bench.waits
    bench.ticked -= 30
    assert not bench.waits


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_it_ticks_when_the_file_was_written_since_its_last_tick(bench: Bench, suffix: str) -> None:
    bench.written(-5)
    bench.written(1, suffix)
    assert not bench.waits


def test_a_log_without_content_is_that_of_a_reader(bench: Bench) -> None:
    bench.written(1, "-wal", b"")
    assert bench.waits


def test_a_tick_that_took_long_is_not_repeated_at_once(bench: Bench) -> None:
    bench.written(1)
    bench.took = 1.0
    assert bench.waits, "three seconds are less than five times one"
    bench.took = 0.4
    assert not bench.waits


def test_other_sensors_tick_at_their_intervals(tmp_path: Path) -> None:
    for tags in ({}, RUNS):
        bench = Bench(tmp_path / "events.db", tags)
        bench.written(1)
        assert bench.waits


class Loop:
    """A loop of the daemon, which looks and then waits for a minute at most; the clock goes on while it waits.

    Attributes:
        now: the clock. At its start the file is a minute old.
        writes: when the file is written, with what suffix.
        ends: when the loop shall end.
    """

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch, *, apart: float = 0.0, linger: float = 0.02) -> None:
        self.now = self._start = float(round(time.time()))
        self.writes: dict[float, str] = {}
        self.ends = float("inf")
        self._file = file
        self._write(-60.0)
        monkeypatch.setattr(daemon, "time", SimpleNamespace(time=lambda: self.now, monotonic=lambda: self.now))
        # Which a float of seconds can hold exactly.
        monkeypatch.setattr(daemon, "_LOOK_SECONDS", 0.125)
        end: Any = SimpleNamespace(wait=self._passes)
        self._alarm = Alarm(end, [file.with_name("other.db"), file], apart=apart, linger=linger)

    def looks(self, times: int) -> list[float]:
        """When it looks again, in seconds after its start."""
        found: list[float] = []
        while len(found) < times and not self._alarm.wait(60.0):
            found.append(self.now - self._start)
        return found

    def _passes(self, seconds: float) -> bool:
        self.now += seconds
        for moment in [moment for moment in self.writes if self._start + moment <= self.now]:
            self._write(moment, self.writes.pop(moment))
        return self.now >= self._start + self.ends

    def _write(self, moment: float, suffix: str = "") -> None:
        file = self._file.with_name(self._file.name + suffix)
        file.write_bytes(b"SQLite")
        os.utime(file, (self._start + moment,) * 2)


def test_a_loop_looks_at_its_intervals_while_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Loop(tmp_path / "runs.db", monkeypatch).looks(2) == [60.0, 120.0]


@pytest.mark.parametrize("suffix", ["", "-wal"])
def test_a_loop_looks_again_once_after_each_change(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(tmp_path / "runs.db", monkeypatch)
    loop.writes = {4.9375: suffix, 8.9375: suffix}
    assert loop.looks(3) == [5.0, 9.0, 69.0]


def test_what_is_written_while_the_loop_looks_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(tmp_path / "runs.db", monkeypatch)
    assert loop.looks(1) == [60.0]
    loop.writes = {60.5: ""}
    loop.now += 2.0
    assert loop.looks(1) == [62.125]


def test_a_change_is_looked_at_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(tmp_path / "runs.db", monkeypatch, apart=0.25, linger=1.0)
    loop.writes = {5.0: ""}
    assert loop.looks(5) == [5.0, 5.25, 5.5, 5.75, 6.0]
    assert loop.looks(2) == [6.25, 66.25]


def test_a_loop_ends_when_it_shall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop(tmp_path / "runs.db", monkeypatch)
    loop.ends = 3.0
    assert loop.looks(1) == []


@dg.job
def nothing() -> None: ...


@pytest.mark.parametrize("end", ["PIPELINE_SUCCESS", "PIPELINE_FAILURE", "PIPELINE_CANCELED"])
def test_a_run_has_ended_when_its_end_is_stored_and_with_no_other_event(end: str, tmp_path: Path) -> None:
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        run = instance.create_run_for_job(nothing)
        ended = RunEnds(tmp_path / "history" / "runs" / "index.db")

        def after(kind: str) -> float:
            instance.report_dagster_event(dg.DagsterEvent(kind, job_name=run.job_name), run_id=run.run_id)
            return ended()

        first = ended()
        assert [after(kind) for kind in ("PIPELINE_STARTING", "PIPELINE_START")] == [first] * 2
        later = after(end)
        assert later > first
        assert ended() == later


def test_an_index_that_cannot_be_read_keeps_nobody_waiting(tmp_path: Path) -> None:
    index = tmp_path / "index.db"
    ended = RunEnds(index)
    index.write_bytes(b"no database" * 100)
    first = ended()
    os.utime(index, (time.time() + 60,) * 2)
    assert ended() > first


def test_the_files_are_those_of_the_embedded_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster"))
    embedded, on_kafka = Settings(home=tmp_path), Settings(home=tmp_path, events_url="kafka://broker:9092")
    index = tmp_path / "dagster" / "history" / "runs" / "index.db"
    assert followed(embedded) == {"events": tmp_path / "events.db", "runs": index}
    assert followed(on_kafka) == {"runs": index}


def test_what_uploads_ask_and_runs_report_wakes_the_sensors_on_the_way_to_gold(tmp_path: Path) -> None:
    repository = build_defs(Settings(home=tmp_path)).get_repository_def()
    follow = {each.name: each.tags.get("martian-moments/follows") for each in repository.sensor_defs}
    assert {name: follows for name, follows in follow.items() if follows} == {
        "upload_events": "events",
        "ingestion_requests": "events",
        "gaps": "runs",
        "automation": "runs",
        "open_formats": "runs",
        "movies": "runs",
    }
