"""Pages of a feed: what ends a sol, what repeats, and what strays into it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from martian_moments.nasa.m20 import M20
from martian_moments.nasa.msl import MSL
from martian_moments_tests.unit.nasa.conftest import always
from martian_moments_tests.unit.nasa.feeds.conftest import BOTH, SOL, Ask, Server, image, in_turn, listing, reported


async def test_the_real_images_of_a_page_of_the_whole_feed_are_kept_and_short_of_its_total(
    real_payloads: Path, photos_of: Ask
) -> None:
    body = (real_payloads / "m20_feed_page_num3_2026-08-31.json").read_bytes()
    assert reported(await photos_of(M20, always(200, body), sol=1965)) == (3, 563_603, False)


@BOTH
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
async def test_every_page_of_a_sol_is_kept_and_no_page_is_asked_for_in_vain(
    photos_of: Ask, dialect: type[M20 | MSL], count: int
) -> None:
    server = Server(dialect, [image(dialect, number) for number in range(count)])
    document = await photos_of(dialect, server)
    assert reported(document) == (count, count, True)
    pages = -(-count // 3)
    assert len(document.pages) == pages
    # A full page of the Mars 2020 feed may not be the last one; Curiosity's server says which is.
    spare = 1 if dialect is M20 and count % 3 == 0 else 0
    assert server.pages_asked == list(range(pages + spare))


@BOTH
async def test_a_short_page_does_not_end_a_sol_that_was_promised_more(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    pages = ([image(dialect, 1), image(dialect, 2)], [image(dialect, 3)])
    responses = [listing(dialect, images, 3, size=3, more=False) for images in pages]
    assert reported(await photos_of(dialect, in_turn(responses))) == (3, 3, True)


@BOTH
async def test_a_total_above_what_is_delivered_leaves_the_sol_short(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number) for number in range(4)], total=6)
    assert reported(await photos_of(dialect, server)) == (4, 6, False)
    assert server.pages_asked == [0, 1, 2, 2, 2, 2]


@BOTH
async def test_a_total_below_what_is_delivered_loses_nothing(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number) for number in range(7)], total=2)
    assert reported(await photos_of(dialect, server)) == (7, 2, True)


@BOTH
async def test_a_server_that_repeats_a_page_ends_the_sol(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    repeated = listing(dialect, [image(dialect, number) for number in range(3)], 9, size=3, more=True)
    asked: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.params["page"])
        return httpx.Response(200, json=repeated)

    document = await photos_of(dialect, handler)
    assert reported(document) == (3, 9, False)
    assert (asked, len(document.pages)) == (["0", "1", "1", "1", "1"], 1)


@BOTH
async def test_a_page_that_is_repeated_once_is_asked_for_again(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    first, second = [image(dialect, number) for number in range(3)], [image(dialect, 3)]
    responses = [listing(dialect, images, 4, size=3, more=True) for images in (first, first, second)]
    responses[-1]["more"] = False
    assert reported(await photos_of(dialect, in_turn(responses))) == (4, 4, True)


@BOTH
async def test_repeats_across_pages_leave_the_sol_short_and_are_kept_once(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number) for number in (1, 2, 3, 3, 4)])
    document = await photos_of(dialect, server)
    assert reported(document) == (4, 5, False)
    assert (server.pages_asked, len(document.pages)) == ([0, 1, 0, 1], 2)
    assert not document.header.satisfies(None)


@BOTH
async def test_repeats_within_one_page_that_the_total_counts_fill_it(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number) for number in (1, 2, 2, 3, 4)])
    document = await photos_of(dialect, server)
    assert (*reported(document), document.header.repeats) == (4, 5, True, 1)
    assert document.header.satisfies(None)
    assert server.pages_asked == [0, 1]


@BOTH
async def test_a_feed_that_hands_out_380_of_500_images_is_short_of_120(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    """As the feeds do whose order of a sol is another one for every page; here it is the same for each pass."""
    numbers = [number % 380 for number in range(500)]
    server = Server(dialect, [image(dialect, number) for number in numbers], cap=100)
    document = await photos_of(dialect, server)
    assert reported(document) == (380, 500, False)
    assert not document.header.satisfies(None)
    assert len(server.asked) == 13, "five pages, the last of them four times, and one pass in vain"


@BOTH
async def test_a_feed_that_orders_a_sol_anew_for_each_page_is_asked_until_every_image_was_reported(
    photos_of: Ask, dialect: type[M20 | MSL]
) -> None:
    images = [image(dialect, number) for number in range(500)]
    server = Server(dialect, list(images), cap=100)

    def handler(request: httpx.Request) -> httpx.Response:
        random.Random(len(server.asked)).shuffle(server.images)
        return server(request)

    document = await photos_of(dialect, handler)
    assert (*reported(document), document.header.repeats) == (500, 500, True, 0)
    assert document.header.fingerprint == (await photos_of(dialect, Server(dialect, images))).header.fingerprint


@BOTH
async def test_what_another_order_hid_behind_repeats_is_found_when_the_pages_are_asked_for_once_more(
    photos_of: Ask, dialect: type[M20 | MSL]
) -> None:
    orders = [[0, 1, 2], [2, 3], [4, 0, 1], [2, 3]]
    responses = [listing(dialect, [image(dialect, n) for n in ids], 5, size=3, more=len(ids) == 3) for ids in orders]
    document = await photos_of(dialect, in_turn(responses))
    assert reported(document) == (5, 5, True)
    reported_ids = [image for page in document.parsed_pages() for image in page["images" if dialect is M20 else "items"]]
    assert {f"{number:05}" for number in range(5)} == {
        str(each.get("imageid", each.get("id")))[-5:].zfill(5) for each in reported_ids
    }
    whole = await photos_of(dialect, Server(dialect, [image(dialect, number) for number in range(5)]))
    assert document.header.fingerprint == whole.header.fingerprint


@BOTH
async def test_images_that_came_in_between_two_pages_push_none_out(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    newest_first = [image(dialect, number) for number in reversed(range(9))]
    server = Server(dialect, newest_first[4:])

    def handler(request: httpx.Request) -> httpx.Response:
        response = server(request)
        server.images, server.total = newest_first, len(newest_first)
        return response

    assert reported(await photos_of(dialect, handler)) == (9, 9, True)


@BOTH
async def test_images_of_another_sol_alone_are_an_empty_sol(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, number, sol=3) for number in range(8)])
    document = await photos_of(dialect, server)
    assert reported(document) == (0, 0, True)
    assert server.pages_asked == [0, 0, 0, 0]
    assert document.header.fingerprint == (await photos_of(dialect, Server(dialect, []))).header.fingerprint


@BOTH
async def test_strays_are_no_part_of_the_promise(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    server = Server(dialect, [image(dialect, 1), image(dialect, 2, sol=6)])
    assert reported(await photos_of(dialect, server)) == (1, 1, True)


@BOTH
async def test_an_odd_image_alone_on_its_page_costs_no_other(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    odd = {"sol": SOL} if dialect is M20 else image(MSL, 500, mission="insight")
    full = listing(dialect, [image(dialect, number) for number in range(3)], 5, size=3, more=True)
    alone = listing(dialect, [odd], 5, size=1, more=True)
    last = listing(dialect, [image(dialect, 3)], 5, size=3, more=False)
    document = await photos_of(dialect, in_turn([full, *[alone] * 4, last]))
    assert reported(document) == (4, 5, False)
    assert document.pages == tuple(map(orjson.dumps, (full, alone, last)))


@BOTH
async def test_the_fingerprint_ignores_pages_and_order(photos_of: Ask, dialect: type[M20 | MSL]) -> None:
    images = [image(dialect, number) for number in range(7)]
    documents = [
        await photos_of(dialect, Server(dialect, reported_images, cap=cap))
        for reported_images, cap in ((images, 3), (images[::-1], 5), (images + images[:1], 100))
    ]
    assert len({document.header.fingerprint for document in documents}) == 1
    other = await photos_of(dialect, Server(dialect, [*images[:-1], images[-1] | {"site": 4}]))
    assert other.header.fingerprint != documents[0].header.fingerprint


async def test_a_manifest_changes_with_the_newest_sol_and_the_total_only(manifest_of: Ask) -> None:
    def responses(sol: int, total: int, count: int) -> list[dict[str, Any]]:
        latest = {"latest_sol": sol, "new_count": count, "latest": f"2025-10-{count:02}"}
        return [latest, listing(M20, [image(M20, count, sol=sol)], total, size=1, more=True)]

    reported_so = [(9, 50, 1), (9, 50, 2), (9, 51, 2), (10, 51, 2)]
    prints = [(await manifest_of(M20, in_turn(responses(*each)))).header.fingerprint for each in reported_so]
    assert prints[0] == prints[1]
    assert len(set(prints)) == 3
