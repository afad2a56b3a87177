"""A DuckDB file that cannot be read is distinguished from one that is busy, kept aside, and made anew."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import pytest

from martian_moments.domain.errors import WarehouseBusy, WarehouseDamaged, WarehouseError
from martian_moments.warehouse.base import LEDGER
from martian_moments.warehouse.damaged import damage_in, set_aside
from martian_moments.warehouse.duckdb import DuckDBWarehouse
from martian_moments.warehouse.published import Published
from martian_moments_tests.contract.test_warehouse_contract import photos
from martian_moments_tests.unit.warehouse.test_duckdb import HOLDS_THE_FILE, HOLDS_THE_LOCK, killed, started

KILLED_AFTER_A_COMMIT = """
import duckdb, os, sys
connection = duckdb.connect()
connection.execute(f"attach '{sys.argv[1]}' as w (type duckdb)")
connection.execute("create table w.bronze.more as select range as a from range(5000)")
os.kill(os.getpid(), 9)
"""

Damage = Callable[[Path], object]


def log_of(path: Path) -> Path:
    return Path(f"{path}.wal")


def with_a_log(path: Path) -> None:
    """Leave the write-ahead log of a process that was killed."""
    subprocess.run([sys.executable, "-c", KILLED_AFTER_A_COMMIT, str(path)], check=False)
    assert log_of(path).stat().st_size > 1_000


def overwrite(path: Path, start: int, what: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(start)
        file.write(what)


def damaged_log(path: Path) -> None:
    with_a_log(path)
    overwrite(log_of(path), 100, b"\xff" * 500)


def foreign_log(path: Path) -> None:
    other = path.with_name("other.duckdb")
    DuckDBWarehouse(other).ensure()
    with_a_log(other)
    log_of(other).rename(log_of(path))


def replaced_by(make: Callable[[Path], object]) -> Damage:
    def damage(path: Path) -> None:
        path.unlink()
        make(path)

    return damage


def database_of_sqlite(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("create table mars (sol)")


def of_another_version(version: int) -> Damage:
    """With the checksum that DuckDB expects of its first header."""

    def checksum(header: bytes | bytearray) -> bytes:
        total = 5381
        for start in range(0, len(header), 8):
            total ^= int.from_bytes(header[start : start + 8], "little") * 0xBF58476D1CE4E5B9 % 2**64
        return total.to_bytes(8, "little")

    def damage(path: Path) -> None:
        header = bytearray(path.read_bytes()[:4096])
        assert checksum(header[8:]) == header[:8]
        header[12:20] = version.to_bytes(8, "little")
        overwrite(path, 0, checksum(header[8:]) + header[8:])

    return damage


AT_OPENING: dict[str, Damage] = {
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_bytes(b"not a database" * 1_000),
    "zeros": lambda path: path.write_bytes(bytes(100_000)),
    "cut at half": lambda path: os.truncate(path, path.stat().st_size // 2),
    "cut in its header": lambda path: os.truncate(path, 5_000),
    "its headers overwritten": lambda path: overwrite(path, 4_096, b"\xff" * 8_192),
    "another program's": replaced_by(database_of_sqlite),
    "a directory": replaced_by(lambda path: (path / "mars").mkdir(parents=True)),
    "of a newer version": of_another_version(10_000),
    "a damaged log": damaged_log,
    "a log of another file": foreign_log,
    "a directory for a log": lambda path: log_of(path).mkdir(),
}


@pytest.fixture
def published(tmp_path: Path) -> Published:
    return Published((tmp_path / "published").as_uri())


@pytest.fixture
def path(tmp_path: Path, published: Published) -> Path:
    """A warehouse of some megabytes with 40 documents, which its published ledger reports."""
    path = tmp_path / "home" / "warehouse.duckdb"
    warehouse = DuckDBWarehouse(path)
    warehouse.ensure(published)
    warehouse.load([photos(sol) for sol in range(1, 41)])
    warehouse.publish(published, [LEDGER])
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema silver; create table silver.many as select uuid() as one from range(200000)")
    return path


def kept_aside(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}.damaged-*[0-9]Z"))


@pytest.mark.parametrize("damage", AT_OPENING.values(), ids=AT_OPENING.keys())
def test_a_damaged_file_is_reported_kept_aside_and_made_anew_without_a_ledger_that_claims_more(
    path: Path, published: Published, damage: Damage, caplog: pytest.LogCaptureFixture
) -> None:
    damage(path)
    was_directory = path.is_dir()
    warehouse = DuckDBWarehouse(path)
    assert warehouse.damage(), "looking changes nothing"
    assert not warehouse.exists()
    assert kept_aside(path) == []
    caplog.clear()
    assert warehouse.ensure(published)
    (kept,) = kept_aside(path)
    assert kept.is_dir() == was_directory
    (line,) = caplog.messages
    assert str(path) in line
    assert kept.name in line
    assert "returns from the lake" in line
    assert published.read("bronze", "ledger") is None
    assert (warehouse.exists(), warehouse.damage(), warehouse.ledger().num_rows) == (True, "", 0)
    assert not warehouse.ensure(published)
    assert warehouse.load([photos(1)]).loaded == [photos(1).key]


def overwrite_blocks(path: Path, *tables: str) -> None:
    """Overwrite what some tables hold, and no other; the file opens all the same."""
    with duckdb.connect(str(path), read_only=True) as connection:
        every = connection.execute(
            "select schema_name || '.' || table_name from duckdb_tables() where not internal"
        ).fetchall()

        def blocks_of(wanted: Iterable[str]) -> set[int]:
            asked = " union ".join(f"select block_id from pragma_storage_info('{table}')" for table in wanted)
            return {block for (block,) in connection.execute(asked).fetchall() if block is not None and block >= 0}

        # What is small of several tables shares a block.
        blocks = blocks_of(tables) - blocks_of(name for (name,) in every if name not in tables)
    assert blocks
    for block in blocks:
        overwrite(path, 12_288 + block * 262_144 + 100, b"\xff" * 262_000)


def test_a_block_that_is_damaged_is_found_by_reading_and_by_whoever_uses_it(path: Path, published: Published) -> None:
    overwrite_blocks(path, "bronze.raw_photos", "silver.many")
    warehouse = DuckDBWarehouse(path)
    assert warehouse.exists(), "only opened"
    assert "checksum" in warehouse.damage()
    with pytest.raises(WarehouseDamaged, match=r"kept as warehouse\.duckdb\.damaged-"):
        warehouse.mend()
    assert not warehouse.exists()
    assert len(kept_aside(path)) == 1
    warehouse.mend()


def test_a_load_that_meets_damage_sets_it_aside(path: Path) -> None:
    overwrite_blocks(path, "bronze.raw_photos", "silver.many")
    with pytest.raises(WarehouseDamaged):
        DuckDBWarehouse(path).ledger()
    assert len(kept_aside(path)) == 1
    assert not path.exists()


def test_of_several_damaged_files_the_newest_is_kept_with_its_log_and_no_folder_is_removed(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / "somebody's file").touch()
    for text in (b"one", b"two", b"three"):
        DuckDBWarehouse(path).ensure()
        path.write_bytes(text)
        path.with_name(f"{path.name}.wal").write_bytes(b"log of " + text)
    DuckDBWarehouse(path).ensure()
    folder, *kept = sorted(path.parent.glob(f"{path.name}.damaged-*"))
    assert (folder / "somebody's file").exists()
    assert [each.read_bytes() for each in kept] == [b"three", b"log of three"]


def test_a_healthy_file_with_the_log_of_a_killed_process_stays(path: Path, published: Published) -> None:
    with_a_log(path)
    warehouse = DuckDBWarehouse(path)
    assert (warehouse.exists(), warehouse.damage()) == (True, "")
    assert not warehouse.ensure(published)
    assert warehouse.ledger().num_rows == 40
    assert kept_aside(path) == []


@pytest.mark.parametrize("holder", [HOLDS_THE_LOCK, HOLDS_THE_FILE])
def test_a_file_that_is_only_busy_stays_whatever_is_asked(path: Path, holder: str, published: Published) -> None:
    process = started(holder, path)
    try:
        warehouse = DuckDBWarehouse(path, wait_seconds=0.3)
        assert warehouse.exists()
        warehouse.mend()
        with pytest.raises(WarehouseError):
            warehouse.damage()
        with pytest.raises(WarehouseBusy):
            warehouse.ensure(published)
    finally:
        killed(process)
    assert kept_aside(path) == []
    assert DuckDBWarehouse(path).ledger().num_rows == 40


@pytest.mark.parametrize(
    "said",
    [
        'Could not set lock on file "w": Conflicting lock is held in python (PID 7)',
        "Could not write file w: No space left on device",
        'Cannot open file "w": Permission denied',
        'Failure while replaying WAL file "w.wal": Could not write file w: Disk quota exceeded',
        'Could not read from file "w": Input/output error',
        'Could not read enough bytes from file "w": Out of Memory Error',
    ],
)
def test_what_passes_or_is_set_right_by_a_person_is_no_damage(path: Path, said: str) -> None:
    assert damage_in(path, duckdb.IOException(said)) == ""
    assert damage_in(path, duckdb.IOException("Corrupt database file: computed checksum 1"))


def test_a_file_that_cannot_be_moved_is_named_with_what_to_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(self: Path, target: object) -> None:
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(Path, "rename", busy)
    with pytest.raises(WarehouseError, match=r"cannot be moved aside .*busy.*; move it away"):
        raise set_aside(path, "cut")


def test_a_whole_file_is_not_opened_again_until_it_changes(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    warehouse = DuckDBWarehouse(path)
    assert warehouse.exists()
    opened: list[bool] = []
    look = warehouse._damage

    def looked(*, read: bool) -> str:
        opened.append(read)
        return look(read=read)

    monkeypatch.setattr(warehouse, "_damage", looked)
    assert all(warehouse.exists() for _ in range(3))
    assert opened == []
    path.write_bytes(b"x")
    assert not warehouse.exists()
    assert opened == [False]


def test_another_warehouse_in_its_place_withdraws_the_ledger(path: Path, published: Published) -> None:
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table other as select 1 as one")
    assert DuckDBWarehouse(path).ensure(published)
    assert published.read("bronze", "ledger") is None


def test_what_one_process_has_seen_to_be_whole_the_next_does_not_open_until_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, opened = tmp_path / "warehouse.duckdb", []
    DuckDBWarehouse(path).ensure()
    look = DuckDBWarehouse._damage

    def noted(self: DuckDBWarehouse, *, read: bool) -> str:
        opened.append(read)
        return look(self, read=read)

    monkeypatch.setattr(DuckDBWarehouse, "_damage", noted)
    assert [DuckDBWarehouse(path).exists() for _ in range(3)] == [True, True, True]
    assert len(opened) == 1
    with_a_log(path)
    assert DuckDBWarehouse(path).exists()
    assert len(opened) == 2, "it was written"
    overwrite(path, 0, b"\xff" * 5_000)
    assert [DuckDBWarehouse(path).exists() for _ in range(2)] == [False, False]
    assert len(opened) == 4, "damage is never noted"
    Path(f"{path}.whole").write_bytes(b"\xff\xfe")
    assert not DuckDBWarehouse(path).exists(), "a note that cannot be read is none"
