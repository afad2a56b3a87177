"""Silver and gold from NASA's own payloads, beside what is known about them independently."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas
import pyarrow.parquet as pq
import pytest

from martian_moments.domain.documents import Kind
from martian_moments.domain.rovers import ROVERS
from martian_moments.formats.export import OPEN_FORMATS, export
from martian_moments.warehouse.base import LEDGER, BronzeObject
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object, photos

MANIFESTS = {
    "curiosity": "v1_manifest_curiosity_2023-08.json",
    "opportunity": "v1_manifest_opportunity_2023-08.json",
    "perseverance": "v1_manifest_perseverance_2024-01.json",
    "spirit": "v1_manifest_spirit_2023-08.json",
}
SOLS = {
    ("curiosity", 1000): ("v1_photos_curiosity_sol1000_2023-07.json", 856),
    ("opportunity", 1): ("v1_photos_opportunity_sol1_2023-07.json", 95),
    ("perseverance", 0): ("v1_photos_perseverance_sol0_2023-07.json", 54),
    ("perseverance", 367): ("v1_photos_perseverance_sol367_2022.json", 162),
    ("spirit", 1): ("v1_photos_spirit_sol1_2023-07.json", 77),
}
MAPS = {
    Kind.TRAVERSE: "mmgis_m20_traverse_2026-04.json",
    Kind.WAYPOINTS: "mmgis_m20_waypoints_full_2024-04-04.json",
}
OTHERS = "select * from silver.fact_photos where rover != 'spirit' order by photo_key"
PRODUCTION = ("--exclude", "resource_type:unit_test")


def v1_documents(folder: Path) -> list[BronzeObject]:
    """The manifests of all rovers, and the sols of which all photos were kept."""
    return [bronze_object(Kind.MANIFEST, rover, (folder / name).read_bytes()) for rover, name in MANIFESTS.items()] + [
        bronze_object(Kind.PHOTOS, rover, (folder / name).read_bytes(), sol=sol, count=count, promised=count)
        for (rover, sol), (name, count) in SOLS.items()
    ]


@pytest.fixture(scope="module")
def built(project: Callable[[], Project], real_payloads: Path) -> Project:
    made = project()
    # The first build, with dbt's own unit tests, is on an empty bronze.
    assert "ERROR=0" in made.build()
    made.warehouse.load(
        v1_documents(real_payloads)
        + [
            bronze_object(kind, "perseverance", (real_payloads / name).read_bytes(), source="mmgis")
            for kind, name in MAPS.items()
        ]
    )
    made.build(*PRODUCTION)
    return made


def test_every_real_photo_is_there_once(built: Project) -> None:
    rows = built.query("select rover, sol, count(*), count(distinct photo_key) from silver.fact_photos group by all")
    assert {(rover, sol): (photos, keys) for rover, sol, photos, keys in rows} == {
        at: (count, count) for at, (_, count) in SOLS.items()
    }


def test_source_ids_addresses_and_cameras_are_those_of_the_payload(built: Project, real_payloads: Path) -> None:
    name, _ = SOLS["curiosity", 1000]
    records = json.loads((real_payloads / name).read_text())["photos"]
    reported = {
        (str(r["id"]), r["camera"]["name"], r["img_src"].replace("http:", "https:"), r["earth_date"]) for r in records
    }
    sql = "select source_id, camera, image_url, earth_date::varchar from silver.fact_photos where rover = 'curiosity'"
    assert set(built.query(sql)) == reported


def test_every_photo_of_perseverance_sol_367_stands_at_11_108(built: Project, real_payloads: Path) -> None:
    features = json.loads((real_payloads / MAPS[Kind.WAYPOINTS]).read_text())["features"]
    (waypoint,) = [f["properties"] for f in features if f["properties"]["RMC"] == "11_108"]
    rows = built.query(
        "select site, drive, longitude, latitude, elevation_m, location_method, count(*), count(distinct product_identity)"
        " from silver.fact_photos where rover = 'perseverance' and sol = 367 group by all"
    )
    assert rows == [(11, 108, waypoint["lon"], waypoint["lat"], waypoint["elev_geoid"], "rmc", 162, 160)]


def test_thumbnails_are_known_by_their_file_names(built: Project) -> None:
    sql = "select sum(thumbnails) from gold.photo_summary where rover = 'curiosity' and sol = 1000 and camera = 'MAST'"
    assert built.query(sql) == [(285,)]


def test_what_neither_v1_nor_a_file_name_reports_is_null(built: Project) -> None:
    times = "taken_at_utc, taken_at_method, taken_at_uncertainty_s, lmst, lmst_method"
    counts = ", ".join(f"count({column})" for column in times.split(", "))
    sql = f"select camera in ('MAST', 'MAHLI', 'MARDI'), {counts}, count(*) from silver.fact_photos group by 1 order by 1"
    assert built.query(sql) == [(False, *[406] * 6), (True, *[0] * 5, 838)]


def test_the_distance_driven_is_the_rovers_odometer(built: Project, real_payloads: Path) -> None:
    current = json.loads((real_payloads / "mmgis_m20_waypoints_current_2026-04.json").read_text())
    odometer = current["features"][0]["properties"]["dist_total_m"]
    ((legs, distance, published),) = built.query("select count(*), sum(distance_m), sum(length_m) from silver.fact_path")
    assert legs == 522
    assert distance == pytest.approx(odometer, abs=0.5)
    assert published == pytest.approx(42_541.68)


def test_the_legs_follow_the_motion_counters_and_keep_their_shape(built: Project, real_payloads: Path) -> None:
    features = json.loads((real_payloads / MAPS[Kind.TRAVERSE]).read_text())["features"]
    rows = built.query("select sol, from_site, from_drive, to_site, to_drive, geometry from silver.fact_path order by leg")
    shapes = {(f["properties"]["sol"], f["properties"]["toRMC"]): f["geometry"] for f in features}
    assert [row[1:3] for row in rows] == sorted(row[1:3] for row in rows)
    assert {(row[0], f"{row[3]}_{row[4]}"): json.loads(row[5]) for row in rows} == shapes


def test_gaps_are_what_the_manifests_promise_and_nobody_has(built: Project) -> None:
    rows = built.query("select rover, reason, count(*), sum(expected - found)::int from gold.photo_gaps group by all")
    assert {(rover, reason): (sols, photos) for rover, reason, sols, photos in rows} == {
        ("curiosity", "missing"): (3575 - 1, 672_292 - 856),
        ("opportunity", "missing"): (4811 - 1, 198_439 - 95),
        ("perseverance", "missing"): (975 - 2, 196_822 - 54 - 162),
        ("spirit", "missing"): (2115 - 1, 124_550 - 77),
        ("curiosity", "expected_gap"): (345, 0),
        ("opportunity", "expected_gap"): (300, 0),
        ("perseverance", "expected_gap"): (68, 0),
        ("spirit", "expected_gap"): (93, 0),
    }


def test_a_gap_says_why_nothing_was_to_be_expected(built: Project) -> None:
    explained = "select explanation, count(*) from gold.photo_gaps where rover = 'curiosity' and sol between 236 and 261"
    assert built.query(f"{explained} group by explanation") == [("solar conjunction", 261 - 236 + 1)]
    flash = "select sol, explanation from gold.photo_gaps where rover = 'spirit' and explanation = 'safe mode: flash memory'"
    assert {sol for sol, _ in built.query(flash)} == set(range(19, 25))


def test_411_of_the_806_sols_that_the_manifests_leave_out_are_explained(built: Project) -> None:
    sql = "select rover, count(*), count(explanation) from gold.photo_gaps where reason = 'expected_gap' group by rover"
    rows = sorted(built.query(sql))
    assert rows == [
        ("curiosity", 345, 221),
        ("opportunity", 300, 118),
        ("perseverance", 68, 27),
        ("spirit", 93, 45),
    ]
    assert tuple(map(sum, list(zip(*rows, strict=True))[1:])) == (806, 411)


def test_every_pause_has_a_report_and_sols_without_photos(built: Project, real_payloads: Path) -> None:
    taken = photos_by_sol(real_payloads)
    rows = built.query("select rover, first_sol, last_sol, source from silver.expected_gaps where source <> 'orbits'")
    assert len(rows) > 50
    for rover, first, last, source in rows:
        assert re.fullmatch(r"(JPL|MER|MSL|USGS) \d{4}-\d{2}-\d{2}", source)
        reported_at = datetime.fromisoformat(source[-10:]).replace(tzinfo=UTC)
        assert abs(reported_at - ROVERS[rover].utc_of(first)) < timedelta(days=50), (rover, first)
        assert first not in taken[rover] or last not in taken[rover], (rover, first)


def test_no_pause_covers_a_sol_of_many_photos_but_those_of_which_the_report_mentions_pictures(
    built: Project, real_payloads: Path
) -> None:
    taken = photos_by_sol(real_payloads)
    rows = built.query("select rover, first_sol, last_sol from silver.expected_gaps where source <> 'orbits'")
    most = {row: max(taken[row[0]].get(sol, 0) for sol in range(row[1], row[2] + 1)) for row in rows}
    assert {row: photos for row, photos in most.items() if photos > 6} == {
        # Holidays have one plan for many sols, of which some have pictures.
        ("curiosity", 2622, 2630): 106,
        ("curiosity", 3334, 3343): 107,
        ("curiosity", 3660, 3661): 37,
        ("curiosity", 3691, 3698): 141,
        # What is not kept overnight has to be sent on the day it is taken.
        ("opportunity", 3865, 3894): 60,
        ("spirit", 2065, 2074): 36,
        # Only some of these sols were spent on charging the batteries.
        ("opportunity", 4233, 4243): 40,
    }


def photos_by_sol(folder: Path) -> dict[str, dict[int, int]]:
    listed = {
        rover: json.loads((folder / name).read_text())["photo_manifest"]["photos"] for rover, name in MANIFESTS.items()
    }
    return {rover: {row["sol"]: row["total_photos"] for row in rows} for rover, rows in listed.items()}


def test_all_four_rovers_are_summed_up(built: Project) -> None:
    columns = "rover, sols_with_photos, first_sol, last_sol, photos, distance_m is null"
    assert built.query(f"select {columns} from gold.rover_summary order by rover") == [
        ("curiosity", 1, 1000, 1000, 856, True),
        ("opportunity", 1, 1, 1, 95, True),
        ("perseverance", 2, 0, 367, 216, False),
        ("spirit", 1, 1, 1, 77, True),
    ]


def test_building_again_changes_no_row_and_no_published_file(built: Project, tmp_path: Path) -> None:
    published = Published(tmp_path.as_uri())
    tables = [LEDGER, *published_models()]
    assert built.warehouse.publish(published, tables) == tables
    built.build(*PRODUCTION)
    assert built.warehouse.publish(published, tables) == []
    folders = {path.parent for path in tmp_path.glob("*/*/*")}
    assert sorted(folder.name for folder in folders) == sorted(table.name for table in tables)


@pytest.fixture(scope="module")
def open_formats(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The open formats of what was built."""
    folder = tmp_path_factory.mktemp("published")
    published = Published(folder.as_uri())
    built.warehouse.publish(published, published_models())
    for each in OPEN_FORMATS:
        export(published, each)
    return folder


def coordinates(geometry: Any) -> list[tuple[float, ...]]:
    return [point for line in getattr(geometry, "geoms", [geometry]) for point in line.coords]


def test_no_coordinate_on_a_map_differs_from_silver(built: Project, open_formats: Path) -> None:
    places = "longitude, latitude, elevation_m"
    for layer, table, key in (("waypoints", "dim_waypoints", "rover, site, drive"), ("photos", "fact_photos", "photo_key")):
        found = geopandas.read_parquet(open_formats / "geo" / f"{layer}.parquet")
        found = found[found.geometry.notna()].sort_values(key.split(", "))
        placed = built.query(f"select {places} from silver.{table} where longitude is not null order by {key}")
        assert [coordinates(each) for each in found.geometry] == [[place] for place in placed] != []
    path = geopandas.read_parquet(open_formats / "geo" / "path.parquet")
    shapes = [json.loads(text) for (text,) in built.query("select geometry from silver.fact_path order by rover, leg")]
    for drawn, shape in zip(path.geometry, shapes, strict=True):
        lines = shape["coordinates"] if shape["type"] == "MultiLineString" else [shape["coordinates"]]
        assert coordinates(drawn) == [tuple(point) for line in lines for point in line]


def test_proj_measures_the_distance_driven_on_the_reference_system_of_the_path(open_formats: Path) -> None:
    path = geopandas.read_parquet(open_formats / "geo" / "path.parquet")
    metres = path.geometry.map(path.crs.get_geod().geometry_length)
    assert metres.sum() == pytest.approx(path.length_m.sum(), rel=0.001)
    # Legs that overlap add less to the distance than they are long.
    alone = path.distance_m == path.length_m
    assert alone.sum() > 400
    assert metres[alone].sum() == pytest.approx(path.distance_m[alone].sum(), rel=0.001)


def test_every_photo_is_an_item_once(built: Project, open_formats: Path) -> None:
    files = list((open_formats / "stac").glob("*/*.parquet"))
    items = [key for file in files for key in pq.read_table(file)["id"].to_pylist()]
    keys = [key.replace("|", ".", 2) for (key,) in built.query("select photo_key from silver.fact_photos")]
    assert sorted(items) == sorted(keys)


def photo(number: int, sol: int) -> dict[str, Any]:
    url = f"http://mars.nasa.gov/2P{126_000_000 + number}EFFA00AP2303L5M1-BR.JPG"
    return {"id": number, "sol": sol, "camera": {"name": "PANCAM"}, "img_src": url, "earth_date": "2004-01-05"}


def test_replaced_documents_leave_exactly_their_new_photos(built: Project) -> None:
    """After the others, because it changes the warehouse that they share."""
    others = built.query(OTHERS)
    built.warehouse.load(
        [
            photos("spirit", 1, [], hours=1),
            # A stray of sol 3, a repeat whose last report stands, numbers as text, an unknown camera and unknown fields.
            photos(
                "spirit",
                2,
                [
                    photo(1, 2),
                    photo(2, 3),
                    photo(1, 2) | {"earth_date": "2004-01-06"},
                    photo(3, 2) | {"sol": "2", "id": "3", "x": {"y": [1]}},
                    photo(4, 2) | {"camera": {"name": "PERISCOPE"}},
                    {"id": 5, "sol": 2},
                ],
                count=4,
                promised=9,
                complete=False,
            ),
        ]
    )
    built.build(*PRODUCTION)
    rows = built.query(
        "select source_id, camera, camera_role, product_type, site, drive, earth_date::varchar"
        " from silver.fact_photos where rover = 'spirit' order by source_id"
    )
    assert rows == [
        ("1", "PANCAM", "mast", "full", 100, 1036, "2004-01-06"),
        ("3", "PANCAM", "mast", "full", 100, 1036, "2004-01-05"),
        ("4", "PERISCOPE", "unknown", "full", 100, 1036, "2004-01-05"),
        ("5", "UNKNOWN", "unknown", None, None, None, None),
    ]
    gaps = built.query("select found, reason from gold.photo_gaps where rover = 'spirit' and sol = 2")
    assert gaps == [(4, "short")]
    assert built.query(OTHERS) == others
    ((rows_of_old,),) = built.query("select count(*) from silver.photo_records where sol = 1 and rover = 'spirit'")
    assert rows_of_old == 0


def test_every_drift_of_the_waypoints_file_gives_its_waypoints(built: Project, real_payloads: Path) -> None:
    files = sorted(real_payloads.glob("mmgis_drift_m20_waypoints_*.json"))
    names = {f"drift{chr(97 + number)}": file for number, file in enumerate(files)}
    built.warehouse.load(
        bronze_object(Kind.WAYPOINTS, name, file.read_bytes(), source="mmgis") for name, file in names.items()
    )
    built.build("--select", "+dim_waypoints", *PRODUCTION)
    rows = built.query("select rover, site, drive, longitude, latitude from silver.dim_waypoints where rover like 'drift%'")
    found = {name: {row[1:3]: row[3:] for row in rows if row[0] == name} for name in names}
    for name, file in names.items():
        features = json.loads(file.read_text())["features"]
        places = {
            tuple(map(int, feature["properties"]["RMC"].split("_"))): pytest.approx(
                tuple(feature["geometry"]["coordinates"][:2]), abs=1e-6
            )
            for feature in features
            if feature["geometry"]
        }
        assert found[name] == places, file.name
