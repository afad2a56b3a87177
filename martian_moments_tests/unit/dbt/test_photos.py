"""Identity, time and place of NASA's own records, whatever source reports them, beside what is known of them elsewhere."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.domain.rovers import ROVERS, MarsTime
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object
from martian_moments_tests.unit.dbt.test_feeds import m20_responses, msl_responses
from martian_moments_tests.unit.dbt.test_real_data import MANIFESTS, MAPS, PRODUCTION, SOLS

CLOCK_ZERO = datetime(2000, 1, 1, 11, 58, 55, 816_000, tzinfo=UTC)
TWIN = "1P128287181EFF0000P2303L2M1"
"""A picture of Opportunity's first sol, which both v1 and the row of the PDS index at hand report."""
TWIN_IDENTITY = "1P1282871810000P2303L2"
WRONG = "NLF_0001_0666995000_000ECM_N0010052AUT_04096_00_2I3J"
"""Like the one real record of February 2021 that is known: a UTC 4.5 hours late beside a right Mars time and clock."""
WRONG_AT = datetime(2021, 2, 19, 21, 46, tzinfo=UTC)


def page(source: str, rover: str, sol: int, array: str, records: list[Any]) -> BronzeObject:
    body = json.dumps({array: records}).encode()
    return bronze_object(Kind.PHOTOS, rover, body, source=source, sol=sol, count=len(records), promised=len(records))


def index_line(product: str, sol: int, **more: str) -> dict[str, str]:
    """A line of the PDS index as the document keeps it, with what the models read."""
    return {
        "PRODUCT_ID": product,
        "PLANET_DAY_NUMBER": f"{sol:04}",
        "INSTRUMENT_ID": "PANCAM_LEFT",
        "IMAGE_TYPE": "REGULAR",
        "PATH_NAME": f"/mer{product[0]}po_0xxx/data/sol{sol:04}/edr/",
        "FILE_NAME": f"{product.lower()}.img",
        "SPACECRAFT_CLOCK_START_COUNT": f"{product[2:11]}.621",
        "ROVER_MOTION_COUNTER": '{"0","0","1","34","0"}',
    } | more


def wrong_image() -> dict[str, Any]:
    on_mars = ROVERS["perseverance"].mars_time_of(WRONG_AT)
    return {
        "imageid": f"{WRONG}01",
        "sol": on_mars.sol,
        "camera": {"instrument": "NAVCAM_LEFT"},
        "sample_type": "Full",
        "date_taken_utc": "2021-02-20T02:16:21Z",
        "date_taken_mars": str(on_mars),
        "extended": {"sclk": f"{(WRONG_AT - CLOCK_ZERO).total_seconds() - 155:.3f}"},
    }


def objects_of_every_source(payloads: Path) -> list[BronzeObject]:
    """All real photo records and Perseverance's maps, and twins of one picture in two sources whose sols differ by one."""
    v1_photo = {"camera": {"name": "PANCAM"}, "earth_date": "2010-03-21"}
    spirit = "2P322473707EFFB27MP2303L2M1"
    return [
        *(
            bronze_object(Kind.PHOTOS, rover, (payloads / name).read_bytes(), sol=sol, count=count, promised=count)
            for (rover, sol), (name, count) in SOLS.items()
        ),
        *(
            bronze_object(kind, "perseverance", (payloads / name).read_bytes(), source="mmgis")
            for kind, name in MAPS.items()
        ),
        *(page("m20", "perseverance", sol, "images", each["images"]) for sol, each in m20_responses(payloads).items()),
        *(page("msl", "curiosity", sol, "items", each["items"]) for sol, each in msl_responses(payloads).items()),
        page("m20", "perseverance", 1, "images", [wrong_image()]),
        page("pds", "opportunity", 1, "lines", [index_line(TWIN, 1, START_TIME="2004-01-25T07:18:28Z")]),
        page("pds", "spirit", 2209, "lines", [index_line(spirit, 2209)]),
        page(
            "v1",
            "spirit",
            2208,
            "photos",
            [v1_photo | {"id": 4_550_001, "sol": 2208, "img_src": f"http://x/{spirit}-BR.JPG"}],
        ),
    ]


@pytest.fixture(scope="module")
def built(project: Callable[[], Project], real_payloads: Path) -> Project:
    made = project()
    made.warehouse.load(objects_of_every_source(real_payloads))
    made.build(*PRODUCTION, "--exclude", "resource_type:test", "--select", "+fact_photos", "+photo_provenance")
    return made


def reported(built: Project, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    """Of every source's records, also of those that were not chosen."""
    return built.query(f"select {columns} from silver.source_photos where {where} order by photo_key")


def test_utc_and_mars_time_of_a_real_record_agree_and_its_utc_stands(built: Project) -> None:
    rows = reported(
        built,
        "rover, epoch_ms(taken_at_utc), lmst, taken_at_method, is_time_disputed",
        "source in ('m20', 'msl') and sol > 1",
    )
    assert len(rows) == 1 + 1 + 13 + 5 + 3 + 16 + 1
    for rover, taken_ms, lmst, method, is_disputed in rows:
        on_mars = MarsTime.parse(lmst)
        assert on_mars
        taken_at = datetime.fromtimestamp(taken_ms / 1000, UTC)
        assert abs(ROVERS[rover].utc_of(on_mars.sol, on_mars.seconds) - taken_at) < timedelta(seconds=5)
        assert (method, is_disputed) == ("source", False)


def test_a_utc_that_mars_time_and_clock_contradict_is_flagged_and_not_believed(built: Project) -> None:
    columns = "product_identity, is_time_disputed, taken_at_method, lmst_method, epoch_ms(taken_at_utc)"
    ((*flags, taken_ms),) = reported(built, columns, "source = 'm20' and sol = 1")
    assert flags == [WRONG, True, "lmst", "source"]
    assert abs(datetime.fromtimestamp(taken_ms / 1000, UTC) - WRONG_AT) < timedelta(seconds=0.01)


def test_of_all_real_records_none_is_disputed_but_the_one_that_is_made_like_a_wrong_one(built: Project) -> None:
    assert reported(built, "source, sol, source_id", "is_time_disputed") == [("m20", 1, f"{WRONG}01")]
    assert built.query("select count(*) from silver.source_photos where not is_time_disputed") == [
        (sum(count for _, count in SOLS.values()) + 1 + 1 + 13 + 5 + 3 + 16 + 1 + 3,)
    ]


def test_the_clock_in_a_file_name_gives_a_time_in_the_sol_that_v1_reports(built: Project) -> None:
    rows = reported(
        built, "rover, sol, epoch_ms(taken_at_utc), lmst, lmst_method, taken_at_method", "source = 'v1' and sol < 2208"
    )
    clocked = [row for row in rows if row[2] is not None]
    assert len(rows) == sum(count for _, count in SOLS.values())
    # 838 of Curiosity's 856 are of cameras whose file names have no clock.
    assert len(rows) - len(clocked) == 838
    for rover, sol, taken_ms, lmst, *methods in clocked:
        on_mars = ROVERS[rover].mars_time_of(datetime.fromtimestamp(taken_ms / 1000, UTC))
        assert on_mars.sol == sol
        assert lmst == str(on_mars)
        assert methods == ["utc", "clock"]


def test_the_clock_and_the_archive_report_the_same_time_and_place_of_one_picture(built: Project) -> None:
    columns = "source, product_type, is_thumbnail, site, drive, site_method, image_url, taken_at_method"
    columns = f"{columns}, abs(epoch(taken_at_utc) - epoch(timestamptz '2004-01-25T07:18:28Z')) < 5"
    url = (
        f"https://planetarydata.jpl.nasa.gov/img/data/mer/opportunity/mer1po_0xxx/browse/sol0001/edr/{TWIN.lower()}.img.jpg"
    )
    assert sorted(reported(built, columns, f"product_identity = '{TWIN_IDENTITY}'")) == [
        ("pds", "full", False, 0, 0, "telemetry", url, "source", True),
        ("v1", "full", False, 0, 0, "file_name", url, "clock", True),
    ]


@pytest.mark.parametrize("rover", ["spirit", "opportunity"])
def test_every_noon_of_a_real_timetable_follows_from_its_clock(built: Project, real_payloads: Path, rover: str) -> None:
    with (real_payloads / f"mer_{rover}_timetable.tsv").open() as file:
        noons = [
            (int(row["SCLK"]), datetime.strptime(row["UTC"].strip(), "%Y-%m-%d %H.%M.%S").replace(tzinfo=UTC))
            for row in csv.DictReader(file, delimiter="\t", skipinitialspace=True)
        ]
    sql = "select clock_from, clock_to, clock, correction_s, drift from silver.clock_corrections where rover = '{}'"
    stretches = built.query(sql.format(rover))
    for clock, noon in noons:
        ((start, correction, drift),) = [row[2:] for row in stretches if row[0] <= clock < row[1]]
        found = CLOCK_ZERO + timedelta(seconds=clock + correction + (clock - start) * drift)
        assert abs(found - noon) < timedelta(seconds=16)


def test_perseverances_clock_gives_the_utc_of_real_images_between_its_known_points(
    built: Project, real_payloads: Path
) -> None:
    (stretch,) = built.query(
        "select clock, correction_s, drift from silver.clock_corrections where rover = 'perseverance' and clock < 745000000"
        " and clock_to > 745000000"
    )
    images = [image for sol in (888, 889) for image in m20_responses(real_payloads)[sol]["images"]]
    assert len(images) == 13 + 5
    for image in images:
        clock = float(image["extended"]["sclk"])
        found = CLOCK_ZERO + timedelta(seconds=clock + stretch[1] + (clock - stretch[0]) * stretch[2])
        assert abs(found - datetime.fromisoformat(f"{image['date_taken_utc']}Z")) < timedelta(seconds=0.2)


def test_a_date_of_v1_is_said_to_be_computed_and_others_are_of_the_time(built: Project) -> None:
    rows = reported(built, "source, earth_date_method, count(*) over (), earth_date = taken_at_utc::date", "sol > 1")
    methods = {(source, method) for source, method, *_ in rows if method}
    assert methods == {("v1", "computed_from_sol"), ("m20", "utc"), ("msl", "utc"), ("pds", "utc")}
    assert all(same for source, _, _, same in rows if source in ("m20", "msl"))


def test_the_product_types_of_every_source_are_in_the_same_words(built: Project) -> None:
    rows = built.query("select source, product_type, count(*) from silver.source_photos where source != 'v1' group by all")
    assert sorted(rows) == [
        ("m20", "full", 1 + 1 + 13 + 5 + 3 + 1),
        ("msl", "downsampled", 8),
        ("msl", "full", 8),
        ("msl", "subframe", 1),
        ("pds", "full", 2),
    ]


def test_a_picture_is_linked_across_sources_whose_sols_differ_by_one(built: Project) -> None:
    columns = "source, sol, records, is_chosen, sources, sols_apart"
    where = "select {} from gold.photo_provenance where rover = '{}' and product_identity {} order by source"
    assert built.query(where.format(columns, "spirit", "like '2P3224%'")) == [
        ("pds", 2209, 1, True, 2, 1),
        ("v1", 2208, 1, False, 2, 1),
    ]
    assert built.query(where.format(columns, "opportunity", f"= '{TWIN_IDENTITY}'")) == [
        ("pds", 1, 1, True, 2, 0),
        ("v1", 1, 1, False, 2, 0),
    ]
    reported = built.query("select source, sol from silver.fact_photos where rover = 'spirit' and sol > 2000")
    assert reported == [("pds", 2209)], "counted once, although each source is selected for its sol"


def test_every_picture_of_v1_has_one_provenance_with_all_its_records(built: Project) -> None:
    sql = "select count(*), sum(records)::int from gold.photo_provenance where source = 'v1' and rover = '{}' and sol = {}"
    assert built.query(sql.format("perseverance", 367)) == [(160, 162)]
    assert built.query(sql.format("curiosity", 1000)) == [(856, 856)]


def test_all_162_photos_of_sol_367_stand_at_the_waypoint_of_their_file_names(built: Project, real_payloads: Path) -> None:
    features = json.loads((real_payloads / MAPS[Kind.WAYPOINTS]).read_text())["features"]
    (waypoint,) = [each["properties"] for each in features if each["properties"]["RMC"] == "11_108"]
    built.build("--select", "photo_locations", "--exclude", "resource_type:test")
    rows = built.query(
        "select site, drive, site_method, longitude, latitude, elevation_m, heading_deg, distance_driven_m, location_method,"
        " location_quality, location_uncertainty_m, count(*) from gold.photo_locations"
        " where rover = 'perseverance' and sol = 367 group by all"
    )
    place = (waypoint["lon"], waypoint["lat"], waypoint["elev_geoid"], waypoint["yaw"] % 360, waypoint["dist_total_m"])
    assert rows == [(11, 108, "file_name", *map(pytest.approx, place), "rmc", "exact", 0, 162)]


def test_a_heading_is_where_the_rover_drove(real_payloads: Path) -> None:
    """The yaw of the map server is clockwise from north: mostly the direction of the leg's last stretch, or its opposite."""
    features = json.loads((real_payloads / MAPS[Kind.WAYPOINTS]).read_text())["features"]
    yaws = {each["properties"]["RMC"]: each["properties"]["yaw"] for each in features}
    legs = json.loads((real_payloads / MAPS[Kind.TRAVERSE]).read_text())["features"]
    agree = [
        abs(((azimuth(leg["geometry"]["coordinates"]) - yaws[leg["properties"]["toRMC"]]) + 90) % 180 - 90) < 30
        for leg in legs
        if leg["properties"]["toRMC"] in yaws and leg["properties"]["length"] > 50
    ]
    assert len(agree) > 100
    assert sum(agree) / len(agree) > 0.6


def azimuth(points: list[list[float]]) -> float:
    distinct = [point for point, before in zip(points[1:], points, strict=False) if point[:2] != before[:2]]
    (ax, ay, *_), (bx, by, *_) = distinct[-3], distinct[-1]
    return math.degrees(math.atan2((bx - ax) * math.cos(math.radians(ay)), by - ay))


def test_the_long_gaps_around_the_conjunctions_are_expected_ones(built: Project, real_payloads: Path) -> None:
    built.build("--select", "expected_gaps")
    spans = built.query("select rover, first_sol, last_sol from silver.expected_gaps where reason = 'solar conjunction'")

    def gaps(rover: str) -> set[tuple[int, int]]:
        listed = json.loads((real_payloads / MANIFESTS[rover]).read_text())["photo_manifest"]["photos"]
        sols = sorted(row["sol"] for row in listed)
        return {(first + 1, last - 1) for first, last in pairwise(sols) if last - first > 4}

    def expected(rover: str) -> set[tuple[int, int]]:
        mine = [span[1:] for span in spans if span[0] == rover]
        return {(first, last) for first, last in gaps(rover) if any(a <= first and last <= b for a, b in mine)}

    assert expected("curiosity") == {(236, 261), (1005, 1026), (3255, 3258)}
    assert expected("perseverance") == {(220, 224), (227, 231), (977, 982)}
    assert expected("opportunity") == {(230, 234), (3287, 3295), (4794, 4807)}
