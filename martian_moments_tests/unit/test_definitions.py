"""The wiring: every asset, everything running by default, and nothing heavy at import."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from martian_moments.definitions import build_defs
from martian_moments.settings import Settings
from martian_moments_tests.conftest import REPOSITORY
from martian_moments_tests.platforms import ROVERS, Platform

HEAVY = (
    "pandas", "pyarrow", "duckdb", "matplotlib", "snowflake.connector", "dagster_snowflake", "boto3", "confluent_kafka",
    "numpy", "dbt", "dagster_dbt", "starlette", "uvicorn", "obstore", "martian_moments.nasa.dialects",
)  # fmt: skip


def test_importing_the_definitions_imports_nothing_heavy(tmp_path: Path, no_settings: None) -> None:
    code = f"import sys, martian_moments.definitions; print([name for name in {HEAVY} if name in sys.modules])"
    command = [sys.executable, "-W", "ignore", "-c", code]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=tmp_path, env={"PYTHONPATH": str(REPOSITORY)}
    )
    assert result.stdout.strip() == "[]"
    assert not (tmp_path / ".mars").exists(), "and creates nothing"


def test_dagsters_own_command_line_lists_the_definitions(tmp_path: Path, no_settings: None) -> None:
    # Dagster's telemetry is switched off there, and nowhere else for this program.
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    program = Path(sys.executable).with_name("dg")
    result = subprocess.run(
        [program, "list", "defs", "--json", "--target-path", REPOSITORY],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"DAGSTER_HOME": str(tmp_path), "HOME": str(tmp_path), "VIRTUAL_ENV": str(program.parent.parent)},
    )
    assert result.returncode == 0, result.stderr
    listed = json.loads(result.stdout)
    assert {"lake/spirit/photos", "bronze/manifests", "gold/photo_gaps"} <= {each["asset_key"] for each in listed["assets"]}
    assert {"gaps", "upload_events", "reconcile"} <= {each["name"] for each in listed["sensors"]}


def test_every_asset_of_the_design_is_there(platform: Platform) -> None:
    graph = platform.definitions.resolve_asset_graph()
    names = {key.to_user_string() for key in graph.materializable_asset_keys}
    assert names >= {
        f"{layer}/{rover}/{what}" for layer in ("lake", "bronze") for rover in ROVERS for what in ("photos", "images")
    }
    assert names >= {f"{layer}/{what}" for layer in ("lake", "bronze") for what in ("manifests", "traverse")}
    silver = "dim_rovers dim_cameras dim_waypoints fact_photos fact_path manifest_sols"
    gold = "photo_gaps photo_summary daily_activity camera_travel_correlation rover_summary camera_summary"
    assert names >= {f"silver/{model}" for model in silver.split()} | {f"gold/{model}" for model in gold.split()}
    assert names >= {f"open_formats/{name}" for name in ("geo", "stac")}
    assert names >= {"moments/frames", "moments/movie"}


def test_every_asset_has_a_group_an_owner_a_kind_and_a_description(platform: Platform) -> None:
    graph = platform.definitions.resolve_asset_graph()
    for key in graph.materializable_asset_keys:
        node = graph.get(key)
        expected = {"lake": "mission", "bronze": "mission"}.get(key.path[0], key.path[0])
        assert node.group_name == (key.path[1] if key.path[-1] in {"photos", "images"} else expected), key
        assert node.owners, key
        assert node.kinds, key
        assert len(node.description or "") > 20, key


def test_lineage_goes_from_nasa_to_gold_without_an_outside_asset(platform: Platform) -> None:
    graph = platform.definitions.resolve_asset_graph()
    assert set(graph.external_asset_keys) == set()
    parents = {key: graph.get(key).parent_keys for key in graph.materializable_asset_keys}
    manifests = dg.AssetKey(["lake", "manifests"])
    assert {key for key, above in parents.items() if not above} == {manifests, dg.AssetKey(["lake", "traverse"])}
    for rover in ROVERS:
        lake, bronze = dg.AssetKey(["lake", rover, "photos"]), dg.AssetKey(["bronze", rover, "photos"])
        assert parents[lake] == {manifests}
        assert parents[bronze] == {lake}
        assert any(bronze in above for key, above in parents.items() if key.path[0] == "silver")


def test_sensors_and_schedules_run_by_default(platform: Platform) -> None:
    sensors = {each.name: each.default_status for each in platform.repository.sensor_defs}
    assert {name for name, status in sensors.items() if status != dg.DefaultSensorStatus.RUNNING} == set()


@pytest.mark.parametrize("rovers", ["curiosity", "perseverance", "spirit,opportunity"])
def test_any_choice_of_rovers_is_a_working_platform(tmp_path: Path, no_settings: None, rovers: str) -> None:
    definitions = build_defs(Settings.load(home=tmp_path, rovers=rovers))
    dg.Definitions.validate_loadable(definitions)
    names = {key.to_user_string() for key in definitions.resolve_asset_graph().materializable_asset_keys}
    assert "lake/traverse" in names
    assert {name.split("/")[1] for name in names if name.endswith("/photos")} == set(rovers.split(","))


def test_photos_take_refetch_in_the_launchpad(platform: Platform) -> None:
    job = platform.definitions.resolve_implicit_global_asset_job_def()
    photos = job.get_subset(asset_selection={dg.AssetKey(["lake", "spirit", "photos"])})
    field: Any = photos.run_config_schema.config_type
    for name in ("ops", "lake__spirit__photos", "config"):
        field = field.fields[name].config_type
    assert set(field.fields) == {"refetch", "sols"}
