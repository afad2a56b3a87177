"""The PDS imaging index, from the real label and line, with whatever goes wrong on the way."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from martian_moments.domain.documents import Document, decode, encode, index_prefix
from martian_moments.domain.errors import BrokenAnswer, InputError, UpstreamUnavailable
from martian_moments.lake.store import Lake
from martian_moments.nasa.pds import PDS, VOLUMES, read_promises
from martian_moments.nasa.pds_index import IndexFolder
from martian_moments.nasa.pds_index import Volume as Note
from martian_moments.nasa.pds_label import read_label
from martian_moments_tests.unit.nasa.conftest import ClientFactory
from martian_moments_tests.unit.nasa.pds_archive import WIDTH, ArchiveServer, Volume, line, real_label

URL = "https://example.test/img"
PANCAM, HAZCAM = "mer1po_0xxx", "mer1ho_0xxx"
BOM = b"\xef\xbb\xbf"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake((tmp_path / "lake").as_uri())


@pytest.fixture
def archive(real_payloads: Path) -> ArchiveServer:
    """Two volumes of Opportunity: sols 1 (3 and 1 lines) and 2 (2 lines, far from each other)."""
    pancam = [line(real_payloads, sol, number) for number, sol in enumerate([1, 1, 2, 1, 2])]
    hazcam = [line(real_payloads, 1, 100, image_type="THUMBNAIL")]
    return ArchiveServer(
        {
            name: Volume(real_label(real_payloads, len(rows)), b"".join(rows))
            for name, rows in ((PANCAM, pancam), (HAZCAM, hazcam))
        }
    )


Open = Callable[..., Any]


@pytest.fixture
def pds(client: ClientFactory, lake: Lake, archive: ArchiveServer, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def make(handler: Callable[[httpx.Request], httpx.Response] = archive) -> AsyncIterator[PDS]:
        async with client(handler) as asking:
            yield PDS(asking, URL, lake, tmp_path / "scratch")

    return make


def test_every_column_of_the_real_line_is_where_the_real_label_says(real_payloads: Path) -> None:
    label = read_label((real_payloads / "mer_edrindex.lbl").read_bytes())
    text = (real_payloads / "mer_edrindex_row_sample.tab").read_text()
    # Independently of byte offsets: between tabs, which the five items of the motion counter make 59 fields.
    (fields,) = csv.reader([text], delimiter="\t")
    row = label.row(text.encode())
    values = [value for column in row.values() for value in (column if isinstance(column, list) else [column])]
    assert (len(row), len(values), label.rows) == (55, 59, 203_550)
    assert values == [field.strip() for field in fields]
    assert row["PRODUCT_ID"] == "1P128287181EFF0000P2303L2M1"
    assert row["ROVER_MOTION_COUNTER"] == ["0", "0", "1", "34", "0"]


def test_a_column_that_a_volume_lacks_is_lacking_in_its_rows_and_nothing_moves(real_payloads: Path) -> None:
    """As in the descent volumes, which have neither path nor file name."""
    blocks = (real_payloads / "mer_edrindex.lbl").read_text().split("OBJECT                      = COLUMN\n")
    kept = [block for block in blocks if "= PATH_NAME" not in block and "= FILE_NAME" not in block]
    assert len(blocks) - len(kept) == 2
    row = read_label("OBJECT = COLUMN\n".join(kept).encode()).row(line(real_payloads, 1, 7))
    assert (len(row), row["PLANET_DAY_NUMBER"], row["PRODUCT_ID"]) == (53, "1", "1P128000007EFF0000P2303L2M1")


def test_a_keyword_without_a_value_takes_nothing_from_the_next_line(real_payloads: Path) -> None:
    real = (real_payloads / "mer_edrindex.lbl").read_bytes()
    odd = BOM + real.replace(b"  NAME  ", b"  UNIT                      = \r\n  NAME  ").replace(
        b"ROWS", b"NOTE =\r\n  ROWS"
    )
    assert odd.count(b"UNIT                      = \r\n") == 55
    assert read_label(odd) == read_label(real)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("START_BYTE = 1", "START_BYTE = 0"),
        ("BYTES = 5", "BYTES = -5"),
        ("BYTES = 5", f"BYTES = {'9' * 5_000}"),
        ("BYTES = 5", "BYTES = 999999999"),
        ("BYTES = 5", "BYTES = 5\nITEMS = 1000000000"),
        ("BYTES = 5", "BYTES = 5\nITEMS = 0"),
        ("BYTES = 5", "BYTES ="),
        ("NAME = A", "NAME"),
    ],
)
def test_a_column_that_lies_nowhere_in_a_line_is_refused(old: str, new: str) -> None:
    good = "OBJECT = COLUMN\nNAME = A\nSTART_BYTE = 1\nBYTES = 5\nEND_OBJECT = COLUMN\n"
    assert read_label(good.encode()).row(b"12345678") == {"A": "12345"}
    with pytest.raises(InputError, match="a column that"):
        read_label(good.replace(old, new).encode())


def test_a_label_of_a_megabyte_is_none() -> None:
    with pytest.raises(InputError, match="more than the label of any table"):
        read_label(b"\n" * 2_000_000)


@pytest.mark.parametrize("rows", ["", "9" * 5_000, "many", "-1", "\u0663"])
def test_a_number_of_rows_that_is_none_is_not_believed(rows: str) -> None:
    column = "OBJECT = COLUMN\nNAME = A\nSTART_BYTE = 1\nBYTES = 5\nEND_OBJECT = COLUMN\n"
    assert read_label(f"ROWS = {rows}\n{column}".encode("latin-1", "replace")).rows is None


async def test_a_sol_of_5000_digits_costs_its_line_only(pds: Open, archive: ArchiveServer, real_payloads: Path) -> None:
    label = b"ROWS = 3\n" + b"".join(
        b"OBJECT = COLUMN\nNAME = %s\nSTART_BYTE = %d\nBYTES = %d\nEND_OBJECT = COLUMN\n" % column
        for column in ((b"PLANET_DAY_NUMBER", 1, 5_000), (b"PRODUCT_ID", 5_001, 9))
    )
    lines = [sol.ljust(5_000) + b"product%d\n" % number for number, sol in enumerate((b"1", b"9" * 5_000, b"2.0"))]
    archive.volumes = {PANCAM: Volume(label, b"".join(lines))}
    async with pds() as source:
        document = await source.manifest("opportunity")
    assert dict(read_promises(document).sols) == {1: 1, 2: 1}
    assert document.parsed_pages()[0]["volumes"][0]["lines_unread"] == 1


async def test_the_manifest_counts_the_lines_of_every_sol(pds: Open, archive: ArchiveServer, lake: Lake) -> None:
    async with pds() as source:
        document = await source.manifest("opportunity")
    header = document.header
    assert header.key == "manifests/rover=opportunity/source=pds/manifest.json.gz"
    assert decode(header.key, encode(document)) == document
    assert (header.record_count, header.complete, header.synthetic) == (2, False, False)
    promises = read_promises(document)
    assert (dict(promises.sols), promises.newest_sol, promises.stated_total) == ({1: 4, 2: 2}, 2, 6)
    assert [row["volumes"] for row in document.parsed_pages()[0]["sols"]] == [{PANCAM: 3, HAZCAM: 1}, {PANCAM: 2}]
    stored = {info.key.rpartition("/")[2].partition(".")[2] for info in lake.list(index_prefix("opportunity", PANCAM))}
    assert stored == {"lbl", "tab", "json"}
    (table,) = [info.key for info in lake.list(index_prefix("opportunity", PANCAM)) if info.key.endswith(".tab")]
    assert lake.get(table) == archive.volumes[PANCAM].table


async def test_a_sol_is_every_line_of_it_in_every_volume_without_asking_again(pds: Open, archive: ArchiveServer) -> None:
    async with pds() as source:
        await source.manifest("opportunity")
        archive.asked.clear()
        document = await source.photos("opportunity", 1)
        empty = await source.photos("opportunity", 3)
    async with pds() as another:
        again = await another.photos("opportunity", 1, 4)
    assert not archive.asked
    header = document.header
    assert header.key == "photos/rover=opportunity/source=pds/sol=00001.json.gz"
    assert (header.record_count, header.promised, header.complete) == (4, 4, True)
    pancam, hazcam = document.parsed_pages()
    assert [row["PRODUCT_ID"] for row in pancam["lines"]] == [f"1P12800000{n}EFF0000P2303L2M1" for n in (0, 1, 3)]
    assert [row["IMAGE_TYPE"] for row in hazcam["lines"]] == ["THUMBNAIL"]
    assert (pancam["volume"], hazcam["volume"]) == (PANCAM, HAZCAM)
    assert again == document
    assert (empty.header.record_count, empty.header.promised, empty.header.complete) == (0, 0, True)


async def test_a_sol_before_the_first_refresh_makes_one_and_only_one(pds: Open, archive: ArchiveServer) -> None:
    async with pds() as source:
        documents = [await source.photos("opportunity", sol) for sol in (1, 2, 3)]
    assert [document.header.record_count for document in documents] == [4, 2, 0]
    assert set(archive.asked.values()) == {1}


async def test_an_index_that_has_not_changed_is_not_downloaded_again(pds: Open, archive: ArchiveServer) -> None:
    async with pds() as source:
        first = await source.manifest("opportunity")
        second = await source.manifest("opportunity")
    assert archive.not_modified == 2
    assert second.header.fingerprint == first.header.fingerprint
    assert read_promises(second) == read_promises(first)


async def test_a_table_that_grew_replaces_the_old_one_also_for_whoever_holds_it(
    pds: Open, archive: ArchiveServer, real_payloads: Path
) -> None:
    async with pds() as source:
        first = await source.manifest("opportunity")
        table = archive.volumes[PANCAM].table + line(real_payloads, 3, 9)
        archive.volumes[PANCAM] = Volume(real_label(real_payloads, 6), table)
        second = await source.manifest("opportunity")
        assert dict(read_promises(second).sols) == {1: 4, 2: 2, 3: 1}
        assert second.header.fingerprint != first.header.fingerprint
        assert (await source.photos("opportunity", 3)).header.record_count == 1


async def test_a_label_with_other_offsets_is_read_anew_although_the_table_is_the_same(
    pds: Open, archive: ArchiveServer
) -> None:
    async with pds() as source:
        await source.manifest("opportunity")
        volume = archive.volumes[PANCAM]
        # SEQUENCE_ID begins a byte later.
        archive.volumes[PANCAM] = Volume(volume.label.replace(b"= 445", b"= 446"), volume.table)
        await source.manifest("opportunity")
        pancam, _ = (await source.photos("opportunity", 1)).parsed_pages()
    assert {row["SEQUENCE_ID"] for row in pancam["lines"]} == {"2303"}
    assert archive.not_modified == 1


def failures(manifest: Document) -> dict[str, str]:
    """By volume, why it failed."""
    told = {volume["volume"]: volume["error"] for volume in manifest.parsed_pages()[0]["volumes"]}
    return {volume: error for volume, error in told.items() if error}


def cut(table: bytes) -> bytes:
    return table[: 2 * WIDTH + 100]


def fewer(table: bytes) -> bytes:
    return table[: 2 * WIDTH]


@pytest.mark.parametrize(
    "table", [b"<html>Back soon</html>", b'{"error":"x"}', b"", cut, fewer, lambda table: table.replace(b"\t", b" \t")]
)
async def test_a_broken_table_never_replaces_a_good_one(pds: Open, archive: ArchiveServer, table: Any) -> None:
    async with pds() as source:
        await source.manifest("opportunity")
        volume = archive.volumes[PANCAM]
        archive.volumes[PANCAM] = Volume(volume.label, table(volume.table) if callable(table) else table)
        second = await source.manifest("opportunity")
        assert "a table" in failures(second)[PANCAM]
        assert dict(read_promises(second).sols) == {1: 4, 2: 2}
        assert read_promises(second).unanswered == []
        assert (await source.photos("opportunity", 1)).header.record_count == 4
    async with pds() as another:
        assert (await another.photos("opportunity", 1)).header.record_count == 4


@pytest.mark.parametrize("label", [b"<html>Back soon</html>", b"", b"OBJECT = COLUMN\nNAME = SOL\nEND_OBJECT = COLUMN\n"])
async def test_a_broken_label_never_replaces_a_good_one(pds: Open, archive: ArchiveServer, label: bytes) -> None:
    async with pds() as source:
        await source.manifest("opportunity")
        archive.volumes[PANCAM] = Volume(label, archive.volumes[PANCAM].table)
        assert "a label" in failures(await source.manifest("opportunity"))[PANCAM]
        assert (await source.photos("opportunity", 1)).header.record_count == 4


@pytest.mark.parametrize(("lines", "unread"), [(200, 1), (5, 1), (12, 9), (1_000, 10)])
async def test_lines_that_cannot_be_read_are_counted_and_the_others_are_kept(
    pds: Open, archive: ArchiveServer, real_payloads: Path, lines: int, unread: int
) -> None:
    rows = [line(real_payloads, 1, number, **({"product": ""} if number < unread else {})) for number in range(lines)]
    archive.volumes = {PANCAM: Volume(real_label(real_payloads, lines), b"".join(rows) + b"\n\n")}
    async with pds() as source:
        document = await source.manifest("opportunity")
    facts = next(volume for volume in document.parsed_pages()[0]["volumes"] if volume["volume"] == PANCAM)
    assert (facts["lines"], facts["lines_unread"], facts["lines_stated"]) == (lines, unread, lines)
    assert dict(read_promises(document).sols) == {1: lines - unread}


@pytest.mark.parametrize(("lines", "unread"), [(1, 1), (5, 5), (900, 10)])
async def test_too_many_lines_that_cannot_be_read_are_no_table(
    pds: Open, archive: ArchiveServer, real_payloads: Path, lines: int, unread: int
) -> None:
    rows = [line(real_payloads, 1, number, **({"product": ""} if number < unread else {})) for number in range(lines)]
    archive.volumes = {PANCAM: Volume(real_label(real_payloads, lines), b"".join(rows))}
    async with pds() as source:
        with pytest.raises(BrokenAnswer, match=f"{unread} of {lines} lines"):
            await source.manifest("opportunity")


async def test_a_product_told_twice_is_one_photo_and_both_lines_are_kept(
    pds: Open, archive: ArchiveServer, real_payloads: Path
) -> None:
    archive.volumes = {PANCAM: Volume(real_label(real_payloads, 2), line(real_payloads, 1, 5) * 2)}
    async with pds() as source:
        header = (document := await source.photos("opportunity", 1)).header
    assert (header.record_count, header.promised, header.complete, header.satisfies(2)) == (1, 2, True, True)
    assert len(document.parsed_pages()[0]["lines"]) == 2


async def test_the_real_line_whose_trailing_blanks_are_lost_is_read_under_its_real_label(
    pds: Open, archive: ArchiveServer, real_payloads: Path
) -> None:
    table = (real_payloads / "mer_edrindex_row_sample.tab").read_bytes()
    archive.volumes = {PANCAM: Volume((real_payloads / "mer_edrindex.lbl").read_bytes(), table)}
    async with pds() as source:
        manifest = await source.manifest("opportunity")
        (page,) = (await source.photos("opportunity", 1)).parsed_pages()
    # Its label speaks of 203,550 lines: with nothing better at hand it is kept, and said to be short.
    assert (manifest.header.complete, dict(read_promises(manifest).sols)) == (False, {1: 1})
    assert page["lines"][0]["START_TIME"] == "2004-01-25T07:18:28Z"


async def test_a_volume_that_the_server_has_lost_stays_as_it_was(pds: Open, archive: ArchiveServer) -> None:
    async with pds() as source:
        first = await source.manifest("opportunity")
        del archive.volumes[HAZCAM]
        second = await source.manifest("opportunity")
    assert second.header.fingerprint == first.header.fingerprint


async def test_an_address_without_any_volume_is_an_error_and_leaves_nothing(
    pds: Open, archive: ArchiveServer, lake: Lake
) -> None:
    archive.volumes.clear()
    async with pds() as source:
        with pytest.raises(BrokenAnswer, match="none of mer1po_0xxx"):
            await source.manifest("opportunity")
    assert lake.list() == []


async def test_a_table_that_is_gone_from_the_store_is_downloaded_again(
    pds: Open, archive: ArchiveServer, lake: Lake, tmp_path: Path
) -> None:
    async with pds() as source:
        first = await source.manifest("opportunity")
    (table,) = [info.key for info in lake.list(index_prefix("opportunity", PANCAM)) if info.key.endswith(".tab")]
    (tmp_path / "lake" / table).unlink()
    async with pds() as another:
        assert (await another.manifest("opportunity")).header.fingerprint == first.header.fingerprint
        assert (await another.photos("opportunity", 1)).header.record_count == 4
    assert archive.asked[f"/img/data/mer/opportunity/{PANCAM}/index/edrindex.tab"] == 2


async def test_a_volume_that_fails_takes_no_other_away_and_the_manifest_says_why(
    pds: Open, archive: ArchiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    failing = {HAZCAM}

    def handler(request: httpx.Request) -> httpx.Response:
        answer = archive(request)
        return httpx.Response(503) if any(volume in request.url.path for volume in failing) else answer

    async with pds(handler) as source:
        first = await source.manifest("opportunity")
        assert (dict(read_promises(first).sols), first.header.complete) == ({1: 3, 2: 2}, False)
        assert HAZCAM in caplog.text
        async with pds(handler) as another:
            assert (await another.photos("opportunity", 1)).header.record_count == 3
        failing.clear()
        whole = await source.manifest("opportunity")
        assert (dict(read_promises(whole).sols), failures(whole)) == ({1: 4, 2: 2}, {})
        failing.add(HAZCAM)
        again = await source.manifest("opportunity")
    assert failures(first).keys() == failures(again).keys() == {HAZCAM}
    assert "answered 503" in failures(again)[HAZCAM]
    assert (dict(read_promises(again).sols), again.header.complete) == ({1: 4, 2: 2}, False)
    assert len({document.header.fingerprint for document in (first, whole, again)}) == 3


async def test_an_outage_of_the_archive_is_an_error_and_what_is_held_stays(pds: Open) -> None:
    async with pds() as source:
        await source.manifest("opportunity")
    async with pds(lambda _: httpx.Response(503)) as source:
        with pytest.raises(UpstreamUnavailable, match="answered 503"):
            await source.manifest("opportunity")
        assert (await source.photos("opportunity", 1)).header.record_count == 4


async def test_a_volume_that_another_run_has_brought_meanwhile_stays(pds: Open, archive: ArchiveServer) -> None:
    hazcam = archive.volumes.pop(HAZCAM)
    last = f"/{VOLUMES['opportunity'][-1]}/"
    others: list[Document] = []

    async with pds() as other, pds() as slow:
        answered = slow._client.get

        async def get(url: str, *arguments: Any, **options: Any) -> Any:
            if last in url:
                archive.volumes[HAZCAM] = hazcam
                others.append(await other.manifest("opportunity"))
            return await answered(url, *arguments, **options)

        slow._client.get = get
        document = await slow.manifest("opportunity")
        assert dict(read_promises(others[0]).sols) == dict(read_promises(document).sols) == {1: 4, 2: 2}
    async with pds() as later:
        assert (await later.photos("opportunity", 1)).header.record_count == 4


def test_an_older_note_never_replaces_a_newer_one(lake: Lake, tmp_path: Path) -> None:
    folder = IndexFolder(lake, PANCAM, index_prefix("opportunity", PANCAM))
    (tmp_path / "table").write_bytes(b"x\n")
    early, late = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    older, newer = (
        Note(PANCAM, URL, moment, present=True, bytes=2, table=name * 64, label=name * 64)
        for name, moment in (("a", early), ("b", late))
    )
    for note in (newer, older):
        folder.write(note, b"", tmp_path / "table")
    assert folder.read().table == newer.table
    folder.write_note(Note(PANCAM, URL, late + timedelta(days=1)))
    assert folder.read().table == newer.table


async def test_a_table_is_removed_once_the_one_that_replaced_it_is_replaced(
    pds: Open, archive: ArchiveServer, lake: Lake, real_payloads: Path
) -> None:
    tables = [archive.volumes[PANCAM].table]
    async with pds() as source, pds() as reader:
        await source.manifest("opportunity")
        await reader.photos("opportunity", 1)
        for number in (1, 2):
            tables.append(tables[-1] + line(real_payloads, 2 + number, 8 + number))
            archive.volumes[PANCAM] = Volume(real_label(real_payloads, 5 + number), tables[-1])
            await source.manifest("opportunity")
            await source.manifest("opportunity")
            if number == 1:
                assert (await reader.photos("opportunity", 2)).header.record_count == 2
    kept = [info.key for info in lake.list(index_prefix("opportunity", PANCAM))]
    assert sorted((lake.get(key) for key in kept if key.endswith(".tab")), key=len) == tables[1:]
    assert sum(key.endswith(".lbl") for key in kept) == 2


async def test_the_same_table_under_a_new_etag_is_not_downloaded_every_time(pds: Open, archive: ArchiveServer) -> None:
    async with pds() as source:
        first = await source.manifest("opportunity")
        for volume in archive.volumes.values():
            volume.etag = f'W/"{volume.table[:20].hex()}"'
        assert (await source.manifest("opportunity")).header.fingerprint == first.header.fingerprint
        assert archive.not_modified == 0
        await source.manifest("opportunity")
    assert archive.not_modified == 2


async def test_a_first_table_that_was_cut_where_a_line_ends_is_asked_for_without_conditions(
    pds: Open, archive: ArchiveServer
) -> None:
    whole = archive.volumes[PANCAM]
    archive.volumes[PANCAM] = replace(whole, table=fewer(whole.table), etag=whole.etag)
    async with pds() as source:
        short = await source.manifest("opportunity")
        assert dict(read_promises(short).sols) == {1: 3}
        archive.volumes[PANCAM] = whole
        again = await source.manifest("opportunity")
    assert dict(read_promises(again).sols) == {1: 4, 2: 2}


async def test_a_table_that_its_label_overstates_is_downloaded_twice_and_no_more(
    pds: Open, archive: ArchiveServer, real_payloads: Path
) -> None:
    archive.volumes = {PANCAM: Volume(real_label(real_payloads, 6), archive.volumes[PANCAM].table)}
    async with pds() as source:
        found = [archive.not_modified for _ in range(4) if await source.manifest("opportunity")]
    assert found == [0, 0, 1, 2]


async def test_a_sol_with_fewer_lines_than_its_manifest_promised_is_short(pds: Open) -> None:
    async with pds() as source:
        short = (await source.photos("opportunity", 1, 5)).header
        whole = (await source.photos("opportunity", 1, 3)).header
    assert (short.record_count, short.promised, short.complete) == (4, 5, False)
    assert (whole.record_count, whole.promised, whole.complete) == (4, 4, True)


async def test_a_download_lies_in_the_folder_given_and_goes(pds: Open, tmp_path: Path, archive: ArchiveServer) -> None:
    seen: list[Path] = []

    def handler(request: httpx.Request) -> httpx.Response:
        seen.extend((tmp_path / "scratch").glob("*"))
        return archive(request)

    async with pds(handler) as source:
        await source.manifest("opportunity")
    assert len(seen) == 2
    assert not list((tmp_path / "scratch").iterdir())


async def test_generated_indexes_say_so_everywhere(pds: Open, archive: ArchiveServer, real_payloads: Path) -> None:
    archive.volumes = {PANCAM: Volume(real_label(real_payloads, 1, synthetic=True), line(real_payloads, 1, 1))}
    async with pds() as source:
        documents = [await source.manifest("opportunity"), await source.photos("opportunity", 1)]
    for document in documents:
        assert document.header.synthetic
        assert orjson.loads(document.pages[0])["synthetic"] is True


async def test_a_rover_that_the_archive_never_has_is_not_asked_for(pds: Open, archive: ArchiveServer) -> None:
    async with pds() as source:
        assert [rover for rover in ("curiosity", "opportunity", "perseverance", "spirit") if source.serves(rover)] == [
            "opportunity",
            "spirit",
        ]
        with pytest.raises(InputError):
            await source.manifest("curiosity")
    assert not archive.asked
    assert VOLUMES["spirit"] == ("mer2po_0xxx", "mer2no_0xxx", "mer2ho_0xxx", "mer2mo_0xxx", "mer2do_0xxx")


@pytest.mark.parametrize("damage", [lambda body: body[: len(body) // 2], lambda body: bytes(len(body)), lambda body: b""])
@pytest.mark.parametrize("extension", ["tab", "lbl", "json"])
async def test_a_damaged_index_is_set_aside_and_fetched_again_although_its_etag_is_current(
    pds: Open, lake: Lake, damage: Callable[[bytes], bytes], extension: str
) -> None:
    async with pds() as source:
        first = await source.manifest("opportunity")
    (key,) = [info.key for info in lake.list(index_prefix("opportunity", PANCAM)) if info.key.endswith(extension)]
    damaged = damage(lake.get(key))
    lake.put_bytes(key, damaged)
    async with pds() as another:
        assert (await another.photos("opportunity", 1)).header.record_count == 4
        assert read_promises(await another.manifest("opportunity")) == read_promises(first)
    assert lake.get(f"quarantine/damaged/{key}") == damaged


async def test_sols_stay_promised_and_fail_while_a_damaged_volume_cannot_be_fetched_again(
    pds: Open, lake: Lake, archive: ArchiveServer
) -> None:
    async with pds() as source:
        await source.manifest("opportunity")
    (key,) = [info.key for info in lake.list(index_prefix("opportunity", PANCAM)) if info.key.endswith("tab")]
    lake.put_bytes(key, lake.get(key)[:100])

    def down(request: httpx.Request) -> httpx.Response:
        return httpx.Response(503) if PANCAM in request.url.path else archive(request)

    async with pds(down) as source:
        with pytest.raises(UpstreamUnavailable, match="gone from the lake"):
            await source.photos("opportunity", 1)
        assert dict(read_promises(await source.manifest("opportunity")).sols) == {1: 4, 2: 2}


async def test_a_table_that_is_refused_is_downloaded_once_a_refresh_until_its_bytes_have_come_twice(
    pds: Open, archive: ArchiveServer
) -> None:
    path = f"/img/data/mer/opportunity/{PANCAM}/index/edrindex.tab"
    async with pds() as source:
        await source.manifest("opportunity")
        good = archive.volumes[PANCAM]
        archive.volumes[PANCAM] = Volume(good.label, fewer(good.table))
        archive.asked.clear()
        for asked, not_modified in ((1, 1), (2, 2), (3, 4)):
            archive_before = archive.asked[path]
            told = failures(await source.manifest("opportunity"))
            assert "a table of 2 lines" in told[PANCAM]
            assert (archive.asked[path], archive_before, archive.not_modified) == (asked, asked - 1, not_modified)
        archive.volumes[PANCAM] = good
        assert failures(await source.manifest("opportunity")) == {}


@pytest.mark.parametrize(
    ("noted", "mended"),
    [
        (("Tue, 26 Nov 2024 08:00:00 GMT", datetime(2021, 3, 1, tzinfo=UTC)), True),
        (("Wed, 01 Jan 2020 00:00:00 GMT", datetime(1970, 1, 1, 0, 1, tzinfo=UTC)), True),
        (("Wed, 01 Jan 2020 00:00:00 GMT", datetime(2021, 3, 1, tzinfo=UTC)), False),
        (("Wed, 01 Jan 2020 00:00:00 GMT", datetime(2019, 12, 31, 23, 56, tzinfo=UTC)), False),
        (("no date", datetime(2021, 3, 1, tzinfo=UTC)), False),
        ((None, datetime(2021, 3, 1, tzinfo=UTC)), False),
    ],
    ids=["three years behind", "at 1970", "an old index", "hosts that differ by minutes", "no date", "not told"],
)
async def test_an_index_that_was_fetched_before_it_was_made_gets_the_time_of_the_next_answer(
    pds: Open, archive: ArchiveServer, lake: Lake, noted: tuple[str | None, datetime], mended: bool
) -> None:
    """A clock that stood behind: sols read from it would give way for ever to those of the table before."""
    now, (modified, fetched) = datetime.now(UTC), noted
    async with pds() as source:
        await source.manifest("opportunity")
    for volume in (PANCAM, HAZCAM):
        folder = IndexFolder(lake, volume, index_prefix("opportunity", volume))
        note = folder.read()
        lake.remove(f"{index_prefix('opportunity', volume)}volume.json")
        folder.write_note(replace(note, fetched_at=fetched, last_modified=modified))
    async with pds() as source:
        await source.manifest("opportunity")
        photos = await source.photos("opportunity", 1)
    assert archive.not_modified == 2
    assert (photos.header.fetched_at >= now) is mended
    assert mended or photos.header.fetched_at == fetched
