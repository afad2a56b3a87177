from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from martian_moments.defs.dbt_specs import MANIFEST, SPECS, DbtSpecs, make_specs, node_names, read_specs, write_specs
from martian_moments.domain.errors import SettingsError
from martian_moments.operations.baking import bake


@pytest.fixture(scope="module")
def made() -> DbtSpecs:
    bake()
    return make_specs(MANIFEST)


def reported(spec: dg.AssetCheckSpec) -> tuple[object, ...]:
    """A test's spec; dagster_dbt gives its dependencies in any order."""
    deps = {dep.asset_key for dep in spec.additional_deps}
    return spec.name, spec.asset_key, deps, spec.description, spec.blocking, spec.metadata


def test_the_kept_specs_are_those_that_dagster_dbt_makes(made: DbtSpecs) -> None:
    kept = read_specs(SPECS)
    by_key = {spec.key: spec for spec in kept.models}
    assert len(by_key) == len(made.models) > 10
    for spec in made.models:
        # A dep's own metadata repeats what the upstream asset's page shows.
        plain = spec.replace_attributes(deps=sorted(dep.asset_key for dep in spec.deps))
        assert by_key[spec.key] == plain
    assert {spec.key: reported(spec) for spec in kept.tests} == {spec.key: reported(spec) for spec in made.tests}


def test_the_kept_specs_describe_the_columns(made: DbtSpecs, tmp_path: Path) -> None:
    write_specs(made, tmp_path / "specs.json")
    spec = next(each for each in read_specs(tmp_path / "specs.json").models if each.key.path == ["gold", "rover_summary"])
    schema = spec.metadata["dagster/column_schema"]
    columns = {column.name: column.type for column in schema.columns}
    assert columns["photos"] == "bigint"
    assert spec.kinds == {"dbt", "duckdb"}
    assert spec.group_name == "gold"


def test_models_and_tests_are_selected_by_their_names_in_dbt(made: DbtSpecs) -> None:
    summary = dg.AssetKey(["gold", "rover_summary"])
    models = [spec for spec in made.models if spec.key == summary]
    tests = [spec for spec in made.tests if spec.asset_key == summary]
    assert node_names([*models, *tests]) == ["not_null_rover_summary_rover", "rover_summary", "unique_rover_summary_rover"]


def test_a_project_that_was_never_parsed_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="make setup"):
        read_specs(tmp_path / "specs.json")


@pytest.mark.parametrize(
    "content", [b"", b"\xff\x00", b"[]", b"{}", b'{"models": 5, "tests": []}', b'{"models": [{"x": 1}]}', None]
)
def test_a_damaged_file_is_one_line_that_says_how_to_make_it_anew(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "specs.json"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    with pytest.raises(SettingsError, match="make setup"):
        read_specs(file)
