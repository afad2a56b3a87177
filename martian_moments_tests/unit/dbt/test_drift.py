"""Whatever an upstream renames, adds or reports in another type makes a check warn; NASA's files of today make none."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from martian_moments.defs.dbt_specs import MANIFEST, UNIQUE_ID, make_specs
from martian_moments.domain.documents import Kind
from martian_moments.operations.baking import bake
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object
from martian_moments_tests.unit.dbt.test_photos import objects_of_every_source

CHECKS = ("map_fields_are_known", *(f"{dialect}_fields_are_known" for dialect in ("v1", "m20", "msl", "pds", "mer")))
STAGING = ("loaded_objects", "stg_mmgis__legs", "stg_mmgis__waypoints", "stg_mer__places")
PHOTOS = tuple(f"stg_{dialect}__photos" for dialect in ("v1", "m20", "msl", "pds"))


@pytest.fixture(scope="module")
def built(project: Callable[[], Project]) -> Project:
    made = project()
    made.build("--select", *STAGING, *PHOTOS, "--exclude", "resource_type:test", "resource_type:unit_test")
    return made


def warned(built: Project, objects: Iterable[BronzeObject], check: str) -> set[tuple[Any, ...]]:
    """The rows of which a check warns after the objects were loaded."""
    built.warehouse.load(objects)
    built.build("--select", "sampled_records", *CHECKS, "--store-failures")
    return set(built.query(f"select * from dbt_test__audit.{check}"))


def test_every_test_of_the_models_is_a_check_of_an_asset() -> None:
    """dagster_dbt leaves out a test of several models that does not say of which of them it is."""
    bake()
    nodes = json.loads(MANIFEST.read_text())["nodes"]
    tests = {name for name, node in nodes.items() if node["resource_type"] == "test"}
    assert len(tests) > 30
    assert {spec.metadata[UNIQUE_ID] for spec in make_specs(MANIFEST).tests} == tests


def test_the_files_of_today_have_no_unknown_field(built: Project, real_payloads: Path) -> None:
    maps = {
        ("perseverance", Kind.TRAVERSE): "mmgis_m20_traverse_2026-04.json",
        ("perseverance", Kind.WAYPOINTS): "mmgis_m20_waypoints_full_2024-04-04.json",
        ("curiosity", Kind.TRAVERSE): "mmgis_msl_traverse_2026-04.json",
        ("curiosity", Kind.WAYPOINTS): "mmgis_msl_waypoints_current_2026-04.json",
    }
    real = [
        bronze_object(kind, rover, (real_payloads / name).read_bytes(), source="mmgis")
        for (rover, kind), name in maps.items()
    ]
    built.warehouse.load([*objects_of_every_source(real_payloads), *real])
    assert "WARN=0" in built.build("--select", "sampled_records", *CHECKS, "--store-failures")


def test_each_drift_of_the_map_server_is_reported(built: Project, real_payloads: Path) -> None:
    files = {path.stem[26:]: path for path in sorted(real_payloads.glob("mmgis_drift_m20_waypoints_*.json"))}
    rovers = {name: f"drift{letter}" for name, letter in zip(files, "abcdefgh", strict=True)}
    drifts = [bronze_object(Kind.WAYPOINTS, rovers[name], path.read_bytes(), source="mmgis") for name, path in files.items()]
    texts = {"RMC": "1_2", "sol": "7", "lon": 77.1, "lat": 18.1, "elev_geoid": 5, "dist_m": 0, "dist_total_m": "3.5"} | {
        "yaw": 1,
        "final": "y",
    }
    feature = {"type": "Feature", "properties": texts, "geometry": None}
    page = {"type": "FeatureCollection", "name": "x", "features": [feature, feature]}
    as_text = bronze_object(Kind.WAYPOINTS, "texts", json.dumps(page).encode(), source="mmgis")
    rows = warned(built, [*drifts, as_text], "map_fields_are_known")
    reported = {name: {row[2:4] for row in rows if row[1] == rovers[name]} for name in files}
    old = {("dist_total", "unknown"), ("dist_total_m", "missing")}
    assert reported == {
        "2021-03-15": old | {("collection.crs", "unknown"), ("final", "missing")},
        "2021-03-22": {
            *((name, "unknown") for name in ("drive__m", "drive_tota", "drive_to_1", "drive_to_2", "final_")),
            *((name, "missing") for name in ("dist_m", "dist_total_m", "final", "collection.name")),
        },
        "2021-04-04": old | {("OID_", "unknown"), ("ORIG_FID", "unknown")},
        "2022-03-30_cut12of116": old | {(name, "unknown") for name in ("SCLK_START", "SCLK_END", "ORIG_FID")},
        # The fields of these are those of today.
        "2022-11-28_cut12of206": set(),
        "2023-10-25_full": set(),
        "current_2021-07-06": old,
        "current_2024-11-22": {("collection.name", "missing")},
    }
    assert {row for row in rows if row[1] == "texts"} == {
        ("waypoints", "texts", "sol", "text", 2),
        ("waypoints", "texts", "dist_total_m", "text", 2),
    }


@pytest.mark.parametrize(
    ("check", "array", "source", "record", "unknown"),
    [
        ("v1_fields_are_known", "photos", "v1", {"id": 1, "camera": {"nick": 1}, "rover": [1]}, {"camera.nick"}),
        (
            "m20_fields_are_known",
            "images",
            "m20",
            {"imageid": "a", "camera": "NAV", "image_files": {"huge": 1}, "x": {"y": 1}},
            {"image_files.huge", "x"},
        ),
        ("msl_fields_are_known", "items", "msl", {"id": 1, "extended": {"Lmst": 1}, "sols": 3}, {"extended.Lmst", "sols"}),
        ("pds_fields_are_known", "lines", "pds", {"PRODUCT_ID": "a", "PRODUCTID": "b"}, {"PRODUCTID"}),
        (
            "mer_fields_are_known",
            "places",
            "mer",
            {"SITE": "1", "CORRECTEDX": "1", "UNNAMED": "9,9"},
            {"CORRECTEDX", "UNNAMED"},
        ),
    ],
)
def test_a_field_without_a_name_is_counted(  # noqa: PLR0917 - one column of the table each
    built: Project, check: str, array: str, source: str, record: dict[str, Any], unknown: set[str]
) -> None:
    """Each kind of record also among others: of photos the first of a page is looked at, of places every one."""
    body = json.dumps({array: [record, {}, "no record", record]}).encode()
    kind = Kind.TRAVERSE if source == "mer" else Kind.PHOTOS
    document = bronze_object(kind, "drifting", body, source=source, sol=None if source == "mer" else 7, count=4)
    count = 2 if source == "mer" else 1
    assert {row for row in warned(built, [document], check) if row[0] == "drifting"} == {
        ("drifting", name, count) for name in unknown
    }


def test_a_warning_ends_with_the_document_that_has_the_field(built: Project) -> None:
    """Also where the document is an old one by now: the 50 that came last are looked at."""

    def sol(number: int, record: dict[str, Any], hours: float) -> BronzeObject:
        body = json.dumps({"photos": [record]}).encode()
        return bronze_object(Kind.PHOTOS, "ending", body, sol=number, count=1, hours=hours)

    def unknown(*objects: BronzeObject) -> set[tuple[Any, ...]]:
        return {row for row in warned(built, objects, "v1_fields_are_known") if row[0] == "ending"}

    assert unknown(sol(1, {"sum": 1}, 1), sol(2, {"mean": 1}, 2)) == {("ending", "sum", 1), ("ending", "mean", 1)}
    assert unknown(sol(2, {"id": 1}, 3)) == {("ending", "sum", 1)}
    assert unknown(*(sol(number, {"id": number}, number) for number in range(3, 51))) == {("ending", "sum", 1)}
    assert unknown(sol(51, {"id": 51}, 51)) == set()
