"""What published tables promise, in a folder and on S3: one object each, whole or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from martian_moments.errors import WarehouseError
from martian_moments.lake.store import Lake
from martian_moments.warehouse.published import Published
from martian_moments_tests.buckets import OwnBucket

KEY = "published/gold/days/days.parquet"


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.services)])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """The store that the tables lie in."""
    if request.param == "files":
        return Lake((tmp_path / "store").as_uri())
    bucket: OwnBucket = request.getfixturevalue("bucket")
    return Lake(bucket.url, s3=bucket.s3)


@pytest.fixture
def published(lake: Lake, request: pytest.FixtureRequest) -> Published:
    s3 = request.getfixturevalue("bucket").s3 if lake.url.startswith("s3:") else None
    return Published(f"{lake.url}/published", s3=s3)


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[[int], Path]:
    def write(rows: int) -> Path:
        pq.write_table(pa.table({"number": range(rows), "text": [f"row {row}" for row in range(rows)]}), tmp_path / "file")
        return tmp_path / "file"

    return write


def test_a_table_is_exactly_one_object_at_its_place(
    published: Published, lake: Lake, parquet: Callable[[int], Path]
) -> None:
    assert published.put("gold", "days", parquet(3))
    assert published.put("gold", "days", parquet(4))
    assert [each.key for each in lake.list()] == [KEY]
    assert pq.read_table(pa.BufferReader(lake.get(KEY))).num_rows == 4


def test_the_same_bytes_are_not_written_again(published: Published, lake: Lake, parquet: Callable[[int], Path]) -> None:
    assert published.put("gold", "days", parquet(3))
    before = lake.read(KEY).info
    assert not published.put("gold", "days", parquet(3))
    after = lake.read(KEY).info
    assert (after, after.version) == (before, before.version)


def test_other_bytes_of_the_same_length_are_written(published: Published, lake: Lake, tmp_path: Path) -> None:
    for body in (b"PAR1", b"PAR2"):
        (tmp_path / "file").write_bytes(body)
        assert published.put("gold", "days", tmp_path / "file")
    assert lake.get(KEY) == b"PAR2"


def test_a_table_never_published_is_none(published: Published) -> None:
    assert published.read("gold", "days") is None
    assert published.modified("gold", "days") is None


def test_a_table_tells_when_it_last_changed(published: Published, parquet: Callable[[int], Path]) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    published.put("gold", "days", parquet(3))
    moment = published.modified("gold", "days")
    assert moment is not None
    assert before < moment < datetime.now(UTC) + timedelta(seconds=2)


def test_a_reader_may_ask_for_some_columns(published: Published, parquet: Callable[[int], Path]) -> None:
    published.put("gold", "days", parquet(3))
    table = published.read("gold", "days", ["number"])
    assert table is not None
    assert table.to_pydict() == {"number": [0, 1, 2]}


def test_a_large_table_is_one_put(published: Published, lake: Lake, tmp_path: Path) -> None:
    body = os.urandom(20_000_000)
    (tmp_path / "file").write_bytes(body)
    published.put("gold", "days", tmp_path / "file")
    stored = lake.read(KEY)
    assert stored.body == body
    if lake.url.startswith("s3:"):
        assert "-" not in stored.info.etag, "the ETag of a multipart upload ends in the number of its parts"


def test_a_reader_meets_the_old_table_or_the_new_one(published: Published, parquet: Callable[[int], Path]) -> None:
    sizes = [1_000, 50_000]
    published.put("gold", "days", parquet(sizes[0]))

    def replace() -> None:
        for number in range(20):
            published.put("gold", "days", parquet(sizes[number % 2]))

    writer = threading.Thread(target=replace)
    writer.start()
    seen = set()
    while writer.is_alive():
        table = published.read("gold", "days")
        assert table is not None
        seen.add(table.num_rows)
    assert seen <= set(sizes)


@pytest.mark.services
def test_a_missing_bucket_is_a_failure_and_not_an_empty_table(no_bucket: OwnBucket, parquet: Callable[[int], Path]) -> None:
    published = Published(f"{no_bucket.url}/published", s3=no_bucket.s3)
    with pytest.raises(WarehouseError, match=r"gold/days/days\.parquet: cannot read .* NoSuchBucket|cannot read"):
        published.read("gold", "days")
    with pytest.raises(WarehouseError, match="cannot write"):
        published.put("gold", "days", parquet(1))
