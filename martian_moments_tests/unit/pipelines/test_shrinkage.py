"""Maps and manifests that come smaller than they were, of every source."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from martian_moments.domain.documents import Document, Header, Kind, decode, fingerprint_of
from martian_moments.lake.store import Lake, Put
from martian_moments.pipelines import ingest
from martian_moments.pipelines.coverage import promises
from martian_moments.pipelines.shrinkage import unconfirmed

ROVER = {"mmgis": "perseverance", "mer": "spirit", "m20": "perseverance", "msl": "curiosity"} | dict.fromkeys(
    ("pds", "v1"), "spirit"
)
MAPS = pytest.mark.parametrize("kind", [Kind.TRAVERSE, Kind.WAYPOINTS])
BOTH = pytest.mark.parametrize("source", ["mmgis", "mer"])


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path.as_uri())


def document(kind: Kind, source: str, page: Any, records: int, fingerprint: Any) -> Document:
    about = (kind, ROVER[source], source, None, datetime.now(UTC), fingerprint_of(fingerprint), records, None, records > 0)
    return Document(Header(*about, requests=("https://nasa/x",)), (orjson.dumps(page),))


def a_map(kind: Kind, source: str, sols: Sequence[int]) -> Document:
    if source == "mmgis":
        features = [{"properties": {"sol": sol}, "geometry": None} for sol in sols]
        return document(kind, source, {"type": "FeatureCollection", "features": features}, len(sols), features)
    places = [{"SITE": "1", "DRIVE": str(sol), "START_SOL": str(sol), "END_SOL": str(sol)} for sol in sols]
    return document(kind, source, {"file": "x", "columns": [], "places": places}, len(sols), places)


def a_manifest(source: str, counts: Mapping[int, int]) -> Document:
    pages: dict[str, Any] = {
        "m20": {"latest_sol": max(counts)},
        "msl": {"items": [{"id": 1, "sol": max(counts)}], "total": sum(counts.values())},
        "pds": {"volumes": [], "sols": [{"sol": sol, "photos": count} for sol, count in counts.items()]},
        "v1": {
            "photo_manifest": {
                "max_sol": max(counts),
                "photos": [{"sol": sol, "total_photos": count} for sol, count in counts.items()],
            }
        },
    }
    return document(Kind.MANIFEST, source, pages[source], len(counts), pages[source])


class Upstream:
    """Responds to every question with one document."""

    def __init__(self, response: Document) -> None:
        self.response = response
        self.name = response.header.source

    async def _give(self, rover: str) -> Document:
        return self.response

    manifest = traverse = waypoints = _give


def refresh(lake: Lake, response: Document) -> tuple[int, Put]:
    """The records of the document that the lake holds after a refresh, and what became of the response."""
    header, upstream = response.header, Upstream(response)
    if header.kind is Kind.MANIFEST:
        kept, put = asyncio.run(ingest.fetch_manifest(upstream, lake, header.rover))  # type: ignore[arg-type]
    else:
        fetched = asyncio.run(ingest.fetch_map(upstream, lake, header.rover, header.kind))  # type: ignore[arg-type]
        assert fetched is not None
        kept, put = fetched
    held = decode(header.key, lake.get(header.key)).header
    assert held == kept.header
    return held.record_count, put


@MAPS
@BOTH
def test_a_map_that_shrinks_waits_for_its_confirmation_and_nothing_is_lost(lake: Lake, kind: Kind, source: str) -> None:
    full, cut = a_map(kind, source, range(24)), a_map(kind, source, range(8))
    rover = ROVER[source]
    assert refresh(lake, full)[0] == 24
    records, put = refresh(lake, cut)
    assert (records, put.changed) == (24, False)
    said = f"{rover}: the {kind} of {source} has 8 records where 24 are held"
    assert put.kept is not None
    assert put.kept.startswith(said)
    assert unconfirmed(lake, [rover]) == [put.kept]
    assert unconfirmed(lake, ["opportunity"]) == []
    waiting = orjson.loads(lake.get(f"quarantine/unconfirmed/{full.header.key}"))
    assert waiting["document"]["pages"] == cut.parsed_pages(), "a person can look at it"

    records, put = refresh(lake, cut)
    assert (records, put.changed) == (8, True)
    assert unconfirmed(lake, [rover]) == []
    replaced = orjson.loads(lake.get(f"quarantine/replaced/{full.header.key}"))
    assert replaced["document"]["pages"] == full.parsed_pages(), "and at what it replaced"
    assert replaced["reason"].startswith(said)


@MAPS
@BOTH
def test_a_smaller_map_that_is_not_answered_again_is_forgotten(lake: Lake, kind: Kind, source: str) -> None:
    full, cut, other = (a_map(kind, source, range(count)) for count in (24, 8, 9))
    for response in (full, cut, full, cut, other, cut):
        assert refresh(lake, response)[0] == 24, "never the same loss twice in a row"
    assert refresh(lake, full)[0] == 24
    assert unconfirmed(lake, [ROVER[source]]) == []


EVEN = [*range(0, 48, 2)]
LEFT = EVEN[:8]


@MAPS
@BOTH
def test_a_shrunk_map_that_grows_with_each_refresh_is_confirmed_by_the_records_that_it_lacks(
    lake: Lake, kind: Kind, source: str
) -> None:
    """It goes on from what is left of it, below the newest sol that is held, and is never the same twice."""
    responses = [a_map(kind, source, sols) for sols in (EVEN, LEFT, [*LEFT, 15], [*LEFT, 15, 17])]
    assert [refresh(lake, response)[0] for response in responses] == [24, 24, 9, 10]
    assert unconfirmed(lake, [ROVER[source]]) == []
    replaced = orjson.loads(lake.get(f"quarantine/replaced/{responses[0].header.key}"))
    assert replaced["document"]["pages"] == responses[0].parsed_pages()


@MAPS
@BOTH
def test_a_smaller_map_that_lost_another_record_or_got_one_back_or_is_older_confirms_nothing(
    lake: Lake, kind: Kind, source: str
) -> None:
    others = [[*LEFT, 45], [*LEFT, 15], [*LEFT[:-1], 15], [*LEFT, EVEN[8]], [*LEFT, EVEN[8], EVEN[9]], LEFT[1:]]
    for sols in (EVEN, *others):
        assert refresh(lake, a_map(kind, source, sols))[0] == 24, sols


@MAPS
@BOTH
def test_a_mirror_that_is_whole_at_every_other_refresh_never_loses_its_map(lake: Lake, kind: Kind, source: str) -> None:
    whole, cut = a_map(kind, source, EVEN), a_map(kind, source, LEFT)
    for number in range(1, 5):
        growing = a_map(kind, source, [*LEFT, *range(15, 15 + 2 * number, 2)])
        for response in (whole, cut, whole, growing):
            assert refresh(lake, response)[0] == 24


@pytest.mark.parametrize(
    ("kind", "names"), [(Kind.WAYPOINTS, ["RMC"]), (Kind.TRAVERSE, ["fromRMC", "toRMC"])], ids=["waypoints", "traverse"]
)
def test_a_record_that_is_corrected_is_the_same_record(lake: Lake, kind: Kind, names: list[str]) -> None:
    """An odometer is reported as 0 on the day and corrected on the next (46_3032 on 2023-10-25)."""

    def reported(count: int, odometer: float) -> Document:
        features = [
            {"properties": {"sol": sol, "dist_total_m": odometer} | dict.fromkeys(names, f"3_{sol}"), "geometry": None}
            for sol in range(count)
        ]
        return document(kind, "mmgis", {"type": "FeatureCollection", "features": features}, count, features)

    assert [refresh(lake, reported(*each))[0] for each in ((24, 0), (8, 0), (8, 21_733.9))] == [24, 24, 8]


@MAPS
@BOTH
def test_a_smaller_map_that_reaches_a_later_sol_is_believed_at_once(
    lake: Lake, caplog: pytest.LogCaptureFixture, kind: Kind, source: str
) -> None:
    refresh(lake, a_map(kind, source, range(24)))
    assert refresh(lake, a_map(kind, source, [20, 24]))[0] == 2
    assert "has 2 records where 24 are held: believed" in caplog.text
    assert refresh(lake, a_map(kind, source, [90_000]))[0] == 2, "but no sol that is still to come"


@MAPS
@BOTH
def test_that_nothing_is_left_of_a_map_is_never_confirmed(lake: Lake, kind: Kind, source: str) -> None:
    refresh(lake, a_map(kind, source, range(24)))
    for _ in range(4):
        records, put = refresh(lake, a_map(kind, source, []))
        assert records == 24
        assert put.kept is not None


def test_a_map_that_grows_or_changes_is_believed_at_once(lake: Lake) -> None:
    for sols, records in ((range(8), 8), (range(24), 24), (range(1, 25), 24)):
        assert refresh(lake, a_map(Kind.WAYPOINTS, "mmgis", sols))[0] == records


MANY = dict.fromkeys(range(1, 31), 5)


@pytest.mark.parametrize("source", ["m20", "msl", "pds", "v1"])
def test_a_manifest_that_loses_sols_waits_for_its_confirmation(lake: Lake, source: str) -> None:
    rover = ROVER[source]
    full, cut = a_manifest(source, MANY), a_manifest(source, dict.fromkeys(range(1, 11), 5))
    refresh(lake, full)
    _, put = refresh(lake, cut)
    assert put.kept is not None
    assert f"{rover}: the manifest of {source} promises less than the one that is held of 20 sols (11, 12," in put.kept
    promised = promises(lake, rover, source)
    assert promised is not None
    assert promised.newest_sol == 30, "what is missing of these sols is still missing"
    refresh(lake, cut)
    promised = promises(lake, rover, source)
    assert promised is not None
    assert promised.newest_sol == 10


@pytest.mark.parametrize("source", ["pds", "v1"])
def test_a_manifest_that_goes_on_growing_confirms_a_loss_and_a_newest_sol_alone_does_not(lake: Lake, source: str) -> None:
    refresh(lake, a_manifest(source, MANY))
    less = MANY | {7: 4}
    assert refresh(lake, a_manifest(source, less | {31: 2}))[1].kept is not None
    assert refresh(lake, a_manifest(source, MANY | {8: 4, 32: 2}))[1].kept is not None, "another loss"
    assert refresh(lake, a_manifest(source, less | {31: 2}))[1].kept is not None
    assert refresh(lake, a_manifest(source, less | {31: 2, 32: 6}))[1].changed
    promised = promises(lake, ROVER[source], source)
    assert promised is not None
    assert (promised.sols[7], promised.sols[32]) == (4, 6)
