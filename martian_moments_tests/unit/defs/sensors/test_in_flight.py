"""What is under way: runs and backfills."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus

from martian_moments.dagster_runtime.backfills import unfinished_backfills
from martian_moments.defs.sensors.in_flight import InFlight, unfinished_runs
from martian_moments.operations import backfill
from martian_moments_tests.platforms import Platform

STATUS = dg.DagsterRunStatus
PHOTOS = dg.AssetKey(["lake", "curiosity", "photos"])
RANGE = {"dagster__asset_partition_range_start": "00003", "dagster__asset_partition_range_end": "00005"}


def look(platform: Platform) -> InFlight:
    return InFlight(dg.build_sensor_context(instance=platform.instance, repository_def=platform.repository))


@pytest.mark.parametrize("status", [STATUS.NOT_STARTED, STATUS.STARTING, STATUS.STARTED, STATUS.CANCELING])
def test_an_unfinished_run_holds_its_sols(platform: Platform, status: dg.DagsterRunStatus) -> None:
    platform.registered("curiosity", 9)
    platform.start("lake/curiosity/photos", status, **RANGE)
    assert look(platform).sols(PHOTOS) == {3, 4, 5}
    assert look(platform).runs_of(PHOTOS) == 1
    assert look(platform).sols(dg.AssetKey(["lake", "spirit", "photos"])) == set()


@pytest.mark.parametrize("status", [STATUS.SUCCESS, STATUS.FAILURE, STATUS.CANCELED])
def test_a_finished_run_holds_nothing(platform: Platform, status: dg.DagsterRunStatus) -> None:
    platform.registered("curiosity", 9)
    platform.start("lake/curiosity/photos", status, **RANGE)
    assert look(platform).sols(PHOTOS) == set()
    assert not unfinished_runs(platform.instance)


def test_runs_are_distinguished_by_partition(platform: Platform) -> None:
    platform.start("lake/manifests", dagster__partition="spirit")
    asset = dg.AssetKey(["lake", "manifests"])
    assert look(platform).runs_of(asset) == look(platform).runs_of(asset, "spirit") == 1
    assert look(platform).runs_of(asset, "curiosity") == 0


def test_a_backfill_holds_what_it_has_not_launched_until_it_ends(platform: Platform) -> None:
    platform.registered("curiosity", 9)
    backfill_id = backfill.launch(platform.instance, platform.definitions, "curiosity", range(2, 5))
    assert look(platform).sols(PHOTOS) == {2, 3, 4}
    assert look(platform).runs_of(PHOTOS) == 0
    job = platform.instance.get_backfill(backfill_id)
    assert job is not None
    platform.instance.update_backfill(job.with_status(BulkActionStatus.COMPLETED_SUCCESS))
    assert look(platform).sols(PHOTOS) == set()
    assert not unfinished_backfills(platform.instance)
