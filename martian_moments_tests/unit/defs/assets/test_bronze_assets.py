"""The bronze assets in real runs: every object once, the newest version, and nothing stopped by a broken one."""

from __future__ import annotations

import json
import shutil
from typing import Any

import duckdb
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from martian_moments.domain.errors import UpstreamUnavailable
from martian_moments.events.log import INGESTION_REQUESTS, LOADS_COMPLETE, UPLOADS_DEAD
from martian_moments_tests.platforms import Platform, failure_of
from martian_moments_tests.unit.conftest import Scripted

GOOD, FAILED = AssetPartitionStatus.MATERIALIZED, AssetPartitionStatus.FAILED
LAKE, BRONZE = "lake/curiosity/photos", "bronze/curiosity/photos"


def rows(platform: Platform, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(platform.settings.home / "warehouse.duckdb", read_only=True) as connection:
        return connection.execute(query).fetchall()


def all_rows(platform: Platform) -> list[list[tuple[Any, ...]]]:
    query = "select * exclude (loaded_at) from bronze.{} order by 1"
    return [rows(platform, query.format(table)) for table in ("raw_photos", "raw_manifests")]


def counts(platform: Platform) -> dict[int, int]:
    return dict(rows(platform, "select sol, record_count from bronze.raw_photos order by sol"))


def test_a_load_is_reported_to_dagster_the_log_and_the_published_ledger(platform: Platform) -> None:
    platform.registered("curiosity", 5)
    platform.photos("curiosity", [1, 2], count=3)
    result = platform.run(BRONZE, sols=(0, 5))
    assert result.success
    shown = platform.materialized(result)
    assert sorted(shown) == ["00001", "00002"]
    assert (shown["00001"]["records"], shown["00001"]["objects"], shown["00001"]["loaded"]) == (3, 1, 1)
    assert shown["00001"]["object key"] == "photos/rover=curiosity/source=v1/sol=00001.json.gz"
    (reported,) = platform.events(LOADS_COMPLETE)
    message = json.loads(reported.value or b"")
    assert message["asset"] == BRONZE
    assert message["records"] == 6
    assert len(message["objects"]) == 2
    ledger = platform.resources.published.read("bronze", "ledger")
    assert ledger is not None
    assert "document" not in ledger.column_names
    assert ledger["record_count"].to_pylist() == [3, 3]


def test_loading_the_same_again_changes_nothing_and_reports_nothing(platform: Platform) -> None:
    platform.registered("curiosity", 5)
    platform.photos("curiosity", [1])
    platform.run(BRONZE, sols=(0, 5))
    before = rows(platform, "select object_key, loaded_at from bronze.raw_photos")
    result = platform.run(BRONZE, sols=(0, 5))
    assert platform.materialized(result)["00001"]["loaded"] == 0
    assert rows(platform, "select object_key, loaded_at from bronze.raw_photos") == before
    assert len(platform.events(LOADS_COMPLETE)) == 1


def test_a_run_loads_only_the_sols_of_its_range(platform: Platform) -> None:
    platform.registered("curiosity", 5)
    platform.photos("curiosity", [1, 2, 3])
    assert platform.run(BRONZE, sols=(2, 2)).success
    assert counts(platform) == {2: 3}


def test_late_photos_replace_the_row_and_no_old_photo_is_left(platform: Platform) -> None:
    platform.registered("curiosity", 5)
    platform.photos("curiosity", [1], count=2, promised=2)
    platform.run(BRONZE, "00001")
    platform.photos("curiosity", [1], count=5, promised=5)
    platform.run(BRONZE, "00001")
    assert counts(platform) == {1: 5}
    photos = """from_json(document->'$.pages[0].photos', '[{"id": "BIGINT"}]')"""
    query = f"select count(*), count(distinct photo.id) from (select unnest({photos}) photo from bronze.raw_photos)"
    assert rows(platform, query) == [(5, 5)]


def test_a_broken_object_fails_its_own_sol_and_is_kept_as_a_dead_letter(platform: Platform) -> None:
    platform.registered("curiosity", 4)
    platform.photos("curiosity", [1, 2, 3])
    platform.lake_file("curiosity", 2).write_bytes(b"no gzip")
    result = platform.run(BRONZE, sols=(0, 4))
    message = failure_of(result)
    assert "1 objects of the lake are broken" in message
    assert "sol=00002.json.gz" in message
    assert counts(platform) == {1: 3, 3: 3}
    assert platform.statuses("curiosity", "bronze") == {0: GOOD, 1: GOOD, 2: FAILED, 3: GOOD, 4: GOOD}
    (letter,) = platform.events(UPLOADS_DEAD)
    assert json.loads(letter.value or b"")["object_key"] == "photos/rover=curiosity/source=v1/sol=00002.json.gz"


def test_a_document_whose_end_is_cut_is_fetched_and_loaded_again_without_a_hand(scripted: Scripted) -> None:
    """Its header is whole, so that the lake's listing of headers does not show it as a gap."""
    platform: Platform = scripted({1: 400, 2: 3}, rovers="curiosity")
    platform.run("lake/manifests", "curiosity")
    platform.run(LAKE, sols=(1, 2))
    file = platform.lake_file("curiosity", 1)
    file.write_bytes(file.read_bytes()[:-200])
    assert not platform.run(BRONZE, sols=(0, 2)).success
    assert not platform.tick("gaps").run_requests
    (request,) = platform.tick("ingestion_requests", '{"offsets": {}, "refreshes": {}}').run_requests or ()
    platform.source.asked_since()
    assert platform.execute(request).success
    assert platform.source.asked_since() == [1]
    assert platform.run(BRONZE, sols=(0, 2)).success
    assert counts(platform) == {1: 400, 2: 3}


def test_a_broken_manifest_is_asked_for_again_and_a_foreign_source_is_not(platform: Platform) -> None:
    platform.resources.lake.put_bytes("manifests/rover=spirit/source=v1/manifest.json.gz", b"x")
    assert not platform.run("bronze/manifests", "spirit").success
    (asked,) = platform.events(INGESTION_REQUESTS)
    assert json.loads(asked.value or b"") == {"schema": 1, "refresh": ["spirit"], "young": False}
    platform.registered("curiosity", 1)
    platform.resources.lake.put_bytes("photos/rover=curiosity/source=other/sol=00001.json.gz", b"x")
    assert not platform.run(BRONZE, "00001").success
    assert len(platform.events(INGESTION_REQUESTS)) == 1
    assert len(platform.events(UPLOADS_DEAD)) == 2


def test_a_deleted_warehouse_returns_row_for_row_without_one_upstream_request(scripted: Scripted) -> None:
    platform: Platform = scripted({0: 3, 1: 2, 4: 7}, rovers="curiosity")
    platform.run("lake/manifests", "curiosity")
    platform.run(LAKE, sols=(0, 4))
    for asset, where in ((BRONZE, {"sols": (0, 4)}), ("bronze/manifests", {"partition": "curiosity"})):
        assert platform.run(asset, **where).success
    everything = all_rows(platform)
    platform.source.asked_since()
    platform.source.errors = dict.fromkeys(range(5), UpstreamUnavailable("gone"))
    (platform.settings.home / "warehouse.duckdb").unlink()
    shutil.rmtree(platform.settings.home / "published")
    for asset, where in ((BRONZE, {"sols": (0, 4)}), ("bronze/manifests", {"partition": "curiosity"})):
        assert platform.run(asset, **where).success
    assert all_rows(platform) == everything
    assert platform.source.asked_since() == []
