"""Responses that break rules in one place: what is clear is read, the rest is set aside or refused."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from martian_moments.domain.documents import Document, Kind, decode, encode
from martian_moments.domain.errors import BrokenResponse
from martian_moments.nasa import m20, msl, v1
from martian_moments.nasa.lenient_json import DEEPEST, mended
from martian_moments.nasa.m20 import M20
from martian_moments.nasa.mmgis import MMGIS
from martian_moments.nasa.msl import MSL
from martian_moments.nasa.responses import count, identity, whole
from martian_moments.nasa.v1 import V1
from martian_moments_tests.unit.nasa.conftest import ClientFactory

URL = "https://example.test/x"
SOL = 7
BOM = b"\xef\xbb\xbf"
DIALECTS = pytest.mark.parametrize("dialect", ["v1", "m20", "msl", "mmgis"])
PHOTOS = pytest.mark.parametrize("dialect", ["v1", "m20", "msl"])
Ask = Callable[[str, bytes], Any]


def a_record(dialect: str, number: int) -> dict[str, Any]:
    records: dict[str, dict[str, Any]] = {
        "v1": {"id": number, "sol": SOL, "img_src": f"https://example.test/{number}.jpg"},
        "m20": {"imageid": f"NLF_{number}", "sol": SOL},
        "msl": {"id": number, "sol": SOL, "mission": "msl"},
        "mmgis": {"type": "Feature", "properties": {"sol": SOL, "length": number}, "geometry": None},
    }
    return records[dialect]


def listing(dialect: str, records: list[Any], total: Any = None) -> dict[str, Any]:
    pages: dict[str, dict[str, Any]] = {
        "v1": {"photos": records},
        "m20": {"images": records, "total_results": len(records) if total is None else total},
        "msl": {"items": records, "more": False, "total": len(records) if total is None else total},
        "mmgis": {"type": "FeatureCollection", "features": records},
    }
    return pages[dialect]


@pytest.fixture
def ask(client: ClientFactory) -> Ask:
    async def document(dialect: str, body: bytes) -> Document:
        async with client(lambda request: httpx.Response(200, content=body)) as asking:
            match dialect:
                case "v1":
                    return await V1(asking, URL).photos("curiosity", SOL, None)
                case "m20":
                    return await M20(asking, URL).photos("perseverance", SOL)
                case "msl":
                    return await MSL(asking, URL).photos("curiosity", SOL)
                case _:
                    return await MMGIS(asking, URL).traverse("perseverance")

    return document


def three(dialect: str, **odd: Any) -> bytes:
    """Three records, the second with these fields more."""
    records = [a_record(dialect, number) for number in (1, 2, 3)]
    records[1] |= odd
    return json.dumps(listing(dialect, records)).encode()


DEEP = "DEEP"
NESTED = b"[" * 300 + b"]" * 300
BODIES: dict[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda dialect: BOM + three(dialect),
    "UTF-16": lambda dialect: three(dialect).decode().encode("utf-16"),
    "NaN": lambda dialect: three(dialect, heat=math.nan),
    "minus infinity": lambda dialect: three(dialect, heat=[1, -math.inf]),
    "a number beyond every double": lambda dialect: three(dialect, heat=DEEP).replace(b'"DEEP"', b"1e999"),
    "a number of 5,000 digits": lambda dialect: three(dialect, heat=DEEP).replace(b'"DEEP"', b"9" * 5_000),
    "nesting of 300 levels": lambda dialect: three(dialect, heat=DEEP).replace(b'"DEEP"', NESTED),
    "nesting of 100,000 levels": lambda dialect: three(dialect, heat=DEEP).replace(b'"DEEP"', b"[" * 10**5 + b"]" * 10**5),
    "half of a surrogate pair": lambda dialect: three(dialect, caption="\ud83d rock"),
    "bytes that are no character": lambda dialect: three(dialect, caption=DEEP).replace(b"DEEP", b"caf\xe9"),
    "a line break in a text": lambda dialect: three(dialect, caption=DEEP).replace(b"DEEP", b"a\nb\x00"),
}


@DIALECTS
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_what_breaks_the_rules_of_json_in_one_place_costs_no_record(
    ask: Ask, dialect: str, body: Callable[[str], bytes]
) -> None:
    document = await ask(dialect, body(dialect))
    assert (document.header.record_count, document.header.complete) == (3, True)
    stored = decode(document.header.key, encode(document))
    assert stored == document
    (page,) = stored.parsed_pages()
    assert page[list(listing(dialect, []))[-1 if dialect == "mmgis" else 0]][0] == a_record(dialect, 1)


@DIALECTS
@pytest.mark.parametrize(
    "body",
    [b"", BOM, b"[]", b'{"photos": [', b'{"a": 1-2}', b"\xff" * 50, b'"text"', b'{"a":' * 2_000, b"{" + b'\\"' * 9_999],
)
async def test_what_is_not_clear_is_refused_whole_and_kept_for_the_quarantine(ask: Ask, dialect: str, body: bytes) -> None:
    with pytest.raises(BrokenResponse) as raised:
        await ask(dialect, body)
    assert raised.value.body == body


ODD_RECORDS = {
    "v1": [{"id": "x"}, {"id": "9" * 5_000}, {"id": [1]}, {"sol": 7.5}, {"sol": "9" * 5_000}, {"id": None}],
    "m20": [{"imageid": ""}, {"imageid": {"a": 1}}, {"imageid": True}, {"sol": "9" * 5_000}, {"imageid": "N" * 1_000_000}],
    "msl": [{"id": "x"}, {"id": 1.5}, {"sol": -1}, {"mission": "mer"}, {"id": "9" * 5_000}, {"sol": "٣"}],
    "mmgis": [{"properties": "none"}, {"properties": [1]}],
}


@pytest.mark.parametrize(("dialect", "odd"), [(name, odd) for name, many in ODD_RECORDS.items() for odd in many])
async def test_an_odd_record_is_set_aside_alone(
    ask: Ask, caplog: pytest.LogCaptureFixture, dialect: str, odd: dict[str, Any]
) -> None:
    document = await ask(dialect, three(dialect, **odd))
    assert document.header.record_count == 2
    assert document.header.complete is (dialect == "mmgis")
    assert "1 of 3 records are set aside" in caplog.text
    assert max(map(len, caplog.messages)) < 500


@PHOTOS
@pytest.mark.parametrize("sol", [7.0, "7", "7.0", " 7 ", "7e0"])
async def test_a_sol_is_read_however_the_number_is_written(ask: Ask, dialect: str, sol: Any) -> None:
    records = [a_record(dialect, 1) | {"sol": sol}]
    assert (await ask(dialect, orjson.dumps(listing(dialect, records)))).header.record_count == 1


async def test_an_imageid_that_is_a_number_is_its_text(ask: Ask) -> None:
    body = orjson.dumps(
        listing("m20", [{"imageid": 5, "sol": SOL}, {"imageid": "6", "sol": SOL}, {"imageid": "5", "sol": SOL}])
    )
    assert (await ask("m20", body)).header.record_count == 2


async def test_ids_of_v1_may_be_numbers_with_a_point(ask: Ask) -> None:
    body = orjson.dumps(listing("v1", [a_record("v1", 1) | {"id": number} for number in (1.0, "2.0", 3)]))
    assert (await ask("v1", body)).header.record_count == 3


@pytest.mark.parametrize("dialect", ["m20", "msl"])
@pytest.mark.parametrize("total", ["9" * 5_000, 10**18, -1, "many", {"a": 1}, 2.5])
async def test_a_total_that_is_no_number_of_photos_promises_nothing(ask: Ask, dialect: str, total: Any) -> None:
    header = (await ask(dialect, json.dumps(listing(dialect, [a_record(dialect, 1)], total)).encode())).header
    assert (header.record_count, header.promised, header.complete) == (1, None, True)


# Manifests


@pytest.fixture
def manifest_of(client: ClientFactory) -> Ask:
    async def document(dialect: str, body: bytes) -> Document:
        async with client(lambda request: httpx.Response(200, content=body)) as asking:
            match dialect:
                case "v1":
                    return await V1(asking, URL).manifest("curiosity")
                case "m20":
                    return await M20(asking, URL).manifest("perseverance")
                case _:
                    return await MSL(asking, URL).manifest("curiosity")

    return document


async def test_an_odd_row_of_a_manifest_costs_no_other_sol(manifest_of: Ask) -> None:
    rows: list[Any] = [{"sol": 1.0, "total_photos": "2"}, {"sol": "9" * 5_000, "total_photos": 1}, "x"]
    rows += [{"sol": 3, "total_photos": -2}, {"sol": 4, "total_photos": 10**30}, {"sol": 5, "total_photos": 1}]
    rows += [{"sol": "5", "total_photos": 3}, {"sol": 5, "total_photos": 2}]
    body = json.dumps({"photo_manifest": {"max_sol": "nine", "photos": rows}}).encode()
    document = await manifest_of("v1", body)
    promises = v1.read_promises(document)
    assert dict(promises.sols) == {1: 2, 5: 3}
    assert (promises.newest_sol, document.header.record_count) == (5, 2)


async def test_an_unreadable_newest_item_does_not_hide_how_far_curiosity_has_come(manifest_of: Ask) -> None:
    items: list[Any] = [a_record("msl", 1) | {"sol": "new"}, "x", a_record("msl", 2) | {"sol": 4_001.0}, a_record("msl", 3)]
    promises = msl.read_promises(await manifest_of("msl", orjson.dumps(listing("msl", items, 9))))
    assert (promises.newest_sol, promises.stated_total) == (4_001, 9)


@pytest.mark.parametrize("hidden", ["latest", "images"])
async def test_either_response_reports_how_far_the_feed_of_mars_2020_has_come(client: ClientFactory, hidden: str) -> None:
    def response(request: httpx.Request) -> httpx.Response:
        if "latest" in request.url.params:
            return httpx.Response(200, json={"latest_sol": None if hidden == "latest" else 900.0})
        images = [{"imageid": 3, "sol": None if hidden == "images" else "900"}, "x"]
        return httpx.Response(200, json={"images": images, "total_results": "9" * 5_000})

    async with client(response) as asking:
        promises = m20.read_promises(await M20(asking, URL).manifest("perseverance"))
    assert (promises.newest_sol, promises.stated_total) == (900, None)


@pytest.mark.parametrize("dialect", ["m20", "msl"])
async def test_a_feed_that_reports_nothing_of_how_far_it_reaches_is_refused(manifest_of: Ask, dialect: str) -> None:
    with pytest.raises(BrokenResponse, match="nothing that says how far"):
        await manifest_of(dialect, orjson.dumps(listing(dialect, ["x"])))


# The readers themselves


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5), (5.0, 5), ("5", 5), ("5.0", 5), ("5.", 5), ("5e0", 5), ("+5", 5), (" 5\n", 5), (0, 0),
        (2**53 - 1, 2**53 - 1),
        (5.5, None), ("5.5", None), (-1, None), ("-1", None), (True, None), (None, None), ("", None), ("٣", None),
        ("1_0", None), ("nan", None), ("inf", None), ("9" * 5_000, None), (2**53, None), (1e300, None), (math.nan, None),
        (math.inf, None), ([5], None),
    ],
)  # fmt: skip
def test_whole_numbers(value: object, number: int | None) -> None:
    assert whole(value) == number


def test_counts_end_where_the_warehouses_integers_do() -> None:
    assert (count(2**31 - 1), count(2**31), count("2147483648")) == (2**31 - 1, None, None)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (5, "5"),
        ("<b>|\u202e", "<b>|\u202e"),
        (True, None),
        ("true", None),
        ("{}", None),
        ("[", None),
        (1.5, None),
        (5.0, None),
        (-1e300, None),
        ("1.5", None),
        ("-1e+300", None),
        (".5", None),
        ("5.", None),
        ("-5", "-5"),
        ("1e", "1e"),
        ("1.5.2", "1.5.2"),
    ],
)
def test_identities(value: object, text: str | None) -> None:
    assert identity(value) == text


numbers = st.floats() | st.integers(-(2**60), 2**60)
values = st.recursive(
    numbers | st.booleans() | st.none() | st.text(st.characters(), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=12,
)


def without_nan(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case list():
            return [without_nan(each) for each in value]
        case dict():
            return {without_halves(name): without_nan(each) for name, each in value.items()}
        case str():
            return without_halves(value)
    return value


def without_halves(text: str) -> str:
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@given(value=values, indent=st.sampled_from([None, 1]))
def test_mended_json_says_the_same(value: Any, indent: int | None) -> None:
    text = json.dumps({"value": value}, indent=indent)
    assert json.loads(mended(text.encode())) == without_nan({"value": value})
    if text.isascii() and "NaN" not in text and "Infinity" not in text and "\\ud" not in text:
        assert mended(text.encode()) == text.encode()


@given(st.binary(max_size=40) | st.text('{}[]",:\\ud8aN1-.e', max_size=40).map(str.encode))
def test_mending_never_raises(body: bytes) -> None:
    mended(b"{" + body)


def test_what_is_too_deep_is_null_and_its_neighbours_stay() -> None:
    nested = json.loads(mended(b'{"a":' + NESTED + b',"b":1.50,"c":[[]]}'))
    assert (nested["b"], nested["c"]) == (1.5, [[]])
    depth = 1
    while isinstance(nested := nested["a"] if depth == 1 else nested[0], list) and nested:
        depth += 1
    assert (depth, nested) == (DEEPEST, None)


@pytest.mark.parametrize("kind", [Kind.TRAVERSE, Kind.WAYPOINTS])
async def test_a_map_of_which_no_feature_can_be_read_is_refused(client: ClientFactory, kind: Kind) -> None:
    body = orjson.dumps(listing("mmgis", ["x", {"properties": 3}]))
    async with client(lambda request: httpx.Response(200, content=body)) as asking:
        maps = MMGIS(asking, URL)
        with pytest.raises(BrokenResponse, match="a feature without properties"):
            await (maps.traverse if kind is Kind.TRAVERSE else maps.waypoints)("curiosity")
