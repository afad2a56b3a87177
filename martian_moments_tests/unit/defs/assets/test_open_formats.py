"""The open formats as assets: made after the tables, healed like them, and no burden to anything else when they fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from martian_moments.defs.assets.open_formats import open_format_key
from martian_moments.defs.sensors import reconcile_sensor
from martian_moments.formats.export import OPEN_FORMATS
from martian_moments.operations import status as status_module
from martian_moments.operations.status import status
from martian_moments.pipelines.load import load
from martian_moments.warehouse.base import LEDGER
from martian_moments_tests.platforms import Platform, Tick, build_loaded_objects, failure_of, make_open_formats, requests_of
from martian_moments_tests.published_tables import publish_rows
from martian_moments_tests.unit.defs.sensors.conftest import Clock

NAMES = [each.name for each in OPEN_FORMATS]
KEYS = [open_format_key(name) for name in NAMES]


@pytest.fixture
def built(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Platform:
    """Everything is loaded and built, and the tables that the open formats are made of have rows."""
    monkeypatch.setattr(status_module, "_cursor", lambda *_: None)
    platform.manifest("curiosity", {1: 3})
    resources = platform.resources
    load(resources.lake, resources.warehouse, resources.lake.list())
    resources.warehouse.publish(resources.published, [LEDGER])
    build_loaded_objects(platform, "bronze.raw_manifests")
    publish_rows(resources.published)
    return platform


def waiting(platform: Platform) -> list[str]:
    """What the status says of the open formats."""
    found = status(platform.resources, platform.instance, running=True).waiting_for
    return [line for line in found if "open format" in line or "/geo/" in line or "/stac/" in line]


def first_file(platform: Platform, name: str) -> Path:
    return next((platform.settings.home / "published" / name).rglob("*.parquet"))


def test_a_run_makes_every_open_format_and_says_what_it_made(built: Platform) -> None:
    assert waiting(built) == [f"the open formats {', '.join(NAMES)} are not made of the published tables yet"]
    result = make_open_formats(built)
    assert result.success
    made = {event.asset_key: event.metadata for event in result.asset_materializations_for_node("open_formats")}
    assert set(made) == set(KEYS)
    for key, metadata in made.items():
        files = [each for each in (built.settings.home / "published" / key.path[-1]).rglob("*") if each.is_file()]
        assert metadata["bytes"].value == sum(each.stat().st_size for each in files)
        assert metadata["files written"].value == len(files)
    assert waiting(built) == []
    again = make_open_formats(built).asset_materializations_for_node("open_formats")
    assert [event.metadata["files written"].value for event in again] == [0] * len(KEYS)


def test_one_that_fails_does_not_stop_another_and_is_waited_for(built: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    last = built.settings.home / "published" / "silver" / "dim_waypoints" / "dim_waypoints.parquet"
    last.write_bytes(b"garbage")
    result = make_open_formats(built)
    assert "the open format geo cannot be made of the published tables" in failure_of(result)
    made = {event.asset_key for event in result.asset_materializations_for_node("open_formats")}
    assert made == {open_format_key(each.name) for each in OPEN_FORMATS if ("silver", "dim_waypoints") not in each.sources}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock.of(reconcile_sensor, monkeypatch)
    clock.now += 120
    return clock


def reconcile(platform: Platform, cursor: str | None = None) -> Tick:
    return platform.tick(reconcile_sensor.NAME, cursor)


def test_reconcile_makes_what_no_run_has_made(built: Platform, clock: Clock) -> None:
    first = reconcile(built)
    assert not requests_of(first), "a run may be on its way"
    assert f"open formats that lag: {', '.join(NAMES)}" in (first.skip_message or "")
    clock.now += 61
    tick = reconcile(built, first.cursor)
    (request,) = requests_of(tick)
    assert set(request.asset_selection or ()) == set(KEYS)
    clock.now += 61
    assert not requests_of(reconcile(built, tick.cursor)), "later and later"
    assert built.execute(request).success
    assert json.loads(reconcile(built, tick.cursor).cursor or "") == {}


@pytest.mark.parametrize("body", [b"garbage", None])
def test_a_file_that_is_gone_or_damaged_is_named_and_made_again(built: Platform, clock: Clock, body: bytes | None) -> None:
    make_open_formats(built)
    file = first_file(built, NAMES[0])
    whole = file.read_bytes()
    file.unlink() if body is None else file.write_bytes(body)
    (line,) = waiting(built)
    assert file.name in line
    assert "the running platform makes it again" in line
    first = reconcile(built)
    clock.now += 61
    (request,) = requests_of(reconcile(built, first.cursor))
    assert set(request.asset_selection or ()) == set(KEYS), "and no model"
    assert built.execute(request).success
    assert file.read_bytes() == whole
    assert waiting(built) == []


def test_of_damaged_tables_nothing_is_made_until_dbt_has_made_them_again(built: Platform, clock: Clock) -> None:
    make_open_formats(built)
    (built.settings.home / "published" / "silver" / "fact_path" / "fact_path.parquet").write_bytes(b"garbage")
    first_file(built, NAMES[0]).unlink()
    first = reconcile(built)
    clock.now += 61
    (request,) = requests_of(reconcile(built, first.cursor))
    assert {key.path[0] for key in request.asset_selection or ()} == {"silver", "gold"}
