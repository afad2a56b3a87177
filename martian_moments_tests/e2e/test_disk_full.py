"""A disk that somebody else fills while the platform works: it pauses, says so, and goes on when there is room."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from martian_moments.domain.documents import coordinates
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import FaultPlan
from martian_moments.replica.running import running
from martian_moments_tests.disks import ext4, fill
from martian_moments_tests.e2e.platform import platform
from martian_moments_tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.chaos, pytest.mark.xdist_group("platforms"), pytest.mark.timeout(1_800)]

SETTLE_SECONDS = 900


def test_a_full_disk_pauses_the_platform_and_it_goes_on_to_the_exact_truth_when_there_is_room(tmp_path: Path) -> None:
    # Blocks of 1 kB, where SQLite dies of SIGBUS: ext4's own choice for a disk of this size.
    with (
        ext4(tmp_path, megabytes=128, block_bytes=1024) as disk,
        running(ReplicaConfig(sols=8, scale=0.1, faults=FaultPlan(latency_ms=500))) as replica,
        platform(disk.folder / "home", replica, MARS_SOURCES="v1") as loop,
    ):
        wait_until(lambda: len(loop.resources.lake.list("photos")) > 5, loop.log_tail, 120, pause=0.1)
        filler = fill(disk.folder)
        wait_until(lambda: "paused: " in loop.log_tail(), loop.log_tail, 30)
        wait_until(lambda: not loop.victims("daemon"), loop.log_tail, 30)
        assert 0 < len(loop.resources.lake.list("photos")) < 32

        # A little room, less than the reserve: commands work, the platform waits.
        filler.unlink()
        filler = fill(disk.folder, leave=4 << 20)
        reported = loop.cli("status", "--json")
        assert reported.returncode == 0, reported
        assert "less than the 1" in json.loads(reported.stdout)["waiting_for"][0]
        assert not loop.victims("daemon")
        assert loop.log_tail().count("paused: ") == 1

        filler.unlink()
        wait_until(lambda: "going on" in loop.log_tail(), loop.log_tail, 30)
        replica.control.faults(FaultPlan())
        # The runs that the full disk cut off are repeated at once, what they had not asked for is asked for later.
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()
        assert all(coordinates(info.key) for info in loop.resources.lake.list())
