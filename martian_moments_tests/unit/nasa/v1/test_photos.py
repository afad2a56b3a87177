"""Sols of the v1 dialect, on real payloads and on what its mirrors and their faults make of them."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from martian_moments.domain.documents import decode, encode
from martian_moments.domain.errors import BrokenResponse, UpstreamUnavailable
from martian_moments.nasa.v1 import V1, _fingerprint, read_promises
from martian_moments_tests.unit.nasa.conftest import ClientFactory, always
from martian_moments_tests.unit.nasa.v1.conftest import HTML, URL, Mirror, a_manifest, counts, in_turn, photo


@pytest.mark.parametrize(
    ("name", "rover", "sol", "count"),
    [
        ("v1_photos_curiosity_sol1000_2023-07.json", "curiosity", 1000, 856),
        ("v1_photos_perseverance_sol0_2023-07.json", "perseverance", 0, 54),
        ("v1_photos_perseverance_sol367_2022.json", "perseverance", 367, 162),
        ("v1_photos_opportunity_sol1_2023-07.json", "opportunity", 1, 95),
        ("v1_photos_spirit_sol1_2023-07.json", "spirit", 1, 77),
    ],
)
async def test_a_real_sol_is_kept_whole_and_unchanged(
    real_payloads: Path, photos_of: Any, name: str, *, rover: str, sol: int, count: int
) -> None:
    body = (real_payloads / name).read_bytes()
    document = await photos_of(always(200, body), count, sol, rover)
    assert (document.header.record_count, document.header.promised, document.header.complete) == (count, count, True)
    assert document.pages == (body,)
    assert document.header.requests == (f"{URL}/rovers/{rover}/photos?sol={sol}",)
    assert not document.header.synthetic
    assert decode(document.header.key, encode(document)).header == document.header


async def test_a_real_sol_that_was_cut_is_short(real_payloads: Path, photos_of: Any) -> None:
    body = (real_payloads / "v1_photos_curiosity_sol0_2023-07_cut118of3702.json").read_bytes()
    document = await photos_of(always(200, body), 3702, 0)
    assert (document.header.record_count, document.header.complete) == (118, False)


async def test_a_real_empty_response_is_an_empty_document_when_nothing_was_promised(
    real_payloads: Path, photos_of: Any
) -> None:
    body = (real_payloads / "v1_photos_empty_2018.json").read_bytes()
    document = await photos_of(always(200, body), 0)
    assert (document.header.record_count, document.header.complete, document.pages) == (0, True, (body,))


@pytest.mark.parametrize("count", [0, 1, 24, 25, 26, 50, 51, 162])
@pytest.mark.parametrize("manifest", [True, False])
@pytest.mark.parametrize(
    "shape", [{"always_pages": False}, {"always_pages": True}, {"always_pages": True, "pagination": True}]
)
async def test_every_mirror_gives_the_same_sol(
    photos_of: Any, shape: dict[str, bool], count: int, *, manifest: bool
) -> None:
    photos = [photo(number) for number in range(count)]
    document = await photos_of(Mirror(photos, **shape), count if manifest else None)
    assert document.header.record_count == count
    assert document.header.complete
    assert document.header.fingerprint == _fingerprint(photos)


async def test_pages_are_asked_for_only_when_needed(photos_of: Any) -> None:
    whole = Mirror([photo(number) for number in range(162)], always_pages=False)
    await photos_of(whole, 162)
    assert whole.asked == ["/rovers/curiosity/photos?sol=7"]
    paged = Mirror([photo(number) for number in range(60)], always_pages=True, pagination=True)
    document = await photos_of(paged, 60)
    assert paged.asked == [f"/rovers/curiosity/photos?sol=7{page}" for page in ("", "&page=2", "&page=3")]
    assert document.header.requests == tuple(URL + path for path in paged.asked)
    assert len(document.pages) == 3


async def test_a_server_that_repeats_itself_ends_the_pages_and_its_repeats_do_not_count(photos_of: Any) -> None:
    deaf = Mirror([photo(number) for number in range(60)], always_pages=True, deaf_to_page=True)
    document = await photos_of(deaf, 50)
    assert len(deaf.asked) == 2
    assert (document.header.record_count, document.header.complete, len(document.pages)) == (25, False, 1)


async def test_repeats_within_one_page_that_the_source_counts_fill_the_promise(photos_of: Any) -> None:
    """As on sol 2207, of which the manifest counts two records twice."""
    photos = [photo(1), photo(2), photo(2), photo(3), photo(2)]
    assert counts(await photos_of(always(200, {"photos": photos}), 5)) == (3, 2, True)
    assert counts(await photos_of(always(200, {"photos": photos}), 6)) == (3, 2, False)


async def test_repeats_on_another_page_do_not_fill_the_promise(photos_of: Any) -> None:
    boundary = Mirror([photo(min(number, 25)) for number in range(1, 25)] + [photo(25), photo(25)], always_pages=True)
    assert counts(await photos_of(boundary, 26)) == (25, 0, False)
    assert len(boundary.asked) == 4, "both pages, and once more: that brought nothing"


class Reordering(Mirror):
    """Orders the photos of the sol anew for every page that it gives, for ever or for so many pages."""

    def __init__(self, photos: list[dict[str, Any]], *, pages: int | None = None, pagination: bool = False) -> None:
        super().__init__(photos, always_pages=True, pagination=pagination)
        self._steady_after = pages

    def __call__(self, request: httpx.Request) -> httpx.Response:
        given, steady = len(self.asked), list(self.photos)
        if self._steady_after is None or given < self._steady_after:
            random.Random(given).shuffle(self.photos)
        try:
            return super().__call__(request)
        finally:
            self.photos = steady


@pytest.mark.parametrize("pagination", [True, False])
async def test_a_server_that_orders_a_sol_anew_for_each_page_is_asked_until_every_photo_was_reported(
    photos_of: Any, *, pagination: bool
) -> None:
    photos = [photo(number) for number in range(100)]
    server = Reordering(photos, pagination=pagination)
    document = await photos_of(server, 100)
    assert counts(document) == (100, 0, True)
    assert document.header.fingerprint == _fingerprint(photos)
    assert {each["id"] for page in document.parsed_pages() for each in page["photos"]} == set(range(100))
    assert len(server.asked) > 5, "one pass over the four pages reported 64 to 72 of them"


@pytest.mark.parametrize("pagination", [True, False])
async def test_what_a_reordering_server_never_reports_leaves_the_sol_short(photos_of: Any, *, pagination: bool) -> None:
    """Its four pages hold 100 records and 64 photos, always the same ones."""
    pages = [[number % 64 for number in range(start, start + 25)] for start in (0, 25, 50, 11)]
    asked: list[int] = []

    def handler(request: httpx.Request) -> httpx.Response:
        number = int(request.url.params.get("page", 1))
        asked.append(number)
        reported = [photo(each) for each in pages[number - 1]] if number <= len(pages) else []
        about = {"pagination": {"total_count": 100, "total_pages": 4}} if pagination else {}
        return httpx.Response(200, json={"photos": reported} | about)

    document = await photos_of(handler, 100)
    assert counts(document) == (64, 0, False)
    assert not document.header.satisfies(100)
    assert len(asked) <= 18, "no more than one pass in vain"


async def test_photos_of_other_sols_are_set_aside(photos_of: Any) -> None:
    document = await photos_of(always(200, {"photos": [photo(1), photo(2, sol=6), photo(3, sol=8)]}), 2)
    assert (document.header.record_count, document.header.complete) == (1, False)
    assert document.header.fingerprint == _fingerprint([photo(1)])


async def test_a_page_that_is_short_of_the_responses_own_total_is_no_complete_sol(photos_of: Any) -> None:
    content = {"photos": [photo(1)], "pagination": {"total_count": 3, "total_pages": 1}}
    document = await photos_of(always(200, content), None)
    assert not document.header.complete


async def test_numbers_may_come_as_text(photos_of: Any, manifest_of: Any) -> None:
    as_text = [photo(number) | {"id": str(number), "sol": "7"} for number in (2, 10)]
    document = await photos_of(always(200, {"photos": as_text}), 2)
    assert (document.header.record_count, document.header.complete) == (2, True)
    assert document.header.fingerprint == _fingerprint(as_text)
    rows = [{"sol": "10", "total_photos": "5"}, {"sol": "2", "total_photos": "0"}, {"sol": "3", "total_photos": "4"}]
    body = a_manifest(photos=rows, max_sol="11", total_photos="9")
    promises = read_promises(await manifest_of(always(200, body)))
    assert list(promises.sols.items()) == [(3, 4), (10, 5)]
    assert (promises.newest_sol, promises.stated_total) == (11, 9)


@pytest.mark.parametrize(
    "odd",
    ["x", {"sol": 7}, photo(9, rover={"name": "Spirit"})],
    ids=["text", "no id", "rover"],
)
@pytest.mark.parametrize("promised", [None, 2, 3])
async def test_an_odd_photo_costs_no_other_and_leaves_the_sol_short(
    photos_of: Any, caplog: pytest.LogCaptureFixture, odd: Any, promised: int | None
) -> None:
    body = {"photos": [photo(1), odd, photo(2)]}
    document = await photos_of(always(200, body), promised)
    assert (document.header.record_count, document.header.complete) == (2, False)
    assert document.pages == (orjson.dumps(body),)
    assert "1 of 3 records are set aside" in caplog.text


async def test_an_odd_photo_alone_on_its_page_costs_no_other(photos_of: Any) -> None:
    pages = [
        {"photos": photos, "pagination": {"total_pages": 3, "total_count": 3}} for photos in ([photo(1)], ["x"], [photo(2)])
    ]
    document = await photos_of(in_turn(pages[0], *[pages[1]] * 3, pages[2]), 3)
    assert (document.header.record_count, document.header.promised, document.header.complete) == (2, 3, False)
    assert document.pages == tuple(map(orjson.dumps, pages))


async def test_an_empty_response_for_promised_photos_is_asked_again(photos_of: Any) -> None:
    document = await photos_of(in_turn({"photos": []}, {"photos": []}, {"photos": [photo(1)]}), 1)
    assert (document.header.record_count, document.header.complete) == (1, True)


async def test_a_response_that_stays_empty_for_promised_photos_is_short(photos_of: Any) -> None:
    mirror = Mirror([], always_pages=False)
    document = await photos_of(mirror, 4)
    assert len(mirror.asked) == 3
    assert (document.header.record_count, document.header.promised, document.header.complete) == (0, 4, False)


async def test_an_empty_page_in_the_middle_is_asked_again(photos_of: Any) -> None:
    first, rest = [photo(n) for n in range(25)], [photo(n) for n in range(25, 30)]
    document = await photos_of(in_turn({"photos": first}, {"photos": []}, {"photos": rest}), 30)
    assert (document.header.record_count, document.header.complete) == (30, True)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, HTML),
        (404, HTML),
        (404, {"error": "not found"}),
        (404, {"photos": []}),
        (403, {"error": {"code": "API_KEY_MISSING"}}),
        (200, {"error": "database is down"}),
        (200, {"photos": None}),
        (200, {"photos": {}}),
        (200, {"photos": ["x"]}),
        (200, {"photos": [{"sol": 7}]}),
        (200, {"photos": [photo(1) | {"id": "x"}]}),
        (200, {"photos": [photo(1) | {"id": 1.5}]}),
        (200, {"photos": [photo(1) | {"sol": True}]}),
        (200, {"photos": [photo(1) | {"rover": {"name": "Spirit"}}]}),
    ],
)
async def test_what_is_no_list_of_photos_is_an_error_and_never_empty(photos_of: Any, status: int, body: Any) -> None:
    with pytest.raises(BrokenResponse) as raised:
        await photos_of(always(status, body), 0)
    assert raised.value.body == (body if isinstance(body, bytes) else orjson.dumps(body))


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_a_server_in_trouble_is_unavailable_even_with_a_well_formed_body(photos_of: Any, status: int) -> None:
    with pytest.raises(UpstreamUnavailable):
        await photos_of(always(status, {"photos": []}), 0)


async def test_the_api_key_travels_in_its_header_only(client: ClientFactory) -> None:
    requests: list[httpx.Request] = []

    def handler(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, json={"photos": [photo(1)], "synthetic": True})

    async with client(handler) as asking:
        document = await V1(asking, URL + "/", "key-1").photos("curiosity", 7, 1)
    assert requests[0].headers["x-api-key"] == "key-1"
    assert b"key-1" not in encode(document)
    assert "key-1" not in str(requests[0].url)
    assert document.header.synthetic
