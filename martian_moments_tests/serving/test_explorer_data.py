"""The data files of the page, on real records."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
from starlette.testclient import TestClient

from martian_moments.domain.rovers import MARS_RADIUS_M, ROVERS
from martian_moments.serving.explorer.columns import columns, texts
from martian_moments.serving.explorer.page import page_files
from martian_moments.serving.explorer.photos import BLOCK_SOLS
from martian_moments_tests.published_tables import photo
from martian_moments_tests.serving.home import MOVIE
from martian_moments_tests.serving.tables import served_tables


def data(client: TestClient, name: str) -> Any:
    """A data file of the page."""
    response = client.get(f"/explorer/data/{name}")
    assert response.status_code == 200, response.text
    return response.json()


def query(client: TestClient, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Rows of the snapshot that the service has."""
    with client.app.state.snapshots.lease() as snapshot:  # type: ignore[attr-defined]
        found: list[tuple[Any, ...]] = snapshot.cursor().execute(sql, list(parameters)).fetchall()
        return found


def column(table: dict[str, Any], name: str) -> list[Any]:
    """A column as the page decodes it."""
    return texts(table[name], table["rows"])


def test_the_first_file_has_every_rover_with_its_latest_sols(client: TestClient) -> None:
    found = {each["rover"]: each for each in data(client, "rovers.json")["rovers"]}
    assert set(found) == set(ROVERS)
    for rover, each in found.items():
        expected = query(
            client,
            "select sol, count(*) from silver.fact_photos where rover = ? group by sol order by sol desc limit 4",
            rover,
        )
        assert [(row["sol"], row["photos"]) for row in each["latest"]] == expected
        assert each["first_midnight_ms"] == round(ROVERS[rover].first_midnight.timestamp() * 1000)


def test_every_photo_is_in_one_block_with_its_key(client: TestClient) -> None:
    for each in data(client, "rovers.json")["rovers"]:
        keys = []
        for first in each["blocks"]:
            photos = data(client, f"{each['rover']}/photos/{first}.json")["photos"]
            pairs = zip(column(photos, "source"), column(photos, "id"), strict=True)
            keys += [f"{each['rover']}|{source}|{name}" for source, name in pairs]
            assert {sol // BLOCK_SOLS * BLOCK_SOLS for sol in column(photos, "sol")} == {first}
        held = query(client, "select photo_key from silver.fact_photos where rover = ?", each["rover"])
        assert sorted(keys) == sorted(key for (key,) in held)


def test_an_observation_names_the_photos_that_make_it(client: TestClient) -> None:
    pairs = dict(query(client, "select left_photo_key, right_photo_key from gold.stereo_pairs where rover = 'perseverance'"))
    assert pairs
    seen: dict[str, str] = {}
    (each,) = [each for each in data(client, "rovers.json")["rovers"] if each["rover"] == "perseverance"]
    for first in each["blocks"]:
        block = data(client, f"perseverance/photos/{first}.json")
        names = zip(column(block["photos"], "source"), column(block["photos"], "id"), strict=True)
        keys = [f"perseverance|{source}|{name}" for source, name in names]
        stereo = block["stereo_pairs"]
        seen |= {keys[left]: keys[right] for left, right in zip(stereo["left"], stereo["right"], strict=True)}
    assert seen == pairs


@pytest.mark.parametrize("rover", ROVERS)
def test_a_drive_that_is_drawn_ends_where_the_legs_end(client: TestClient, rover: str) -> None:
    found = data(client, f"{rover}/path.json")
    legs = query(client, "select geometry from silver.fact_path where rover = ? order by leg", rover)
    assert bool(legs) == (rover != "opportunity")  # of which there is no real map at hand
    metres = math.radians(MARS_RADIUS_M)
    longitude, latitude = found["origin"]
    for (geometry,), lines in zip(legs, found["lines"], strict=True):
        points = orjson.loads(geometry)["coordinates"] if geometry else []
        while points and isinstance(points[0][0], list):
            points = points[-1]
        end = (sum(lines[-1][0::2]) / 10 / metres, sum(lines[-1][1::2]) / 10 / metres) if lines else None
        if end is None:
            assert not points
            continue
        assert latitude + end[1] == pytest.approx(points[-1][1], abs=0.2 / metres)
        # East and west shrink with the cosine of the latitude of the landing place; over a drive that is metres.
        assert longitude + end[0] / math.cos(math.radians(latitude)) == pytest.approx(points[-1][0], abs=0.2 / metres)


@pytest.mark.parametrize("rover", ROVERS)
def test_the_heat_map_counts_every_picture_once(client: TestClient, rover: str) -> None:
    cells = data(client, f"{rover}/sols.json")["cells"]
    (pictures,) = query(
        client,
        "select count(*) from silver.fact_photos where rover = ? and lmst is not null and is_thumbnail is not true",
        rover,
    )
    assert sum(column(cells, "pictures")) == pictures[0]
    assert all(0 <= half_hour < 48 for half_hour in column(cells, "half_hour"))


def test_a_time_that_is_none_is_nowhere_on_the_heat_map_and_no_failure(tmp_path: Path) -> None:
    times = ["Sol-00013M09:30:00.500", "at noon", "Sol-00013M7:05:30", "Sol-00013M31:05:30", None]
    with served_tables(tmp_path, [photo("curiosity", number, lmst=time) for number, time in enumerate(times)]) as served:
        cells = data(served.client, "curiosity/sols.json")["cells"]
        photos = data(served.client, "curiosity/photos/10.json")["photos"]
    assert [column(cells, name) for name in ("sol", "half_hour", "pictures")] == [[13], [19], [1]]
    assert column(photos, "lmst") == ["09:30:00", None, None, None, None]


def test_a_file_that_nobody_makes_is_not_found(client: TestClient) -> None:
    blocks = ("spirit/photos/7.json", "spirit/photos/-10.json", "spirit/photos/٣٠.json", "spirit/photos/1000000.json")
    for name in (*blocks, "x.json", "mercury/path.json", "spirit/path", "../app.py"):
        response = client.get(f"/explorer/data/{name}")
        assert response.status_code == 404, name
        assert response.headers["content-type"] == "application/problem+json"


def test_the_page_is_where_one_looks_for_it(client: TestClient) -> None:
    for path in ("/", "/explorer"):
        response = client.get(path, follow_redirects=False)
        assert (response.status_code, response.headers["location"]) == (307, "/explorer/")
    page = client.get("/explorer/")
    assert "script-src" not in page.headers["content-security-policy"]  # so that default-src 'self' holds for it
    assert "'unsafe" not in page.headers["content-security-policy"]
    assert f"<td>{ROVERS['spirit'].title}</td>" in page.text
    assert client.get("/explorer/main.js").headers["content-type"].startswith("text/javascript")
    assert client.get("/explorer/router.py").status_code == 404


def test_the_page_names_every_module_so_that_none_waits_for_another(client: TestClient) -> None:
    page = client.get("/explorer/").text
    assert {name for name in page_files() if name.endswith(".js")} == set(re.findall(r'(?:href|src)="(\w+\.js)"', page))


def test_a_file_that_was_fetched_before_is_not_made_again(client: TestClient) -> None:
    first = client.get("/explorer/data/spirit/sols.json")
    again = client.get("/explorer/data/spirit/sols.json", headers={"If-None-Match": first.headers["etag"]})
    assert again.status_code == 304
    # A movie may be made while no table changes.
    assert "etag" not in client.get("/explorer/data/movies.json").headers


def test_the_movies_are_those_of_the_lake(client: TestClient) -> None:
    (movie,) = data(client, "movies.json")["movies"]
    assert (movie["name"], movie["is_still"]) == (MOVIE, False)
    location = client.get(f"/explorer/moments/{MOVIE}/{movie['movie']}", follow_redirects=False).headers["location"]
    assert location == f"/moments/{MOVIE}/{movie['movie']}"


def test_text_is_coded_and_read_back() -> None:
    with duckdb.connect() as connection:
        for values in (["ab", "abc", None, "ax"], ["a", "a", "a", "b"], ["é", "éa", "éb"], ["a", "a"], [None, None], []):
            listed = ", ".join("(null)" if value is None else f"('{value}')" for value in values) or "(null)"
            sql = f"select t::varchar as t from (values {listed}) v(t) limit {len(values)}"
            table = columns(connection, sql)
            assert column(table, "t") == values
