"""The whole loop on the real services, which die under it, as its own processes do; NASA is the replica."""

from __future__ import annotations

import time
from pathlib import Path

import dagster as dg
import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments.events.log import INGESTION_REQUESTS, UPLOADS
from martian_moments.events.messages import refresh_request
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import FaultPlan
from martian_moments.replica.running import running
from martian_moments_tests.buckets import announce_nothing
from martian_moments_tests.e2e.cluster import DeployedLoop, deployed
from martian_moments_tests.mortal_services import MortalServices
from martian_moments_tests.services import Services
from martian_moments_tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.services, pytest.mark.timeout(2_400)]

SETTLE_SECONDS = 1_500
PROCESS_OUTAGE_SECONDS, SERVICE_OUTAGE_SECONDS = 1, 3
"""How long a victim is missed: nothing is waited for, this is the fault."""

VICTIMS = ("worker 1", "kafka", "objectstore", "redis", "postgres", "daemon", "code server", "worker 2")

EXECUTED = (dg.DagsterRunStatus.STARTED,)
UNDER_WAY = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)


def kill_under_way(loop: DeployedLoop, services: MortalServices, victim: str) -> None:
    """Kill -9 while runs are under way, for a worker one that is executed; then it comes back."""
    statuses = EXECUTED if victim in loop.on.worker_names else UNDER_WAY
    in_vain = f"for a run in whose midst {victim} is killed"
    wait_until(lambda: loop.runs(*statuses), lambda: f"{in_vain}\n{loop.log_tail()}", SETTLE_SECONDS)
    if victim in loop.on.names:
        loop.on.kill(victim)
        time.sleep(PROCESS_OUTAGE_SECONDS)
        loop.on.start(victim)
    else:
        with services.killed(victim):
            time.sleep(SERVICE_OUTAGE_SECONDS)


def uploads_of(loop: DeployedLoop) -> int:
    """How many uploads were announced of the platform's own bucket."""
    records = loop.resources.event_log.read(UPLOADS, {}, limit=1_000_000)
    return sum(f"{loop.on.name}/" in record.key for record in records)


def ask_for_more(loop: DeployedLoop, *, sols: int) -> None:
    """So many withheld sols of each rover are released, and the manifests that report them asked for."""
    loop.replica.control.release(sols=sols)
    loop.resources.event_log.publish(INGESTION_REQUESTS, [refresh_request(loop.settings.rovers, young=False)])


@pytest.mark.parametrize(
    ("rovers", "sols"),
    [
        pytest.param(("perseverance", "spirit"), 20, id="two rovers"),
        pytest.param(tuple(ROVERS), 100, id="all rovers", marks=pytest.mark.chaos),
    ],
)
def test_kill_9_of_every_part_loses_nothing_and_counts_nothing_twice(
    tmp_path: Path, mortal_services: MortalServices, rovers: tuple[str, ...], sols: int
) -> None:
    late = ReplicaConfig(rovers=rovers, sols=sols, scale=0.1, late_sols=len(VICTIMS), faults=FaultPlan(latency_ms=150))
    with (
        running(late) as replica,
        deployed(tmp_path, mortal_services.at, replica, extra={"MARS_ROVERS": ",".join(rovers)}) as loop,
    ):
        for victim in VICTIMS:
            ask_for_more(loop, sols=1)
            kill_under_way(loop, mortal_services, victim)
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()


@pytest.mark.chaos
def test_reconcile_finds_the_photos_that_nobody_announces_once_the_notification_rule_is_lost(
    tmp_path: Path, services: Services
) -> None:
    sols = 5
    config = ReplicaConfig(sols=20, scale=0.1, late_sols=sols)
    with running(config) as replica, deployed(tmp_path, services, replica) as loop:
        loop.settle(SETTLE_SECONDS)
        announce_nothing(services, loop.on.name)
        announced = uploads_of(loop)
        ask_for_more(loop, sols=sols)
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()
        assert uploads_of(loop) == announced
