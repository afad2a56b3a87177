"""What the maps do not report is null or uncertain, never exact: odometers of 0, holes, legs of several sols and of none.

NASA's own files wherever there is one. What is expected is read from them here, or was reported by NASA.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object, photos
from martian_moments_tests.unit.dbt.test_paths import map_of, warnings
from martian_moments_tests.unit.dbt.test_real_data import PRODUCTION

RECORD_M = 411
"""The longest drive of any rover in one sol: Perseverance, sol 1540 (NASA, June 2025)."""

FILES = {
    ("perseverance", Kind.TRAVERSE): "mmgis_m20_traverse_2026-04.json",
    ("perseverance", Kind.WAYPOINTS): "mmgis_drift_m20_waypoints_2023-10-25_full.json",
    ("curiosity", Kind.TRAVERSE): "mmgis_msl_traverse_2026-04.json",
    ("curiosity", Kind.WAYPOINTS): "mmgis_msl_waypoints_current_2026-04.json",
    ("spirit", Kind.TRAVERSE): "mer_spirit_traverse_path_pds.csv",
    ("spirit", Kind.WAYPOINTS): "mer_spirit_traverse_path_pds.csv",
}
HOLE = """\
SITE,DRIVE,START_SOL,END_SOL,CORRECTED_X,CORRECTED_Y
0,0,1,60,0,0
63,90,600,630,10,0
64,0,630,639,30,0
65,0,755,760,211,0
"""
"""Opportunity's map around its hole: no row of the sols 640 to 754, the next place 181 m on."""

SPIRITS_HOLE = range(1100, 1400)
"""Sols of Spirit that a copy of its real map leaves out."""

Counter = tuple[int | None, int | None]


def m20(rover: str, sol: int, *counters: Counter, **more: Any) -> BronzeObject:
    """One image of the feed at each motion counter."""
    images = [
        {
            "imageid": f"image{sol}x{number}",
            "sol": sol,
            "camera": {"instrument": "NAVCAM_LEFT"},
            "site": "UNK" if site is None else site,
            "drive": "UNK" if drive is None else str(drive),
        }
        | more
        for number, (site, drive) in enumerate(counters)
    ]
    body = json.dumps({"images": images}).encode()
    return bronze_object(Kind.PHOTOS, rover, body, source="m20", sol=sol, count=len(images), promised=len(images))


def waypoints(rover: str, *properties: dict[str, Any]) -> BronzeObject:
    features = [{"type": "Feature", "properties": each, "geometry": None} for each in properties]
    return bronze_object(Kind.WAYPOINTS, rover, json.dumps({"features": features}).encode(), source="mmgis")


def legs(rover: str, *properties: dict[str, Any]) -> BronzeObject:
    track = {"type": "LineString", "coordinates": [[77.4, 18.4], [77.4001, 18.4001]]}
    features = [{"type": "Feature", "properties": each, "geometry": track} for each in properties]
    return bronze_object(Kind.TRAVERSE, rover, json.dumps({"features": features}).encode(), source="mmgis")


def places(rover: str, *lines: dict[str, str], kind: Kind = Kind.WAYPOINTS) -> BronzeObject:
    return bronze_object(kind, rover, json.dumps({"places": lines}).encode(), source="mer")


def spirit_without(payloads: Path, sols: range) -> list[dict[str, str]]:
    """Spirit's real map without the lines of some sols, and with degrees: no other rover has the origin of its metres."""
    rows = list(csv.DictReader((payloads / FILES["spirit", Kind.WAYPOINTS]).open()))
    kept = [row for row in rows if int(row["START_SOL"]) not in sols and int(row["END_SOL"]) not in sols]
    assert 0 < len(kept) < len(rows)
    for row in kept:
        row["LON"] = str(175.5 + math.degrees(float(row["CORRECTED_X"]) / 3_396_190))
        row["LAT"] = str(math.degrees(float(row["CORRECTED_Y"]) / 3_396_190))
    return kept


@pytest.fixture(scope="module")
async def built(project: Callable[[], Project], real_payloads: Path, cases: Path) -> Project:
    made = project()
    zero = (cases / "zero-odometer-waypoints.json").read_bytes()
    before_final = (real_payloads / "mmgis_drift_m20_waypoints_current_2021-07-06.json").read_bytes()
    sol_0 = json.loads((real_payloads / "v1_photos_perseverance_sol0_2023-07.json").read_text())["photos"]
    gusev = spirit_without(real_payloads, SPIRITS_HOLE)
    made.warehouse.load(
        [
            *[await map_of(rover, kind, (real_payloads / name).read_bytes()) for (rover, kind), name in FILES.items()],
            *[await map_of("opportunity", kind, HOLE.encode()) for kind in (Kind.TRAVERSE, Kind.WAYPOINTS)],
            *(places("gusev", *gusev, kind=kind) for kind in (Kind.TRAVERSE, Kind.WAYPOINTS)),
            bronze_object(Kind.WAYPOINTS, "zero", zero, source="mmgis"),
            bronze_object(Kind.WAYPOINTS, "july", before_final, source="mmgis"),
            photos("perseverance", 0, sol_0),
            *(m20("perseverance", sol, (1, 0), (2, 0), (None, None)) for sol in (1, 12)),
            m20("perseverance", 13, (3, 0), (None, None)),
            m20("perseverance", 908, (44, 2258)),
            m20("perseverance", 950, (46, 1870)),
            m20("perseverance", 952, (46, 1870), (46, 2452), (46, 3032)),
            m20("zero", 952, (46, 1870), (46, 2452), (46, 3032)),
            m20("july", 134, (5, 894)),
            *(m20("curiosity", sol, (None, None)) for sol in (86, 1000, 4867, 4868)),
            *(m20("opportunity", sol, (64, 0), (64, 30), (None, None)) for sol in (640, 700, 754)),
            *(m20("spirit", sol, (None, None)) for sol in (1, 1000, 2209)),
            *(m20("gusev", sol, (None, None)) for sol in (SPIRITS_HOLE[0], SPIRITS_HOLE[-1])),
        ]
    )
    made.build(*PRODUCTION)
    return made


def located(built: Project, rover: str, sol: int) -> dict[Counter, tuple[Any, ...]]:
    columns = "location_method, location_quality, location_uncertainty_m, distance_driven_m, distance_driven_method"
    rows = built.query(f"select site, drive, {columns} from gold.photo_locations where rover = '{rover}' and sol = {sol}")
    return {row[:2]: row[2:] for row in rows}


@pytest.mark.parametrize("rover", ["perseverance", "zero"])
def test_an_odometer_of_zero_behind_the_landing_place_is_none_and_nothing_is_interpolated_through_it(
    built: Project, rover: str
) -> None:
    """NASA's file of 2023-10-25 says 0 at the final waypoint of the day, 46_3032: 21,733.909 the day after."""
    at = located(built, rover, 952)
    assert at[46, 1870] == ("rmc", "exact", 0, 21_496.42, "odometer")
    assert at[46, 3032] == ("rmc", "exact", 0, None, None)
    method, quality, uncertainty, distance, distance_method = at[46, 2452]
    assert (method, quality, distance, distance_method) == ("rmc_interpolated", "interpolated", None, None)
    assert uncertainty > 100


def test_the_landing_places_own_zero_is_one_and_a_file_without_final_is_no_exception(built: Project) -> None:
    reported = "from silver.dim_waypoints where distance_total_method = 'odometer'"
    assert built.query(f"select rover, site, drive {reported} and distance_total_m = 0") == [("perseverance", 3, 0)]
    assert located(built, "july", 134)[5, 894][3:] == (None, None)


def test_an_odometer_that_is_not_believed_is_reported(built: Project, real_payloads: Path) -> None:
    assert warnings(built, "odometers_never_fall") == {"odometers_never_fall": 3}
    features = json.loads((real_payloads / FILES["perseverance", Kind.WAYPOINTS]).read_text())["features"]
    reported = {feature["properties"]["RMC"]: feature["properties"]["dist_total_m"] for feature in features}
    rows = built.query("select site, drive, distance_total_m from silver.dim_waypoints where rover = 'perseverance'")
    assert {f"{site}_{drive}": distance for site, drive, distance in rows} == {
        place: distance if distance or place == "3_0" else None for place, distance in reported.items()
    }


def test_before_its_first_drive_perseverance_is_where_it_landed_whatever_site_it_counts(
    built: Project, real_payloads: Path
) -> None:
    features = json.loads((real_payloads / FILES["perseverance", Kind.WAYPOINTS]).read_text())["features"]
    landing = features[0]["properties"]
    rows = built.query(
        "select sol, longitude, latitude, location_quality, location_uncertainty_m, distance_driven_m, count(*)"
        " from silver.fact_photos where rover = 'perseverance' and sol <= 13 group by all order by sol"
    )
    at = (landing["lon"], landing["lat"])
    assert {row[1:3] for row in rows if row[0] < 13} == {at}
    assert [(row[0], *row[3:]) for row in rows if row[0] < 13] == [
        (0, "parked", 0, 0, 54),
        (1, "parked", 0, 0, 3),
        (12, "parked", 0, 0, 3),
    ]


def test_in_the_hole_of_opportunitys_map_nothing_is_exact_but_the_counter_of_the_waypoint_itself(built: Project) -> None:
    for sol in (640, 700, 754):
        at = located(built, "opportunity", sol)
        assert at[64, 0] == ("rmc", "exact", 0, 30, "path")
        assert at[64, 30][:3] == ("rmc_interpolated", "uncertain", pytest.approx(181, abs=0.2))
        assert at[None, None][:3] == ("sol_interpolated", "uncertain", pytest.approx(181, abs=0.2))
    rows = built.query("select sol, first_sol, last_sol, distance_m from silver.fact_path where rover = 'opportunity'")
    assert (755, 639, 755, 181) in rows
    reported = "select sol, legs, distance_m, distance_at_least_m, distance_at_most_m from gold.daily_activity"
    assert built.query(f"{reported} where rover = 'opportunity' and sol in (640, 700, 754, 755) order by sol") == [
        (sol, None, None, 0, 181) for sol in (640, 700, 754, 755)
    ]


def test_of_legs_without_a_sol_no_sol_has_the_distance_and_none_is_called_parked(built: Project) -> None:
    """Curiosity's whole map beside its newest waypoint only: 36,766 of 36,821 m have no sol."""
    reported = "select sol, legs, distance_m, distance_at_least_m, distance_at_most_m from gold.daily_activity"
    (without,) = built.query("select sum(distance_m) from silver.fact_path where rover = 'curiosity' and sol is null")
    assert without == (pytest.approx(36_766.4, abs=0.1),)
    unknown = (None, None, 0, pytest.approx(without[0], abs=0.001))
    assert built.query(f"{reported} where rover = 'curiosity' order by sol") == [
        (86, *unknown),
        (1000, *unknown),
        (4867, *unknown),
        (4868, 1, 55.03, 55.03, 55.03),
    ]
    columns = "sols, known_sols, driving_sols, photos, photos_per_driving_sol, photos_per_parked_sol, correlation"
    assert built.query(f"select {columns} from gold.camera_travel_correlation where rover = 'curiosity'") == [
        (4, 1, 1, 4, 1, None, None)
    ]
    share = "select path_placed_share * path_length_m from gold.rover_summary where rover = 'curiosity'"
    assert built.query(share) == [(pytest.approx(55.03, abs=0.05),)]


def test_a_leg_of_several_sols_says_so_and_no_sol_is_longer_than_the_record(built: Project, real_payloads: Path) -> None:
    features = json.loads((real_payloads / FILES["perseverance", Kind.TRAVERSE]).read_text())["features"]
    clocks = [(each["SCLK_START"], each["SCLK_END"]) for each in (feature["properties"] for feature in features)]
    path = "from silver.fact_path where rover = 'perseverance'"
    assert sorted(built.query(f"select sclk_start, sclk_end {path}")) == sorted(clocks)
    assert built.query(f"select first_sol, last_sol, distance_m {path} and first_sol < last_sol order by sol") == [
        (13, 14, 6.25),
        (390, 394, 128.81),
        (908, 909, 473.96),
    ]
    activity = "from gold.daily_activity where rover = 'perseverance'"
    assert built.query(f"select max(distance_m) < {RECORD_M} {activity}") == [(True,)]
    assert (
        built.query(f"select legs, distance_m, distance_at_most_m {activity} and sol in (908, 909)")
        == [(None, None, 473.96)] * 2
    )
    assert "WARN=0" in built.build("--select", "legs_are_plausibly_long")


def test_the_path_and_the_odometer_are_two_distances_with_two_names(built: Project) -> None:
    columns = "rover, distance_m = path_length_m, round(path_length_m, 1), odometer_m"
    assert built.query(f"select {columns} from gold.rover_summary order by rover") == [
        ("curiosity", True, 36_821.4, 37_170.64),
        ("opportunity", True, 211, None),
        ("perseverance", True, 41_737.7, 21_496.42),
        ("spirit", True, 7_209.9, None),
    ]
    assert located(built, "spirit", 2209)[None, None][3:] == (pytest.approx(7_209.9, abs=0.1), "path")


def test_placeholders_of_every_number_in_every_dialect_are_unknown(built: Project) -> None:
    """Beside each the values that look alike and are numbers."""
    waypoint = {
        "RMC": "3_0",
        "sol": 0,
        "lon": 77.1,
        "lat": 18.1,
        "elev_geoid": -1.0,
        "dist_m": 0,
        "dist_total_m": 5,
        "yaw": 0,
    }
    leg = {"fromRMC": "3_0", "toRMC": "3_9", "sol": 0, "length": 0, "SCLK_START": 1, "SCLK_END": 2}
    place = {"SITE": "0", "DRIVE": "0", "START_SOL": "1", "END_SOL": "1", "CORRECTED_X": "0", "CORRECTED_Y": "0"}
    line = {"PRODUCT_ID": "p", "PLANET_DAY_NUMBER": "1", "INSTRUMENT_ID": "MI", "ROVER_MOTION_COUNTER": '("0","0")'}
    item = {"id": 1, "sol": 1, "instrument": "MAST_LEFT", "site": 0, "drive": 0, "spacecraft_clock": 1.5}
    image = {"imageid": "i", "sol": 1, "camera": {"instrument": "X"}, "site": 0, "drive": "0", "extended": {"sclk": "1.5"}}

    def listed(rover: str, source: str, array: str, records: Iterable[dict[str, Any]]) -> BronzeObject:
        body = json.dumps({array: list(records)}).encode()
        return bronze_object(Kind.PHOTOS, rover, body, source=source, sol=1, count=1, promised=1)

    unknown = (-1, -9999, "-9999", "-9999.0", "UNK", "N/A", "", None)
    for number, value in enumerate(unknown):
        far = -9999 if value == -1 else value
        text = "" if value is None else str(value)
        built.warehouse.load(
            [
                waypoints(
                    f"unknown{chr(97 + number)}",
                    waypoint,
                    waypoint
                    | dict.fromkeys(["sol", "dist_m", "dist_total_m"], value)
                    | dict.fromkeys(["lon", "lat", "elev_geoid", "yaw"], far),
                ),
                legs(
                    f"unknown{chr(97 + number)}",
                    leg,
                    leg | dict.fromkeys(["sol", "length", "SCLK_START", "SCLK_END"], value),
                ),
                places(
                    f"unknownmer{chr(97 + number)}",
                    place,
                    place
                    | dict.fromkeys(["SITE", "DRIVE", "START_SOL", "END_SOL"], text)
                    | dict.fromkeys(["CORRECTED_X", "CORRECTED_Y"], "" if far is None else str(far)),
                ),
                listed(
                    f"unknown{chr(97 + number)}",
                    "m20",
                    "images",
                    [
                        image,
                        image
                        | {"imageid": "j", "camera": {"instrument": "UNK"}, "site": value, "drive": value}
                        | {"extended": {"sclk": value}},
                    ],
                ),
                listed(
                    f"unknown{chr(97 + number)}",
                    "msl",
                    "items",
                    [item, item | {"id": 2, "site": value, "drive": value, "spacecraft_clock": value, "instrument": "N/A"}],
                ),
                listed(
                    f"unknown{chr(97 + number)}",
                    "pds",
                    "lines",
                    [
                        line | {"SPACECRAFT_CLOCK_START_COUNT": "1.5"},
                        line
                        | {"PRODUCT_ID": "q", "INSTRUMENT_ID": "UNK", "ROVER_MOTION_COUNTER": f'("{text}","{text}")'}
                        | {"SPACECRAFT_CLOCK_START_COUNT": text},
                    ],
                ),
            ]
        )
    # What only 0 says: no clock, no place, no elevation, no sol of Spirit and Opportunity.
    built.warehouse.load(
        [
            waypoints("nought", waypoint, waypoint | dict.fromkeys(["lon", "lat", "elev_geoid"], 0)),
            legs("nought", leg, leg | dict.fromkeys(["SCLK_START", "SCLK_END"], 0)),
            places("noughtmer", place, place | dict.fromkeys(["START_SOL", "END_SOL"], "0")),
            listed("nought", "m20", "images", [image, image | {"extended": {"sclk": "0"}}]),
            listed("nought", "msl", "items", [item, item | {"spacecraft_clock": 0}]),
            listed("nought", "pds", "lines", [line, line | {"SPACECRAFT_CLOCK_START_COUNT": "0.000"}]),
        ]
    )
    staged: dict[str, dict[str, Any]] = {
        "stg_mmgis__waypoints": {
            "sol": 0, "longitude": 77.1, "latitude": 18.1, "elevation_m": -1.0, "drive_m": 0, "distance_total_m": 5,
            "heading_deg": 0,
        },
        "stg_mmgis__legs": {"sol": 0, "length_m": 0, "sclk_start": 1, "sclk_end": 2},
        "stg_mer__places": {"site": 0, "drive": 0, "start_sol": 1, "end_sol": 1, "easting_m": 0, "northing_m": 0},
        "stg_m20__photos": {"site": 0, "drive": 0, "spacecraft_clock": 1.5, "camera": "X"},
        "stg_msl__photos": {"site": 0, "drive": 0, "spacecraft_clock": 1.5, "camera": "MAST_LEFT"},
        "stg_pds__photos": {"site": 0, "drive": 0, "spacecraft_clock": 1.5, "camera": "MI"},
    }  # fmt: skip
    for model, known in staged.items():
        columns = ", ".join(known)
        rows = built.query(f"select {columns} from silver.{model} where rover like 'unknown%' order by rover, position")
        assert rows == [tuple(known.values()), (None,) * len(known)] * len(unknown), model
    noughts = {
        "stg_mmgis__waypoints": ["longitude", "latitude", "elevation_m"],
        "stg_mmgis__legs": ["sclk_start", "sclk_end"],
        "stg_mer__places": ["start_sol", "end_sol"],
        "stg_m20__photos": ["spacecraft_clock"],
        "stg_msl__photos": ["spacecraft_clock"],
        "stg_pds__photos": ["spacecraft_clock"],
    }
    for model, absent in noughts.items():
        nulls = ", ".join(absent)
        rows = built.query(f"select {nulls} from silver.{model} where rover like 'nought%' order by position desc limit 1")
        assert rows == [(None,) * len(absent)], model


def test_metres_on_a_plane_map_whose_origin_nobody_knows_are_not_laid_out_from_another_rovers(built: Project) -> None:
    rows = built.query(
        "select distinct easting_m, longitude, latitude from silver.stg_mer__places where rover like 'unknown%'"
    )
    assert (0.0, None, None) in rows
    assert {row[1:] for row in rows} == {(None, None)}


def test_so_it_is_in_a_hole_of_spirits_real_map(built: Project, real_payloads: Path) -> None:
    rows = spirit_without(real_payloads, SPIRITS_HOLE)
    before = [row for row in rows if int(row["END_SOL"]) < SPIRITS_HOLE[0]]
    after = [row for row in rows if int(row["START_SOL"]) > SPIRITS_HOLE[-1]]
    last = max(before, key=lambda row: (int(row["SITE"]), int(row["DRIVE"])))
    first = min(after, key=lambda row: (int(row["SITE"]), int(row["DRIVE"])))
    ends = [(float(row["CORRECTED_X"]), float(row["CORRECTED_Y"])) for row in (last, first)]
    between = math.dist(*ends)
    assert between > 1
    for sol in (SPIRITS_HOLE[0], SPIRITS_HOLE[-1]):
        method, quality, uncertainty, *_ = located(built, "gusev", sol)[None, None]
        assert (method, quality) == ("sol_interpolated", "uncertain")
        # On the plane map without the cosine of the latitude, on the sphere with it.
        assert 0.9 * between < uncertainty < 1.1 * between
