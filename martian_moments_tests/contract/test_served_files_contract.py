"""The service on a folder and on S3: files are whole or in parts, never of two states, never another file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from martian_moments.lake.store import Lake
from martian_moments.serving.app import create_app
from martian_moments.serving.snapshots import Snapshots
from martian_moments.warehouse.base import LEDGER, PublishedTable
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import STOPS, Written, publish_rows
from martian_moments_tests.waiting import wait_until

MOVIE = bytes(range(256)) * 4_000
"""A megabyte: more than one chunk."""

AT = "/moments/drive/movie.mp4"


@pytest.fixture
def client(lake: Lake, published: Published) -> Iterator[TestClient]:
    lake.put_bytes("moments/drive/movie.mp4", MOVIE)
    lake.put_bytes("pictures/rover=spirit/sol=00001/2P1_L2.JPG", b"\xff\xd8\xff picture")
    lake.put_bytes("manifests/rover=spirit.json.gz", b"a document")
    app = create_app(Snapshots(published), lake=lake, published=published, hosts=("testserver",))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def publish_ledger(published: Published) -> None:
    """Publish one table of two rows."""

    def write(_: PublishedTable, file: Path) -> None:
        pq.write_table(pa.table({"object_key": ["a", "b"]}), file)

    published.publish([LEDGER], Written(write))


def test_a_file_is_sent_as_it_is_with_its_type_and_state(client: TestClient) -> None:
    found = client.get(AT)
    assert (found.status_code, found.content, found.headers["content-type"]) == (200, MOVIE, "video/mp4")
    assert found.headers["content-length"] == str(len(MOVIE))
    assert found.headers["accept-ranges"] == "bytes"
    picture = client.get("/pictures/rover=spirit/sol=00001/2P1_L2.JPG")
    assert (picture.content, picture.headers["content-type"]) == (b"\xff\xd8\xff picture", "image/jpeg")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-300000", 1000, 300_001),
        ("bytes=1023990-", 1_023_990, len(MOVIE)),
        ("bytes=-10", len(MOVIE) - 10, len(MOVIE)),
        ("bytes=-99999999", 0, len(MOVIE)),
        ("bytes=5-99999999", 5, len(MOVIE)),
    ],
)
def test_a_part_of_a_file_is_that_part(client: TestClient, asked: str, start: int, end: int) -> None:
    found = client.get(AT, headers={"Range": asked})
    assert found.status_code == 206
    assert found.content == MOVIE[start:end]
    assert found.headers["content-range"] == f"bytes {start}-{end - 1}/{len(MOVIE)}"
    assert found.headers["content-length"] == str(end - start)


@pytest.mark.parametrize(
    "asked", ["bytes=", "bytes=-", "bytes=7-3", "lines=1-2", "bytes=0-1,5-6", "bytes=a-b", "bytes=0-" + "9" * 40]
)
def test_what_is_no_range_or_several_means_the_whole_file(client: TestClient, asked: str) -> None:
    found = client.get(AT, headers={"Range": asked})
    assert (found.status_code, len(found.content)) == (200, len(MOVIE))


@pytest.mark.parametrize("asked", ["bytes=1024000-", "bytes=99999999-100000000", "bytes=-0"])
def test_a_part_beyond_the_end_is_refused_with_the_size(client: TestClient, asked: str) -> None:
    found = client.get(AT, headers={"Range": asked})
    assert (found.status_code, found.headers["content-range"]) == (416, f"bytes */{len(MOVIE)}")


def test_who_has_a_file_already_is_not_sent_it_again(client: TestClient, lake: Lake) -> None:
    etag = client.get(AT).headers["etag"]
    for given in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        held = client.get(AT, headers={"If-None-Match": given})
        assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", etag)
    lake.put_bytes("moments/drive/movie.mp4", MOVIE + b"more")
    changed = client.get(AT, headers={"If-None-Match": etag})
    assert (changed.status_code, len(changed.content)) == (200, len(MOVIE) + 4)


def test_parts_of_two_states_are_never_joined(client: TestClient, lake: Lake) -> None:
    etag = client.get(AT, headers={"Range": "bytes=0-9"}).headers["etag"]
    again = client.get(AT, headers={"Range": "bytes=10-19", "If-Range": etag, "If-Match": etag})
    assert (again.status_code, again.content) == (206, MOVIE[10:20])
    lake.put_bytes("moments/drive/movie.mp4", MOVIE[::-1])
    whole = client.get(AT, headers={"Range": "bytes=10-19", "If-Range": etag})
    assert (whole.status_code, whole.content) == (200, MOVIE[::-1])
    assert client.get(AT, headers={"Range": "bytes=10-19", "If-Match": etag}).status_code == 412


def test_head_says_what_get_would_and_sends_nothing(client: TestClient) -> None:
    got, head = client.get(AT), client.head(AT, headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.content) == (200, b"")
    same = ("content-length", "content-type", "etag", "last-modified", "accept-ranges")
    assert [head.headers[name] for name in same] == [got.headers[name] for name in same]


@pytest.mark.parametrize(
    "path",
    [
        "/moments/drive/nothing.mp4",
        "/moments/drive",
        "/moments/",
        "/moments/drive/../../manifests/rover=spirit.json.gz",
        "/moments/drive/%2e%2e/%2e%2e/manifests/rover=spirit.json.gz",
        "/moments/..%2f..%2fmanifests/rover=spirit.json.gz",
        "/moments/%2e%2e/manifests",
        "/moments/.hidden/file",
        "/moments//manifests/x",
        "/moments/drive/movie.mp4%00",
        "/moments/drive/movie.mp4%0a",
        "/pictures/../manifests/rover=spirit.json.gz",
        "/pictures/rover=spirit/..%2f../rover=spirit.json.gz",
        "/pictures/%2fetc/%2fetc/passwd",
        "/manifests/rover=spirit.json.gz",
        "/published/../manifests/rover=spirit.json.gz",
        "/published/%2e%2e/manifests/rover=spirit.json.gz",
        "/published//etc/passwd",
        "/published/manifest.json.lock",
        "/published/gold/unknown/unknown.parquet",
    ],
)
def test_no_path_leads_to_anything_else(client: TestClient, published: Published, path: str) -> None:
    publish_ledger(published)
    found = client.get(path)
    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"
    assert b"a document" not in found.content


def test_of_what_is_published_the_manifest_and_what_it_names_are_sent(
    client: TestClient, published: Published, lake: Lake
) -> None:
    assert client.get("/published/manifest.json").status_code == 503, "nothing is there yet"
    publish_ledger(published)
    lake.put_bytes("published/bronze/ledger/other.parquet", b"left over")
    manifest = client.get("/published/").json()
    (file,) = manifest["tables"]["bronze/ledger"]
    found = client.get(f"/published/{file['key']}")
    assert (len(found.content), found.headers["etag"]) == (file["size"], f'"{file["etag"]}"')
    assert pq.read_table(pa.BufferReader(found.content)).to_pydict() == {"object_key": ["a", "b"]}
    assert client.get("/published/bronze/ledger/other.parquet").status_code == 404


def test_an_empty_file_is_whole(client: TestClient, lake: Lake) -> None:
    lake.put_bytes("moments/drive/captions.vtt", b"")
    found = client.get("/moments/drive/captions.vtt")
    assert (found.status_code, found.content, found.headers["content-length"]) == (200, b"", "0")


def test_a_file_that_is_replaced_while_it_is_looked_at_is_the_new_one(
    client: TestClient, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    from martian_moments.serving import files

    looked: list[Callable[[], object]] = [lambda: lake.put_bytes("moments/drive/movie.mp4", MOVIE[::-1])]
    real = files._bytes

    async def replaced_before(*arguments: object) -> object:
        if looked:
            looked.pop()()
        return await real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(files, "_bytes", replaced_before)
    assert client.get(AT).content == MOVIE[::-1]


def test_a_snapshot_is_of_what_is_published_there_and_the_next_build_follows(published: Published) -> None:
    publish_rows(published, {f"{table.schema}/{table.name}": [] for table in published_models()})
    with Snapshots(published) as snapshots:
        assert snapshots.wait(60)
        with snapshots.lease() as snapshot:
            assert snapshot.cursor().execute("select count(*) from gold.stops").fetchone() == (0,)
        publish_rows(published, {"gold/stops": STOPS})
        wait_until(lambda: snapshots.current_build != snapshot.build, "the next build", pause=0.05)
        with snapshots.lease() as snapshot:
            assert snapshot.cursor().execute("select count(*) from gold.stops").fetchone() == (len(STOPS),)
