"""The raw-image feeds from NASA's own payloads to staging, beside an independent reading of the files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from martian_moments.domain.documents import Document, Kind, decode_text, encode
from martian_moments.domain.rovers import ROVERS, MarsTime
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.m20 import M20
from martian_moments.nasa.msl import MSL
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object

URL = "https://example.test/feed/"
COLUMNS = (
    "object_key, rover, document_sol, source, source_id, sol, camera, image_url, earth_date, epoch_ms(taken_at_utc), lmst,"
    " spacecraft_clock, site, drive, product_type, is_thumbnail"
)


def listed(*images: Mapping[str, Any]) -> dict[str, Any]:
    """Images that were recorded one by one, in the list that the feed puts them in."""
    return {"images": list(images), "per_page": "100", "total_results": len(images), "page": 0, "mission": "mars2020"}


def m20_responses(folder: Path) -> dict[int, dict[str, Any]]:
    """Every real response of the Mars 2020 feed that has images, by sol."""
    read = {path.name: json.loads(path.read_text()) for path in sorted(folder.glob("m20_feed_*.json"))}
    return {
        100: listed(read["m20_feed_record_sol100_abridged.json"]),
        876: listed(read["m20_feed_record_skycam_sol876.json"]),
        887: read["m20_feed_no_more_images.json"],
        888: read["m20_feed_sol888_13images_2023.json"],
        889: read["m20_feed_sol889_5images_2023.json"],
        1965: read["m20_feed_page_num3_2026-08-31.json"],
    }


def msl_responses(folder: Path) -> dict[int, dict[str, Any]]:
    """Every real response of the MSL raw images, by sol."""
    return {
        86: json.loads((folder / "msl_api_sol86_nav_16items.json").read_text()),
        1489: json.loads((folder / "msl_api_item_sol1489_nullkeys_dropped.json").read_text()),
    }


def recorded(
    responses: Mapping[int, dict[str, Any]], manifest: Mapping[str, Any]
) -> Callable[[httpx.Request], httpx.Response]:
    """A server that gives a sol's response as its first page, and a manifest's to any question without a sol."""

    def handler(request: httpx.Request) -> httpx.Response:
        condition = request.url.params.get("condition_2")
        if condition is None:
            return httpx.Response(200, json=manifest["latest" if "latest" in request.url.params else "newest"])
        if request.url.params["page"] != "0":
            return httpx.Response(
                200, json=responses[887] if "images" in responses.get(888, {}) else {"items": [], "more": False}
            )
        return httpx.Response(200, json=responses[int(condition.split(":")[0])])

    return handler


def bronze(document: Document) -> BronzeObject:
    body = encode(document)
    return BronzeObject(document.header.key, f"etag-{document.header.fingerprint}", document.header, decode_text("", body))


async def feed_documents(folder: Path) -> list[Document]:
    """The documents that both dialects make of every real response."""
    m20, msl = m20_responses(folder), msl_responses(folder)
    latest = json.loads((folder / "m20_feed_latest_2025-10-07.json").read_text())
    manifest = {"latest": latest, "newest": m20[1965]}
    made = []
    async with client(recorded(m20, manifest)) as asking:
        made += [await M20(asking, URL).manifest("perseverance")]
        made += [await M20(asking, URL).photos("perseverance", sol) for sol in m20]
    async with client(recorded(msl, {"newest": msl[1489]})) as asking:
        made += [await MSL(asking, URL).manifest("curiosity")]
        made += [await MSL(asking, URL).photos("curiosity", sol) for sol in msl]
    return made


@pytest.fixture(scope="module")
async def documents(real_payloads: Path) -> list[Document]:
    return await feed_documents(real_payloads)


def client(handler: Callable[[httpx.Request], httpx.Response]) -> PoliteClient:
    transport = httpx.MockTransport(handler)
    return PoliteClient(requests_per_minute=1_000_000, concurrency=1, backoff=0.0, transport=transport)


@pytest.fixture(scope="module")
def staged(project: Callable[[], Project], documents: list[Document]) -> Project:
    made = project()
    made.warehouse.load([bronze(document) for document in documents])
    staging = [f"stg_{source}__{entity}" for source in ("m20", "msl") for entity in ("photos", "manifest_sols")]
    made.build("--select", "loaded_objects", "stg_v1__photos", "stg_pds__photos", *staging)
    return made


def milliseconds(text: str) -> int:
    moment = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def reported_by_m20(responses: Mapping[int, dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for sol, response in responses.items():
        for image in response["images"]:
            yield (
                f"photos/rover=perseverance/source=m20/sol={sol:05}.json.gz",
                *("perseverance", sol, "m20", image["imageid"], image["sol"], image["camera"]["instrument"]),
                image.get("image_files", {}).get("large"),
                *(None, milliseconds(image["date_taken_utc"]), image["date_taken_mars"], float(image["extended"]["sclk"])),
                *(image["site"], int(image["drive"]), image["sample_type"].lower(), image["sample_type"] == "Thumbnail"),
            )


def reported_by_msl(responses: Mapping[int, dict[str, Any]]) -> Iterator[tuple[Any, ...]]:
    for sol, response in responses.items():
        for item in response["items"]:
            kind = item["extended"]["sample_type"]
            yield (
                f"photos/rover=curiosity/source=msl/sol={sol:05}.json.gz",
                *("curiosity", sol, "msl", str(item["id"]), item["sol"], item["instrument"], item["https_url"], None),
                *(milliseconds(item["date_taken"]), item["extended"]["lmst"], item.get("spacecraft_clock")),
                *(item.get("site"), item.get("drive"), kind, item.get("is_thumbnail", kind == "thumbnail")),
            )


def test_every_real_image_of_the_mars_2020_feed_is_staged_as_the_feed_reports_it(
    staged: Project, real_payloads: Path
) -> None:
    rows = staged.query(f"select {COLUMNS} from silver.stg_m20__photos")
    reported = list(reported_by_m20(m20_responses(real_payloads)))
    assert len(reported) == 1 + 1 + 0 + 13 + 5 + 3
    assert sorted(rows) == sorted(reported)


def test_every_real_item_of_curiosity_is_staged_as_the_server_reports_it(staged: Project, real_payloads: Path) -> None:
    rows = staged.query(f"select {COLUMNS} from silver.stg_msl__photos")
    reported = list(reported_by_msl(msl_responses(real_payloads)))
    assert len(reported) == 16 + 1
    assert sorted(rows, key=str) == sorted(reported, key=str)


def test_a_real_time_is_utc_and_agrees_with_the_mars_time_beside_it(staged: Project) -> None:
    for rover, source in (("perseverance", "m20"), ("curiosity", "msl")):
        sql = f"select epoch_ms(taken_at_utc), lmst from silver.stg_{source}__photos where lmst is not null"
        for taken_ms, lmst in staged.query(sql):
            mars_time = MarsTime.parse(lmst)
            assert mars_time
            from_mars = ROVERS[rover].utc_of(mars_time.sol, mars_time.seconds)
            assert abs(from_mars.timestamp() - taken_ms / 1000) < 5


def test_the_manifests_reach_to_the_newest_sol_that_a_real_response_names(staged: Project) -> None:
    columns = "rover, count(*), min(sol), max(sol), max(max_sol), count(photos_promised)"
    sql = f"select {columns} from silver.stg_{{}}__manifest_sols group by 1"
    assert staged.query(sql.format("m20")) == [("perseverance", 1966, 0, 1965, 1965, 0)]
    assert staged.query(sql.format("msl")) == [("curiosity", 1490, 0, 1489, 1489, 0)]


def test_the_headers_say_what_the_real_responses_state(documents: list[Document]) -> None:
    headers = {(h.source, h.sol): (h.record_count, h.promised, h.complete) for h in (each.header for each in documents)}
    assert headers == {
        ("m20", None): (1966, None, True),
        ("m20", 100): (1, 1, True),
        ("m20", 876): (1, 1, True),
        ("m20", 887): (0, 0, True),
        ("m20", 888): (13, 13, True),
        ("m20", 889): (5, 5, True),
        ("m20", 1965): (3, 563_603, False),  # recorded with three images a page, of all sols
        ("msl", None): (1490, None, True),
        ("msl", 86): (16, 16, True),
        ("msl", 1489): (1, 1, True),
    }


def test_every_photo_dialect_has_the_same_columns_in_the_same_order(staged: Project) -> None:
    columns = {
        source: [column[:2] for column in staged.query(f"describe silver.stg_{source}__photos")]
        for source in ("m20", "msl", "pds", "v1")
    }
    assert columns["m20"] == columns["msl"] == columns["pds"] == columns["v1"]


def drifted(rover: str, source: str, page: Mapping[str, Any]) -> BronzeObject:
    return bronze_object(Kind.PHOTOS, rover, json.dumps(page).encode(), source=source, sol=7)


def test_fields_that_drift_are_read_or_null_and_no_image_vanishes(staged: Project) -> None:
    """After the others, because it adds to the warehouse that they share."""
    images = [
        {"imageid": "a", "sol": "7", "site": "3", "drive": 806, "sample_type": "Thumbnail", "new": {"deep": [1, None]}},
        {"imageid": "b", "sol": 7, "camera": None, "extended": {"sclk": "UNK"}, "date_taken_utc": "UNK", "drive": "UNK"},
        {"imageid": "c", "sol": 7, "camera": "NAVCAM_LEFT", "image_files": {"full_res": "https://x/c.png"}, "extended": []},
        {"imageid": "d", "sol": 7, "camera": {"instrument": "UNK"}, "date_taken_utc": "2021-02-20T02:16:21Z"},
    ]
    items = [
        {"id": "1", "sol": "7", "site": "5", "drive": "104", "is_thumbnail": "true", "spacecraft_clock": "405141307.148"},
        {"id": 2, "sol": 7.0, "extended": None, "is_thumbnail": None, "url": "http://x/2.JPG", "date_taken": None},
        {"id": 3, "sol": 7, "extended": {"sample_type": "Thumbnail"}, "drive": None},
    ]
    staged.warehouse.load(
        [
            drifted("perseverance", "m20", {"images": images}),
            drifted("curiosity", "msl", {"items": items, "more": False}),
        ]
    )
    columns = "source_id, sol, camera, image_url, epoch(taken_at_utc)::bigint, spacecraft_clock, site, drive"
    columns = f"{columns}, product_type, is_thumbnail"
    rows = staged.query(f"select {columns} from silver.stg_m20__photos where sol = 7 order by source_id")
    assert rows == [
        ("a", 7, None, None, None, None, 3, 806, "thumbnail", True),
        ("b", 7, None, None, None, None, None, None, None, None),
        ("c", 7, None, "https://x/c.png", None, None, None, None, None, None),
        ("d", 7, None, None, 1_613_787_381, None, None, None, None, None),
    ]
    rows = staged.query(f"select {columns} from silver.stg_msl__photos where sol = 7 order by source_id")
    assert rows == [
        ("1", 7, None, None, None, 405141307.148, 5, 104, None, True),
        ("2", 7, None, "http://x/2.JPG", None, None, None, None, None, None),
        ("3", 7, None, None, None, None, None, None, "thumbnail", True),
    ]
