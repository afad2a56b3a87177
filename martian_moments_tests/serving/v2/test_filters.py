"""Every filter finds the rows that SQL of the tables' own finds, and what is not accepted is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyproj import Geod
from starlette.testclient import TestClient

from martian_moments.infrastructure.sql import from_folder
from martian_moments_tests.published_tables import photo
from martian_moments_tests.serving.home import ServedHome
from martian_moments_tests.serving.tables import served_tables

API = "/api/v2"


def found(client: TestClient, path: str, column: str, **parameters: object) -> list[Any]:
    """A column of everything that is asked for, page by page."""
    response = client.get(f"{API}/{path}", params={"limit": 1000, **parameters})
    values = []
    while True:
        assert response.status_code == 200, response.text
        page = response.json()
        values += [row[column] for row in page["data"]]
        if page["next"] is None:
            return values
        response = client.get(page["next"])


@pytest.fixture(scope="module")
def sql(served: ServedHome) -> duckdb.DuckDBPyConnection:
    """The published tables, read without the service."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    for schema in ("silver", "gold"):
        connection.execute(f"create schema {schema}")
        for folder in (served.home / "published" / schema).iterdir():
            connection.execute(f"create view {schema}.{folder.name} as from {from_folder(folder)}")
    return connection


TIME = "cast(regexp_extract(lmst, 'M(..):', 1) as int) * 60 + cast(regexp_extract(lmst, 'M..:(..)', 1) as int)"

PHOTOS: dict[str, tuple[dict[str, object], str]] = {
    "a rover": ({"rover": "spirit"}, "rover = 'spirit'"),
    "two rovers": ({"rover": "spirit,curiosity"}, "rover in ('spirit', 'curiosity')"),
    "a camera": ({"camera": "NAVCAM_LEFT,PANCAM"}, "camera in ('NAVCAM_LEFT', 'PANCAM')"),
    "one eye": ({"source_camera": "NAV_LEFT_A"}, "source_camera = 'NAV_LEFT_A'"),
    "a role": ({"camera_role": "navigation"}, "camera_role = 'navigation'"),
    "a source": ({"source": "m20"}, "source = 'm20'"),
    "a sol": ({"sol": 1000}, "sol = 1000"),
    "sols": ({"sol_min": 100, "sol_max": 1000}, "sol between 100 and 1000"),
    "from a moment on": ({"taken_at_min": "2015-05-30T11:00:00Z"}, "taken_at_utc >= '2015-05-30 11:00:00+00'"),
    "a plus that is a space": ({"taken_at_max": "2015-05-30T13:00:00 02:00"}, "taken_at_utc <= '2015-05-30 11:00:00+00'"),
    "up to a moment": ({"taken_at_max": "2015-05-30T13:00:00+02:00"}, "taken_at_utc <= '2015-05-30 11:00:00+00'"),
    "a date": ({"earth_date_min": "2015-05-30", "earth_date_max": "2015-05-30"}, "earth_date = '2015-05-30'"),
    "a morning": ({"lmst_min": "08:00", "lmst_max": "11:30"}, f"{TIME} between 480 and 689 or lmst like '%M11:30:00%'"),
    "over midnight": ({"lmst_min": "17:00", "lmst_max": "05:00"}, f"{TIME} >= 1020 or {TIME} < 300"),
    "a season over 0": (
        {"solar_longitude_min": 330, "solar_longitude_max": 10},
        "solar_longitude_deg >= 330 or solar_longitude_deg <= 10",
    ),
    "a Mars year": ({"mars_year_min": 32, "mars_year_max": 35}, "mars_year between 32 and 35"),
    "the Sun low": ({"sun_elevation_min": -5, "sun_elevation_max": 30.5}, "sun_elevation_deg between -5 and 30.5"),
    "looking north": (
        {"view_azimuth_min": 315, "view_azimuth_max": 45},
        "view_azimuth_deg >= 315 or view_azimuth_deg <= 45",
    ),
    "looking east": ({"view_azimuth_min": 45, "view_azimuth_max": 135}, "view_azimuth_deg between 45 and 135"),
    "looking down": ({"view_elevation_max": -20}, "view_elevation_deg <= -20"),
    "a product type": ({"product_type": "full,subframe"}, "product_type in ('full', 'subframe')"),
    "no thumbnails": ({"is_thumbnail": "false"}, "is_thumbnail is not true"),
    "a colour": ({"color_kind": "rgb"}, "color_kind = 'rgb'"),
    "a size": ({"width_min": 1000, "height_max": 1024}, "width_px >= 1000 and height_px <= 1024"),
    "a stop": ({"site": 11, "drive": 108}, "site = 11 and drive = 108"),
    "metres driven": ({"distance_driven_min": 1, "distance_driven_max": 5000}, "distance_driven_m between 1 and 5000"),
    "a known place": ({"location_quality": "exact,parked"}, "location_quality in ('exact', 'parked')"),
    "a box": ({"bbox": "137,-5,138,-4"}, "longitude between 137 and 138 and latitude between -5 and -4"),
    "a box of signed longitudes": ({"bbox": "-7,-3,-5,0"}, "longitude between 353 and 355 and latitude between -3 and 0"),
    "a box over the date line": (
        {"bbox": "170,-20,-170,0"},
        "longitude between 170 and 190 and latitude between -20 and 0",
    ),
    "all of Mars": ({"bbox": "-180,-90,180,90"}, "longitude is not null"),
    "three at once": (
        {"camera_role": "navigation,mast", "sun_elevation_min": 0, "is_thumbnail": "false"},
        "camera_role in ('navigation', 'mast') and sun_elevation_deg >= 0 and is_thumbnail is not true",
    ),
}


@pytest.mark.parametrize(("parameters", "condition"), PHOTOS.values(), ids=PHOTOS)
def test_a_filter_finds_the_photos_that_sql_finds(
    client: TestClient, sql: duckdb.DuckDBPyConnection, parameters: dict[str, object], condition: str
) -> None:
    keys = found(client, "photos", "photo_key", fields="photo_key", **parameters)
    expected = sql.execute(f"select photo_key from silver.fact_photos where {condition}").fetchall()
    assert sorted(keys) == sorted(key for (key,) in expected)
    everything = sql.execute("select count(*) from silver.fact_photos").fetchone()
    assert everything is not None
    assert 0 < len(keys) < everything[0]


OTHERS: dict[str, tuple[str, dict[str, object], str]] = {
    "stops": ("stop_id", {"sol_min": 1000, "sol_max": 1000}, "gold.stops where 1000 between first_sol and last_sol"),
    "path": ("leg", {"sol_min": 100, "sol_max": 2000}, "silver.fact_path where first_sol <= 2000 and last_sol >= 100"),
    "waypoints": ("drive", {"rover": "spirit"}, "silver.dim_waypoints where rover = 'spirit'"),
    "panoramas": ("panorama_id", {"camera": "NAVCAM_LEFT"}, "gold.panoramas where camera = 'NAVCAM_LEFT'"),
    "stereo-pairs": ("pair_id", {"rover": "curiosity"}, "gold.stereo_pairs where rover = 'curiosity'"),
    "image-sequences": ("camera", {"frames_min": 4, "rover": "curiosity"}, "gold.image_sequences where rover = 'curiosity'"),
    "cameras": ("camera", {"is_seen": "true", "role": "mast"}, "silver.dim_cameras where is_seen and role = 'mast'"),
    "gaps": ("sol", {"rover": "curiosity", "sol_max": 2000}, "gold.photo_gaps where rover = 'curiosity' and sol <= 2000"),
    "changes": ("photo_key", {"source": "m20"}, "gold.photo_changes where source = 'm20'"),
    "rovers": ("photos", {"rover": "curiosity"}, "gold.rover_summary where rover = 'curiosity'"),
}
"""A column, the filters, and what has them."""


@pytest.mark.parametrize("path", OTHERS)
def test_a_filter_finds_the_rows_that_sql_finds(client: TestClient, sql: duckdb.DuckDBPyConnection, path: str) -> None:
    column, parameters, rows = OTHERS[path]
    expected = [value for (value,) in sql.execute(f"select {column} from {rows}").fetchall()]
    assert expected
    assert sorted(found(client, path, column, **parameters)) == sorted(expected)


def test_the_frames_of_a_panorama_are_photos_that_are_asked_for_by_its_id(
    client: TestClient, sql: duckdb.DuckDBPyConnection
) -> None:
    row = sql.execute("select panorama_id, frames from gold.panoramas order by frames desc limit 1").fetchone()
    assert row is not None
    expected = sql.execute("select photo_key from gold.panorama_frames where panorama_id = ?", [row[0]]).fetchall()
    keys = found(client, "photos", "photo_key", panorama_id=row[0])
    assert sorted(keys) == sorted(key for (key,) in expected)
    assert len(keys) == row[1]


MARS = Geod(a=3_396_190, b=3_396_190)
AT = (137.4416, -4.5895)


def placed(number: int, azimuth: float, metres: float, **columns: object) -> dict[str, Any]:
    """A photo of Curiosity taken somewhere around AT."""
    longitude, latitude, _ = MARS.fwd(*AT, azimuth, metres)
    return photo("curiosity", number, longitude=longitude, latitude=latitude, **columns)


def test_the_nearest_photos_come_first_with_their_distance_on_the_sphere_of_mars(tmp_path: Path) -> None:
    photos = [placed(1, 80, 49.9), placed(2, 200, 3), placed(3, 300, 50.1), placed(4, 0, 0), photo("curiosity", 5)]
    with served_tables(tmp_path, photos) as served:
        asked = {"near": f"{AT[0]},{AT[1]}", "fields": "photo_key,near_distance_m"}
        response = served.client.get(f"{API}/photos", params=asked | {"within_m": 50})
        rows = [(row["photo_key"][-1], row["near_distance_m"]) for row in response.json()["data"]]
        assert rows == [("4", 0.0), ("2", pytest.approx(3, abs=0.01)), ("1", pytest.approx(49.9, abs=0.01))]
        # West of Greenwich longitudes may be negative.
        west = {"near": f"{AT[0] - 360},{AT[1]}", "fields": "photo_key"} if AT[0] > 180 else asked
        assert [row["photo_key"][-1] for row in served.client.get(f"{API}/photos", params=west).json()["data"]] == list(
            "4213"
        )
        furthest = served.client.get(f"{API}/photos", params=asked | {"sort": "-near_distance_m"}).json()["data"]
        assert [row["photo_key"][-1] for row in furthest] == list("3124")


def test_a_picture_looks_at_a_point_that_lies_between_its_left_and_right_edge(tmp_path: Path) -> None:
    def looking(number: int, view: float | None, *, elevation: float = 0, metres: float = 20) -> dict[str, Any]:
        # From the south of the point, which is in the north.
        seen = {"view_azimuth_deg": view, "view_elevation_deg": elevation, "fov_h_deg": 40.0, "fov_v_deg": 40.0}
        return placed(number, 180, metres, **seen)

    blind = [looking(10, 0) | {"fov_h_deg": None}, looking(11, 0) | {"view_elevation_deg": None}]
    nowhere = looking(12, 0) | {"longitude": None}
    photos = [
        *blind,
        nowhere,
        looking(1, 0),
        looking(2, 341),  # its right edge is at 1 degree
        looking(3, 339),
        looking(4, 19),
        looking(5, 21),
        looking(6, 180),
        looking(7, None),
        looking(8, 0, metres=101),
        looking(9, 30, elevation=-60),  # looking down, 40 degrees span tan(20) / cos(60): 36 degrees to either side
    ]
    with served_tables(tmp_path, photos) as served:
        point = {"looks_at": f"{AT[0]},{AT[1]}", "sort": "photo_key"}
        rows = served.client.get(f"{API}/photos", params=point).json()["data"]
        assert [row["photo_key"].rpartition("|")[2] for row in rows] == list("1249")
        assert [row["looks_at_distance_m"] for row in rows] == [pytest.approx(20, abs=0.01)] * 4
        rows = served.client.get(f"{API}/photos", params=point | {"looks_at_within_m": 200}).json()["data"]
        assert [row["photo_key"].rpartition("|")[2] for row in rows] == list("12489")


def test_a_time_that_is_none_is_at_no_time_of_day_and_no_failure(tmp_path: Path) -> None:
    photos = [
        photo("curiosity", 1, lmst="Sol-00013M09:30:00.500"),
        photo("curiosity", 2, lmst="at noon"),
        photo("curiosity", 3),
        photo("curiosity", 4, lmst="Sol-00013M7:05:30"),
        photo("curiosity", 5, lmst="Sol-00013M31:05:30"),
    ]
    with served_tables(tmp_path, photos) as served:
        rows = served.client.get(f"{API}/photos?lmst_min=09:30&lmst_max=09:30:00").json()["data"]
        assert [row["photo_key"] for row in rows] == ["curiosity|v1|1"]
        hours = served.client.get(f"{API}/statistics?group_by=lmst_hour").json()["data"]
        assert [(row["lmst_hour"], row["photos"]) for row in hours] == [(9, 1), (None, 4)]


def test_a_picture_of_which_nobody_knows_whether_it_is_a_thumbnail_is_among_those_that_are_not(tmp_path: Path) -> None:
    photos = [photo("curiosity", number, is_thumbnail=each) for number, each in enumerate((None, False, True))]
    with served_tables(tmp_path, photos) as served:
        found = {
            asked: [row["photo_key"][-1] for row in served.client.get(f"{API}/photos?is_thumbnail={asked}").json()["data"]]
            for asked in ("true", "false")
        }
    assert found == {"true": ["2"], "false": ["0", "1"]}


@pytest.mark.parametrize(
    ("path", "parameters", "parameter", "accepted"),
    [
        ("photos", {"rover": "sojourner"}, "rover", "curiosity, opportunity, perseverance, spirit"),
        ("photos", {"rovr": "spirit"}, "rovr", "a parameter of this path: rover, camera"),
        ("stops", {"camera": "MAST"}, "camera", "a parameter of this path: rover, stop_id"),
        ("photos", {"sol": "1e3"}, "sol", "a whole number"),
        ("photos", {"sol": "-1"}, "sol", "a whole number from 0 to"),
        ("photos", {"sol_min": 9, "sol_max": 8}, "sol_min", "not greater than sol_max"),
        ("photos", {"taken_at_min": "yesterday"}, "taken_at_min", "2012-08-06T05:17:57Z"),
        ("photos", {"taken_at_min": "2012-02-30"}, "taken_at_min", "2012-08-06T05:17:57Z"),
        ("photos", {"lmst_min": "24:00"}, "lmst_min", "15:30"),
        ("photos", {"is_thumbnail": "yes"}, "is_thumbnail", "'true' or 'false'"),
        ("photos", {"camera": "A,,B"}, "camera", "one name, or up to 50"),
        ("photos", {"camera": ""}, "camera", "one name, or up to 50"),
        ("photos", {"camera": "A" * 201}, "camera", "at most 200 characters"),
        ("photos/curiosity|v1|1", {"fields": "sol"}, "fields", "no parameter: this path has none"),
        ("tables", {"format": "csv"}, "format", "no parameter: this path has none"),
        ("tables/silver.fact_photos", {"limit": "1"}, "limit", "no parameter: this path has none"),
        ("photos", {"sun_elevation_min": 91}, "sun_elevation_min", "a decimal number from -90 to 90"),
        ("photos", {"near": "137.4"}, "near", "137.44,-4.59"),
        ("photos", {"near": "137.4,-95"}, "near", "137.44,-4.59"),
        ("photos", {"within_m": 5.5}, "within_m", "within_m together with near"),
        ("photos", {"looks_at_within_m": 5.5}, "looks_at_within_m", "together with looks_at"),
        ("photos", {"bbox": "1,2,3"}, "bbox", "137.3,-4.8,137.5,-4.5"),
        ("photos", {"sun_elevation_min": "nan"}, "sun_elevation_min", "a decimal number"),
        ("photos", {"fields": "photo_key,nothing"}, "fields", "photo_key, rover, sol"),
        ("photos", {"sort": "sol,-sol"}, "sort", "each once"),
        ("photos", {"sort": "near_distance_m"}, "sort", "columns of this response"),
        ("photos", {"limit": 0}, "limit", "a whole number from 1 to 10,000"),
        ("photos", {"limit": 1001}, "limit", "at most 1000 as json"),
        ("photos", {"format": "xml"}, "format", "json, geojson, csv, parquet, arrow"),
        ("gaps", {"format": "geojson"}, "format", "json, csv, parquet, arrow"),
        ("statistics", {"sort": "camera"}, "sort", "columns of this response: photos"),
        ("photos", {"cursor": "abc"}, "cursor", "the cursor that next of the page before has"),
    ],
)
def test_what_is_not_accepted_is_a_problem_that_names_the_parameter_and_what_would_be(
    client: TestClient, path: str, parameters: dict[str, object], parameter: str, accepted: str
) -> None:
    response = client.get(f"{API}/{path}", params=parameters)
    assert (response.status_code, response.headers["content-type"]) == (400, "application/problem+json")
    problem = response.json()
    assert (problem["title"], problem["status"]) == ("Bad Request", 400)
    (error,) = problem["errors"]
    assert (error["parameter"], error["value"]) == (parameter, str(parameters[parameter])[:200])
    assert accepted in error["accepted"]


def test_a_parameter_that_is_given_twice_is_refused(client: TestClient) -> None:
    response = client.get(f"{API}/photos?sol=1&sol=2")
    assert response.status_code == 400
    assert response.json()["errors"] == [
        {"parameter": "sol", "value": "1, 2", "accepted": "once; several values have commas between them"}
    ]
