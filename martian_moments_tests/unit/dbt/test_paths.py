"""The paths of all four rovers and the PDS index, from NASA's own files through dialect and document to silver.

What is expected is computed here from the files, by other means than the models'.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Callable, Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from martian_moments.domain.documents import Document, Kind, decode_text, encode
from martian_moments.domain.rovers import MARS_RADIUS_M, ROVERS, MarsTime
from martian_moments.lake.store import Lake
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.mer import MER
from martian_moments.nasa.mmgis import MMGIS
from martian_moments.nasa.pds import PDS
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object

PRODUCTION = ("--exclude", "resource_type:unit_test")
PDS_URL = "https://pds.test/img"
PATHS = ("--select", "+fact_path", "+dim_waypoints", "+stg_pds__photos", "+stg_pds__volumes", "+stg_pds__manifest_sols")
MAPS = {
    ("perseverance", Kind.TRAVERSE): "mmgis_m20_traverse_2026-04.json",
    ("perseverance", Kind.WAYPOINTS): "mmgis_m20_waypoints_full_2024-04-04.json",
    ("curiosity", Kind.TRAVERSE): "mmgis_msl_traverse_2026-04.json",
    ("spirit", Kind.TRAVERSE): "mer_spirit_traverse_path_pds.csv",
    ("spirit", Kind.WAYPOINTS): "mer_spirit_traverse_mera_from_dbf.csv",
}
Point = tuple[float, float]

Ask = Callable[[PoliteClient], Coroutine[Any, Any, Document]]


async def fetched(ask: Ask, handler: Callable[[httpx.Request], httpx.Response]) -> BronzeObject:
    """What bronze gets of the document that a dialect makes of a response."""
    transport = httpx.MockTransport(handler)
    async with PoliteClient(requests_per_minute=1e6, concurrency=1, backoff=0.0, transport=transport) as client:
        document = await ask(client)
    key, body = document.header.key, encode(document)
    return BronzeObject(key, key, document.header, decode_text(key, body))


async def map_of(rover: str, kind: Kind, body: bytes) -> BronzeObject:
    def ask(client: PoliteClient) -> Coroutine[Any, Any, Document]:
        source = MMGIS(client, "https://maps.test") if ROVERS[rover].mmgis else MER(client, "https://mer.test")
        return source.traverse(rover) if kind is Kind.TRAVERSE else source.waypoints(rover)

    return await fetched(ask, lambda request: httpx.Response(200, content=body))


def curiositys_waypoints(payloads: Path) -> list[tuple[int, Point]]:
    with (payloads / "mmgis_msl_waypoints_derived_first214.csv").open() as file:
        return [(int(row["sol"]), (float(row["lng"]), float(row["lat"]))) for row in csv.DictReader(file)]


def feature(number: int, sol: int, at: Point) -> dict[str, Any]:
    properties = {"RMC": f"{number}_0", "site": number, "drive": 0, "sol": sol, "drive_type": "final", "dist_total_m": None}
    return {"type": "Feature", "properties": properties, "geometry": {"type": "Point", "coordinates": [*at, -4500.0]}}


async def path_documents(payloads: Path, folder: Path) -> list[BronzeObject]:
    """The maps of all rovers, and what the archive has of Opportunity. The index of the archive is kept in the folder."""
    maps = [await map_of(rover, kind, (payloads / name).read_bytes()) for (rover, kind), name in MAPS.items()]
    # The real positions and sols of Curiosity's first 214 waypoints; their motion counters were not kept.
    features = [feature(number, sol, at) for number, (sol, at) in enumerate(curiositys_waypoints(payloads))]
    collection = json.dumps({"type": "FeatureCollection", "features": features}).encode()
    lake, scratch = Lake((folder / "lake").as_uri()), folder / "scratch"
    scratch.mkdir()

    def archive(request: httpx.Request) -> httpx.Response:
        if "mer1po_0xxx" not in request.url.path:
            return httpx.Response(404)
        name = "mer_edrindex.lbl" if request.url.path.endswith(".lbl") else "mer_edrindex_row_sample.tab"
        return httpx.Response(200, content=(payloads / name).read_bytes())

    return [
        *maps,
        await map_of("curiosity", Kind.WAYPOINTS, collection),
        # No file of Opportunity was kept: the origin of its map, which is the landing site.
        await map_of("opportunity", Kind.WAYPOINTS, b"SITE,DRIVE,CORRECTED_X,CORRECTED_Y\n0,0,0,0\n"),
        await fetched(lambda client: PDS(client, PDS_URL, lake, scratch).manifest("opportunity"), archive),
        await fetched(lambda client: PDS(client, PDS_URL, lake, scratch).photos("opportunity", 1), archive),
    ]


@pytest.fixture(scope="module")
async def built(project: Callable[[], Project], real_payloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = project()
    made.warehouse.load(
        [
            *await path_documents(real_payloads, tmp_path_factory.mktemp("paths")),
            bronze_object(
                Kind.PHOTOS, "opportunity", (real_payloads / "v1_photos_opportunity_sol1_2023-07.json").read_bytes(), sol=1
            ),
        ]
    )
    made.build(*PATHS, "+stg_v1__photos", *PRODUCTION)
    return made


def sphere_m(a: Point, b: Point) -> float:
    (lon_a, lat_a), (lon_b, lat_b) = (tuple(map(math.radians, point)) for point in (a, b))
    inner = math.sin(lat_a) * math.sin(lat_b) + math.cos(lat_a) * math.cos(lat_b) * math.cos(lon_b - lon_a)
    return MARS_RADIUS_M * math.acos(min(1.0, inner))


def near_m(a: Point, b: Point) -> float:
    east = math.radians(b[0] - a[0]) * math.cos(math.radians(a[1]))
    return MARS_RADIUS_M * math.hypot(east, math.radians(b[1] - a[1]))


def test_the_distances_driven_are_true(built: Project, real_payloads: Path) -> None:
    rows = built.query("select rover, count(*), sum(distance_m) from silver.fact_path group by rover")
    found = {rover: (legs, distance) for rover, legs, distance in rows}
    assert found["perseverance"] == (522, pytest.approx(41_737.78, abs=0.5))
    assert found["spirit"][1] == pytest.approx(7_210, abs=5)
    lengths = [
        leg["properties"]["Length"]
        for leg in json.loads((real_payloads / MAPS["curiosity", Kind.TRAVERSE]).read_text())["features"]
    ]
    # Every metre of the path as published, the leg that the file reports twice (its features 2 and 3) counted once.
    assert lengths[2] == lengths[3] == 13.86
    assert found["curiosity"][1] == pytest.approx(sum(lengths) - 13.86, abs=0.2) == pytest.approx(36_821.4, abs=0.2)


def test_spirits_path_is_the_walk_through_its_places(built: Project, real_payloads: Path) -> None:
    with (real_payloads / MAPS["spirit", Kind.TRAVERSE]).open(newline="") as file:
        lines = list(csv.DictReader(file))
    reported = sorted(
        (*(int(line[name]) for name in ("SITE", "DRIVE", "START_SOL", "END_SOL")), n) for n, line in enumerate(lines)
    )
    places = {line[:2]: lines[line[4]] for line in reported}
    sols = {place: min(line[2] for line in reported if line[:2] == place) for place in list(places)[-50:]}
    at = {place: (float(line["CORRECTED_X"]), float(line["CORRECTED_Y"])) for place, line in places.items()}
    rows = built.query(
        "select from_site, from_drive, to_site, to_drive, sol, length_m from silver.fact_path"
        " where rover = 'spirit' order by leg"
    )
    assert [((row[0], row[1]), (row[2], row[3])) for row in rows] == list(pairwise(at))
    assert [row[5] for row in rows] == [pytest.approx(math.dist(at[a], at[b])) for a, b in pairwise(at)]
    assert {(row[2], row[3]): row[4] for row in rows[-50:]} == sols
    assert rows[-1][2:5] == (138, 1230, 2169)


def test_spirits_places_have_the_longitude_and_latitude_of_the_copy_that_states_them(
    built: Project, real_payloads: Path
) -> None:
    with (real_payloads / MAPS["spirit", Kind.WAYPOINTS]).open(newline="") as file:
        stated: dict[tuple[int, int], set[Point]] = {}
        for line in csv.DictReader(file):
            stated.setdefault((int(line["SITE"]), int(line["DRIVE"])), set()).add((float(line["LON"]), float(line["LAT"])))
    rows = built.query("select site, drive, longitude, latitude from silver.dim_waypoints where rover = 'spirit'")
    assert {(row[0], row[1]) for row in rows} == set(stated)
    for site, drive, *at in rows:
        assert any(at == pytest.approx(each, abs=1.1e-6) for each in stated[site, drive]), (site, drive)
    assert len(stated) == 8_475


def test_curiositys_legs_lead_from_each_waypoint_to_the_next(built: Project, real_payloads: Path) -> None:
    waypoints = curiositys_waypoints(real_payloads)
    rows = built.query(
        "select from_site, to_site, sol, sol_method, length_m, geometry from silver.fact_path"
        " where rover = 'curiosity' order by leg"
    )
    matched = [row for row in rows if row[3] == "waypoints"]
    for start, end, sol, _, length, geometry in matched:
        points = [tuple(point[:2]) for point in json.loads(geometry)["coordinates"]]
        assert near_m(points[0], waypoints[start][1]) <= 0.3
        assert near_m(points[-1], waypoints[end][1]) <= 0.3
        assert sol == waypoints[end][0] > waypoints[start][0]
        # Three of the published lengths are metres off their own line; none of these.
        assert length == pytest.approx(sum(near_m(a, b) for a, b in pairwise(points)), abs=0.05)
    steps = [(row[0], row[1]) for row in matched]
    assert steps == sorted(steps)
    # One to one, but for waypoint 0 (where waypoint 1 is too), 40 (no vertex within 5 cm) and 174 (1.2 m off the next leg).
    assert steps == [pair for pair in [*pairwise(n for n in range(1, 214) if n != 40)] if pair != (174, 175)]
    (other,) = [row for row in rows if row[3] == "last_waypoint"]
    assert other[:3] == (None, 175, 597)
    # What lies beyond the known waypoints is there, without a sol, in the order of the file.
    beyond = rows[len(matched) + 1 :]
    assert len(beyond) == 1_116
    assert {row[2:4] for row in beyond} == {(None, None)}


def test_the_sum_of_curiositys_split_feature_is_its_published_length(built: Project) -> None:
    ((legs, metres),) = built.query(
        "select count(*), sum(length_m) from silver.fact_path where rover = 'curiosity' and sol <= 329"
    )
    assert (legs, metres) == (56, pytest.approx(935.64, abs=0.2))


def test_longitudes_are_east_positive_everywhere(built: Project) -> None:
    """Opportunity's map lies west of its meridian; the landing site is 1.9483 S 354.4742 E in NASA's own facts."""
    rows = built.query("select rover, min(longitude), min(latitude) from silver.dim_waypoints group by rover order by rover")
    at = {rover: (longitude, latitude) for rover, longitude, latitude in rows}
    assert at["opportunity"] == pytest.approx((354.4742, -1.9483), abs=3e-4)
    assert at["spirit"] == pytest.approx((175.48, -14.6), abs=0.05)
    assert all(0 <= longitude < 360 for longitude, _ in at.values())


def test_the_real_line_of_the_pds_is_the_twin_of_its_v1_photo(built: Project) -> None:
    (twin,) = built.query(
        "select source_id, sol, camera, image_url, taken_at_utc at time zone 'UTC', site, drive, product_type, is_thumbnail"
        " from silver.stg_pds__photos"
    )
    identity = "1P128287181EFF0000P2303L2M1"
    ((sol, camera),) = built.query(
        f"select sol, camera from silver.stg_v1__photos where image_url like '%/{identity}-BR.JPG'"
    )
    assert (twin[0], twin[1], twin[5:]) == (identity, sol, (0, 0, "full", False))
    assert (twin[2], camera) == ("PANCAM_LEFT", "PANCAM")
    # The address that was seen to respond: the twin of the volume's data folder.
    assert twin[3] == (
        "https://planetarydata.jpl.nasa.gov/img/data/mer/opportunity/mer1po_0xxx/browse/sol0001/edr/"
        f"{identity.lower()}.img.jpg"
    )
    assert twin[4].isoformat() == "2004-01-25T07:18:28"
    # 15:32:30 local true solar time, which in that season of Mars is some minutes from mean time; v1 says 2004-01-26.
    clock = ROVERS["opportunity"].mars_time_of(twin[4].replace(tzinfo=ROVERS["opportunity"].first_midnight.tzinfo))
    assert clock.sol == 1
    assert abs(clock.seconds - (MarsTime.parse("Sol-00001M15:32:30") or clock).seconds) < 3_600


def test_the_pds_manifest_promises_what_its_index_holds_and_says_what_is_wrong_with_it(built: Project) -> None:
    assert built.query("select rover, sol, photos_promised, max_sol from silver.stg_pds__manifest_sols") == [
        ("opportunity", 1, 1, 1)
    ]
    volumes = built.query("select volume, is_present, lines, lines_stated, lines_unread from silver.stg_pds__volumes")
    assert sorted(volumes) == [
        (f"mer1{letter}o_0xxx", False, 0, None, 0) if letter != "p" else ("mer1po_0xxx", True, 1, 203_550, 0)
        for letter in "dhmnp"
    ]


def warnings(project: Project, *names: str) -> dict[str, int]:
    printed = project.build("--select", *names)
    return {name: int(count) for count, name in re.findall(r"WARN (\d+) (\w+) \.\.", printed)}


def test_nothing_of_a_drifted_file_vanishes_and_what_cannot_be_used_is_counted(built: Project, real_payloads: Path) -> None:
    """After the others, because it adds rovers to the warehouse that they share."""
    files = sorted(real_payloads.glob("mmgis_drift_m20_waypoints_*.json"))
    assert len(files) == 8
    contents = {f"drift{chr(97 + number)}": json.loads(file.read_text()) for number, file in enumerate(files)}
    renamed = {"type": "Feature", "properties": {"Rmc": "1_2", "Sol": 4, "lengthm": 3.5}, "geometry": None}
    odd_legs = [
        renamed,
        {
            "type": "Feature",
            "properties": {"fromRMC": "1_0", "toRMC": "1_2", "length": "12.5", "sol": "7"},
            "geometry": None,
        },
        {"type": "Feature", "properties": {"fromRMC": "1_2", "toRMC": None, "length": 2, "sol": 8}, "geometry": None},
        {"type": "Feature", "properties": {"fromRMC": "", "toRMC": "", "length": 0, "sol": 0}, "geometry": None},
        {"type": "Feature", "properties": None, "geometry": None},
    ]
    # One leg without counters beside one with them; numbers that no column holds.
    track = {"type": "LineString", "coordinates": [[77.4, 18.4], [77.4001, 18.4001]]}
    mixed_legs = [
        {"type": "Feature", "properties": None, "geometry": track},
        {
            "type": "Feature",
            "properties": {"fromRMC": "1_0", "toRMC": "1_2", "length": 2, "sol": 1e12, "SCLK_START": "nan"},
            "geometry": track,
        },
        {
            "type": "Feature",
            "properties": {"fromRMC": "99999999999_0", "toRMC": "1_2", "length": "inf", "sol": "NaN"},
            "geometry": None,
        },
    ]
    # As the map server had it twice in March 2022.
    blank = {"type": "Feature", "properties": {"RMC": "", "sol": 0, "dist_m": 0, "lon": None, "lat": None}, "geometry": None}
    contents["driftz"] = {"features": [blank, *contents["drifta"]["features"]]}
    before = warnings(built, "no_waypoint_is_left_out", "no_leg_is_left_out")
    assert before == {"no_leg_is_left_out": 1}
    built.warehouse.load(
        [
            *(
                bronze_object(Kind.WAYPOINTS, name, json.dumps(content).encode(), source="mmgis")
                for name, content in contents.items()
            ),
            bronze_object(Kind.TRAVERSE, "odd", json.dumps({"features": odd_legs}).encode(), source="mmgis"),
            bronze_object(Kind.TRAVERSE, "mixed", json.dumps({"features": mixed_legs}).encode(), source="mmgis"),
        ]
    )
    built.build("--select", "+fact_path", "+dim_waypoints", *PRODUCTION)
    staged = dict(
        built.query("select rover, count(*) from silver.stg_mmgis__waypoints where rover like 'drift%' group by 1")
    )
    assert staged == {name: len(content["features"]) for name, content in contents.items() if content["features"]}
    places = built.query("select count(*) from silver.dim_waypoints where rover like 'drift%'")
    assert places == [(sum(staged.values()) - 1,)]
    # A number that comes as text is one.
    legs = built.query("select sol, from_drive, to_drive, length_m from silver.fact_path where rover = 'odd'")
    assert legs == [(7, 0, 2, 12.5)]
    legs = built.query("select leg, sol, to_drive, length_m > 1 from silver.fact_path where rover = 'mixed' order by leg")
    assert legs == [(1, None, 2, True), (2, None, None, True)]
    # The renamed leg and the bare one have no length. The names of fields are tested in test_drift.py.
    assert warnings(built, "no_waypoint_is_left_out", "no_leg_is_left_out") == {
        "no_waypoint_is_left_out": 1,
        "no_leg_is_left_out": 1 + 2 + 4 + 3,
    }
