"""The two raw-image feeds: what ends a sol, what is set aside, what is believed, and what is no answer."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from martian_moments.domain.documents import Document, decode, encode
from martian_moments.domain.errors import BrokenAnswer, InputError, UpstreamUnavailable
from martian_moments.nasa import m20, msl
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.m20 import M20
from martian_moments.nasa.msl import MSL
from martian_moments_tests.unit.nasa.conftest import ClientFactory, Handler

URL = "https://example.test/feed/"
SOL = 7
ROVER = {M20: "perseverance", MSL: "curiosity"}
HTML = b"<!doctype html><title>Access denied</title>"
Ask = Callable[..., Any]
BOTH = pytest.mark.parametrize("dialect", [M20, MSL])


@pytest.fixture
def photos_of(client: ClientFactory) -> Ask:
    async def ask(dialect: type[M20 | MSL], handler: Handler, promised: int | None = None, sol: int = SOL) -> Document:
        async with client(handler) as asking:
            return await dialect(asking, URL).photos(ROVER[dialect], sol, promised)

    return ask


@pytest.fixture
def manifest_of(client: ClientFactory) -> Ask:
    async def ask(dialect: type[M20 | MSL], handler: Handler) -> Document:
        async with client(handler) as asking:
            return await dialect(asking, URL).manifest(ROVER[dialect])

    return ask


def image(dialect: type[M20 | MSL], number: int, sol: Any = SOL, **more: Any) -> dict[str, Any]:
    if dialect is M20:
        return {"imageid": f"NLF_{number:05}", "sol": sol, "sample_type": "Full"} | more
    return {"id": number, "sol": sol, "mission": "msl"} | more


def listing(dialect: type[M20 | MSL], images: Any, total: int, *, size: int, more: bool, **rest: Any) -> dict[str, Any]:
    if dialect is M20:
        return {"images": images, "per_page": str(size), "total_results": total, "mission": "mars2020"} | rest
    return {"items": images, "more": more, "total": total, "per_page": size} | rest


class Server:
    """Serves one sol's images in pages of at most ``cap``, whatever is asked for."""

    def __init__(
        self, dialect: type[M20 | MSL], images: list[dict[str, Any]], *, cap: int = 3, total: int | None = None
    ) -> None:
        self.dialect = dialect
        self.images = images
        self.cap = cap
        self.total = len(images) if total is None else total
        self.asked: list[httpx.URL] = []

    def page(self, number: int) -> list[dict[str, Any]]:
        return self.images[number * self.cap : (number + 1) * self.cap]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        number = int(request.url.params["page"])
        more = (number + 1) * self.cap < len(self.images)
        return httpx.Response(200, json=listing(self.dialect, self.page(number), self.total, size=self.cap, more=more))

    @property
    def pages_asked(self) -> list[int]:
        return [int(url.params["page"]) for url in self.asked]


def told(document: Document) -> tuple[int, int | None, bool]:
    return document.header.record_count, document.header.promised, document.header.complete


def always(status: int, body: Any) -> Handler:
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return lambda request: httpx.Response(status, content=content)


def in_turn(answers: Iterable[Any]) -> Handler:
    waiting = iter(answers)
    return lambda request: httpx.Response(200, json=next(waiting))


# Real payloads


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
async def test_a_real_answer_is_kept_whole_and_unchanged(
    real_payloads: Path, photos_of: Ask, dialect: type[M20 | MSL], name: str, *, sol: int, count: int
) -> None:
    body = (real_payloads / name).read_bytes()
    document = await photos_of(dialect, always(200, body), sol=sol)
    assert told(document) == (count, count, True)
    assert document.pages == (body,)
    assert not document.header.synthetic
    assert decode(document.header.key, encode(document)).header == document.header


async def test_the_real_images_of_a_page_of_the_whole_feed_are_kept_and_short_of_its_total(
    real_payloads: Path, photos_of: Ask
) -> None:
    body = (real_payloads / "m20_feed_page_num3_2026-08-31.json").read_bytes()
    assert told(await photos_of(M20, always(200, body), sol=1965)) == (3, 563_603, False)


async def test_the_mars_2020_manifest_is_made_of_two_small_real_answers(real_payloads: Path, manifest_of: Ask) -> None:
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


# How a sol is asked for


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


# Where a sol ends


@BOTH
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
async def test_every_page_of_a_sol_is_kept_and_no_page_is_asked_for_in_vain(
    photos_of: Ask, dialect: type[M20 | MSL], count: int
) -> None:
    server = Server(dialect, [image(dialect, number) for number in range(count)])
    document = await photos_of(dialect, server)
    assert told(document) == (count, count, True)
    pages = -(-count // 3)
    assert len(document.pages) == pages
    # A full page of the Mars 2020 feed may not be the last one; Curiosity's server says which is.
    spare = 1 if dialect is M20 and count % 3 == 0 else 0
    assert server.pages_asked == list(range(pages + spare))


@BOTH
async def test_a_short_page_does_not_end_a_sol_that_was_promised_more(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    pages = ([image(dialect, 1), image(dialect, 2)], [image(dialect, 3)])
    answers = [listing(dialect, images, 3, size=3, more=False) for images in pages]
    assert told(await photos_of(dialect, in_turn(answers))) == (3, 3, True)


@BOTH
async def test_a_total_above_what_is_delivered_leaves_the_sol_short(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number) for number in range(4)], total=6)
    assert told(await photos_of(dialect, server)) == (4, 6, False)
    assert server.pages_asked == [0, 1, 2, 2, 2, 2]


@BOTH
async def test_a_total_below_what_is_delivered_loses_nothing(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number) for number in range(7)], total=2)
    assert told(await photos_of(dialect, server)) == (7, 2, True)


@BOTH
async def test_a_server_that_repeats_a_page_ends_the_sol(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    repeated = listing(dialect, [image(dialect, number) for number in range(3)], 9, size=3, more=True)
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["page"])
        return httpx.Response(200, json=repeated)

    document = await photos_of(dialect, handler)
    assert told(document) == (3, 9, False)
    assert (asked, len(document.pages)) == (["0", "1", "1", "1", "1"], 1)


@BOTH
async def test_a_page_that_is_repeated_once_is_asked_for_again(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    first, second = [image(dialect, number) for number in range(3)], [image(dialect, 3)]
    answers = [listing(dialect, images, 4, size=3, more=True) for images in (first, first, second)]
    answers[-1]["more"] = False
    assert told(await photos_of(dialect, in_turn(answers))) == (4, 4, True)


@BOTH
async def test_repeats_across_pages_leave_the_sol_short_and_are_kept_once(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number) for number in (1, 2, 3, 3, 4)])
    document = await photos_of(dialect, server)
    assert told(document) == (4, 5, False)
    assert (server.pages_asked, len(document.pages)) == ([0, 1, 0, 1], 2)
    assert not document.header.satisfies(None)


@BOTH
async def test_repeats_within_one_page_that_the_total_counts_fill_it(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number) for number in (1, 2, 2, 3, 4)])
    document = await photos_of(dialect, server)
    assert (*told(document), document.header.repeats) == (4, 5, True, 1)
    assert document.header.satisfies(None)
    assert server.pages_asked == [0, 1]


@BOTH
async def test_a_feed_that_hands_out_380_of_500_images_is_short_of_120(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    """As the feeds do whose order of a sol is another one for every page; here it is the same for each pass."""
    numbers = [number % 380 for number in range(500)]
    server = Server(dialect, [image(dialect, number) for number in numbers], cap=100)
    document = await photos_of(dialect, server)
    assert told(document) == (380, 500, False)
    assert not document.header.satisfies(None)
    assert len(server.asked) == 13, "five pages, the last of them four times, and one pass in vain"


@BOTH
async def test_a_feed_that_orders_a_sol_anew_for_each_page_is_asked_until_every_image_was_told(
    photos_of: Ask, dialect: type[M20 | MSL]
) -> None:
    images = [image(dialect, number) for number in range(500)]
    server = Server(dialect, list(images), cap=100)

    def handler(request: httpx.Request) -> httpx.Response:
        random.Random(len(server.asked)).shuffle(server.images)
        return server(request)

    document = await photos_of(dialect, handler)
    assert (*told(document), document.header.repeats) == (500, 500, True, 0)
    assert document.header.fingerprint == (await photos_of(dialect, Server(dialect, images))).header.fingerprint


@BOTH
async def test_what_another_order_hid_behind_repeats_is_found_when_the_pages_are_asked_for_once_more(
    photos_of: Ask, dialect: type[M20 | MSL]
) -> None:
    orders = [[0, 1, 2], [2, 3], [4, 0, 1], [2, 3]]
    answers = [listing(dialect, [image(dialect, n) for n in ids], 5, size=3, more=len(ids) == 3) for ids in orders]
    document = await photos_of(dialect, in_turn(answers))
    assert told(document) == (5, 5, True)
    told_ids = [image for page in document.parsed_pages() for image in page["images" if dialect is M20 else "items"]]
    assert {f"{number:05}" for number in range(5)} == {
        str(each.get("imageid", each.get("id")))[-5:].zfill(5) for each in told_ids
    }
    whole = await photos_of(dialect, Server(dialect, [image(dialect, number) for number in range(5)]))
    assert document.header.fingerprint == whole.header.fingerprint


@BOTH
async def test_images_that_came_in_between_two_pages_push_none_out(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    newest_first = [image(dialect, number) for number in reversed(range(9))]
    server = Server(dialect, newest_first[4:])

    def handler(request: httpx.Request) -> httpx.Response:
        answer = server(request)
        server.images, server.total = newest_first, len(newest_first)
        return answer

    assert told(await photos_of(dialect, handler)) == (9, 9, True)


# What is set aside, and what is believed


@BOTH
async def test_images_of_another_sol_alone_are_an_empty_sol(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number, sol=3) for number in range(8)])
    document = await photos_of(dialect, server)
    assert told(document) == (0, 0, True)
    assert server.pages_asked == [0, 0, 0, 0]
    assert document.header.fingerprint == (await photos_of(dialect, Server(dialect, []))).header.fingerprint


@BOTH
async def test_strays_are_no_part_of_the_promise(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, 1), image(dialect, 2, sol=6)])
    assert told(await photos_of(dialect, server)) == (1, 1, True)


@BOTH
@pytest.mark.parametrize("stated", [99, 100])
async def test_an_odd_image_costs_no_other_and_leaves_the_sol_short(
    photos_of: Ask, dialect: type[M20 | MSL], caplog: pytest.LogCaptureFixture, stated: int
) -> None:
    odd = {"sol": SOL} if dialect is M20 else image(MSL, 500, mission="insight")
    images = [*(image(dialect, number) for number in range(50)), odd, *(image(dialect, number) for number in range(50, 99))]
    answer = listing(dialect, images, stated, size=200, more=False)
    document = await photos_of(dialect, always(200, answer))
    assert told(document) == (99, 100, False)
    assert document.pages == (orjson.dumps(answer),)
    assert "1 of 100 records are set aside" in caplog.text


@BOTH
async def test_an_odd_image_alone_on_its_page_costs_no_other(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    odd = {"sol": SOL} if dialect is M20 else image(MSL, 500, mission="insight")
    full = listing(dialect, [image(dialect, number) for number in range(3)], 5, size=3, more=True)
    alone = listing(dialect, [odd], 5, size=1, more=True)
    last = listing(dialect, [image(dialect, 3)], 5, size=3, more=False)
    document = await photos_of(dialect, in_turn([full, *[alone] * 4, last]))
    assert told(document) == (4, 5, False)
    assert document.pages == tuple(map(orjson.dumps, (full, alone, last)))


async def test_an_odd_item_does_not_tell_how_far_curiositys_feed_reaches(manifest_of: Ask) -> None:
    items = ["x", image(MSL, 1, sol=4_999, mission="insight"), image(MSL, 2, sol=8)]
    document = await manifest_of(MSL, always(200, listing(MSL, items, 3, size=1, more=False)))
    assert (msl.read_promises(document).newest_sol, document.header.record_count) == (8, 9)


@BOTH
async def test_an_empty_answer_is_believed_when_it_is_repeated(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    nothing = listing(dialect, [], 0, size=3, more=False)
    photos = listing(dialect, [image(dialect, 1)], 1, size=3, more=False)
    assert told(await photos_of(dialect, in_turn([nothing, nothing, nothing, photos]))) == (1, 1, True)
    assert told(await photos_of(dialect, in_turn([nothing] * 4))) == (0, 0, True)


@BOTH
async def test_an_empty_answer_where_photos_are_known_is_short(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    assert told(await photos_of(dialect, Server(dialect, []), promised=4)) == (0, 4, False)


@BOTH
async def test_an_answer_without_images_that_states_some_is_short(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    assert told(await photos_of(dialect, Server(dialect, [], total=57))) == (0, 57, False)


@BOTH
async def test_numbers_may_come_as_text(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    answer = listing(dialect, [image(dialect, 1, sol="7")], 1, size=3, more=False)
    answer = {name: str(value) if type(value) is int else value for name, value in answer.items()}
    assert told(await photos_of(dialect, always(200, answer))) == (1, 1, True)


async def test_tiles_of_one_exposure_are_several_records(real_payloads: Path, photos_of: Ask) -> None:
    page = json.loads((real_payloads / "m20_feed_page_num3_2026-08-31.json").read_text()) | {"total_results": 3}
    document = await photos_of(M20, always(200, page), sol=1965)
    clocks = [image["extended"]["sclk"] for image in page["images"]]
    assert document.header.record_count == 3 > len(set(clocks))


# The fingerprint


@BOTH
async def test_the_fingerprint_ignores_pages_and_order(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    images = [image(dialect, number) for number in range(7)]
    documents = [
        await photos_of(dialect, Server(dialect, told_images, cap=cap))
        for told_images, cap in ((images, 3), (images[::-1], 5), (images + images[:1], 100))
    ]
    assert len({document.header.fingerprint for document in documents}) == 1
    other = await photos_of(dialect, Server(dialect, [*images[:-1], images[-1] | {"site": 4}]))
    assert other.header.fingerprint != documents[0].header.fingerprint


async def test_when_the_server_touched_an_item_says_nothing_about_mars(photos_of: Ask) -> None:
    touched = [{"created_at": day, "updated_at": day} for day in ("2019-07-29", "2019-09-05")]
    documents = [await photos_of(MSL, Server(MSL, [image(MSL, 1, **more)])) for more in touched]
    assert documents[0].header.fingerprint == documents[1].header.fingerprint
    assert documents[0].pages != documents[1].pages


async def test_a_manifest_changes_with_the_newest_sol_and_the_total_only(manifest_of: Ask) -> None:
    def answers(sol: int, total: int, count: int) -> list[dict[str, Any]]:
        latest = {"latest_sol": sol, "new_count": count, "latest": f"2025-10-{count:02}"}
        return [latest, listing(M20, [image(M20, count, sol=sol)], total, size=1, more=True)]

    told_so = [(9, 50, 1), (9, 50, 2), (9, 51, 2), (10, 51, 2)]
    prints = [(await manifest_of(M20, in_turn(answers(*each)))).header.fingerprint for each in told_so]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3


# What is no answer


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
    with pytest.raises(BrokenAnswer) as raised:
        await photos_of(dialect, always(status, body))
    assert raised.value.body == (body if isinstance(body, bytes) else orjson.dumps(body))


@BOTH
@pytest.mark.parametrize(
    "body",
    [HTML, {"images": [], "items": [], "total_results": 0, "total": 0}, {"latest_sol": 100_000}, {"latest_sol": None}],
)
async def test_an_answer_that_names_no_sol_is_no_manifest(manifest_of: Ask, dialect: type[M20 | MSL], body: Any) -> None:
    with pytest.raises(BrokenAnswer):
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
