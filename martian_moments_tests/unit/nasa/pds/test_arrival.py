"""Which index takes the place of the one that is held, and which never does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from martian_moments.domain.documents import Document, index_prefix
from martian_moments.domain.errors import BrokenResponse, UpstreamUnavailable
from martian_moments.lake.store import Lake
from martian_moments.nasa.pds import VOLUMES, read_promises
from martian_moments.nasa.pds_index import IndexFolder
from martian_moments.nasa.pds_index import Volume as Note
from martian_moments_tests.unit.nasa.pds.conftest import HAZCAM, PANCAM, URL, Open, failures
from martian_moments_tests.unit.nasa.pds_archive import WIDTH, ArchiveServer, Volume, line, real_label


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
        with pytest.raises(BrokenResponse, match=f"{unread} of {lines} lines"):
            await source.manifest("opportunity")


async def test_a_product_reported_twice_is_one_photo_and_both_lines_are_kept(
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
    # Its label states 203,550 lines: with nothing better at hand it is kept, and said to be short.
    assert (manifest.header.complete, dict(read_promises(manifest).sols)) == (False, {1: 1})
    assert page["lines"][0]["START_TIME"] == "2004-01-25T07:18:28Z"


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
            reported = failures(await source.manifest("opportunity"))
            assert "a table of 2 lines" in reported[PANCAM]
            assert (archive.asked[path], archive_before, archive.not_modified) == (asked, asked - 1, not_modified)
        archive.volumes[PANCAM] = good
        assert failures(await source.manifest("opportunity")) == {}
