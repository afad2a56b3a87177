"""Published tables: one file each, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from martian_moments.errors import WarehouseError
from martian_moments.warehouse.published import Published


def parquet(path: Path, rows: int) -> Path:
    pq.write_table(pa.table({"number": range(rows), "text": ["x"] * rows}), path)
    return path


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published((tmp_path / "published").as_uri())


def test_a_table_is_exactly_one_file_at_its_place(published: Published, tmp_path: Path) -> None:
    published.put("gold", "days", parquet(tmp_path / "file", 3))
    published.put("gold", "days", parquet(tmp_path / "file", 4))
    files = [path for path in (tmp_path / "published").rglob("*") if path.is_file()]
    assert files == [tmp_path / "published" / "gold" / "days" / "days.parquet"]
    assert pq.read_table(files[0]).num_rows == 4


def test_the_same_bytes_are_not_written_again(published: Published, tmp_path: Path) -> None:
    file = parquet(tmp_path / "file", 3)
    assert published.put("gold", "days", file) is True
    place = tmp_path / "published" / "gold" / "days" / "days.parquet"
    before = place.stat()
    assert published.put("gold", "days", file) is False
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_table_never_published_is_none(published: Published) -> None:
    assert published.read("gold", "days") is None
    assert published.modified("gold", "days") is None


def test_a_reader_may_ask_for_some_columns(published: Published, tmp_path: Path) -> None:
    published.put("gold", "days", parquet(tmp_path / "file", 3))
    table = published.read("gold", "days", ["number"])
    assert table is not None
    assert table.to_pydict() == {"number": [0, 1, 2]}


def test_a_reader_keeps_the_old_table_while_a_new_one_replaces_it(published: Published, tmp_path: Path) -> None:
    published.put("gold", "days", parquet(tmp_path / "file", 3))
    with (tmp_path / "published" / "gold" / "days" / "days.parquet").open("rb") as reader:
        published.put("gold", "days", parquet(tmp_path / "file", 1000))
        assert pq.read_table(reader).num_rows == 3


def test_a_store_that_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "published").mkdir()
    (tmp_path / "published" / "gold").write_text("a file where a folder must be")
    with pytest.raises(WarehouseError, match=r"gold/days/days\.parquet: cannot write"):
        Published((tmp_path / "published").as_uri()).put("gold", "days", parquet(tmp_path / "file", 1))
