"""Manifests of the v1 dialect: what is promised, and what is no manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from martian_moments.domain.documents import decode, encode
from martian_moments.domain.errors import BrokenResponse, UnknownRover
from martian_moments.nasa.v1 import read_promises
from martian_moments_tests.unit.nasa.conftest import always
from martian_moments_tests.unit.nasa.v1.conftest import HTML, REFUSALS, a_manifest


async def test_the_real_manifests_promise_every_photo(real_payloads: Path, manifest_of: Any) -> None:
    expected = {
        "curiosity": ("2023-08", 3575, 672_292, 3919, "active"),
        "perseverance": ("2024-01", 975, 196_822, 1042, "active"),
        "opportunity": ("2023-08", 4811, 198_439, 5111, "complete"),
        "spirit": ("2023-08", 2115, 124_550, 2208, "complete"),
    }
    sols = photos = 0
    for rover, (month, listed, total, newest, status) in expected.items():
        body = (real_payloads / f"v1_manifest_{rover}_{month}.json").read_bytes()
        document = await manifest_of(always(200, body), rover)
        promises = read_promises(document)
        assert (document.header.record_count, document.header.complete, document.pages) == (listed, True, (body,))
        assert (promises.served, len(promises.sols), promises.total, promises.stated_total) == (True, listed, total, total)
        assert (promises.newest_sol, promises.status) == (newest, status)
        sols += len(promises.sols)
        photos += promises.total
    assert (sols, photos) == (11_476, 1_192_103)
    assert promises.sols[1] == 77


@pytest.mark.parametrize(
    "body",
    [
        HTML,
        {"photos": []},
        {"photo_manifest": []},
        a_manifest(photos=None),
        a_manifest(photos=[{"sol": 1}]),
        a_manifest(photos=[{"sol": "one", "total_photos": 2}]),
        a_manifest(photos=[{"sol": -1, "total_photos": 2}]),
        a_manifest(photos=[{"sol": 100_000, "total_photos": 2}]),
        a_manifest(photos=[{"sol": 1, "total_photos": -2}]),
        a_manifest(name="Spirit"),
    ],
)
async def test_what_is_no_manifest_of_the_rover_is_an_error(manifest_of: Any, body: Any) -> None:
    with pytest.raises(BrokenResponse):
        await manifest_of(always(200, body))


async def test_a_manifest_whose_total_disagrees_is_read_by_its_sols(manifest_of: Any) -> None:
    promises = read_promises(await manifest_of(always(200, a_manifest())))
    assert list(promises.sols.items()) == [(1, 2), (3, 5)]
    assert (promises.total, promises.stated_total, promises.newest_sol) == (7, 99, 9)


async def test_a_mirrors_manifest_without_totals_is_enough(manifest_of: Any) -> None:
    body = {"photo_manifest": {"photos": [{"sol": 4, "total_photos": 1}]}, "synthetic": True}
    document = await manifest_of(always(200, body))
    promises = read_promises(document)
    assert (promises.newest_sol, promises.stated_total, promises.status) == (4, None, None)
    assert document.header.synthetic


@pytest.mark.parametrize(("status", "body"), REFUSALS)
async def test_a_rover_that_is_not_served_has_a_manifest_that_says_so(manifest_of: Any, status: int, body: Any) -> None:
    document = await manifest_of(always(status, body), "spirit")
    assert document.pages == (orjson.dumps(body),)
    assert (document.header.record_count, document.header.promised, document.header.complete) == (0, None, True)
    stored = decode(document.header.key, encode(document))
    promises = read_promises(stored)
    assert (promises.served, promises.rover, promises.total, promises.newest_sol) == (False, "spirit", 0, None)


@pytest.mark.parametrize(("status", "body"), REFUSALS)
async def test_photos_of_a_rover_that_is_not_served_are_no_empty_sol(photos_of: Any, status: int, body: Any) -> None:
    with pytest.raises(UnknownRover, match="does not serve spirit"):
        await photos_of(always(status, body), None, rover="spirit")
