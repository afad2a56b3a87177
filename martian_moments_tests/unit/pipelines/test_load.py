"""From the lake to bronze, without Dagster: what is loaded, what is broken, what differs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from martian_moments.domain.documents import FOLDERS, encode
from martian_moments.domain.errors import PublishedDamaged, WarehouseDamaged
from martian_moments.pipelines.load import (
    Loading,
    awaited,
    cached_headers,
    held_etags,
    known_headers,
    load,
    silver_lags,
    unloaded,
)
from martian_moments.warehouse.base import LEDGER, LOADED_OBJECTS
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.rules import photo_rules
from martian_moments_dbt import PROJECT
from martian_moments_tests.platforms import Platform, photos_of


def load_all(platform: Platform) -> Loading:
    resources = platform.resources
    loading = load(resources.lake, resources.warehouse, resources.lake.list("photos"))
    resources.warehouse.publish(resources.published, [LEDGER])
    return loading


def differing(platform: Platform, *prefixes: str) -> list[str]:
    resources = platform.resources
    different = unloaded(
        resources.lake, resources.warehouse, resources.published, resources.settings.rovers, prefixes or FOLDERS
    )
    return [each.key[-13:-8] for each in different]


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


def test_objects_that_are_no_documents_never_differ(platform: Platform) -> None:
    for key in ("doctor/probe", "quarantine/photos/rover=curiosity/source=v1/sol=00001.json.gz", "published/x.parquet"):
        platform.resources.lake.put_bytes(key, b"x")
    assert differing(platform) == []


def test_a_deleted_warehouse_lacks_everything_whatever_is_still_published(platform: Platform) -> None:
    platform.photos("curiosity", [1, 2])
    platform.photos("spirit", [1])
    load_all(platform)
    assert differing(platform) == []
    (platform.settings.home / "warehouse.duckdb").unlink()
    assert differing(platform) == ["00001", "00002", "00001"]
    assert differing(platform, "photos/rover=spirit/") == ["00001"]


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


def test_after_published_tables_were_deleted_everything_differs_until_a_load_publishes_again(platform: Platform) -> None:
    platform.photos("curiosity", [1])
    load_all(platform)
    shutil.rmtree(platform.settings.home / "published")
    assert differing(platform) == ["00001"]
    loading = load_all(platform)
    assert loading.report.loaded == []
    assert differing(platform) == []


def test_silver_lags_until_it_was_built_from_the_ledgers_very_versions(platform: Platform) -> None:
    resources = platform.resources
    assert not silver_lags(resources.published, resources.settings.sources), "nothing was ever loaded"
    platform.photos("curiosity", [1])
    load_all(platform)
    assert silver_lags(resources.published, resources.settings.sources), "silver was never built"
    build_loaded_objects(platform)
    assert not silver_lags(resources.published, resources.settings.sources)
    platform.photos("curiosity", [1], count=4, promised=4)
    load_all(platform)
    assert silver_lags(resources.published, resources.settings.sources), "the same key in another version"
    build_loaded_objects(platform)
    assert not silver_lags(resources.published, resources.settings.sources)


@pytest.mark.parametrize("rules", ["", "those of the release before"])
def test_silver_lags_where_its_photos_were_read_by_other_rules(platform: Platform, rules: str) -> None:
    platform.photos("curiosity", [1])
    load_all(platform)
    build_loaded_objects(platform, rules=rules)
    assert silver_lags(platform.resources.published, platform.settings.sources)


def test_the_rules_change_with_any_sql_that_decides_how_a_photo_is_read(tmp_path: Path) -> None:
    shutil.copytree(PROJECT, tmp_path / "dbt", ignore=shutil.ignore_patterns("target", "logs"))
    assert photo_rules(tmp_path / "dbt") == photo_rules()
    deciding = "dbt_project.yml macros/mars_time.sql seeds/clock_points.csv models/silver/staging/stg_msl__photos.sql"
    for name in deciding.split():
        before = photo_rules(tmp_path / "dbt")
        with (tmp_path / "dbt" / name).open("a") as file:
            file.write(" ")
        assert photo_rules(tmp_path / "dbt") != before, name
    before = photo_rules(tmp_path / "dbt")
    (tmp_path / "dbt" / "models" / "gold" / "rover_summary.sql").write_text("select 1")
    assert photo_rules(tmp_path / "dbt") == before


def test_loaded_objects_are_published_last(platform: Platform) -> None:
    """They report that everything else is current: a process killed between two tables must leave silver lagging."""
    last = published_models()[-1]
    assert (last.schema, last.name) == LOADED_OBJECTS
    assert len({(table.schema, table.name) for table in published_models()}) == len(published_models())


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


def build_loaded_objects(platform: Platform, *bronze: str, rules: str | None = None) -> None:
    """What a dbt build would publish last."""
    import duckdb

    with duckdb.connect(platform.settings.home / "warehouse.duckdb") as connection:
        connection.execute("create schema if not exists silver")
        order = ",".join(platform.settings.sources)
        columns = f"select object_key, etag, rover, kind, source, sol, '{order}' as preferred_sources, "
        columns += f"'{photo_rules() if rules is None else rules}' as photo_rules from"
        tables = " union all ".join(f"{columns} {table}" for table in bronze or ("bronze.raw_photos",))
        connection.execute(f"create or replace table silver.loaded_objects as {tables}")
    platform.resources.warehouse.publish(platform.resources.published, [published_models()[-1]])


def lost(platform: Platform, *rovers: str) -> list[str]:
    resources = platform.resources
    found = awaited(resources.lake, resources.warehouse, resources.published, rovers or resources.settings.rovers)
    return [each.key[-13:-8] for each in found]


def load_sols(platform: Platform, *sols: int) -> None:
    """Load these sols alone, of whichever rover."""
    resources = platform.resources
    wanted = [each for each in resources.lake.list("photos") if int(each.key[-13:-8]) in sols]
    load(resources.lake, resources.warehouse, wanted, resources.published)
    resources.warehouse.publish(resources.published, [LEDGER])


@pytest.fixture
def made_anew(platform: Platform) -> Platform:
    """Models were built from sols 1 to 4 of Curiosity; then the warehouse was deleted."""
    platform.photos("curiosity", range(1, 5))
    load_all(platform)
    build_loaded_objects(platform)
    assert lost(platform) == []
    (platform.settings.home / "warehouse.duckdb").unlink()
    return platform


def test_what_the_models_were_made_from_is_awaited_until_the_last_document_is_back(made_anew: Platform) -> None:
    assert lost(made_anew) == ["00001", "00002", "00003", "00004"]
    load_sols(made_anew, 1, 3)
    assert lost(made_anew) == ["00002", "00004"]
    made_anew.photos("curiosity", [2], count=5, promised=5)
    load_sols(made_anew, 2)
    assert lost(made_anew) == ["00004"], "another version of it is back as well"
    load_sols(made_anew, 4)
    assert lost(made_anew) == []


def test_rows_that_were_removed_from_bronze_are_awaited_once_its_ledger_is_published(platform: Platform) -> None:
    import duckdb

    platform.photos("curiosity", [1, 2])
    load_all(platform)
    build_loaded_objects(platform)
    with duckdb.connect(platform.settings.home / "warehouse.duckdb") as connection:
        connection.execute("delete from bronze.raw_photos where sol = 2")
    platform.resources.warehouse.publish(platform.resources.published, [LEDGER])
    assert lost(platform) == ["00002"]


def test_damaged_documents_and_those_gone_from_the_lake_are_not_waited_for(made_anew: Platform) -> None:
    made_anew.lake_file("curiosity", 1).write_bytes(b"cut")
    made_anew.lake_file("curiosity", 2).unlink()
    load_sols(made_anew, 1, 3)
    assert lost(made_anew) == ["00001", "00004"], "one of the two can be read"
    load_sols(made_anew, 4)
    assert lost(made_anew) == []


def test_a_first_fill_late_documents_and_new_rovers_wait_for_nothing(platform: Platform) -> None:
    platform.photos("curiosity", [1, 2])
    load_sols(platform, 1)
    assert lost(platform) == [], "nothing is published that could shrink"
    build_loaded_objects(platform)
    assert lost(platform) == [], "no build has seen sol 2"
    platform.photos("spirit", [3])
    assert lost(platform) == []


def test_a_rover_that_is_followed_no_more_is_not_waited_for(made_anew: Platform) -> None:
    made_anew.photos("spirit", [1])
    assert lost(made_anew, "spirit") == []
