"""Whatever was lost on the way from the lake to silver is found and repaired."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from martian_moments.defs.sensors import reconcile_sensor
from martian_moments.pipelines.load import load
from martian_moments.warehouse.base import LEDGER
from martian_moments_tests.platforms import Platform, Tick, build_loaded_objects, requests_of
from martian_moments_tests.unit.defs.sensors.conftest import Clock

NAME = reconcile_sensor.NAME
CURIOSITY = "bronze/curiosity/photos"


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """It starts two minutes late: what a test uploads is no news to the sensor."""
    clock = Clock.of(reconcile_sensor, monkeypatch)
    clock.now += 120
    return clock


def asked(tick: Tick) -> list[str]:
    found = []
    for request in tick.run_requests or ():
        names = sorted(asset.to_user_string() for asset in request.asset_selection or ())
        ends = (request.tags.get(f"dagster/asset_partition_range_{end}") for end in ("start", "end"))
        found.append(f"{names[0] if len(names) == 1 else len(names)} {request.partition_key or '-'.join(map(str, ends))}")
    return sorted(found)


def load_all(platform: Platform) -> None:
    resources = platform.resources
    load(resources.lake, resources.warehouse, resources.lake.list())
    resources.warehouse.publish(resources.published, [LEDGER])


def test_objects_whose_events_were_lost_are_asked_for_by_their_partitions(platform: Platform) -> None:
    platform.manifest("curiosity", dict.fromkeys(range(1_100), 3))
    platform.photos("curiosity", [3, 900])
    load_all(platform)
    build_loaded_objects(platform)
    platform.photos("curiosity", [5, 7, 1_090])
    platform.manifest("spirit", {1: 3})
    tick = platform.tick(NAME)
    assert asked(tick) == [
        "bronze/curiosity/photos 00005-00007", "bronze/curiosity/photos 01090-01090", "bronze/manifests spirit",
    ]  # fmt: skip
    assert not platform.tick(NAME, tick.cursor).run_requests, "asked for once, then it waits"


def test_what_was_uploaded_a_moment_ago_is_left_to_its_event(platform: Platform, clock: Clock) -> None:
    platform.registered("curiosity", 10)
    platform.photos("curiosity", [1])
    clock.now -= 120
    tick = platform.tick(NAME)
    assert not requests_of(tick)
    clock.now += 120
    assert asked(platform.tick(NAME, tick.cursor)) == ["bronze/curiosity/photos 00001-00001"]


def test_while_a_load_runs_nothing_is_asked_for(platform: Platform) -> None:
    platform.registered("curiosity", 10)
    platform.photos("curiosity", [1])
    run = platform.start(CURIOSITY)
    assert not platform.tick(NAME).run_requests
    platform.instance.report_run_canceled(run)
    assert platform.tick(NAME).run_requests


def delete(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("lost", "lose"),
    [
        ("warehouse.duckdb", delete),
        ("published", delete),
        ("warehouse.duckdb", lambda path: path.write_bytes(b"")),
        ("warehouse.duckdb", lambda path: path.write_bytes(bytes(100_000))),
        ("warehouse.duckdb", lambda path: os.truncate(path, path.stat().st_size // 2)),
    ],
    ids=["warehouse deleted", "published deleted", "warehouse emptied", "warehouse overwritten", "warehouse cut"],
)
def test_a_lost_warehouse_and_deleted_published_tables_come_back(
    platform: Platform, lost: str, lose: Callable[[Path], object]
) -> None:
    platform.manifest("curiosity", {1: 3, 2: 3})
    platform.photos("curiosity", [1, 2])
    load_all(platform)
    build_loaded_objects(platform)
    lose(platform.settings.home / lost)
    tick = platform.tick(NAME)
    assert asked(tick) == ["bronze/curiosity/photos 00001-00002", "bronze/manifests curiosity"]
    for request in tick.run_requests or ():
        assert platform.execute(request).success
        lacking = platform.resources.warehouse.ledger().num_rows
        published = platform.resources.published.read("bronze", "ledger", ["object_key"])
        assert published is not None
        assert published.num_rows == lacking, "the published ledger never claims more than bronze holds"
    ledger = platform.resources.published.read("bronze", "ledger", ["object_key"])
    assert ledger is not None
    assert ledger.num_rows == 3
    assert [name for name in asked(platform.tick(NAME, tick.cursor)) if name.startswith("bronze")] == []


def ruin(platform: Platform, table: str, body: bytes | None) -> None:
    """Overwrite or delete a published table."""
    file = platform.settings.home / "published" / table / f"{table.rpartition('/')[2]}.parquet"
    file.unlink() if body is None else file.write_bytes(body)


@pytest.mark.parametrize("body", [b"garbage", b"", None])
def test_a_damaged_ledger_is_published_again_without_a_load(platform: Platform, clock: Clock, body: bytes | None) -> None:
    platform.manifest("curiosity", {1: 3})
    platform.photos("curiosity", [1])
    load_all(platform)
    build_loaded_objects(platform, "bronze.raw_photos", "bronze.raw_manifests")
    before = platform.resources.published.read("bronze", "ledger")
    ruin(platform, "bronze/ledger", body)
    first = platform.tick(NAME)
    assert not first.run_requests, "it may just be being published"
    assert "bronze/ledger" in (first.skip_message or "")
    clock.now += 61
    tick = platform.tick(NAME, first.cursor)
    assert asked(tick) == [f"bronze/manifests {platform.settings.rovers[0]}"]
    assert not platform.tick(NAME, tick.cursor).run_requests
    assert platform.execute(requests_of(tick)[0]).success
    assert platform.resources.published.read("bronze", "ledger") == before, "loaded_at as well: nothing was loaded"
    clock.now += 600
    assert json.loads(platform.tick(NAME, tick.cursor).cursor or "") == {}


@pytest.mark.parametrize("body", [b"garbage", b"", None])
def test_a_damaged_table_of_dbt_is_built_again(platform: Platform, clock: Clock, body: bytes | None) -> None:
    platform.manifest("curiosity", {1: 3})
    load_all(platform)
    build_loaded_objects(platform, "bronze.raw_manifests")
    ruin(platform, "silver/loaded_objects", body)
    first = platform.tick(NAME)
    assert not requests_of(first)
    clock.now += 61
    tick = platform.tick(NAME, first.cursor)
    (request,) = tick.run_requests or ()
    assert {asset.path[0] for asset in request.asset_selection or ()} == {"silver", "gold"}
    clock.now += 61
    assert not platform.tick(NAME, tick.cursor).run_requests, "later and later"
    build_loaded_objects(platform, "bronze.raw_manifests")
    assert json.loads(platform.tick(NAME, tick.cursor).cursor or "") == {}


def test_while_dbt_runs_its_damaged_tables_are_not_asked_for(platform: Platform, clock: Clock) -> None:
    platform.manifest("curiosity", {1: 3})
    load_all(platform)
    build_loaded_objects(platform, "bronze.raw_manifests")
    ruin(platform, "silver/loaded_objects", b"half")
    first = platform.tick(NAME)
    clock.now += 61
    (request,) = platform.tick(NAME, first.cursor).run_requests or ()
    platform.start((request.asset_selection or ())[0].to_user_string())
    assert not platform.tick(NAME, first.cursor).run_requests


def test_what_was_asked_for_is_remembered_while_the_ledger_is_damaged(platform: Platform, clock: Clock) -> None:
    platform.registered("curiosity", 10)
    platform.photos("curiosity", [1])
    load_all(platform)
    platform.photos("curiosity", [2])
    asked_for = json.loads(platform.tick(NAME).cursor or "")
    ruin(platform, "bronze/ledger", b"garbage")
    assert asked_for.items() <= json.loads(platform.tick(NAME, json.dumps(asked_for)).cursor or "").items()


@pytest.mark.parametrize("body", [b"garbage", None])
def test_a_damaged_manifest_is_written_anew(platform: Platform, clock: Clock, body: bytes | None) -> None:
    platform.manifest("curiosity", {1: 3})
    load_all(platform)
    build_loaded_objects(platform, "bronze.raw_manifests")
    manifest = platform.settings.home / "published" / "manifest.json"
    manifest.unlink() if body is None else manifest.write_bytes(body)
    first = platform.tick(NAME)
    clock.now += 61
    requests = platform.tick(NAME, first.cursor).run_requests or ()
    assert len(requests) == 2, "the ledger and the models"


def test_a_broken_object_is_asked_for_again_with_a_growing_delay_and_holds_up_nobody(
    platform: Platform, clock: Clock
) -> None:
    platform.registered("curiosity", 10)
    platform.photos("curiosity", [1])
    platform.lake_file("curiosity", 1).write_bytes(b"cut")
    cursor, waits = None, []
    for _ in range(8):
        since = clock.now
        while not (tick := platform.tick(NAME, cursor)).run_requests:
            cursor = tick.cursor
            clock.now += 60
        waits.append(clock.now - since)
        cursor = tick.cursor
    assert waits == [0, 60, 120, 240, 480, 960, 1920, 3600]
    platform.photos("curiosity", [2])
    clock.now += 61
    assert asked(platform.tick(NAME, cursor)) == ["bronze/curiosity/photos 00002-00002"]
    platform.photos("curiosity", [1], count=9, promised=9)
    assert asked(platform.tick(NAME, cursor)) == ["bronze/curiosity/photos 00001-00002"], "another version is another object"


def test_a_dbt_build_that_failed_is_repeated_later_and_later_until_silver_is_current(
    platform: Platform, clock: Clock
) -> None:
    platform.registered("curiosity", 10)
    platform.photos("curiosity", [1])
    load_all(platform)
    first = platform.tick(NAME)
    assert not first.run_requests, "dbt is the automation sensor's, at first"
    clock.now += 60
    second = platform.tick(NAME, first.cursor)
    (request,) = second.run_requests or ()
    assert {asset.path[0] for asset in request.asset_selection or ()} == {"silver", "gold"}
    clock.now += 60
    assert not platform.tick(NAME, second.cursor).run_requests
    clock.now += 60
    assert platform.tick(NAME, second.cursor).run_requests
    build_loaded_objects(platform)
    tick = platform.tick(NAME, second.cursor)
    assert not requests_of(tick)
    assert json.loads(tick.cursor or "") == {}


def test_a_broken_object_does_not_keep_a_failed_build_from_being_repeated(platform: Platform, clock: Clock) -> None:
    platform.registered("curiosity", 10)
    platform.photos("curiosity", [1, 2])
    platform.lake_file("curiosity", 1).write_bytes(b"cut")
    load_all(platform)
    cursor, seen = None, []
    for _ in range(4):
        tick = platform.tick(NAME, cursor)
        seen += asked(tick)
        cursor = tick.cursor
        clock.now += 60
    assert any(not name.startswith("bronze") for name in seen), seen


@pytest.mark.parametrize("damaged", [None, "gold/rover_summary"])
def test_no_build_is_asked_for_while_bronze_lacks_what_the_models_were_made_from(
    platform: Platform, clock: Clock, damaged: str | None
) -> None:
    platform.registered("curiosity", 10)
    platform.photos("curiosity", [1, 2, 3])
    load_all(platform)
    build_loaded_objects(platform)
    (platform.settings.home / "warehouse.duckdb").unlink()
    load(
        platform.resources.lake,
        platform.resources.warehouse,
        platform.resources.lake.list()[:1],
        platform.resources.published,
    )
    platform.resources.warehouse.publish(platform.resources.published, [LEDGER])
    if damaged:
        file = platform.settings.home / "published" / damaged / "rover_summary.parquet"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"not in the manifest")
    cursor, seen = None, []
    for _ in range(8):
        tick = platform.tick(NAME, cursor)
        seen += asked(tick)
        cursor = tick.cursor
        clock.now += 300
    assert set(seen) == {"bronze/curiosity/photos 00002-00003"}, "asked for again and again, as it does not come"
    load_all(platform)
    for _ in range(2):
        tick = platform.tick(NAME, cursor)
        cursor = tick.cursor
        clock.now += 61
    # What is published is what all of bronze makes, unless it is damaged.
    groups = [{asset.path[0] for asset in request.asset_selection or ()} for request in tick.run_requests or ()]
    assert groups == ([{"silver", "gold"}] if damaged else [])


def test_objects_that_no_partition_can_hold_are_passed_over(platform: Platform) -> None:
    platform.registered("spirit", 3)
    platform.photos("spirit", [9])  # beyond what is registered
    platform.resources.lake.put_bytes("photos/rover=sojourner/source=v1/sol=00001.json.gz", b"x")
    assert not platform.tick(NAME).run_requests


def test_a_reconcile_run_is_a_run_of_its_own_each_time(platform: Platform) -> None:
    platform.registered("curiosity", 3)
    platform.photos("curiosity", [1])
    (request,) = platform.tick(NAME).run_requests or ()
    assert request.run_key is None, "Dagster drops a request whose key it has seen, even if that run failed"
    assert isinstance(request, dg.RunRequest)
