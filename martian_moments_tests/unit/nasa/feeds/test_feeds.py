"""The two raw-image feeds: what is asked, what is kept, what is believed, and what is no response."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from martian_moments.domain.documents import decode, encode
from martian_moments.domain.errors import BrokenResponse, InputError, UpstreamUnavailable
from martian_moments.nasa import m20, msl
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.m20 import M20
from martian_moments.nasa.msl import MSL
from martian_moments_tests.unit.nasa.conftest import ClientFactory, always
from martian_moments_tests.unit.nasa.feeds.conftest import (
    BOTH,
    HTML,
    ROVER,
    SOL,
    URL,
    Ask,
    Server,
    image,
    in_turn,
    listing,
    reported,
)


@pytest.mark.parametrize(
    ("dialect", "name", "sol", "count"),
    [
        (M20, "m20_feed_sol888_13images_2023.json", 888, 13),
        (M20, "m20_feed_sol889_5images_2023.json", 889, 5),
        (M20, "m20_feed_no_more_images.json", 887, 0),
        (MSL, "msl_api_sol86_nav_16items.json", 86, 16),
        (MSL, "msl_api_item_sol1489_nullkeys_dropped.json", 1489, 1),
    ],
)
async def test_a_real_response_is_kept_whole_and_unchanged(
    real_payloads: Path, photos_of: Ask, dialect: type[M20 | MSL], name: str, *, sol: int, count: int
) -> None:
    body = (real_payloads / name).read_bytes()
    document = await photos_of(dialect, always(200, body), sol=sol)
    assert reported(document) == (count, count, True)
    assert document.pages == (body,)
    assert not document.header.synthetic
    assert decode(document.header.key, encode(document)).header == document.header


async def test_the_mars_2020_manifest_is_made_of_two_small_real_responses(real_payloads: Path, manifest_of: Ask) -> None:
    latest = (real_payloads / "m20_feed_latest_2025-10-07.json").read_bytes()
    newest = (real_payloads / "m20_feed_page_num3_2026-08-31.json").read_bytes()
    asked: list[dict[str, str]] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(dict(request.url.params))
        return httpx.Response(200, content=latest if "latest" in request.url.params else newest)

    document = await manifest_of(M20, handler)
    feed = {"feed": "raw_images", "category": "mars2020", "feedtype": "json"}
    assert asked == [feed | {"latest": "true"}, feed | {"num": "10", "page": "0", "order": "sol desc"}]
    assert document.pages == (latest, newest)
    promises = m20.read_promises(decode(document.header.key, encode(document)))
    assert (promises.served, promises.newest_sol, promises.stated_total) == (True, 1965, 563_603)
    assert list(promises.sols) == list(range(1966))
    assert set(promises.sols.values()) == {None}
    assert promises.total == 0


async def test_the_curiosity_manifest_is_the_newest_item_and_the_total(real_payloads: Path, manifest_of: Ask) -> None:
    body = (real_payloads / "msl_api_item_sol1489_nullkeys_dropped.json").read_bytes()
    document = await manifest_of(MSL, always(200, body))
    promises = msl.read_promises(document)
    assert document.pages == (body,)
    assert (promises.newest_sol, promises.stated_total, len(promises.sols)) == (1489, 1, 1490)


async def test_a_mars_2020_sol_is_a_range_of_two_conditions_with_readable_addresses(photos_of: Ask) -> None:
    server = Server(M20, [image(M20, 1)])
    document = await photos_of(M20, server)
    query = "feed=raw_images&category=mars2020&feedtype=json&num=100&page=0&order=sol%20desc"
    conditions = "condition_2=7:sol:gte&condition_3=7:sol:lte"
    assert document.header.requests == (f"{URL}?{query}&{conditions}",)


async def test_a_curiosity_sol_is_asked_for_with_the_condition_on_the_mission(photos_of: Ask) -> None:
    server = Server(MSL, [image(MSL, 1)])
    await photos_of(MSL, server)
    (asked,) = [dict(url.params) for url in server.asked]
    assert (asked["condition_1"], asked["condition_2"], asked["page"]) == ("msl:mission", "7:sol:in", "0")


@BOTH
@pytest.mark.parametrize("stated", [99, 100])
async def test_an_odd_image_costs_no_other_and_leaves_the_sol_short(
    photos_of: Ask, dialect: type[M20 | MSL], caplog: pytest.LogCaptureFixture, stated: int
) -> None:
    odd = {"sol": SOL} if dialect is M20 else image(MSL, 500, mission="insight")
    images = [*(image(dialect, number) for number in range(50)), odd, *(image(dialect, number) for number in range(50, 99))]
    response = listing(dialect, images, stated, size=200, more=False)
    document = await photos_of(dialect, always(200, response))
    assert reported(document) == (99, 100, False)
    assert document.pages == (orjson.dumps(response),)
    assert "1 of 100 records are set aside" in caplog.text


async def test_an_odd_item_does_not_report_how_far_curiositys_feed_reaches(manifest_of: Ask) -> None:
    items = ["x", image(MSL, 1, sol=4_999, mission="insight"), image(MSL, 2, sol=8)]
    document = await manifest_of(MSL, always(200, listing(MSL, items, 3, size=1, more=False)))
    assert (msl.read_promises(document).newest_sol, document.header.record_count) == (8, 9)


@BOTH
async def test_an_empty_response_is_believed_when_it_is_repeated(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    nothing = listing(dialect, [], 0, size=3, more=False)
    photos = listing(dialect, [image(dialect, 1)], 1, size=3, more=False)
    assert reported(await photos_of(dialect, in_turn([nothing, nothing, nothing, photos]))) == (1, 1, True)
    assert reported(await photos_of(dialect, in_turn([nothing] * 4))) == (0, 0, True)


@BOTH
async def test_an_empty_response_where_photos_are_known_is_short(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    assert reported(await photos_of(dialect, Server(dialect, []), promised=4)) == (0, 4, False)


@BOTH
async def test_a_response_without_images_that_states_some_is_short(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    assert reported(await photos_of(dialect, Server(dialect, [], total=57))) == (0, 57, False)


@BOTH
async def test_numbers_may_come_as_text(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    response = listing(dialect, [image(dialect, 1, sol="7")], 1, size=3, more=False)
    response = {name: str(value) if type(value) is int else value for name, value in response.items()}
    assert reported(await photos_of(dialect, always(200, response))) == (1, 1, True)


async def test_tiles_of_one_exposure_are_several_records(real_payloads: Path, photos_of: Ask) -> None:
    page = json.loads((real_payloads / "m20_feed_page_num3_2026-08-31.json").read_text()) | {"total_results": 3}
    document = await photos_of(M20, always(200, page), sol=1965)
    clocks = [image["extended"]["sclk"] for image in page["images"]]
    assert document.header.record_count == 3 > len(set(clocks))


async def test_when_the_server_touched_an_item_says_nothing_about_mars(photos_of: Ask) -> None:
    touched = [{"created_at": day, "updated_at": day} for day in ("2019-07-29", "2019-09-05")]
    documents = [await photos_of(MSL, Server(MSL, [image(MSL, 1, **more)])) for more in touched]
    assert documents[0].header.fingerprint == documents[1].header.fingerprint
    assert documents[0].pages != documents[1].pages


@BOTH
@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, HTML),
        (403, HTML),
        (404, {"error": "not found"}),
        (200, {"error": {"code": "INTERNAL"}}),
        (200, {"images": None, "items": None}),
        (200, {"images": ["x"], "items": ["x"]}),
        (200, {"images": [{"sol": 7}], "items": [{"sol": 7}]}),
        (200, {"images": [{"imageid": "a"}], "items": [{"id": 1}]}),
        (200, {"images": [{"imageid": "a", "sol": "UNK"}], "items": [{"id": 1, "sol": None}]}),
        (200, {"images": [], "mission": "msl", "items": [{"id": 1, "sol": 7, "mission": "insight"}]}),
        (200, {"images": [], "error_message": "Service is down for maintenance."}),
    ],
)
async def test_what_is_no_list_of_images_is_an_error_and_never_empty(
    photos_of: Ask, dialect: type[M20 | MSL], status: int, body: Any
) -> None:
    with pytest.raises(BrokenResponse) as raised:
        await photos_of(dialect, always(status, body))
    assert raised.value.body == (body if isinstance(body, bytes) else orjson.dumps(body))


@BOTH
@pytest.mark.parametrize(
    "body",
    [HTML, {"images": [], "items": [], "total_results": 0, "total": 0}, {"latest_sol": 100_000}, {"latest_sol": None}],
)
async def test_a_response_that_names_no_sol_is_no_manifest(manifest_of: Ask, dialect: type[M20 | MSL], body: Any) -> None:
    with pytest.raises(BrokenResponse):
        await manifest_of(dialect, always(200, body))


@BOTH
async def test_a_server_in_trouble_is_unavailable(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    with pytest.raises(UpstreamUnavailable):
        await photos_of(dialect, always(503, listing(dialect, [], 0, size=3, more=False)))


@BOTH
async def test_a_rover_that_the_feed_never_has_is_refused_without_a_request(
    client: ClientFactory, dialect: type[M20 | MSL]
) -> None:
    async with client(always(500, b"")) as asking:
        source = dialect(asking, URL)
        served = [rover for rover in ("curiosity", "opportunity", "perseverance", "spirit") if source.serves(rover)]
        assert served == [ROVER[dialect]]
        for question in (source.manifest("spirit"), source.photos("spirit", 1)):
            with pytest.raises(InputError, match="no photos of spirit"):
                await question


async def test_an_address_is_used_as_it_is_set(client: ClientFactory) -> None:
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url).partition("?")[0])
        return httpx.Response(200, json=listing(MSL, [image(MSL, 1)], 1, size=1, more=False))

    async with client(handler) as asking:
        assert isinstance(asking, PoliteClient)
        for url in ("https://example.test/items", "https://example.test/items/"):
            await MSL(asking, url).manifest("curiosity")
    assert asked == ["https://example.test/items", "https://example.test/items/"]
