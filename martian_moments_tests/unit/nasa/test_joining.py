"""Short responses of one source for one sol: what was known stays, and nothing is counted twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from martian_moments.domain.documents import Coordinates, Document, Header, Kind, decode, object_key
from martian_moments.lake.store import Lake
from martian_moments.nasa.m20 import M20
from martian_moments.nasa.msl import MSL
from martian_moments.nasa.sources import joined
from martian_moments.nasa.v1 import V1
from martian_moments.pipelines import ingest
from martian_moments.pipelines.coverage import coverage
from martian_moments.pipelines.ingest import Outcome, SolResult
from martian_moments_tests.platforms import photos_of
from martian_moments_tests.unit.nasa.conftest import ClientFactory

SOL = 7
ROVER = {"v1": "curiosity", "m20": "perseverance", "msl": "curiosity"}
SOURCES = {"v1": V1, "m20": M20, "msl": MSL}
PROMISED = 100


@dataclass
class Server:
    """Serves some photos of a sol that has 100, in one page; ``shift`` is added to their ids, not to their pictures."""

    source: str
    numbers: list[int] = field(default_factory=list)
    report: str = "first"
    shift: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if "/manifests/" in request.url.path:
            rows = [{"sol": SOL, "total_photos": PROMISED}]
            return httpx.Response(200, json={"photo_manifest": {"name": "Curiosity", "max_sol": SOL, "photos": rows}})
        is_first = int(request.url.params.get("page", "0")) == 0
        return httpx.Response(200, json=self.page(list(map(self.photo, self.numbers)) if is_first else []))

    def page(self, photos: list[dict[str, Any]]) -> dict[str, Any]:
        match self.source:
            case "v1":
                return {"photos": photos}
            case "m20":
                return {"images": photos, "per_page": "100", "total_results": PROMISED, "mission": "mars2020"}
            case _:
                return {"items": photos, "per_page": 200, "total": PROMISED, "more": False}

    def photo(self, number: int) -> dict[str, Any]:
        identity, name = self.shift + number, f"https://nasa/{self.report}/{number:05}.JPG"
        match self.source:
            case "v1":
                return {"id": identity, "sol": SOL, "img_src": name}
            case "m20":
                return {"imageid": f"NLF_{identity:05}", "sol": str(SOL), "image_files": {"full_res": name}}
            case _:
                return {"id": identity, "sol": SOL, "mission": "msl", "https_url": name}


@dataclass
class Asking:
    """A source of a server, and a lake that keeps what it sends."""

    server: Server
    lake: Lake
    client: ClientFactory

    async def __call__(self, numbers: Iterable[int], **server: Any) -> SolResult:
        """Ask for the sol while the server hands out these photos."""
        self.server.numbers = list(numbers)
        for name, value in server.items():
            setattr(self.server, name, value)
        name = self.server.source
        rover = ROVER[name]
        async with self.client(self.server) as client:
            source = SOURCES[name](client, "https://nasa/api")
            if name == "v1":
                await ingest.fetch_manifest(source, self.lake, rover)
            known = coverage(self.lake, rover, [name])
            (result,) = [
                each async for each in ingest.fetch_sols([source], self.lake, known, [SOL], refetch=True, in_flight=1)
            ]
        assert result.header == self.document.header
        return result

    @property
    def document(self) -> Document:
        key = object_key(Coordinates(Kind.PHOTOS, ROVER[self.server.source], self.server.source, SOL))
        return decode(key, self.lake.get(key))

    @property
    def header(self) -> Header:
        return self.document.header

    @property
    def reports(self) -> dict[str, str]:
        """What silver reads: by id the address of the picture as it is reported last."""
        found = {}
        for photo in (photo for page in self.document.pages for photo in photos_in(page)):
            identity = str(photo.get("id", photo.get("imageid")))
            found[identity] = photo.get("img_src") or photo.get("https_url") or photo["image_files"]["full_res"]
        return found


def photos_in(page: bytes) -> Iterator[dict[str, Any]]:
    content = orjson.loads(page)
    yield from content.get("photos") or content.get("images") or content.get("items") or ()


@pytest.fixture(params=SOURCES)
def asking(request: pytest.FixtureRequest, tmp_path: Path, client: ClientFactory) -> Asking:
    return Asking(Server(request.param), Lake(tmp_path.as_uri()), client)


async def test_other_records_of_a_short_sol_join_those_that_are_held_until_it_is_whole(asking: Asking) -> None:
    await asking(range(64))
    assert (asking.header.record_count, asking.header.complete) == (64, False)
    result = await asking(range(36, 100), report="second")
    assert result.outcome is Outcome.STORED
    assert (asking.header.record_count, asking.header.promised, asking.header.complete) == (100, 100, True)
    assert asking.header.satisfies(PROMISED)
    reported = asking.reports
    assert len(reported) == 100
    assert sum("/first/" in address for address in reported.values()) == 36
    assert sum("/second/" in address for address in reported.values()) == 64, "of what both report, the newer report stands"
    together = asking.header.fingerprint
    await asking([*range(36, 100), *range(36)], report="third")
    assert sum(any(photos_in(page)) for page in asking.document.pages) == 1, "a complete response stands alone"
    assert asking.header.fingerprint != together
    assert all("/third/" in address for address in asking.reports.values())


async def test_a_smaller_response_adds_what_it_alone_reports(asking: Asking) -> None:
    await asking(range(64))
    await asking(range(30, 80))
    assert (asking.header.record_count, asking.header.complete) == (80, False)
    assert len(asking.reports) == 80
    await asking([1, 2, 90])
    assert (asking.header.record_count, len(asking.reports)) == (81, 81)


async def test_a_short_response_that_reports_nothing_new_is_not_written(asking: Asking) -> None:
    await asking(range(64))
    await asking(range(30, 80))
    (before,) = (each for each in asking.lake.list("photos"))
    for numbers in (range(30, 80), range(64), range(80)):
        assert (await asking(numbers)).outcome is Outcome.UNCHANGED
    assert asking.lake.list("photos") == [before]


async def test_pages_that_report_nothing_more_do_not_stay(asking: Asking) -> None:
    for first in range(0, 40, 4):
        await asking([*range(60), 60 + first])
    assert asking.header.record_count == 70
    assert sum(any(photos_in(page)) for page in asking.document.pages) == 10
    await asking([*range(59), *range(60, 97)])
    assert asking.header.record_count == 97
    assert sum(any(photos_in(page)) for page in asking.document.pages) == 2, "one that has record 59, and the new one"


@pytest.mark.parametrize(
    ("held", "new"),
    [(range(64), range(64)), (range(64), range(70))],
    ids=["the same photos", "more photos"],
)
async def test_a_union_of_more_than_is_promised_is_not_believed(asking: Asking, held: range, new: range) -> None:
    await asking(held)
    await asking(new, shift=1_000)
    assert asking.header.record_count == len(new)
    assert sorted(int(identity[-4:]) for identity in asking.reports) == [1_000 + number for number in new]


async def test_photos_that_were_numbered_anew_do_not_count_twice(asking: Asking) -> None:
    if asking.server.source == "m20":
        pytest.skip("an imageid is the name of its picture: nobody numbers them")
    await asking(range(40))
    await asking(range(20, 65), shift=1_000, report="elsewhere")
    assert len(asking.reports) == asking.header.record_count == 45, "and not the 85 ids of 65 photos"


def test_a_sol_that_is_cut_from_whole_tables_is_replaced() -> None:
    held, new = (photos_of("spirit", SOL, count=count, promised=9, source="pds") for count in (3, 4))
    assert joined(held, new) is new
