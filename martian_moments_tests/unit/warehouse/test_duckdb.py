"""One writer at a time, and a file that survives the death of its writer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from martian_moments.domain.errors import SettingsError, WarehouseBusy
from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.duckdb import DuckDBWarehouse
from martian_moments.warehouse.open import open_warehouse
from martian_moments.warehouse.published import Published
from martian_moments_tests.contract.test_warehouse_contract import photos

HOLDS_THE_LOCK = """
import sys
from pathlib import Path
from martian_moments.warehouse.duckdb import DuckDBWarehouse
with DuckDBWarehouse(Path(sys.argv[1])).writing():
    print("held", flush=True)
    sys.stdin.read()
"""

HOLDS_THE_FILE = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""

LOADS_FOR_EVER = """
import itertools, sys
from pathlib import Path
from martian_moments.warehouse import bronze, duckdb
from martian_moments_tests.contract.test_warehouse_contract import photos
bronze.BATCH_OBJECTS = 5
def objects():
    for sol in itertools.count(1):
        if sol % 5 == 1 and sol > 15:
            print("loading", flush=True)
        yield photos(sol, count=50)
duckdb.DuckDBWarehouse(Path(sys.argv[1])).load(objects())
"""


def started(code: str, path: Path) -> subprocess.Popen[str]:
    """A process that has said its first line."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline()
    return process


def killed(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


@pytest.mark.parametrize("holder", [HOLDS_THE_LOCK, HOLDS_THE_FILE])
def test_a_second_writer_is_informed_who_is_in_the_way_and_gets_in_when_the_first_one_dies(
    tmp_path: Path, holder: str
) -> None:
    path = tmp_path / "bronze.duckdb"
    DuckDBWarehouse(path).ensure()
    process = started(holder, path)
    try:
        with pytest.raises(WarehouseBusy, match=r"bronze\.duckdb: another process has been writing for more than 0\.3 s"):
            DuckDBWarehouse(path, wait_seconds=0.3).load([photos()])
    finally:
        killed(process)
    assert DuckDBWarehouse(path).load([photos()]).loaded == [photos().key]


def test_a_load_killed_at_any_moment_leaves_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "bronze.duckdb"
    DuckDBWarehouse(path).ensure()
    for _ in range(3):
        killed(started(LOADS_FOR_EVER, path))
        sols = [row["sol"] for row in DuckDBWarehouse(path).ledger().to_pylist()]
        assert len(sols) >= 15
        assert sols == list(range(1, len(sols) + 1))
        assert len(sols) % 5 == 0


def test_a_load_of_more_rows_than_a_row_group_has_is_whole_and_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "bronze.duckdb"
    warehouse = DuckDBWarehouse(path)
    warehouse.ensure()
    warehouse.load(photos(sol) for sol in range(1, 6))
    report = warehouse.load(photos(sol) for sol in range(3, 4_201))
    assert (report.loaded, report.unchanged) == (
        [photos(sol).key for sol in range(6, 4_201)], [photos(sol).key for sol in (3, 4, 5)],
    )  # fmt: skip
    assert [row["sol"] for row in warehouse.ledger().to_pylist()] == list(range(1, 4_201))
    assert not Path(f"{path}.wal").exists()


def test_no_connection_is_open_while_another_program_writes(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    warehouse = DuckDBWarehouse(path)
    warehouse.ensure()
    warehouse.load([photos()])
    count = "import duckdb, sys; print(duckdb.connect(sys.argv[1]).sql('select count(*) from warehouse.bronze.raw_photos'))"
    with warehouse.writing():
        reported = subprocess.run([sys.executable, "-c", count, str(path)], capture_output=True, text=True, check=True)
    assert " 1 " in reported.stdout


def test_names_with_quotes_and_spaces_are_opened(tmp_path: Path) -> None:
    path = tmp_path / "it's a home" / "my bronze.duckdb"
    warehouse = open_warehouse(f"duckdb://{path}")
    warehouse.ensure()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.sql("select count(*) from bronze.raw_photos").fetchone() == (0,)


def test_an_address_of_no_warehouse_is_refused() -> None:
    with pytest.raises(SettingsError, match="duckdb:///file"):
        open_warehouse("oracle://host")


def test_a_published_table_can_be_read_in_groups_of_24576_rows(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    warehouse.ensure()
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        connection.execute("create schema gold")
        connection.execute("create table gold.numbers as select range as number from range(60_000)")
    published = Published((tmp_path / "published").as_uri())
    warehouse.publish(published, [PublishedTable("gold", "numbers", ("number",), {"number": "bigint"})])
    for part in published.parts("gold", "numbers"):
        groups = [part.file.metadata.row_group(group).num_rows for group in range(part.file.num_row_groups)]
        assert groups == [24_576, 24_576, 10_848]
        assert part.read(["number"])["number"].to_pylist() == list(range(60_000))
