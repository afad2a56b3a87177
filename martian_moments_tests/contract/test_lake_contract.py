"""What every lake promises, in a folder and on S3."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from martian_moments.domain.documents import Document, Header, decode, encode
from martian_moments.domain.errors import DocumentError, LakeError, ObjectMissing
from martian_moments.lake import store
from martian_moments.lake.store import Announce, Lake, ObjectInfo, StoredObject
from martian_moments_tests.buckets import OwnBucket
from martian_moments_tests.builders import FETCHED, photos_document

OpenLake = Callable[[Announce | None], Lake]


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.services)])
def open_lake(request: pytest.FixtureRequest, tmp_path: Path) -> OpenLake:
    if request.param == "files":
        return lambda announce: Lake((tmp_path / "a lake").as_uri(), announce=announce)
    bucket: OwnBucket = request.getfixturevalue("bucket")
    return lambda announce: Lake(bucket.url, s3=bucket.s3, announce=announce)


@pytest.fixture
def announced() -> list[ObjectInfo]:
    return []


@pytest.fixture
def lake(open_lake: OpenLake, announced: list[ObjectInfo]) -> Lake:
    return open_lake(announced.append)


def test_an_object_comes_back_as_it_was_written(lake: Lake) -> None:
    body = bytes(range(256)) * 100
    lake.put_bytes("published/gold/t/t.parquet", body)
    assert lake.get("published/gold/t/t.parquet") == body


def test_an_objects_bytes_come_with_their_own_etag(lake: Lake) -> None:
    contents = itertools.cycle([bytes([value]) * 50_000 for value in range(50)])
    written = {lake.put_bytes("index/a", body).etag: body for body in itertools.islice(contents, 1)}
    enough = threading.Event()

    def overwrite_all_the_while() -> None:
        while not enough.is_set():
            body = next(contents)
            written[lake.put_bytes("index/a", body).etag] = body

    read: dict[str, StoredObject] = {}
    with ThreadPoolExecutor(1) as pool:
        writer = pool.submit(overwrite_all_the_while)
        while len(read) < 20 and not writer.done():
            found = lake.read("index/a")
            read[found.info.etag] = found
        enough.set()
    writer.result()
    assert all(written[etag] == each.body and each.info.size == 50_000 for etag, each in read.items())


def test_a_file_of_any_size_goes_in_and_comes_out(lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "MAX_OBJECT_BYTES", 1_000)
    (tmp_path / "in").write_bytes(bytes(range(256)) * 100)
    lake.put_file("moments/drive/movie.mp4", tmp_path / "in")
    lake.get_file("moments/drive/movie.mp4", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == (tmp_path / "in").read_bytes()
    with pytest.raises(DocumentError, match="too large"):
        lake.get("moments/drive/movie.mp4")
    with pytest.raises(ObjectMissing):
        lake.get_file("moments/drive/movie.webm", tmp_path / "out")


def test_a_missing_object_is_no_failure(lake: Lake) -> None:
    assert lake.head("photos/nothing") is None
    with pytest.raises(ObjectMissing, match="photos/nothing"):
        lake.get("photos/nothing")


def test_a_key_that_no_store_takes_is_refused(lake: Lake) -> None:
    with pytest.raises(LakeError, match=r"a/\.\./b"):
        lake.put_bytes("a/../b", b"")


def test_put_head_and_list_agree_on_an_object(lake: Lake) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    put = lake.put_bytes("index/a", b"12345")
    head = lake.head("index/a")
    assert head is not None
    assert (put.key, put.etag, put.size) == (head.key, head.etag, head.size) == ("index/a", head.etag, 5)
    (listed,) = lake.list("index")
    assert (listed.key, listed.etag, listed.size) == (head.key, head.etag, head.size)
    # HTTP reports when an object was written to the second, a listing to the millisecond.
    assert abs(listed.modified - head.modified) < timedelta(seconds=1)
    assert '"' not in head.etag
    assert before < head.modified < datetime.now(UTC) + timedelta(seconds=2)


def test_every_write_changes_the_etag(lake: Lake) -> None:
    assert lake.put_bytes("index/a", b"12345").etag != lake.put_bytes("index/a", b"54321").etag


def test_a_removed_object_is_gone_and_one_that_is_gone_stays_gone(lake: Lake) -> None:
    for key in ("index/a", "index/b"):
        lake.put_bytes(key, b"1")
    for _ in range(2):
        lake.remove("index/a")
    assert [info.key for info in lake.list()] == ["index/b"]


def test_a_listing_is_ordered_and_stays_in_its_folder(lake: Lake) -> None:
    for key in ("b/2", "b/1/x", "bb/1", "a/1", "b/10"):
        lake.put_bytes(key, b"")
    assert [info.key for info in lake.list("b/")] == ["b/1/x", "b/10", "b/2"]
    assert [info.key for info in lake.list("b")] == ["b/1/x", "b/10", "b/2"]
    assert [info.key for info in lake.list()] == ["a/1", "b/1/x", "b/10", "b/2", "bb/1"]
    assert lake.list("nothing") == []


async def test_a_new_document_is_written_and_announced_once(lake: Lake, announced: list[ObjectInfo]) -> None:
    document = photos_document()
    put = await lake.put_if_changed(document)
    stored = lake.head(document.header.key)
    assert stored is not None
    assert (put.changed, put.key, put.etag, put.size) == (True, stored.key, stored.etag, stored.size)
    assert decode(put.key, lake.get(put.key)) == document
    assert [(a.key, a.etag, a.size) for a in announced] == [(put.key, put.etag, put.size)]


async def test_an_unchanged_response_is_not_written_again(lake: Lake, announced: list[ObjectInfo]) -> None:
    first = await lake.put_if_changed(photos_document())
    before = lake.head(first.key)
    again = await lake.put_if_changed(photos_document(fetched_at=FETCHED + timedelta(days=1)))
    assert again == replace(first, changed=False)
    assert lake.head(first.key) == before
    assert len(announced) == 1


@pytest.mark.parametrize(
    "later",
    [
        photos_document(content="b", fetched_at=FETCHED + timedelta(days=1)),
        photos_document(records=4, promised=3, fetched_at=FETCHED + timedelta(days=1)),
        photos_document(promised=4, fetched_at=FETCHED + timedelta(days=1)),
        photos_document(promised=None, fetched_at=FETCHED + timedelta(days=1)),
        photos_document(content="b", records=2, promised=2, fetched_at=FETCHED + timedelta(days=1)),
    ],
    ids=["other content", "more records", "now short of its promise", "no promise", "fewer records, as promised"],
)
async def test_a_changed_response_replaces_the_document(lake: Lake, announced: list[ObjectInfo], later: Document) -> None:
    first = await lake.put_if_changed(photos_document())
    put = await lake.put_if_changed(later)
    assert put.changed
    assert put.etag != first.etag
    assert decode(put.key, lake.get(put.key)) == later
    assert [a.etag for a in announced] == [first.etag, put.etag]


@pytest.mark.parametrize(
    "unwanted",
    [
        photos_document(content="b", fetched_at=FETCHED - timedelta(seconds=1)),
        photos_document(content="b", records=0, fetched_at=FETCHED + timedelta(days=1)),
    ],
    ids=["a response that is older", "a short response with fewer records"],
)
async def test_what_is_held_is_not_taken_back(lake: Lake, announced: list[ObjectInfo], unwanted: Document) -> None:
    held = photos_document()
    first = await lake.put_if_changed(held)
    assert await lake.put_if_changed(unwanted) == replace(first, changed=False)
    assert decode(first.key, lake.get(first.key)) == held
    assert len(announced) == 1


async def test_a_short_response_with_more_records_is_kept(lake: Lake) -> None:
    await lake.put_if_changed(photos_document(content="a", records=1, promised=5))
    put = await lake.put_if_changed(photos_document(content="b", records=2, promised=5))
    assert put.changed


YEARS = timedelta(days=5 * 365)


def at(document: Document, moment: datetime) -> Document:
    return replace(document, header=replace(document.header, fetched_at=moment))


@pytest.mark.parametrize(
    "response",
    [photos_document(content="b", records=250, promised=250), photos_document(content="a", records=10, promised=10)],
    ids=["another response", "the same response"],
)
async def test_what_a_clock_that_stood_ahead_has_dated_gives_way_to_the_next_response(
    lake: Lake, caplog: pytest.LogCaptureFixture, response: Document
) -> None:
    now = datetime.now(UTC)
    ahead = at(photos_document(content="a", records=10, promised=10), now + YEARS)
    assert (await lake.put_if_changed(ahead)).changed, "nothing else is held"
    assert (await lake.put_if_changed(at(response, now))).changed
    assert lake.heads("photos/") == {response.header.key: replace(response.header, fetched_at=now)}
    assert "a time still to come, gives way to what came now" in caplog.text


async def test_a_response_that_is_dated_ahead_wins_against_nothing(lake: Lake, caplog: pytest.LogCaptureFixture) -> None:
    now = datetime.now(UTC)
    right = at(photos_document(content="a", records=250, promised=250), now)
    await lake.put_if_changed(right)
    assert not (await lake.put_if_changed(at(photos_document(content="b", records=300, promised=300), now + YEARS))).changed
    assert lake.heads("photos/") == {right.header.key: right.header}
    assert "a time still to come, and replaces nothing" in caplog.text


async def test_a_short_response_takes_nothing_back_from_a_document_that_is_dated_ahead(lake: Lake) -> None:
    now = datetime.now(UTC)
    await lake.put_if_changed(at(photos_document(content="a", records=250, promised=250), now + YEARS))
    assert not (await lake.put_if_changed(at(photos_document(content="b", records=10, promised=250), now))).changed


async def test_what_is_written_is_made_of_the_held_document_and_the_one_that_arrives(
    lake: Lake,
) -> None:
    def join(held: Document, new: Document) -> Document:
        header = replace(new.header, record_count=held.header.record_count + 1, fingerprint="both")
        return Document(header, (*held.pages, *new.pages))

    held = photos_document(records=2, promised=9)
    new = photos_document(content="b", records=1, promised=9, fetched_at=FETCHED + timedelta(hours=1))
    assert (await lake.put_if_changed(held, join)).header == held.header, "nothing was there to join"
    put = await lake.put_if_changed(new, join)
    assert put.changed
    assert decode(put.key, lake.get(put.key)) == join(held, new)
    assert (put.header.record_count, put.header.fingerprint) == (3, "both")
    refused = await lake.put_if_changed(new)
    # A caller that joins nothing takes nothing back.
    assert (refused.changed, refused.header) == (False, put.header)


async def test_clocks_may_differ_by_minutes(lake: Lake) -> None:
    now = datetime.now(UTC)
    await lake.put_if_changed(at(photos_document(content="a"), now))
    assert (await lake.put_if_changed(at(photos_document(content="b"), now + timedelta(minutes=4)))).changed
    assert not (await lake.put_if_changed(at(photos_document(content="c"), now + timedelta(minutes=1)))).changed


def older(document: Document) -> Document:
    """As the release wrote it that recorded no repeats: complete, whatever had filled it."""
    return replace(document, header=replace(document.header, complete=True, repeats=None))


def recording(document: Document, repeats: int) -> Document:
    header = replace(document.header, repeats=repeats, fetched_at=FETCHED + timedelta(days=1))
    complete = header.promised is None or header.record_count + repeats >= header.promised
    return replace(document, header=replace(header, complete=complete))


@pytest.mark.parametrize("repeats", [0, 2], ids=["they came on other pages", "the source counts them itself"])
async def test_a_document_that_repeats_had_filled_is_written_anew_by_the_same_response(lake: Lake, repeats: int) -> None:
    await lake.put_if_changed(older(photos_document(records=3, promised=5)))
    response = recording(photos_document(records=3, promised=5), repeats)
    assert (await lake.put_if_changed(response)).changed
    assert lake.heads("photos/") == {response.header.key: response.header}
    assert response.header.satisfies(5) == (repeats == 2)


async def test_an_older_document_without_any_repeats_is_not_written_anew(lake: Lake) -> None:
    await lake.put_if_changed(older(photos_document()))
    assert not (await lake.put_if_changed(recording(photos_document(), 0))).changed


@pytest.mark.parametrize(
    "break_it",
    [lambda body: b"", lambda body: b"not gzip", lambda body: body[:-9], lambda body: encode(photos_document(7))],
    ids=["empty", "not gzip", "cut at its end", "another sol's document"],
)
async def test_a_broken_document_is_replaced_by_the_same_response(
    lake: Lake, announced: list[ObjectInfo], break_it: Callable[[bytes], bytes]
) -> None:
    document = photos_document(pages=(b'"' + bytes(random.Random(1).choices(range(97, 123), k=50_000)) + b'"',))
    key = (await lake.put_if_changed(document)).key
    lake.put_bytes(key, break_it(lake.get(key)))
    assert (await lake.put_if_changed(document)).changed
    assert decode(key, lake.get(key)) == document
    assert len(announced) == 2


def test_objects_that_are_no_documents_are_not_announced(lake: Lake, announced: list[ObjectInfo]) -> None:
    lake.put_bytes("quarantine/photos/rover=curiosity/source=v1/sol=00001.json.gz", b"<html>")
    assert announced == []


async def test_heads_are_the_headers_of_all_documents_in_a_folder(lake: Lake) -> None:
    documents = [photos_document(sol) for sol in range(40)]
    await asyncio.gather(*(lake.put_if_changed(document) for document in documents))
    lake.put_bytes("photos/rover=curiosity/source=v1/notes.txt", b"not a document")
    assert lake.heads("photos/rover=curiosity/") == {d.header.key: d.header for d in documents}
    assert lake.heads("photos/rover=spirit/") == {}


async def test_heads_follow_a_document_that_was_replaced(lake: Lake, open_lake: OpenLake) -> None:
    first, later = photos_document(), photos_document(content="b")
    await lake.put_if_changed(first)
    assert lake.heads("photos/") == {first.header.key: first.header}
    await open_lake(None).put_if_changed(later)
    assert lake.heads("photos/") == {later.header.key: later.header}


async def test_headers_that_somebody_knows_are_not_read_again(lake: Lake) -> None:
    known, replaced, unknown = photos_document(1), photos_document(2), photos_document(3)
    puts = [await lake.put_if_changed(each) for each in (known, replaced, unknown)]
    reported = replace(known.header, requests=())
    asked: list[None] = []

    def report() -> dict[str, tuple[str, Header]]:
        asked.append(None)
        return {puts[0].key: (puts[0].etag, reported), puts[1].key: ("older", reported)}

    lake._known = report
    for _ in range(2):
        assert lake.heads("photos/") == dict(
            zip((put.key for put in puts), (reported, replaced.header, unknown.header), strict=True)
        )
    assert len(asked) == 1


async def test_heads_leave_out_a_broken_document_and_read_the_rest(lake: Lake) -> None:
    good, bad, empty = photos_document(1), photos_document(2), photos_document(3)
    await lake.put_if_changed(good)
    lake.put_bytes(bad.header.key, b"<html>" * 2000)
    lake.put_bytes(empty.header.key, b"")
    assert lake.heads("photos/") == {good.header.key: good.header}
    await lake.put_if_changed(bad)
    assert set(lake.heads("photos/")) == {good.header.key, bad.header.key}


async def test_a_header_of_any_length_is_read(lake: Lake) -> None:
    urls = tuple(f"https://upstream.example/{random.Random(n).getrandbits(256):064x}" for n in range(500))
    document = photos_document(requests=urls)
    put = await lake.put_if_changed(document)
    assert put.size > 10_000
    assert lake.heads("photos/") == {put.key: document.header}


def test_a_reader_sees_the_old_object_or_the_new_one(lake: Lake) -> None:
    bodies = {bytes([value]) * 2_000_000 for value in range(4)}
    lake.put_bytes("published/t", min(bodies))
    written = threading.Event()

    def overwrite() -> None:
        for _ in range(5):
            for body in bodies:
                lake.put_bytes("published/t", body)
        written.set()

    writer = threading.Thread(target=overwrite)
    writer.start()
    while not written.is_set():
        assert lake.get("published/t") in bodies
        assert [info.size for info in lake.list("published")] == [2_000_000]
    writer.join()


async def test_an_older_version_is_read_where_the_store_keeps_them(lake: Lake) -> None:
    first = lake.put_bytes("index/a", b"1")
    second = lake.put_bytes("index/a", b"2")
    if first.version is None:
        with pytest.raises(LakeError, match="a folder keeps no versions"):
            lake.get("index/a", version="1")
        return
    assert second.version is not None
    assert [lake.get("index/a", version=each.version) for each in (first, second)] == [b"1", b"2"]
    assert lake.read("index/a").info.version == second.version
    with pytest.raises(ObjectMissing, match=f"index/a in version {uuid.UUID(int=1)}"):
        lake.get("index/a", version=str(uuid.UUID(int=1)))
