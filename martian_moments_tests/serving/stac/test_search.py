"""What a search finds, by rows whose place, time and properties are known, and how its pages follow each other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments.serving.stac.properties import PROPERTIES
from martian_moments_tests.published_tables import Rows, photo
from martian_moments_tests.serving.tables import ServedTables, served_tables

NOON = datetime(2015, 5, 30, 12, tzinfo=UTC)
EVIL = "<img src=x onerror=alert(1)>"


def placed(number: int, longitude: float, latitude: float, **columns: Any) -> dict[str, Any]:
    return photo("curiosity", number, longitude=longitude, latitude=latitude, taken_at_utc=NOON, **columns)


PHOTOS: Rows = [
    placed(1, 137.0, -4.5, elevation_m=-4500.0, sol=10, view_azimuth_deg=10.0),
    placed(2, 137.5, -4.5, elevation_m=-4400.0, sol=11, camera=EVIL, source_camera=EVIL),
    # Without an elevation.
    placed(3, 138.0, -4.0, sol=12) | {"taken_at_utc": NOON + timedelta(days=1)},
    # Of Opportunity the tables have 354.5 degrees east.
    photo("opportunity", 1, longitude=354.5, latitude=-2.0, sol=13, taken_at_utc=NOON - timedelta(days=1)),
    photo("spirit", 1, longitude=175.5, latitude=-14.6, sol=14, taken_at_utc=NOON + timedelta(seconds=1)),
    # Nobody knows where, nor when within its sol.
    photo("perseverance", 1, sol=20, camera="NAVCAM"),
    photo("perseverance", 2, longitude=-179.5, latitude=18.4, sol=21, taken_at_utc=NOON),
]
C1, C2, C3, O1, S1, P1, P2 = (each["photo_key"].replace("|", ".") for each in PHOTOS)
ALL = {C1, C2, C3, O1, S1, P1, P2}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTables]:
    with served_tables(tmp_path_factory.mktemp("stac"), PHOTOS) as tables:
        yield tables


def polygon(*corners: tuple[float, float]) -> list[list[float]]:
    return [list(each) for each in (*corners, corners[0])]


SQUARE = polygon((136.9, -4.6), (138.1, -4.6), (138.1, -3.9), (136.9, -3.9))
HOLE = polygon((137.4, -4.55), (137.6, -4.55), (137.6, -4.4), (137.4, -4.4))
BEGINS, ENDS = (f"{ROVERS['perseverance'].utc_of(sol):%Y-%m-%dT%H:%M:%SZ}" for sol in (20, 21))

SEARCHES: list[tuple[dict[str, Any], set[str]]] = [
    ({}, ALL),
    ({"collections": ["curiosity", "nowhere"]}, {C1, C2, C3}),
    ({"collections": ["nowhere"]}, set()),
    ({"ids": [C1, P1, "curiosity.v1.9", "nonsense"]}, {C1, P1}),
    ({"ids": [C1, P1], "collections": ["perseverance"]}, {P1}),
    ({"ids": [C1], "collections": ["perseverance"]}, set()),
    ({"bbox": [137.0, -4.5, 137.5, -4.5]}, {C1, C2}),
    ({"bbox": [137.1, -5, -4500, 138.5, 0, -4400]}, {C2, C3}),
    ({"bbox": [-6, -3, -5, 0]}, {O1}),
    # Across the 180th meridian.
    ({"bbox": [175, -20, -179, 20]}, {S1, P2}),
    ({"bbox": [-180, -90, 180, 90]}, ALL - {P1}),
    ({"datetime": "2015-05-30T12:00:00Z"}, {C1, C2, P2}),
    ({"datetime": "2015-05-30T14:00:00+02:00"}, {C1, C2, P2}),
    # In an address a plus is a space.
    ({"datetime": "2015-05-30T14:00:00 02:00"}, {C1, C2, P2}),
    ({"datetime": "2015-05-30T12:00:00.5Z/2016-01-01T00:00:00Z"}, {C3, S1}),
    ({"datetime": "2015-05-30T12:00:00.5Z/.."}, {C3, S1, P1}),
    ({"datetime": "/2015-05-30T11:00:00z", "collections": ["opportunity", "curiosity"]}, {O1}),
    # It was taken within its sol: at some time of these, and not before or after.
    ({"datetime": f"{BEGINS}/{ENDS}"}, {P1}),
    ({"datetime": "2021-03-11T00:00:00Z"}, {P1}),
    ({"datetime": "2021-03-12T23:00:00Z/.."}, set()),
    ({"intersects": {"type": "Polygon", "coordinates": [SQUARE]}}, {C1, C2, C3}),
    ({"intersects": {"type": "Polygon", "coordinates": [SQUARE, HOLE]}}, {C1, C3}),
    (
        {"intersects": {"type": "MultiPolygon", "coordinates": [[HOLE], [polygon((175, -15), (176, -15), (176, -14))]]}},
        {C2, S1},
    ),
    ({"intersects": {"type": "Point", "coordinates": [-5.5, -2.0]}}, {O1}),
    ({"intersects": {"type": "LineString", "coordinates": [[137, -4.5], [137.25, -4.5], [137.5, -4.5]]}}, {C1, C2}),
    ({"intersects": {"type": "MultiPoint", "coordinates": [[1, 1], [138, -4]]}}, {C3}),
    ({"query": {"mars:sol": {"gte": 11, "lt": 14}}}, {C2, C3, O1}),
    ({"query": {"mars:sol": {"in": [10, 21]}}}, {C1, P2}),
    ({"query": {"properties.mars:camera": {"neq": "MAST"}}}, {C2, P1}),
    ({"query": {"mars:camera": {"startsWith": "<img", "endsWith": ")>", "contains": "onerror"}}}, {C2}),
    ({"query": {"view:azimuth": {"lte": 10}}}, {C1}),
    ({"query": {"datetime": {"gt": "2015-05-30T12:00:00Z"}}}, {C3, S1}),
    ({"query": {"platform": {"eq": "spirit"}}, "bbox": [0, -90, 180, 90]}, {S1}),
]


@pytest.mark.parametrize(
    ("search", "found"), SEARCHES, ids=lambda value: json.dumps(value) if isinstance(value, dict) else ""
)
def test_a_search_finds_what_it_asks_for_and_nothing_else(
    tables: ServedTables, search: dict[str, Any], found: set[str]
) -> None:
    by_post = tables.client.post("/stac/search", json=search)
    as_text = {
        name: ",".join(map(str, value))
        if isinstance(value, list)
        else value
        if isinstance(value, str)
        else json.dumps(value)
        for name, value in search.items()
    }
    by_get = tables.client.get("/stac/search", params=as_text)
    assert (by_post.status_code, by_get.status_code) == (200, 200), (by_post.text, by_get.text)
    for page in (by_post.json(), by_get.json()):
        assert {item["id"] for item in page["features"]} == found
        assert (page["numberMatched"], page["numberReturned"]) == (len(found), len(found))


def test_a_search_is_ordered_as_it_asks(tables: ServedTables) -> None:
    def order(**search: Any) -> list[str]:
        found = tables.client.post("/stac/search", json=search)
        assert found.status_code == 200, found.text
        return [item["id"] for item in found.json()["features"]]

    assert order() == [C1, C2, C3, O1, P1, P2, S1], "by rover and sol"
    newest_first = [P1, C3, S1, C1, C2, P2, O1]
    assert order(sortby=[{"field": "properties.datetime", "direction": "desc"}]) == newest_first
    assert order(sortby="-datetime,id") == newest_first
    assert order(sortby=[{"field": "datetime", "direction": "desc"}, {"field": "id", "direction": "desc"}])[3:6] == [
        P2,
        C2,
        C1,
    ]
    assert tables.client.get("/stac/search?sortby=%2Bmars:sol").json()["features"][0]["id"] == C1


def pages(tables: ServedTables, search: dict[str, Any], *, by_post: bool) -> Iterator[list[str]]:
    """Follows the links of the pages as a client does."""
    found = tables.client.post("/stac/search", json=search) if by_post else tables.client.get("/stac/search", params=search)
    while True:
        assert found.status_code == 200, found.text
        yield [item["id"] for item in found.json()["features"]]
        following = [link for link in found.json()["links"] if link["rel"] == "next"]
        if not following:
            return
        found = tables.client.request(following[0]["method"], following[0]["href"], json=following[0].get("body"))


@pytest.mark.parametrize("by_post", [True, False])
@pytest.mark.parametrize(
    "sortby", [None, "-datetime", "mars:sol", "-id", "collection,-mars:sol", "-updated", "created,-datetime"]
)
@pytest.mark.parametrize("limit", [1, 3, 7])
def test_pages_of_every_order_have_every_item_once(
    tables: ServedTables, limit: int, sortby: str | None, by_post: bool
) -> None:
    search = {"limit": limit, **({"sortby": sortby} if sortby else {})}
    found = list(pages(tables, search, by_post=by_post))
    assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
    ids = [each for page in found for each in page]
    assert sorted(ids) == sorted(ALL)
    whole = tables.client.post("/stac/search", json=search | {"limit": 100}).json()["features"]
    assert ids == [item["id"] for item in whole]


@pytest.mark.parametrize("sortby", ["collection,mars:sol", "-datetime"])
def test_items_that_are_there_all_the_time_come_once_while_others_come_and_go(tmp_path: Path, sortby: str) -> None:
    staying = [
        photo("curiosity", 10 * number, sol=number, taken_at_utc=NOON + timedelta(days=number)) for number in range(12)
    ]
    with served_tables(tmp_path, staying) as tables:
        seen: list[str] = []
        for turn, page in enumerate(pages(tables, {"limit": 2, "sortby": sortby}, by_post=True)):
            seen += page
            coming = [
                photo(
                    "curiosity", 10 * sol + 1 + turn % 2, sol=sol, taken_at_utc=NOON + timedelta(days=sol, seconds=turn - 3)
                )
                for sol in range(turn % 3, 12, 3)
            ]
            tables.publish([*staying, *coming])
        expected = {each["photo_key"].replace("|", ".") for each in staying}
        assert sorted(each for each in seen if each in expected) == sorted(expected)
        assert len(seen) == len(set(seen))


def test_what_may_be_asked_for_is_every_property_of_one_value(tables: ServedTables) -> None:
    with tables.snapshots.lease() as snapshot:
        columns = snapshot.cursor().execute("describe stac.items").fetchall()
    single = {name: kind for name, kind, *_ in columns if "[]" not in kind and "STRUCT" not in kind}
    fields = {"type", "stac_version", "id", "collection", "longitude", "latitude", "elevation_m"}
    assert set(PROPERTIES) == single.keys() - fields
    kinds = {"VARCHAR": "text", "TIMESTAMP WITH TIME ZONE": "time", "DOUBLE": "number", "INTEGER": "number"}
    assert {name: kinds[single[name]] for name in PROPERTIES} == {name: kind.value for name, kind in PROPERTIES.items()}


def test_a_name_from_nasa_is_text_in_an_item(tables: ServedTables) -> None:
    found = tables.client.get(f"/stac/collections/curiosity/items/{C2}", headers={"Accept": "text/html"})
    assert found.headers["content-type"] == "application/geo+json"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.json()["properties"]["mars:camera"] == EVIL


def test_a_page_names_its_own_address(tables: ServedTables) -> None:
    for path in ("/stac/search?limit=1&sortby=-datetime", "/stac/collections/curiosity/items?limit=1", "/stac/search"):
        page = tables.client.get(path).json()
        (own,) = (link["href"] for link in page["links"] if link["rel"] == "self")
        assert own.endswith(path)
        assert tables.client.get(own).json() == page
