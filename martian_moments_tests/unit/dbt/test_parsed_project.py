"""The project is parsed ahead of time, by make setup: a home with the default settings does not parse it again."""

from __future__ import annotations

from pathlib import Path

import pytest

from martian_moments.operations.baking import bake, usual_variables
from martian_moments.settings import Settings
from martian_moments.warehouse.duckdb import DuckDBWarehouse
from martian_moments.warehouse.open import open_warehouse
from martian_moments_tests.dbt_builds import dbt_parse
from martian_moments_tests.odd_paths import ODD

ANEW = "Unable to do partial parsing"


@pytest.fixture(autouse=True)
def _baked() -> None:
    bake()


def test_wherever_the_home_is_its_profile_is_the_one_that_the_project_was_parsed_with(tmp_path: Path) -> None:
    settings = Settings.load(home=tmp_path / ODD, warehouse_url="")
    printed, manifest = dbt_parse(tmp_path, usual_variables() | open_warehouse(settings.warehouse).dbt_environment())
    assert ANEW not in printed
    assert "model.martian_moments.fact_photos" in manifest.nodes


def test_of_a_file_with_another_name_it_is_another(tmp_path: Path) -> None:
    printed, _ = dbt_parse(tmp_path, usual_variables() | DuckDBWarehouse(tmp_path / "other.duckdb").dbt_environment())
    assert f"{ANEW} because profile has changed" in printed
