"""The raw-image feeds of the replica: the same Mars as v1's, as the real feeds report it, also when they misbehave."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from martian_moments.domain.documents import Document
from martian_moments.domain.errors import UpstreamError
from martian_moments.domain.rovers import ROVERS, MarsTime
from martian_moments.nasa import m20, msl
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.m20 import M20
from martian_moments.nasa.msl import MSL
from martian_moments.replica.archive import DIALECTS, Archive, open_archive
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import Fault, FaultPlan
from martian_moments.replica.running import RunningReplica, running
from martian_moments.replica.truth import ids_of, truth_of
from martian_moments_tests.unit.replica.responses import photos, shape, sols

CONFIG = ReplicaConfig(rovers=("perseverance", "curiosity"), sols=14, scale=0.5, seed=3)
ROVER = {"m20": "perseverance", "msl": "curiosity"}
BOTH = pytest.mark.parametrize("source", ROVER)


@pytest.fixture(scope="module")
def generated() -> Archive:
    return open_archive(ReplicaConfig(sols=40, scale=0.3))


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningReplica]:
    with running(CONFIG) as replica:
        yield replica


def sol_of(source: str, sol: int, **more: str) -> dict[str, str]:
    if source == "m20":
        return {"condition_2": f"{sol}:sol:gte", "condition_3": f"{sol}:sol:lte", "num": "100"} | more
    return {"condition_1": "msl:mission", "condition_2": f"{sol}:sol:in", "per_page": "1000"} | more


def asked(archive: Archive, source: str, **query: str) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(archive.images(source, query).body)
    return found


def all_images(archive: Archive, source: str) -> list[dict[str, Any]]:
    feed = archive.feeds[source]
    return [orjson.loads(orjson.dumps(image)) for sol in feed.sols for image in feed.images(sol)]


def fields(image: dict[str, Any]) -> dict[str, str]:
    """The types of an image's fields, by dotted name, in their order."""
    types: dict[str, str] = {}
    for name, value in image.items():
        nested = {f"{name}.{key}": type(item).__name__ for key, item in value.items()} if isinstance(value, dict) else {}
        types |= nested or {name: type(value).__name__}
    return types


# The shape of the real feeds


@BOTH
def test_generated_images_have_the_keys_and_types_of_the_real_ones(
    generated: Archive, real_payloads: Path, source: str
) -> None:
    names = {"m20": "m20_feed_page_num3_2026-08-31.json", "msl": "msl_api_sol86_nav_16items.json"}
    real = [fields(image) for image in orjson.loads((real_payloads / names[source]).read_bytes())[DIALECTS[source].array]]
    found = [fields(image) for image in all_images(generated, source)]
    assert {tuple(image) for image in found} == {tuple(image) for image in real}
    for name in real[0]:
        types = {image[name] for image in found}
        assert types & {image[name] for image in real}, name
        assert types <= {image[name] for image in real} | {"NoneType"}, name


def test_lists_have_the_keys_and_types_of_the_real_ones_and_say_that_they_are_synthetic(
    generated: Archive, real_payloads: Path
) -> None:
    def envelope(response: dict[str, Any]) -> Any:
        return shape({key: [] if isinstance(value, list) else value for key, value in response.items()})

    def real(name: str) -> Any:
        return envelope(orjson.loads((real_payloads / name).read_bytes()))

    mark = (("synthetic", "bool"),)
    sol = generated.feeds["m20"].sols[3]
    assert envelope(asked(generated, "m20", **sol_of("m20", sol))) == real("m20_feed_page_num3_2026-08-31.json") + mark
    assert envelope(asked(generated, "m20", **sol_of("m20", 9999))) == real("m20_feed_no_more_images.json") + mark
    assert envelope(asked(generated, "msl", **sol_of("msl", 5))) == real("msl_api_sol86_nav_16items.json") + mark
    assert envelope(asked(generated, "m20", latest="true")) == real("m20_feed_latest_2025-10-07.json") + mark


def test_the_feeds_show_every_quirk_of_the_real_ones(generated: Archive) -> None:
    of_m20, of_msl = all_images(generated, "m20"), all_images(generated, "msl")
    exposures: dict[tuple[str, str], int] = {}
    for image in of_m20:
        if image["sample_type"] == "Full":
            key = image["camera"]["instrument"], image["extended"]["sclk"]
            exposures[key] = exposures.get(key, 0) + 1
    assert set(exposures.values()) == {1, 4}
    assert {image["sample_type"] for image in of_m20} == {"Full", "Thumbnail"}
    assert {image["camera"]["camera_vector"] for image in of_m20 if image["camera"]["instrument"] == "SKYCAM"} == {"UNK"}
    assert {image["date_taken_utc"].endswith("Z") for image in of_m20} == {True, False}
    kinds = {item["extended"]["sample_type"] for item in of_msl}
    assert kinds == {"full", "subframe", "downsampled", "thumbnail", "chemcam prc"}
    assert {item["spacecraft_clock"] is None for item in of_msl} == {True, False}
    assert all(item["is_thumbnail"] == (item["extended"]["sample_type"] == "thumbnail") for item in of_msl)


# The same Mars


@BOTH
def test_a_feed_reports_the_same_sols_and_pictures_as_v1_and_more_renditions(generated: Archive, source: str) -> None:
    rover, feed = ROVER[source], generated.feeds[source]
    assert list(feed.sols) == sols(generated, rover)
    for sol in list(feed.sols)[::7]:
        of_v1 = [photo["img_src"] for photo in photos(generated, rover, sol)["photos"]]
        addresses = {image["image_files"]["large"] if source == "m20" else image["url"] for image in feed.images(sol)}
        assert set(of_v1) < addresses or len(of_v1) == len(addresses) == 1


@BOTH
def test_times_agree_with_the_mars_time_and_places_with_the_file_name(generated: Archive, source: str) -> None:
    place = re.compile(r"_[NT](\d{3})(\d{4})[A-Z]" if source == "m20" else r"(?:EDR|PRC)_[FTD](\d{3})(\d{4})[A-Z]")
    rover = ROVERS[ROVER[source]]
    for image in all_images(generated, source)[::11]:
        lmst = image["date_taken_mars"] if source == "m20" else image["extended"]["lmst"]
        if lmst is None:
            continue
        mars_time = MarsTime.parse(lmst)
        assert mars_time
        taken = image["date_taken_utc"] if source == "m20" else image["date_taken"]
        utc = datetime.fromisoformat(taken.removesuffix("Z")).replace(tzinfo=UTC)
        assert abs(rover.utc_of(mars_time.sol, mars_time.seconds) - utc) <= timedelta(seconds=1)
        found = place.search(image["imageid"])
        assert found
        assert (int(found[1]), int(found[2])) == (image["site"], int(image["drive"]))


@BOTH
def test_the_truth_counts_what_the_feed_gives(generated: Archive, source: str) -> None:
    truth, ids = truth_of(generated)["sources"], ids_of(generated, source, ROVER[source])
    images = all_images(generated, source)
    assert truth[source][ROVER[source]]["sols"] == {sol: len(found) for sol, found in ids.items()}
    assert truth[source][ROVER[source]]["photos"] == len(images)
    assert [str(image[DIALECTS[source].identity]) for image in images] == [each for found in ids.values() for each in found]
    assert len({each for found in ids.values() for each in found}) == len(images)
    of_v1 = truth_of(generated)["rovers"]
    assert {rover: reported["sols"] for rover, reported in truth["v1"].items()} == {
        r: reported["sols"] for r, reported in of_v1.items()
    }
    assert ids_of(generated, source, "spirit") == {}


# Pages


def test_the_mars_2020_feed_gives_at_most_100_images_a_page_and_knows_only_its_own_slots(generated: Archive) -> None:
    feed = generated.feeds["m20"]
    sol = max(feed.sols, key=lambda each: feed.counts[each])
    count = feed.counts[sol]
    assert count > 100
    pages = [
        asked(generated, "m20", **sol_of("m20", sol, num="5000", page=str(page))) for page in range(-(-count // 100) + 1)
    ]
    assert [len(page["images"]) for page in pages[:-1]] == [100] * (count // 100) + [count % 100] * (count % 100 > 0)
    assert (pages[-1]["images"], pages[-1]["error_message"], pages[-1]["total_results"]) == ([], "No more images.", 0)
    assert {page["total_results"] for page in pages[:-1]} == {count}
    everything = asked(generated, "m20", condition_1=f"{sol}:sol:gte", num="1")
    assert everything["total_results"] == everything["total_images"] == sum(feed.counts.values())
    assert everything["images"][0]["sol"] == feed.sols[-1]


def test_curiositys_items_say_whether_more_follow(generated: Archive) -> None:
    sol = generated.feeds["msl"].sols[5]
    count = generated.feeds["msl"].counts[sol]
    pages = [asked(generated, "msl", **sol_of("msl", sol, per_page="7", page=str(n))) for n in range(-(-count // 7))]
    assert [page["more"] for page in pages] == [True] * (len(pages) - 1) + [False]
    assert sum(len(page["items"]) for page in pages) == count
    counted = asked(generated, "msl", **sol_of("msl", sol, per_page="0"))
    assert (counted["items"], counted["total"], counted["per_page"]) == ([], count, 0)


# Over HTTP


def source_at(replica: RunningReplica, source: str, client: PoliteClient) -> M20 | MSL:
    return M20(client, replica.m20_url) if source == "m20" else MSL(client, replica.msl_url)


def polite(**options: Any) -> PoliteClient:
    return PoliteClient(requests_per_minute=1_000_000, concurrency=1, backoff=0.0, **options)


async def fetched(replica: RunningReplica, source: str, wanted: list[int], client: PoliteClient) -> dict[int, Document]:
    """Every sol whose document is complete, asked for again as long as a response fails or is short."""
    asking, held = source_at(replica, source, client), {}
    for _ in range(20):
        for sol in [sol for sol in wanted if sol not in held]:
            try:
                document = await asking.photos(ROVER[source], sol)
            except UpstreamError:
                continue
            if document.header.complete:
                held[sol] = document
    return held


def ids_in(document: Document, source: str) -> list[str]:
    reported = [
        image
        for page in document.parsed_pages()
        for image in page[DIALECTS[source].array]
        if image["sol"] == document.header.sol
    ]
    return sorted({str(image[DIALECTS[source].identity]) for image in reported})


async def held_by(replica: RunningReplica, source: str, client: PoliteClient) -> dict[int, list[str]]:
    reader = {"m20": m20.read_promises, "msl": msl.read_promises}[source]
    promises = reader(await source_at(replica, source, client).manifest(ROVER[source]))
    documents = await fetched(replica, source, list(promises.sols), client)
    assert documents.keys() == promises.sols.keys()
    assert all(document.header.synthetic for document in documents.values())
    return {sol: found for sol, document in documents.items() if (found := ids_in(document, source))}


def true_ids(replica: RunningReplica, source: str) -> dict[int, list[str]]:
    return {sol: sorted(ids) for sol, ids in replica.control.ids(source, ROVER[source]).items()}


@BOTH
async def test_who_asks_a_feed_for_every_sol_holds_the_truth(replica: RunningReplica, source: str) -> None:
    async with polite() as client:
        assert await held_by(replica, source, client) == true_ids(replica, source)


@BOTH
async def test_with_30_percent_of_the_responses_faulty_a_feed_still_gives_the_truth(
    replica: RunningReplica, source: str
) -> None:
    replica.control.faults(FaultPlan(share=0.3, retry_after_s=0))
    async with polite(give_up_after=1000, attempts=12) as client:
        assert await held_by(replica, source, client) == true_ids(replica, source)
    assert set(replica.control.requests()["faults"]) >= {Fault.EMPTY, Fault.CUT, Fault.DROPPED, Fault.ERROR_503}


@BOTH
async def test_an_outage_fails_every_sol_and_makes_none_empty(replica: RunningReplica, source: str) -> None:
    replica.control.faults(FaultPlan(outage=True))
    async with polite() as client:
        asking = source_at(replica, source, client)
        for sol in (0, 1, 9999):
            with pytest.raises(UpstreamError):
                await asking.photos(ROVER[source], sol)
        with pytest.raises(UpstreamError):
            await asking.manifest(ROVER[source])


@BOTH
async def test_an_odd_feed_loses_and_invents_nothing_and_overstated_sols_are_short(source: str) -> None:
    config = ReplicaConfig(rovers=(ROVER[source],), sols=14, scale=0.5, seed=3, odd_feeds=True)
    with running(config) as odd:
        async with polite() as client:
            asking, truth = source_at(odd, source, client), true_ids(odd, source)
            gap = next(sol for sol in range(max(truth), max(truth) + 2) if sol not in truth)
            documents = {sol: await asking.photos(ROVER[source], sol) for sol in [*truth, gap]}
    assert {sol: ids_in(document, source) for sol, document in documents.items()} == truth | {gap: []}
    assert documents[gap].parsed_pages()[0][DIALECTS[source].array]  # images of another sol
    headers = {sol: document.header for sol, document in documents.items()}
    assert {sol for sol, header in headers.items() if not header.complete} == {sol for sol in truth if sol % 4 == 1}
    assert (headers[gap].record_count, headers[gap].promised, headers[gap].complete) == (0, 0, True)


@BOTH
async def test_what_is_withheld_appears_in_a_feed_when_it_is_released(source: str) -> None:
    rover = ROVER[source]
    config = ReplicaConfig(rovers=(rover,), sols=12, scale=0.5, seed=7, late_sols=2, late_share=0.3)
    with running(config) as replica:
        states = [replica.control.truth()["sources"][source][rover]]
        async with polite() as client:
            assert await held_by(replica, source, client) == true_ids(replica, source)
            replica.control.release_everything()
            states.append(replica.control.truth()["sources"][source][rover])
            assert await held_by(replica, source, client) == true_ids(replica, source)
    assert [len(state["sols"]) for state in states] == [10, 12]
    assert states[0]["photos"] < states[1]["photos"]


# Recorded


def test_recorded_sols_are_served_byte_for_byte_and_others_refused(real_payloads: Path) -> None:
    archive = open_archive(ReplicaConfig(recorded=real_payloads))
    for source, sol, name in (
        ("m20", 888, "m20_feed_sol888_13images_2023.json"),
        ("m20", 889, "m20_feed_sol889_5images_2023.json"),
        ("msl", 86, "msl_api_sol86_nav_16items.json"),
    ):
        assert archive.images(source, sol_of(source, sol)).body == (real_payloads / name).read_bytes()
    for source, sol in (("m20", 887), ("msl", 85)):
        refused = archive.images(source, sol_of(source, sol))
        assert (refused.status, b"not recorded" in refused.body) == (503, True)
    truth = truth_of(archive)["sources"]
    assert truth["m20"] == {"perseverance": {"sols": {"888": 13, "889": 5}, "photos": 18, "newest_sol": 889}}
    assert truth["msl"] == {"curiosity": {"sols": {"86": 16}, "photos": 16, "newest_sol": 86}}


def test_what_was_not_recorded_is_filled_or_omitted_as_asked(real_payloads: Path) -> None:
    filled = open_archive(ReplicaConfig(rovers=("curiosity",), recorded=real_payloads, unrecorded="generate"))
    assert asked(filled, "msl", **sol_of("msl", 85))["synthetic"] is True
    assert "synthetic" not in asked(filled, "msl", **sol_of("msl", 86))
    assert filled.feeds["msl"].counts[86] == 16
    omitted = open_archive(ReplicaConfig(recorded=real_payloads, unrecorded="omit"))
    assert asked(omitted, "m20", **sol_of("m20", 887))["images"] == []
    assert asked(omitted, "m20", latest="true")["latest_sols"] == [889, 888]


def test_a_rover_that_is_not_served_has_no_feed() -> None:
    archive = open_archive(ReplicaConfig(rovers=("spirit",), sols=2))
    assert archive.feeds == {}
    assert archive.images("m20", {}).status == archive.images("msl", {}).status == 404
