"""From an upstream to the lake, without Dagster: what is asked for, what is kept, what is never lost."""

from __future__ import annotations

import asyncio
import gc
import json
import threading
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from martian_moments.domain.coverage import Coverage, LakeView
from martian_moments.domain.documents import Document, Kind
from martian_moments.domain.errors import BrokenResponse, FileMissing, LakeError, UnknownRover, UpstreamUnavailable
from martian_moments.domain.promises import Promises
from martian_moments.lake.store import Lake, Put
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.msl import MSL
from martian_moments.nasa.protocols import PhotoSource
from martian_moments.nasa.v1 import V1
from martian_moments.pipelines import ingest
from martian_moments.pipelines.coverage import coverage, promises, view
from martian_moments.pipelines.ingest import Outcome, SolResult
from martian_moments_tests.platforms import ScriptedSource, photos_of


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path.as_uri())


def fetch(
    source: PhotoSource, lake: Lake, sols: Iterable[int], *, refetch: bool = False, in_flight: int = 3
) -> dict[int, SolResult]:
    async def collect() -> dict[int, SolResult]:
        known = coverage(lake, "curiosity", ["v1"])
        results = ingest.fetch_sols([source], lake, known, sols, refetch=refetch, in_flight=in_flight)
        return {result.sol: result async for result in results}

    return asyncio.run(collect())


def outcomes(results: dict[int, SolResult]) -> dict[int, Outcome]:
    return {sol: result.outcome for sol, result in results.items()}


def fetch_manifest(source: ScriptedSource, lake: Lake) -> bool:
    return asyncio.run(ingest.fetch_manifest(source, lake, "curiosity"))[1].changed


def test_sols_that_are_held_whole_are_not_asked_for_and_failures_stop_nobody(lake: Lake) -> None:
    source = ScriptedSource({1: 3, 2: 3, 3: 3, 4: 3})
    fetch_manifest(source, lake)
    assert outcomes(fetch(source, lake, [1])) == {1: Outcome.STORED}
    source.errors = {2: UpstreamUnavailable("down")}
    source.asked_since()
    results = fetch(source, lake, [1, 2, 3, 4])
    assert outcomes(results) == {1: Outcome.HELD, 2: Outcome.FAILED, 3: Outcome.STORED, 4: Outcome.STORED}
    assert source.asked_since() == [2, 3, 4]
    assert isinstance(results[2].errors["v1"], UpstreamUnavailable)
    assert sorted(view(lake, "curiosity", "v1").headers) == [1, 3, 4]


def test_a_refetch_asks_again_and_an_unchanged_response_is_not_written(lake: Lake) -> None:
    written: list[str] = []
    lake = Lake(lake.url, announce=lambda info: written.append(info.key))
    source = ScriptedSource({1: 3, 2: 3})
    fetch_manifest(source, lake)
    fetch(source, lake, [1, 2])
    assert len(written) == 3
    before = lake.list()
    assert outcomes(fetch(source, lake, [1, 2], refetch=True)) == {1: Outcome.UNCHANGED, 2: Outcome.UNCHANGED}
    assert not fetch_manifest(source, lake)
    assert source.asked_since() == [1, 1, 2, 2]
    assert lake.list() == before, "not even its time of modification"
    assert len(written) == 3


def test_an_empty_response_for_a_promised_sol_is_kept_short_and_asked_for_again(lake: Lake) -> None:
    source = ScriptedSource({1: 3})
    fetch_manifest(source, lake)
    source.photos_of[1] = 0
    header = fetch(source, lake, [1])[1].header
    assert header is not None
    assert (header.record_count, header.promised, header.complete) == (0, 3, False)
    assert not view(lake, "curiosity", "v1").holds(1)
    source.photos_of[1] = 3
    assert outcomes(fetch(source, lake, [1])) == {1: Outcome.STORED}
    assert view(lake, "curiosity", "v1").holds(1)


def test_an_empty_response_for_a_sol_without_promise_is_an_empty_document_that_is_held(lake: Lake) -> None:
    source = ScriptedSource({1: 3, 5: 3})
    fetch_manifest(source, lake)
    header = fetch(source, lake, [2])[2].header
    assert header is not None
    assert (header.record_count, header.promised, header.complete) == (0, 0, True)
    source.asked_since()
    assert outcomes(fetch(source, lake, [2])) == {2: Outcome.HELD}
    assert source.asked_since() == []


def test_a_smaller_response_takes_nothing_back_and_a_bigger_one_replaces(lake: Lake) -> None:
    source = ScriptedSource({1: 3})
    fetch_manifest(source, lake)
    fetch(source, lake, [1])
    source.photos_of[1] = 1
    assert outcomes(fetch(source, lake, [1], refetch=True)) == {1: Outcome.UNCHANGED}
    assert view(lake, "curiosity", "v1").headers[1].record_count == 3
    source.promised[1] = source.photos_of[1] = 5
    fetch_manifest(source, lake)
    assert not view(lake, "curiosity", "v1").holds(1), "more is promised now"
    assert outcomes(fetch(source, lake, [1])) == {1: Outcome.STORED}
    assert view(lake, "curiosity", "v1").headers[1].record_count == 5


def test_at_most_so_many_sols_are_asked_for_at_once(lake: Lake) -> None:
    class Counting(ScriptedSource):
        now = most = 0

        async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
            Counting.now += 1
            Counting.most = max(Counting.most, Counting.now)
            await asyncio.sleep(0.001)
            Counting.now -= 1
            return await super().photos(rover, sol, promised)

    results = fetch(Counting(dict.fromkeys(range(40), 1)), lake, range(40), in_flight=4)
    assert len(results) == 40
    assert Counting.most == 4


def test_the_next_sol_is_asked_for_while_a_document_is_written(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_again = threading.Event()
    put_now = Lake.put_now
    waited: list[bool] = []

    class Noting(ScriptedSource):
        async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
            if sol == 2:
                asked_again.set()
            return await super().photos(rover, sol, promised)

    def put(self: Lake, document: Document, *rest: Any) -> Put:
        waited.append(document.header.sol != 1 or asked_again.wait(30))
        return put_now(self, document, *rest)

    monkeypatch.setattr(Lake, "put_now", put)
    assert len(fetch(Noting({1: 1, 2: 1, 3: 1}), lake, [1, 2, 3], in_flight=1)) == 3
    assert waited == [True] * 3


def test_the_collector_of_garbage_is_as_it_was_after_a_run(lake: Lake) -> None:
    before = gc.get_threshold()
    during: list[int] = []

    class Looking(ScriptedSource):
        async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
            during.append(gc.get_threshold()[0])
            return await super().photos(rover, sol, promised)

    fetch(Looking({1: 1}), lake, [1])
    assert (during, gc.get_threshold()) == ([10_000], before)


@pytest.mark.parametrize("in_flight", [1, 2, 8])
def test_a_dead_upstream_is_asked_for_the_first_sols_only_and_another_one_for_all(lake: Lake, in_flight: int) -> None:
    attempts, sols, asked = 4, range(1, 101), Counter[str]()

    def response(request: httpx.Request) -> httpx.Response:
        asked[request.url.host] += 1
        if request.url.host == "dead.test":
            return httpx.Response(503)
        return httpx.Response(200, json={"photos": [{"id": 1, "sol": int(request.url.params["sol"])}]})

    async def run() -> list[SolResult]:
        promises = [Promises("curiosity", name, served=True, sols=dict.fromkeys(sols, 1)) for name in ("msl", "v1")]
        known = Coverage("curiosity", [LakeView("curiosity", each.source, each, {}) for each in promises])
        client = PoliteClient(
            requests_per_minute=1e6, concurrency=in_flight, backoff=0.0, attempts=attempts,
            transport=httpx.MockTransport(response),
        )  # fmt: skip
        async with client:
            sources: list[PhotoSource] = [MSL(client, "https://dead.test/api"), V1(client, "https://alive.test/api/v1")]
            results = ingest.fetch_sols(sources, lake, known, sols, refetch=False, in_flight=in_flight)
            return [result async for result in results]

    results = asyncio.run(run())
    assert {result.outcome for result in results} == {Outcome.STORED}
    assert {result.header.source for result in results if result.header} == {"v1"}
    assert asked["alive.test"] == 100
    assert 3 * attempts <= asked["dead.test"] <= (2 + in_flight) * attempts
    in_order = sorted(results, key=lambda result: result.sol)  # they come as they are done
    assert all("not asked, because" in str(result.errors["msl"]) for result in in_order[2 + in_flight :])


def test_a_broken_response_is_quarantined_with_its_reason_and_the_document_stays(lake: Lake) -> None:
    source = ScriptedSource({1: 3})
    fetch(source, lake, [1])
    source.errors[1] = BrokenResponse("no list of photos", url="https://nasa/photos?sol=1", body=b"<html>\xff")
    assert outcomes(fetch(source, lake, [1], refetch=True)) == {1: Outcome.FAILED}
    note = json.loads(lake.get("quarantine/photos/rover=curiosity/source=v1/sol=00001.json.gz"))
    assert note["reason"] == "no list of photos"
    assert note["url"] == "https://nasa/photos?sol=1"
    assert note["body"].startswith("<html>")
    assert view(lake, "curiosity", "v1").headers[1].record_count == 3


def test_a_full_disk_fails_the_sol_and_not_the_run(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    put = lake.put_if_changed

    async def full_for_sol_2(document: Document, join: Any) -> Any:
        if document.header.sol == 2:
            raise LakeError("no space left; free space")
        return await put(document, join)

    monkeypatch.setattr(lake, "put_if_changed", full_for_sol_2)
    results = fetch(ScriptedSource({1: 3, 2: 3, 3: 3}), lake, [1, 2, 3])
    assert outcomes(results) == {1: Outcome.STORED, 2: Outcome.FAILED, 3: Outcome.STORED}


def test_a_defect_is_not_taken_for_a_failed_sol(lake: Lake) -> None:
    source = ScriptedSource({1: 3, 2: 3})
    source.errors[1] = ZeroDivisionError("a defect")
    with pytest.raises(ExceptionGroup) as raised:
        fetch(source, lake, [1, 2])
    assert raised.group_contains(ZeroDivisionError)


def test_a_manifest_that_was_served_is_never_replaced_by_a_denial(lake: Lake) -> None:
    source = ScriptedSource({1: 3, 2: 4})
    fetch_manifest(source, lake)
    before = lake.list()
    source.status = None
    with pytest.raises(UnknownRover, match=r"served curiosity before .7 photos.* kept as it was"):
        fetch_manifest(source, lake)
    assert lake.list() == before
    promised = promises(lake, "curiosity", "v1")
    assert promised is not None
    assert promised.served
    assert promised.total == 7


def test_a_rover_that_is_not_served_has_a_manifest_document_that_says_so(lake: Lake) -> None:
    source = ScriptedSource({1: 3})
    source.status = None
    assert fetch_manifest(source, lake)
    promised = promises(lake, "curiosity", "v1")
    assert promised is not None
    assert not promised.served
    assert not fetch_manifest(source, lake), "the same denial again is not written again"
    source.status = "active"
    assert fetch_manifest(source, lake), "and it may be served later"
    assert view(lake, "curiosity", "v1").promised(1) == 3


def test_a_manifest_that_cannot_be_read_counts_as_none(lake: Lake) -> None:
    lake.put_bytes("manifests/rover=curiosity/source=v1/manifest.json.gz", b"not gzip")
    assert promises(lake, "curiosity", "v1") is None
    assert fetch_manifest(ScriptedSource({1: 3}), lake), "the next response replaces it"
    assert promises(lake, "curiosity", "v1") is not None


def test_both_maps_are_kept_under_their_keys(lake: Lake) -> None:
    class Maps(ScriptedSource):
        async def traverse(self, rover: str) -> Document:
            return _map(Kind.TRAVERSE)

        async def waypoints(self, rover: str) -> Document:
            raise BrokenResponse("no collection", url="u", body=b"[]")

    source = Maps({1: 3})
    fetched = asyncio.run(ingest.fetch_map(source, lake, "perseverance", Kind.TRAVERSE))
    assert fetched is not None
    assert fetched[1].changed
    with pytest.raises(BrokenResponse):
        asyncio.run(ingest.fetch_map(source, lake, "perseverance", Kind.WAYPOINTS))
    assert [info.key for info in lake.list()] == [
        "quarantine/traverse/rover=perseverance/waypoints.json.gz", "traverse/rover=perseverance/traverse.json.gz",
    ]  # fmt: skip


def test_a_map_that_no_source_has_is_none_and_one_that_was_there_is_missed(lake: Lake) -> None:
    class Gone(ScriptedSource):
        async def traverse(self, rover: str) -> Document:
            raise FileMissing("no such file", url="u", body=b"404")

        waypoints = traverse

    source = Gone({1: 3})
    assert asyncio.run(ingest.fetch_map(source, lake, "perseverance", Kind.TRAVERSE)) is None
    assert lake.list() == []
    asyncio.run(lake.put_if_changed(_map(Kind.TRAVERSE)))
    with pytest.raises(FileMissing):
        asyncio.run(ingest.fetch_map(source, lake, "perseverance", Kind.TRAVERSE))


def _map(kind: Kind) -> Document:
    from dataclasses import replace

    document = photos_of("perseverance", 1)
    return replace(document, header=replace(document.header, kind=kind, sol=None, source="mmgis"))
