"""The whole loop on real parts: daemon, code server, forked workers, DuckDB, dbt; NASA is the replica."""

from __future__ import annotations

import json
import random
import shutil
import time
from pathlib import Path

import dagster as dg
import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments.events.log import UPLOADS, UPLOADS_DEAD, Message
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import Fault, FaultPlan
from martian_moments.replica.running import running
from martian_moments_tests.e2e.platform import Platform, platform
from martian_moments_tests.waiting import wait_until

# Each test is a platform of its own, so that they need not share a worker: a group each.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(3_000)]

SETTLE_SECONDS = 900


def high_watermarks(loop: Platform) -> int:
    return sum(mark.high for mark in loop.resources.event_log.watermarks(UPLOADS).values())


@pytest.mark.xdist_group("real payloads")
def test_real_payloads_arrive_whole_stay_untouched_by_a_repoll_and_return_from_the_lake(
    tmp_path: Path, real_payloads: Path
) -> None:
    config = ReplicaConfig(recorded=real_payloads, unrecorded="omit")
    with running(config) as replica, platform(tmp_path / "home", replica, MARS_SOURCES="v1") as loop:
        loop.rest(SETTLE_SECONDS)
        # The counts of the real files, by hand; not by what the replica believes.
        real = {("curiosity", 1000): 856, ("perseverance", 0): 54, ("perseverance", 367): 162}
        real |= {("opportunity", 1): 95, ("spirit", 1): 77}
        assert loop.photo_counts() == real
        legs = [leg for leg in loop.published("silver", "fact_path") if leg["rover"] == "perseverance"]
        assert len(legs) == 522
        assert sum(leg["distance_m"] for leg in legs) == pytest.approx(41_737.8, abs=0.5)
        loop.assert_exactly_the_truth()

        # Asked again, nothing new: no object, no event, no bronze run, no dbt run.
        objects, events = loop.resources.lake.list(), high_watermarks(loop)
        before = len(loop.runs(dg.DagsterRunStatus.SUCCESS))
        refreshed = loop.cli("refresh")
        assert refreshed.returncode == 0, refreshed.stderr
        assert not loop.status().settled
        loop.rest(SETTLE_SECONDS)
        assert loop.resources.lake.list() == objects
        assert high_watermarks(loop) == events
        started = loop.runs(dg.DagsterRunStatus.SUCCESS)[: len(loop.runs(dg.DagsterRunStatus.SUCCESS)) - before]
        assert started
        assert {key.path[0] for run in started for key in run.asset_selection or ()} == {"lake"}

        # The warehouse and what was published are gone, and NASA too: all of it is in the lake.
        tables = {name: loop.published("gold", name) for name in ("rover_summary", "photo_summary", "photo_gaps")}
        loop.stop_schedules()
        loop.rest(SETTLE_SECONDS)
        replica.control.reset_counters()
        (tmp_path / "home" / "warehouse.duckdb").unlink()
        shutil.rmtree(tmp_path / "home" / "published")
        assert not loop.status().settled
        loop.settle(SETTLE_SECONDS)
        assert replica.control.requests()["total"] == 0
        assert {name: loop.published("gold", name) for name in tables} == tables
        assert loop.photo_counts() == real


@pytest.mark.xdist_group("kills")
def test_kill_9_at_random_moments_loses_nothing_and_counts_nothing_twice(tmp_path: Path) -> None:
    chance = random.Random(2026)
    config = ReplicaConfig(sols=30, scale=0.2, faults=FaultPlan(latency_ms=150))
    with running(config) as replica, platform(tmp_path / "home", replica) as loop:
        for kind in chance.sample(["supervisor", "daemon", "code server", "forge", "run worker"] * 4, k=20):
            time.sleep(chance.uniform(0.5, 5.0))
            loop.kill_one(kind, chance)
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()


@pytest.mark.xdist_group("faults")
def test_faulty_responses_an_outage_and_broken_events_only_delay_the_exact_result(tmp_path: Path) -> None:
    config = ReplicaConfig(sols=30, scale=0.1, faults=FaultPlan(outage=True))
    with running(config) as replica, platform(tmp_path / "home", replica) as loop:
        # A full outage from the start: runs fail visibly, the platform stays.
        wait_until(lambda: loop.runs(dg.DagsterRunStatus.FAILURE), lambda: "no run has failed in the outage", seconds=120)
        status = loop.status()
        assert not status.settled
        assert status.rovers["curiosity"].photos_in_lake == 0
        # Then 30 % of the responses are bad, some of them well-formed and empty.
        replica.control.faults(FaultPlan(share=0.3, kinds=(Fault.EMPTY, Fault.EMPTY, *Fault)))
        loop.resources.event_log.publish(UPLOADS, [Message("junk", b"{not json"), Message("junk", b'{"Records": [{}]}')])
        loop.settle(SETTLE_SECONDS)
        wait_until(
            lambda: not any(rover.short or rover.fallback for rover in loop.status().rovers.values()),
            lambda: f"still short: {[(rover.short, rover.fallback) for rover in loop.status().rovers.values()]}",
            SETTLE_SECONDS,
        )
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()
        met = replica.control.requests()["faults"]
        assert met["empty"] >= 3, met
        assert len(met) >= 6, met
        assert loop.status().dead_letters == 2
        assert sum(mark.high for mark in loop.resources.event_log.watermarks(UPLOADS_DEAD).values()) == 2


@pytest.mark.parametrize(
    "sources",
    [pytest.param(each, marks=pytest.mark.xdist_group(f"four rovers by {each}")) for each in ("m20,msl,pds", "v1")],
)
def test_all_four_rovers_are_complete_by_their_official_sources_alone_and_by_v1_alone(tmp_path: Path, sources: str) -> None:
    with (
        running(ReplicaConfig(sols=12, scale=0.1)) as replica,
        platform(tmp_path / "home", replica, MARS_SOURCES=sources) as loop,
    ):
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()
        # What is under way when it settles may cause one more run.
        loop.rest(SETTLE_SECONDS)
        reported = json.loads(loop.cli("status", "--json").stdout)
        assert reported["settled"]
        assert {rover: (each["sols_in_lake"], each["gaps"]) for rover, each in reported["rovers"].items()} == dict.fromkeys(
            ROVERS, (12, [])
        )
        of_v1 = [path for path in replica.control.requests()["paths"] if path.startswith("/api/v1/rovers")]
        assert bool(of_v1) == (sources == "v1")


@pytest.mark.chaos
@pytest.mark.xdist_group("a source that is down")
def test_while_a_source_is_down_another_stands_in_and_leaves_when_it_is_back(tmp_path: Path) -> None:
    down = FaultPlan(outage=True, only=("/rss/api/", "/img/"))
    config = ReplicaConfig(sols=12, scale=0.1, faults=down)
    with running(config) as replica, platform(tmp_path / "home", replica) as loop:
        stand_ins = {"perseverance": "v1", "spirit": "v1", "opportunity": "v1"}
        now = loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth(stand_ins)
        assert {rover: found.fallback for rover, found in now.rovers.items()} == dict.fromkeys(stand_ins, 12) | {
            "curiosity": 0
        }

        replica.control.faults(FaultPlan())
        refreshed = loop.cli("refresh")
        assert refreshed.returncode == 0, refreshed.stderr
        loop.settle(SETTLE_SECONDS)
        wait_until(
            lambda: not any(rover.fallback for rover in loop.status().rovers.values()),
            lambda: f"still standing in: {[rover.fallback for rover in loop.status().rovers.values()]}",
            SETTLE_SECONDS,
        )
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()

        # The official sources fail again, in the middle of a refresh: what they gave stays.
        replica.control.faults(down)
        assert loop.cli("refresh").returncode == 0
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()
