"""The archive of Spirit and Opportunity: what its manifest and its sols hold, and what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson
import pytest

from martian_moments.domain.documents import decode, encode, index_prefix
from martian_moments.domain.errors import BrokenResponse, InputError, UpstreamUnavailable
from martian_moments.lake.store import Lake
from martian_moments.nasa.pds import VOLUMES, read_promises
from martian_moments.nasa.pds_index import IndexFolder
from martian_moments_tests.unit.nasa.pds.conftest import HAZCAM, PANCAM, Open, failures
from martian_moments_tests.unit.nasa.pds_archive import ArchiveServer, Volume, line, real_label


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
        with pytest.raises(BrokenResponse, match="none of mer1po_0xxx"):
            await source.manifest("opportunity")
    assert lake.list() == []


async def test_a_volume_that_fails_takes_no_other_away_and_the_manifest_says_why(
    pds: Open, archive: ArchiveServer, caplog: pytest.LogCaptureFixture
) -> None:
    failing = {HAZCAM}

    def handler(request: httpx.Request) -> httpx.Response:
        response = archive(request)
        return httpx.Response(503) if any(volume in request.url.path for volume in failing) else response

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
    assert "responded with 503" in failures(again)[HAZCAM]
    assert (dict(read_promises(again).sols), again.header.complete) == ({1: 4, 2: 2}, False)
    assert len({document.header.fingerprint for document in (first, whole, again)}) == 3


async def test_an_outage_of_the_archive_is_an_error_and_what_is_held_stays(pds: Open) -> None:
    async with pds() as source:
        await source.manifest("opportunity")
    async with pds(lambda _: httpx.Response(503)) as source:
        with pytest.raises(UpstreamUnavailable, match="responded with 503"):
            await source.manifest("opportunity")
        assert (await source.photos("opportunity", 1)).header.record_count == 4


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
    ids=["three years behind", "at 1970", "an old index", "hosts that differ by minutes", "no date", "not reported"],
)
async def test_an_index_that_was_fetched_before_it_was_made_gets_the_time_of_the_next_response(
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
