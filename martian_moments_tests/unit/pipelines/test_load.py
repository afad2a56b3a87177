"""From the lake to bronze, without Dagster: what is loaded, what is broken."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from martian_moments.domain.documents import encode
from martian_moments.domain.errors import PublishedDamaged, WarehouseDamaged
from martian_moments.pipelines.headers import cached_headers, known_headers
from martian_moments.pipelines.load import held_etags, load
from martian_moments.warehouse.base import LEDGER
from martian_moments_tests.platforms import Platform, differing, load_all, photos_of


def test_what_bronze_holds_in_this_version_is_not_even_read(platform: Platform) -> None:
    platform.photos("curiosity", [1, 2])
    assert len(load_all(platform).report.loaded) == 2
    platform.photos("curiosity", [2], count=5, promised=5)
    again = load_all(platform)
    assert [key[-13:-8] for key in again.headers] == ["00002"]
    assert len(again.report.loaded) == 1
    assert load_all(platform).headers == {}


def test_an_object_that_is_replaced_after_it_was_listed_is_loaded_as_what_it_is_now(platform: Platform) -> None:
    """Else bronze would hold the new content under the old ETag, and reconcile would load it again."""
    resources = platform.resources
    platform.photos("curiosity", [1])
    listed = resources.lake.list("photos")
    platform.photos("curiosity", [1], count=5, promised=5)
    load(resources.lake, resources.warehouse, listed)
    (row,) = resources.warehouse.ledger().to_pylist()
    (now,) = resources.lake.list("photos")
    assert (row["etag"], row["record_count"]) == (now.etag, 5)
    assert load_all(platform).headers == {}


def test_bronze_follows_the_lake_also_where_times_say_the_opposite(
    platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    """The clock stood behind when the lake took the second document, and is right again when bronze loads it."""
    resources = platform.resources
    platform.photos("curiosity", [1, 2])
    load_all(platform)
    behind = photos_of("curiosity", 1, count=5, promised=5)
    behind = replace(behind, header=replace(behind.header, fetched_at=datetime(2020, 1, 1, tzinfo=UTC)))
    resources.lake.put_bytes(behind.header.key, encode(behind))
    loading = load_all(platform)
    assert (loading.report.loaded, loading.report.stale) == ([behind.header.key], [])
    assert "replace what bronze holds with a later time" in caplog.text
    assert differing(platform) == []
    assert {row["sol"]: row["record_count"] for row in resources.warehouse.ledger().to_pylist()} == {1: 5, 2: 3}


def test_an_older_version_that_the_lake_no_longer_holds_stays_away(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow load brings what it read before another one loaded what replaced it."""
    resources = platform.resources
    platform.photos("curiosity", [1])
    (before,) = resources.lake.list("photos")
    older = resources.lake.read(before.key)
    platform.photos("curiosity", [1], count=5, promised=5)
    load_all(platform)
    monkeypatch.setattr(resources.lake, "read", lambda key: older)
    loading = load(resources.lake, resources.warehouse, [before])
    assert loading.report.stale == [before.key]
    assert [row["record_count"] for row in resources.warehouse.ledger().to_pylist()] == [5]


def test_a_broken_object_is_reported_and_does_not_stop_the_others(platform: Platform) -> None:
    platform.photos("curiosity", range(1, 4))
    platform.lake_file("curiosity", 2).write_bytes(b"cut")
    loading = load_all(platform)
    assert [key[-13:-8] for key in loading.broken] == ["00002"]
    assert sorted(key[-13:-8] for key in loading.report.loaded) == ["00001", "00003"]
    assert differing(platform) == ["00002"]


def test_a_document_under_another_key_is_broken(platform: Platform) -> None:
    platform.photos("curiosity", [1])
    shutil.copy(platform.lake_file("curiosity", 1), platform.lake_file("curiosity", 2))
    (why,) = load_all(platform).broken.values()
    assert "belongs under photos/rover=curiosity/source=v1/sol=00001" in str(why)


@pytest.mark.parametrize("read", ["ledger", "load"])
def test_a_load_that_meets_a_damaged_warehouse_goes_on_in_a_new_one(
    platform: Platform, read: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.photos("curiosity", [1, 2])
    load_all(platform)
    platform.photos("curiosity", [3])
    resources = platform.resources
    healthy = getattr(resources.warehouse, read)

    def meets_damage(*arguments: object) -> object:
        monkeypatch.setattr(resources.warehouse, read, healthy)
        (platform.settings.home / "warehouse.duckdb").unlink()
        raise WarehouseDamaged("the file was damaged; it is kept as x")

    monkeypatch.setattr(resources.warehouse, read, meets_damage)
    loading = load(resources.lake, resources.warehouse, resources.lake.list("photos/rover=curiosity/"), resources.published)
    assert [key[-13:-8] for key in loading.report.loaded] == ["00001", "00002", "00003"]
    assert resources.published.read("bronze", "ledger") is None, "until it is published again"


def test_held_etags_are_those_of_the_lake(platform: Platform) -> None:
    platform.photos("curiosity", [1])
    load_all(platform)
    (info,) = platform.resources.lake.list("photos")
    assert held_etags(platform.resources.warehouse) == {info.key: info.etag}


def test_a_damaged_ledger_reports_no_header_and_the_lake_reads_them_itself(platform: Platform) -> None:
    platform.photos("curiosity", [1])
    load_all(platform)
    (platform.settings.home / "published" / "bronze" / "ledger" / "ledger.parquet").write_bytes(b"garbage")
    assert cached_headers(platform.resources.published) == {}
    with pytest.raises(PublishedDamaged):
        known_headers(platform.resources.published)


def test_the_ledger_reports_every_header_but_for_the_addresses_asked(platform: Platform) -> None:
    resources = platform.resources
    assert known_headers(resources.published) == {}, "nothing was ever loaded"
    platform.photos("curiosity", [1], count=2, promised=5)
    platform.photos("spirit", [7], promised=None)
    platform.manifest("spirit", {7: 3})
    load(resources.lake, resources.warehouse, [*resources.lake.list("photos"), *resources.lake.list("manifests")])
    resources.warehouse.publish(resources.published, [LEDGER])
    etags = {each.key: each.etag for each in resources.lake.list()}
    read = {**resources.lake.heads("photos"), **resources.lake.heads("manifests")}
    assert len(read) == 3
    assert known_headers(resources.published) == {
        key: (etags[key], replace(header, requests=())) for key, header in read.items()
    }
