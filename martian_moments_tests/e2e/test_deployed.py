"""The whole loop on a deployed platform: MinIO, Kafka, PostgreSQL, Redis and two Celery workers; NASA is the replica."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import FaultPlan
from martian_moments.replica.running import running
from martian_moments_tests.e2e.cluster import DeployedLoop, deployed
from martian_moments_tests.services import Services

pytestmark = [pytest.mark.e2e, pytest.mark.services, pytest.mark.xdist_group("platforms"), pytest.mark.timeout(1_500)]

SETTLE_SECONDS = 900


def kill_in_turn(loop: DeployedLoop, *names: str) -> None:
    for name in names:
        time.sleep(3)
        loop.on.kill(name)
        loop.revive()


def test_the_commands_drive_a_deployed_platform_and_the_death_of_its_processes_costs_nothing(
    tmp_path: Path, services: Services
) -> None:
    config = ReplicaConfig(sols=12, scale=0.1, faults=FaultPlan(latency_ms=100))
    with running(config) as replica, deployed(tmp_path, services, replica) as loop:
        refreshed = loop.cli("refresh")
        assert refreshed.returncode == 0, refreshed.stderr
        kill_in_turn(loop, "worker 1", "daemon", "code server", "worker 2")
        loop.rest(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()

        shown = loop.cli("status", "--json")
        assert json.loads(shown.stdout)["settled"] is True
        refused = loop.cli("up")
        assert refused.returncode == 1
        assert "names a deployed platform" in refused.stderr
        sols = sorted(int(sol) for sol in replica.control.truth()["rovers"]["spirit"]["sols"])
        filled = loop.cli("backfill", "spirit", f"{sols[0]}-{sols[1]}")
        assert filled.returncode == 0, filled.stdout + filled.stderr
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()
