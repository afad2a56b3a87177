"""What published tables promise, in a folder and on S3: one object each, whole or not at all."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from martian_moments.domain.errors import PublishedDamaged, WarehouseError
from martian_moments.lake.store import Lake
from martian_moments.warehouse.base import LEDGER, PublishedTable
from martian_moments.warehouse.published import Published
from martian_moments_tests.buckets import OwnBucket
from martian_moments_tests.published_tables import Written, photo, publish_rows

PREFIX = "published/"
KEY = f"{PREFIX}gold/days/days.parquet"


@pytest.fixture
def parquet(tmp_path: Path) -> Callable[[int], Path]:
    def write(rows: int) -> Path:
        pq.write_table(pa.table({"number": range(rows), "text": [f"row {row}" for row in range(rows)]}), tmp_path / "file")
        return tmp_path / "file"

    return write


def test_a_table_is_exactly_one_object_at_its_place(
    published: Published, lake: Lake, parquet: Callable[[int], Path]
) -> None:
    assert published.put("gold/days/days.parquet", parquet(3))
    assert published.put("gold/days/days.parquet", parquet(4))
    assert [each.key for each in lake.list()] == [KEY]
    assert pq.read_table(pa.BufferReader(lake.get(KEY))).num_rows == 4


def test_the_same_bytes_are_not_written_again(published: Published, lake: Lake, parquet: Callable[[int], Path]) -> None:
    assert published.put("gold/days/days.parquet", parquet(3))
    before = lake.read(KEY).info
    assert not published.put("gold/days/days.parquet", parquet(3))
    after = lake.read(KEY).info
    assert (after, after.version) == (before, before.version)


def test_other_bytes_of_the_same_length_are_written(published: Published, lake: Lake, tmp_path: Path) -> None:
    for body in (b"PAR1", b"PAR2"):
        (tmp_path / "file").write_bytes(body)
        assert published.put("gold/days/days.parquet", tmp_path / "file")
    assert lake.get(KEY) == b"PAR2"


def test_a_table_never_published_is_none(published: Published) -> None:
    assert published.read("gold", "days") is None
    assert list(published.parts("gold", "days")) == []


def test_a_reader_may_ask_for_some_columns(published: Published, parquet: Callable[[int], Path]) -> None:
    published.put("gold/days/days.parquet", parquet(3))
    table = published.read("gold", "days", ["number"])
    assert table is not None
    assert table.to_pydict() == {"number": [0, 1, 2]}


def test_a_reader_may_open_a_table_and_read_a_part_of_it(published: Published, parquet: Callable[[int], Path]) -> None:
    published.put("gold/days/days.parquet", parquet(3))
    (table,) = [part.read(["number"]) for part in published.parts("gold", "days")]
    assert table.to_pydict() == {"number": [0, 1, 2]}


def test_a_large_table_is_one_put(published: Published, lake: Lake, tmp_path: Path) -> None:
    body = os.urandom(20_000_000)
    (tmp_path / "file").write_bytes(body)
    published.put("gold/days/days.parquet", tmp_path / "file")
    stored = lake.read(KEY)
    assert stored.body == body
    if lake.url.startswith("s3:"):
        assert "-" not in stored.info.etag, "the ETag of a multipart upload ends in the number of its parts"


def test_a_reader_meets_the_old_table_or_the_new_one(published: Published, parquet: Callable[[int], Path]) -> None:
    sizes = [1_000, 50_000]
    published.put("gold/days/days.parquet", parquet(sizes[0]))

    def replace() -> None:
        for number in range(20):
            published.put("gold/days/days.parquet", parquet(sizes[number % 2]))

    writer = threading.Thread(target=replace)
    writer.start()
    seen = set()
    while writer.is_alive():
        table = published.read("gold", "days")
        assert table is not None
        seen.add(table.num_rows)
    assert seen <= set(sizes)


SUMMARY = PublishedTable("gold", "rover_summary", ("rover",))


@pytest.fixture
def publish(published: Published) -> Callable[..., list[PublishedTable]]:
    """Publish tables with as many rows as are given for each."""

    def write(tables: dict[PublishedTable, int]) -> list[PublishedTable]:
        def rows(table: PublishedTable, file: Path) -> None:
            pq.write_table(pa.table({"number": range(tables[table])}), file)

        return published.publish(tables, Written(rows))

    return write


def test_the_manifest_names_the_files_of_all_that_is_published(
    published: Published, lake: Lake, publish: Callable[..., list[PublishedTable]]
) -> None:
    assert published.manifest() is None
    assert publish({LEDGER: 2}) == [LEDGER]
    assert publish({SUMMARY: 4}) == [SUMMARY]
    manifest = published.manifest()
    assert manifest is not None
    assert set(manifest.tables) == {"bronze/ledger", "gold/rover_summary"}
    for name, rows in (("bronze/ledger", 2), ("gold/rover_summary", 4)):
        (file,) = manifest.tables[name]
        stored = lake.read(f"published/{file.key}")
        assert (file.size, file.etag, file.rows) == (len(stored.body), stored.info.etag, rows)
        assert file.sha256 == hashlib.sha256(stored.body).hexdigest()
    assert datetime.now(UTC) - timedelta(minutes=5) < manifest.published_at <= datetime.now(UTC)
    assert published.damaged() == published.unreadable() == {}


def test_a_build_that_changes_nothing_leaves_the_manifest_alone(
    published: Published, lake: Lake, publish: Callable[..., list[PublishedTable]]
) -> None:
    publish({SUMMARY: 4})
    before = lake.read("published/manifest.json").info
    assert publish({SUMMARY: 4}) == []
    after = lake.read("published/manifest.json").info
    assert (after, after.version) == (before, before.version)


def test_of_a_table_in_blocks_only_what_changed_is_written_and_what_is_gone_is_removed(
    published: Published, lake: Lake
) -> None:
    def publish(*photos: dict[str, Any]) -> dict[str, tuple[object, object]]:
        publish_rows(published, {"silver/fact_photos": photos})
        assert published.damaged() == published.unreadable() == {}
        table = published.read("silver", "fact_photos", ["rover", "photo_key"])
        assert table is not None
        assert table.to_pylist() == [{name: row[name] for name in ("rover", "photo_key")} for row in photos]
        files = {each.key: lake.read(each.key) for each in lake.list("published/silver/")}
        return {
            key.removeprefix("published/silver/fact_photos/"): (file.info, file.info.version) for key, file in files.items()
        }

    stays, goes = photo("curiosity", 1), photo("spirit", 1)
    before = publish(stays, photo("curiosity", 2, sol=700), goes)
    assert list(before) == ["rover=curiosity/00000.parquet", "rover=curiosity/00500.parquet", "rover=spirit/00000.parquet"]
    after = publish(stays, photo("curiosity", 3, sol=700))
    assert list(after) == ["rover=curiosity/00000.parquet", "rover=curiosity/00500.parquet"]
    assert [after[key] == before[key] for key in after] == [True, False]
    assert list(publish()) == ["fact_photos.parquet"], "without rows it is one file"
    assert list(publish(stays)) == ["rover=curiosity/00000.parquet"]


DAMAGES: dict[str, Callable[[bytes], bytes | None]] = {
    "gone": lambda _: None,
    "garbage of the same size": lambda body: os.urandom(len(body)),
    "cut": lambda body: body[: len(body) // 2],
    "empty": lambda _: b"",
}


def opened_and_read(published: Published, table: PublishedTable) -> None:
    for part in published.parts(table.schema, table.name):
        part.read(part.names)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("table", [SUMMARY, LEDGER])
def test_what_is_damaged_or_gone_is_known_by_a_listing_refused_to_readers_and_published_again(
    published: Published,
    lake: Lake,
    publish: Callable[..., list[PublishedTable]],
    table: PublishedTable,
    damage: str,
) -> None:
    key = f"{table.schema}/{table.name}/{table.name}.parquet"
    publish({LEDGER: 300, SUMMARY: 300})
    whole = lake.get(f"published/{key}")
    broken = DAMAGES[damage](whole)
    if broken is None:
        lake.remove(f"published/{key}")
    else:
        lake.put_bytes(f"published/{key}", broken)
    name = f"{table.schema}/{table.name}"
    for found in (published.damaged(), published.unreadable()):
        assert list(found) == [name]
        assert key in found[name]
        assert "the running platform makes it again" in found[name]
    with pytest.raises(PublishedDamaged, match=rf"{key} is damaged .*the running platform makes it again") as raised:
        published.read(table.schema, table.name, ["number"])
    assert raised.value.name == name
    with pytest.raises(PublishedDamaged, match=rf"{key} is damaged"):
        opened_and_read(published, table)
    assert publish({LEDGER: 300, SUMMARY: 300}) == [table], "what is whole is not written again"
    assert published.damaged() == published.unreadable() == {}
    assert lake.get(f"published/{key}") == whole


def test_a_table_without_a_column_that_is_needed_is_damaged(
    published: Published, publish: Callable[..., list[PublishedTable]]
) -> None:
    publish({SUMMARY: 1})
    table = published.read("gold", "rover_summary", ["number"], optional=["distance_m"])
    assert table is not None
    assert table.column_names == ["number"], "an earlier release had no such column"
    with pytest.raises(PublishedDamaged, match="it lacks distance_m"):
        published.read("gold", "rover_summary", ["number", "distance_m"])


@pytest.mark.parametrize("made_first", [[LEDGER, SUMMARY], [SUMMARY, LEDGER]])
def test_a_manifest_that_is_gone_is_missed_until_everything_is_published_again(
    published: Published,
    lake: Lake,
    publish: Callable[..., list[PublishedTable]],
    made_first: list[PublishedTable],
) -> None:
    publish({LEDGER: 1, SUMMARY: 2})
    lake.remove("published/manifest.json")
    (reason,) = published.damaged().values()
    assert "manifest.json is gone" in reason
    assert published.read("gold", "rover_summary") is not None, "as a home of the release before, which wrote none"
    first, second = made_first
    rows = {LEDGER: 1, SUMMARY: 2}
    publish({first: rows[first]})
    assert list(published.damaged()) == [f"{second.schema}/{second.name}"], "the manifest does not know it yet"
    publish({second: rows[second]})
    assert published.damaged() == {}


def test_where_nothing_was_published_no_manifest_is_missed(published: Published, parquet: Callable[[int], Path]) -> None:
    published.put("gold/days/days.parquet", parquet(3))
    assert published.damaged() == published.unreadable() == {}, "a table of another release"
    assert published.read("silver", "fact_photos") is None


@pytest.mark.parametrize(
    "body", [b"", b"garbage", b"[]", b'{"schema": 7}', b'{"schema": 1, "tables": {"a": [{}]}}', b"\xff"]
)
def test_a_damaged_manifest_is_named_and_the_next_build_writes_it_anew(
    published: Published, lake: Lake, publish: Callable[..., list[PublishedTable]], body: bytes
) -> None:
    publish({LEDGER: 1, SUMMARY: 2})
    lake.put_bytes("published/manifest.json", body)
    (reason,) = published.damaged().values()
    assert "manifest.json is damaged" in reason
    with pytest.raises(PublishedDamaged, match=r"manifest\.json is damaged"):
        published.read("silver", "fact_photos")
    assert published.read("bronze", "ledger") is not None, "what is there is read"
    publish({LEDGER: 1, SUMMARY: 2})
    assert published.damaged() == {}


def test_tables_that_this_release_does_not_make_leave_the_manifest(
    published: Published, publish: Callable[..., list[PublishedTable]]
) -> None:
    publish({PublishedTable("gold", "of_old", ("number",)): 1})
    publish({SUMMARY: 1})
    manifest = published.manifest()
    assert manifest is not None
    assert set(manifest.tables) == {"gold/rover_summary"}


@pytest.mark.services
def test_a_missing_bucket_is_a_failure_and_not_an_empty_table(no_bucket: OwnBucket, parquet: Callable[[int], Path]) -> None:
    published = Published(f"{no_bucket.url}/published", s3=no_bucket.s3)
    with pytest.raises(WarehouseError, match=r"gold/days/days\.parquet: cannot read .* NoSuchBucket|cannot read"):
        published.read("gold", "days")
    with pytest.raises(WarehouseError, match="cannot write"):
        published.put("gold/days/days.parquet", parquet(1))
