"""The paths of Spirit and Opportunity, from both real copies of Spirit's."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from martian_moments.domain.documents import Document, Kind, decode, encode
from martian_moments.domain.errors import BrokenResponse, InputError
from martian_moments.nasa.mer import MER
from martian_moments_tests.unit.nasa.conftest import ClientFactory

URL = "https://example.test/mer"
HEADER = b"SITE,DRIVE,START_SOL,END_SOL,RAW_X,RAW_Y,RAW_Z,CORRECTED_X,CORRECTED_Y"


@pytest.fixture
def ask(client: ClientFactory) -> Callable[..., Any]:
    async def document(body: bytes, kind: Kind = Kind.TRAVERSE, rover: str = "spirit", status: int = 200) -> Document:
        async with client(lambda request: httpx.Response(status, content=body)) as asking:
            source = MER(asking, URL)
            return await (source.traverse if kind is Kind.TRAVERSE else source.waypoints)(rover)

    return document


@pytest.mark.parametrize("kind", [Kind.TRAVERSE, Kind.WAYPOINTS])
@pytest.mark.parametrize(
    ("name", "count"), [("mer_spirit_traverse_path_pds.csv", 8_804), ("mer_spirit_traverse_mera_from_dbf.csv", 8_751)]
)
async def test_a_real_file_is_kept_line_by_line(real_payloads: Path, ask: Any, kind: Kind, name: str, count: int) -> None:
    body = (real_payloads / name).read_bytes()
    document = await ask(body, kind)
    header = document.header
    assert header.key == f"traverse/rover=spirit/{kind}.json.gz"
    assert (header.source, header.record_count, header.promised, header.complete) == ("mer", count, None, True)
    assert header.requests == (f"{URL}/MERA_traverse.csv",)
    (page,) = document.parsed_pages()
    assert page["columns"] == body.split(b"\n")[0].decode().strip().split(",")
    assert page["places"] == list(csv.DictReader(body.decode().splitlines()))
    assert decode(header.key, encode(document)) == document


async def test_ragged_quoted_and_blank_lines_are_kept(ask: Any) -> None:
    body = b'\xef\xbb\xbfSite, drive\r\n\r\n1,2,3,4\r\n5\r\n"6"," 7 "\r\n,\r\n'
    (page,) = (await ask(body)).parsed_pages()
    assert page["places"] == [
        {"SITE": "1", "DRIVE": "2", "UNNAMED": "3,4"},
        {"SITE": "5"},
        {"SITE": "6", "DRIVE": "7"},
        {"SITE": "", "DRIVE": ""},
    ]


async def test_a_quotation_mark_without_its_twin_costs_no_other_line(ask: Any) -> None:
    body = b'SITE,DRIVE\n1,"2\n3,4\n5,6"\n\x00,7\n' + b"8" * 200_000 + b",9\n" + b"10,11\r12,13\x85"
    (page,) = (await ask(body)).parsed_pages()
    sites = [place["SITE"] for place in page["places"]]
    assert sites == ["1", "3", "5", "\x00", "10", "12"]
    assert page["places"][1] == {"SITE": "3", "DRIVE": "4"}


async def test_what_a_line_too_long_is_does_not_depend_on_the_limit_of_the_process(ask: Any) -> None:
    limit = csv.field_size_limit(10_000_000)
    try:
        (page,) = (await ask(HEADER + b"\n1,2\n" + b"8" * 200_000 + b",9\n3,4\n")).parsed_pages()
    finally:
        csv.field_size_limit(limit)
    assert [place["SITE"] for place in page["places"]] == ["1", "3"]


async def test_a_file_without_lines_is_not_complete(ask: Any) -> None:
    header = (await ask(HEADER)).header
    assert (header.record_count, header.complete, header.synthetic) == (0, False, False)


async def test_a_generated_file_says_so(ask: Any) -> None:
    document = await ask(HEADER + b",SYNTHETIC\n1,2,3,4,5,6,7,8,9,yes\n")
    assert document.header.synthetic
    assert document.parsed_pages()[0]["synthetic"] is True


@pytest.mark.parametrize(
    ("status", "body"),
    [(200, b""), (200, b"<html>Moved</html>"), (404, HEADER), (200, b'{"error":1}'), (200, b"SITE;DRIVE\n1;2\n")],
)
async def test_what_is_no_table_is_an_error_and_never_empty(ask: Any, status: int, body: bytes) -> None:
    with pytest.raises(BrokenResponse):
        await ask(body, status=status)


async def test_both_maps_of_both_rovers_take_one_request_per_rover(client: ClientFactory) -> None:
    asked: Counter[str] = Counter()

    def handler(request: httpx.Request) -> httpx.Response:
        asked[request.url.path] += 1
        return httpx.Response(200, content=HEADER + b"\n1,2,3,4,5,6,7,8,9\n")

    async with client(handler) as asking:
        source = MER(asking, URL)
        for rover in ("spirit", "opportunity"):
            assert source.serves(rover)
            path, places = await source.traverse(rover), await source.waypoints(rover)
            assert path.pages == places.pages
        assert not source.serves("curiosity")
        with pytest.raises(InputError, match="no path of curiosity"):
            await source.traverse("curiosity")
    assert asked == {"/mer/MERA_traverse.csv": 1, "/mer/MERB_traverse_5130.csv": 1}
