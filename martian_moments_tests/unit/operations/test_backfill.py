"""A backfill as the command starts and follows it."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus

from martian_moments.operations.backfill import Progress, follow, launch
from martian_moments_tests.platforms import Platform

PHOTOS = dg.AssetKey(["lake", "curiosity", "photos"])


def test_it_targets_exactly_the_sols_of_the_range(platform: Platform) -> None:
    platform.registered("curiosity", 20)
    backfill_id = launch(platform.instance, platform.definitions, "curiosity", range(5, 9))
    job = platform.instance.get_backfill(backfill_id)
    assert job is not None
    assert job.status is BulkActionStatus.REQUESTED
    data = job.get_asset_backfill_data(platform.repository.asset_graph)
    targets = {(key.asset_key, key.partition_key) for key in data.target_subset.iterate_asset_partitions()}
    assert targets == {(PHOTOS, f"{sol:05d}") for sol in range(5, 9)}
    assert job.title == "curiosity sols 5-8"


def test_it_is_followed_until_it_ends(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.registered("curiosity", 20)
    backfill_id = launch(platform.instance, platform.definitions, "curiosity", range(5, 9))
    job = platform.instance.get_backfill(backfill_id)
    assert job is not None
    ends = iter([BulkActionStatus.REQUESTED, BulkActionStatus.COMPLETED_FAILED])
    sleep = "martian_moments.operations.backfill.time.sleep"
    monkeypatch.setattr(sleep, lambda _: platform.instance.update_backfill(job.with_status(next(ends))))
    reports: list[Progress] = []
    last = follow(platform.instance, platform.definitions, backfill_id, reports.append)
    assert [report.finished for report in reports] == [False, False, True]
    assert last == Progress(total=4, materialized=0, failed=0, finished=True)
