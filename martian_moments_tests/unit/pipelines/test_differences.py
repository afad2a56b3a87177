"""What separates the published tables from the lake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from martian_moments.pipelines.differences import awaited, silver_lags
from martian_moments.pipelines.load import load
from martian_moments.warehouse.base import LEDGER, LOADED_OBJECTS
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.rules import photo_rules
from martian_moments_dbt import PROJECT
from martian_moments_tests.platforms import Platform, build_loaded_objects, differing, load_all


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
