"""What STAC API does not accept is refused, with the name of the parameter and what is accepted."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest

from martian_moments_tests.published_tables import PHOTOS
from martian_moments_tests.serving.tables import ServedTables, served_tables


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTables]:
    with served_tables(tmp_path_factory.mktemp("stac"), PHOTOS) as tables:
        yield tables


DIGITS = b"9" * 400
NO_JSON = (
    b'{"query": {"mars:sol": {"eq": ' + DIGITS + b"}}}",
    b'{"bbox": [0, 0, 1, ' + DIGITS + b"]}",
    b'{"bbox": [0, 0, NaN, 1]}',
    *(b'{"' + name + b'": "\\ud800"}' for name in (b"ids", b"intersects", b"sortby", b"token", b"\\ud800")),
    b'{"query": {"title": {"eq": "\\ud800"}}}',
    b'{"limit": ' + b"[" * 900 + b"]" * 900 + b"}",
)
"""Numbers that no double is, half a character, and lists in lists: Python reads them, and cannot write them again."""

BOW_TIE = [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]
LONG = [[number / 10_000, 0] for number in range(10_002)]

# fmt: off
REFUSED: dict[str, list[Any]] = {
    "limit": [0, -1, 10_001, "x", "", True, 1.5, [1], "1e3", "٣"],
    "bbox": [
        "1,2,3", "1,2,3,x", [1, 2, 3], "0,5,1,4", "-181,0,1,1", "0,-91,1,1", "nan,0,1,1", 7, {}, "1,1,5,2,2,4", "inf,0,1,1",
        [None, 0, 1, 1], [[1], 0, 1, 1], "5,-90,nan,90", "0,0,1_0,1", [True, False, 1, 1],
    ],
    "datetime": [
        "2015", "2015-05-30", "../..", "/", "a/b", "2015-13-01T00:00:00Z", 5, "x" * 500, "2015-05-30T12:00:00", "",
        "2016-01-01T00:00:00Z/2015-01-01T00:00:00Z", "2015-01-01T00:00:00Z/2016-01-01T00:00:00Z/..",
    ],
    "intersects": [
        "x", "{}", [], {"type": "Point"}, {"type": "Point", "coordinates": [200, 0]}, {"type": "Point", "coordinates": []},
        {"type": "Polygon", "coordinates": BOW_TIE}, {"type": "LineString", "coordinates": LONG},
    ],
    "ids": [[1], 7, ["x"] * 1_001],
    "collections": [{"a": 1}, "x" * 301],
    "query": [
        "x", "[" * 10_000, [], {"mars:sol": 7}, {"sol": {"eq": 1}}, {"mars:sol": {"is": 1}}, {'id" or true --': {"eq": 1}},
        *({"mars:sol": each} for each in ({"eq": "7"}, {"eq": None}, {"eq": True}, {"eq": [7]}, {"contains": "7"})),
        *({"mars:camera": each} for each in ({"eq": 7}, {"in": "MAST"}, {"in": [7]}, {"in": ["x"] * 1_001})),
        {"datetime": {"gt": "noon"}},
    ],
    "sortby": ["place", "", [], [{"direction": "desc"}], 7, "id,id,id,id,id", [{"field": ["id"]}]],
    "token": ["x", "", 7, "AAAA", base64.b64encode(b"[1, 2]").decode(), "é"],
    "filter": ["sol = 7"],
}
# fmt: on


@pytest.mark.parametrize(("parameter", "value"), [(name, value) for name, values in REFUSED.items() for value in values])
def test_what_is_not_accepted_is_named(tables: ServedTables, parameter: str, value: Any) -> None:
    responses = [tables.client.post("/stac/search", json={parameter: value})]
    if isinstance(value, str) and len(value) < 7_000:
        responses.append(tables.client.get("/stac/search", params={parameter: value}))
    for found in responses:
        assert found.status_code == 400, found.text
        assert found.headers["content-type"] == "application/problem+json"
        (error,) = found.json()["errors"]
        assert error["parameter"] == parameter
        assert error["accepted"]
        assert len(error["value"]) <= 300


def test_every_wrong_parameter_is_named_at_once(tables: ServedTables) -> None:
    found = tables.client.get("/stac/search?limit=0&bbox=1&datetime=x&page=2")
    assert [each["parameter"] for each in found.json()["errors"]] == ["limit", "bbox", "datetime", "page"]


def test_a_box_and_a_geometry_together_are_refused(tables: ServedTables) -> None:
    point = {"type": "Point", "coordinates": [1, 1]}
    found = tables.client.post("/stac/search", json={"bbox": [0, 0, 1, 1], "intersects": point})
    assert (found.status_code, found.json()["errors"][0]["parameter"]) == (400, "intersects")


def test_a_parameter_is_given_once(tables: ServedTables) -> None:
    found = tables.client.get("/stac/search?limit=1&limit=2")
    assert (found.status_code, found.json()["errors"][0]["parameter"]) == (400, "limit")


@pytest.mark.parametrize("body", [*(b"", b"[]", b"x", b'"x"', b"\xff\xfe", b"[" * 100_000, b"null"), *NO_JSON])
def test_a_body_is_an_object_of_json(tables: ServedTables, body: bytes) -> None:
    found = tables.client.post("/stac/search", content=body)
    assert (found.status_code, found.json()["errors"][0]["parameter"]) == (400, "body")


def test_a_token_of_another_search_is_refused(tables: ServedTables) -> None:
    first = tables.client.post("/stac/search", json={"limit": 1}).json()
    (body,) = (link["body"] for link in first["links"] if link["rel"] == "next")
    again = tables.client.post("/stac/search", json=body | {"limit": 2})
    assert again.status_code == 200, "pages of one search may differ in size"
    for other in (
        {"sortby": "-id"},
        {"collections": ["curiosity"]},
        {"bbox": [0, 0, 1, 1]},
        {"query": {"mars:sol": {"gt": 1}}},
    ):
        found = tables.client.post("/stac/search", json=body | other)
        assert (found.status_code, found.json()["errors"][0]["parameter"]) == (400, "token")
    shape = {"type": "Point", "coordinates": [1, 1]}
    assert tables.client.post("/stac/search", json=body | {"intersects": shape}).status_code == 400
    token = body["token"]
    for damaged in (token[:-3], token + "AAAA", token[1:] + token[0], token.swapcase()):
        assert tables.client.post("/stac/search", json=body | {"token": damaged}).status_code == 400


@pytest.mark.parametrize(
    "path", ["mars", "mars/items", "curiosity/items/x", "spirit/items/curiosity.v1.1", "%3Cimg%3E", "curiosity/nowhere"]
)
def test_what_is_not_there_is_not_found(tables: ServedTables, path: str) -> None:
    found = tables.client.get(f"/stac/collections/{path}")
    assert (found.status_code, found.headers["content-type"]) == (404, "application/problem+json")


def test_the_items_of_a_collection_take_no_parameters_of_a_search(tables: ServedTables) -> None:
    found = tables.client.get("/stac/collections/curiosity/items?collections=spirit")
    assert (found.status_code, found.json()["errors"][0]["parameter"]) == (400, "collections")


def test_without_photos_there_is_nothing_and_no_error(tmp_path_factory: pytest.TempPathFactory) -> None:
    with served_tables(tmp_path_factory.mktemp("empty"), []) as tables:
        assert tables.client.get("/stac/collections").json()["collections"] == []
        assert tables.client.get("/stac/search").json()["features"] == []
