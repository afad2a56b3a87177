"""Published tables as files: what only a folder has (see contract/test_published_contract.py for the rest)."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from martian_moments.domain.errors import WarehouseError
from martian_moments.warehouse.base import LEDGER, PublishedTable
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import Written


def parquet(path: Path, rows: int) -> Path:
    pq.write_table(pa.table({"number": range(rows), "text": ["x"] * rows}), path)
    return path


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published((tmp_path / "published").as_uri())


def test_a_reader_keeps_the_old_table_while_a_new_one_replaces_it(published: Published, tmp_path: Path) -> None:
    published.put("gold/days/days.parquet", parquet(tmp_path / "file", 3))
    with (tmp_path / "published" / "gold" / "days" / "days.parquet").open("rb") as reader:
        published.put("gold/days/days.parquet", parquet(tmp_path / "file", 1000))
        assert pq.read_table(reader).num_rows == 3


def test_bytes_that_changed_without_a_trace_are_found_by_reading_them(published: Published, tmp_path: Path) -> None:
    """A failing disk changes neither size nor time: no listing shows it."""

    def write(_: PublishedTable, file: Path) -> None:
        parquet(file, 100)

    published.publish([LEDGER], Written(write))
    stored = tmp_path / "published" / "bronze" / "ledger" / "ledger.parquet"
    times = stored.stat()
    with stored.open("r+b") as file:
        file.seek(10)
        file.write(b"\xff\xff")
    os.utime(stored, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert published.damaged() == {}
    (reason,) = published.unreadable().values()
    assert "ledger.parquet has other bytes than were published; delete it" in reason


def test_a_store_that_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "gold").write_text("a file where a folder must be")
    with pytest.raises(WarehouseError, match=r"gold/days/days\.parquet: cannot write"):
        Published((tmp_path / "published").as_uri()).put("gold/days/days.parquet", parquet(tmp_path / "file", 1))
