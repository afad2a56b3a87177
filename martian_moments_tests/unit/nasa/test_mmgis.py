"""MMGIS maps, on every real sample and its drift."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from martian_moments.domain.documents import Document, Kind, decode, encode
from martian_moments.domain.errors import BrokenResponse, FileMissing, InputError
from martian_moments.domain.rovers import ROVERS
from martian_moments.nasa.mmgis import MMGIS
from martian_moments_tests.unit.nasa.conftest import ClientFactory

URL = "https://example.test/mmgis-maps"


@pytest.fixture
def ask(client: ClientFactory) -> Callable[..., Any]:
    async def document(kind: Kind, body: Any, status: int = 200, rover: str = "perseverance") -> Document:
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        async with client(lambda request: httpx.Response(status, content=content)) as asking:
            maps = MMGIS(asking, URL)
            return await (maps.traverse if kind is Kind.TRAVERSE else maps.waypoints)(rover)

    return document


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("mmgis_m20_traverse_2026-04.json", Kind.TRAVERSE, 522),
        ("mmgis_m20_waypoints_full_2024-04-04.json", Kind.WAYPOINTS, 380),
        ("mmgis_m20_waypoints_current_2026-04.json", Kind.WAYPOINTS, 1),
        ("mmgis_drift_m20_waypoints_2021-03-15.json", Kind.WAYPOINTS, 6),
        ("mmgis_drift_m20_waypoints_2021-03-22.json", Kind.WAYPOINTS, 7),
        ("mmgis_drift_m20_waypoints_2021-04-04.json", Kind.WAYPOINTS, 12),
        ("mmgis_drift_m20_waypoints_2022-03-30_cut12of116.json", Kind.WAYPOINTS, 12),
        ("mmgis_drift_m20_waypoints_2022-11-28_cut12of206.json", Kind.WAYPOINTS, 12),
        ("mmgis_drift_m20_waypoints_current_2021-07-06.json", Kind.WAYPOINTS, 1),
        ("mmgis_drift_m20_waypoints_current_2024-11-22.json", Kind.WAYPOINTS, 1),
    ],
)
async def test_a_real_map_is_kept_whole_and_unchanged(
    real_payloads: Path, ask: Any, name: str, kind: Kind, count: int
) -> None:
    body = (real_payloads / name).read_bytes()
    document = await ask(kind, body)
    header = document.header
    assert (header.kind, header.record_count, header.promised, header.complete) == (kind, count, None, True)
    assert document.pages == (body,)
    assert header.key == f"traverse/rover=perseverance/{kind}.json.gz"
    assert header.requests == (f"{URL}/M20/Layers/json/M20_{kind}.json",)
    assert decode(header.key, encode(document)).header == header


@pytest.mark.parametrize(
    ("name", "kind", "count"),
    [
        ("mmgis_msl_traverse_2026-04.json", Kind.TRAVERSE, 1_273),
        ("mmgis_msl_waypoints_current_2026-04.json", Kind.WAYPOINTS, 1),
    ],
)
async def test_a_real_map_of_curiosity_is_kept_whole_and_unchanged(
    real_payloads: Path, ask: Any, name: str, kind: Kind, count: int
) -> None:
    body = (real_payloads / name).read_bytes()
    document = await ask(kind, body, rover="curiosity")
    assert (document.header.record_count, document.header.complete, document.pages) == (count, True, (body,))
    assert document.header.requests == (f"{URL}/MSL/Layers/json/MSL_{kind}.json",)


async def test_a_blank_row_without_geometry_is_kept(ask: Any) -> None:
    blank = {"type": "Feature", "properties": {"RMC": "", "sol": "0", "lon": None}, "geometry": None}
    bare = {"type": "Feature", "properties": None, "geometry": None}
    document = await ask(Kind.WAYPOINTS, {"type": "FeatureCollection", "features": [blank, bare], "synthetic": True})
    assert (document.header.record_count, document.header.complete, document.header.synthetic) == (2, True, True)


@pytest.mark.parametrize("kind", [Kind.TRAVERSE, Kind.WAYPOINTS])
async def test_an_empty_map_is_not_complete(ask: Any, kind: Kind) -> None:
    document = await ask(kind, {"type": "FeatureCollection", "features": []})
    assert (document.header.record_count, document.header.complete) == (0, False)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>AccessDenied</html>"),
        (403, b"<Error><Code>AccessDenied</Code></Error>"),
        (404, {"type": "FeatureCollection", "features": []}),
        (200, []),
        (200, {"type": "Feature", "features": []}),
        (200, {"type": "FeatureCollection"}),
        (200, {"type": "FeatureCollection", "features": None}),
        (200, {"type": "FeatureCollection", "features": [{"type": "Feature"}]}),
        (200, {"type": "FeatureCollection", "features": [None]}),
    ],
)
async def test_what_is_no_collection_is_an_error_and_never_empty(ask: Any, status: int, body: Any) -> None:
    with pytest.raises(BrokenResponse):
        await ask(Kind.TRAVERSE, body, status)


async def test_a_map_that_is_not_there_is_an_error_of_its_own_and_asked_for_once(client: ClientFactory) -> None:
    asked: list[httpx.URL] = []

    def missing(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(404, content=b"<h1>Not Found</h1>")

    async with client(missing, secrets=["h1"]) as asking:
        with pytest.raises(FileMissing) as raised:
            await MMGIS(asking, URL).traverse("curiosity")
    assert (len(asked), raised.value.body) == (1, b"<***>Not Found</***>")


async def test_the_fingerprint_follows_the_features_and_not_the_files_name(ask: Any) -> None:
    leg = {"type": "Feature", "properties": {"sol": 14, "length": 6.25}, "geometry": None}
    turned = {"geometry": None, "properties": {"length": 6.25, "sol": 14}, "type": "Feature"}
    longer = leg | {"properties": {"sol": 14, "length": 6.5}}

    async def fingerprint(name: str, feature: dict[str, Any]) -> str:
        document = await ask(Kind.TRAVERSE, {"type": "FeatureCollection", "name": name, "features": [feature]})
        return str(document.header.fingerprint)

    assert await fingerprint("tosol14", leg) == await fingerprint("tosol15", turned)
    assert await fingerprint("tosol14", leg) != await fingerprint("tosol14", longer)


async def test_a_rover_without_maps_is_not_asked_for(client: ClientFactory) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"asked {request.url}")

    async with client(refuse) as asking:
        maps = MMGIS(asking, URL)
        assert [rover for rover in ROVERS if maps.serves(rover)] == ["curiosity", "perseverance"]
        with pytest.raises(InputError, match="no maps of spirit"):
            await maps.traverse("spirit")
