"""Bronze on DuckDB: one file, one writer at a time."""
# ruff: noqa: S608 - names of tables and columns come from this package; values are always bound.

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from martian_moments.domain.clock import outdates
from martian_moments.domain.errors import WarehouseBusy, WarehouseDamaged, WarehouseError
from martian_moments.infrastructure.sql import quoted
from martian_moments.warehouse.base import (
    LEDGER,
    PHOTO_IDS,
    TABLE_OF,
    BronzeObject,
    LoadReport,
    PublishedTable,
)
from martian_moments.warehouse.bronze import JOINED_COLUMNS, LEDGER_QUERY, TABLES, as_arrow, batches, were_held
from martian_moments.warehouse.damaged import damage_in, set_aside
from martian_moments.warehouse.duckdb_rows import DuckDBRows
from martian_moments.warehouse.photo_ids import NAME, published_photo_ids
from martian_moments.warehouse.published import Published
from martian_moments.warehouse.seen_whole import SeenWhole

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

_log = logging.getLogger(__name__)

# Without its type a file of another program (SQLite, for one) would make DuckDB ask its server for an extension.
# From v1.2 on, long strings are kept in zstd: a full history takes a tenth of the space, and loads 30 % faster. A row group
# is compressed again whenever rows join it, at each checkpoint: at the default of 122,880 rows that is the whole history.
_ROWS_OF_A_GROUP: Final = 2048
_STORAGE: Final = f"type duckdb, storage_version 'v1.4.0', row_group_size {_ROWS_OF_A_GROUP}"

_BATCH_BYTES: Final = 2 * 1024 * 1024
"""Text of documents in one transaction of a load."""

CATALOG: Final = "warehouse"
"""The name under which the file is attached. DuckDB and dbt would each make one up from the name of the file, by rules of
their own, and some names (temp, system) are taken. Whoever opens the default file, warehouse.duckdb, finds this name."""

_RETRY_SECONDS: Final = 0.2

_LOOK_SECONDS: Final = 1.0
"""How long who only looks waits for a writer, which a build or a wide load takes longer than."""

_BRONZE_TABLE: Final = """
create table if not exists {table} (
    object_key varchar primary key,
    rover varchar not null,
    sol integer,
    kind varchar not null,
    source varchar not null,
    etag varchar not null,
    fingerprint varchar not null,
    record_count bigint not null,
    promised bigint,
    complete boolean not null,
    fetched_at timestamptz not null,
    loaded_at timestamptz not null,
    document json not null
)
"""


class DuckDBWarehouse:
    """Bronze in a DuckDB file.

    A lock file beside the database (``<path>.lock``) admits one writer at a time across processes; every connection lives
    inside it and is short. The operating system releases the lock of a process that dies.
    """

    def __init__(self, path: Path, *, wait_seconds: float = 600.0, memory_limit: str = "2GB", threads: int = 2) -> None:
        """Nothing is opened or created yet.

        Args:
            path: the database file.
            wait_seconds: how long a call waits for another writer before it raises WarehouseBusy.
            memory_limit: what DuckDB may hold; beyond it, it spills to ``<path>.tmp``. 1 GB fails at 2.2 million photos.
            threads: DuckDB's worker threads.
        """
        self._path = path
        self._wait_seconds = wait_seconds
        self._seen_whole = SeenWhole(path)
        self._settings: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": memory_limit,
            "threads": threads,
            "temp_directory": f"{path}.tmp",
        }

    def ensure(self, published: Published | None = None) -> bool:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self.writing():
            try:
                return self._ensure(published)
            except WarehouseDamaged as error:
                _log.warning("%s", error)
                return self._ensure(published)

    def _ensure(self, published: Published | None) -> bool:
        if why := self._seen_damage():
            raise set_aside(self._path, why)
        with self._opened() as connection:
            anew = were_held(set(TABLES) - _bronze_tables(connection), published)
            if anew and published is not None:
                published.withdraw(LEDGER.schema, LEDGER.name)
            with _transaction(connection):
                for table in TABLES:
                    connection.execute(_BRONZE_TABLE.format(table=table))
                    connection.execute(JOINED_COLUMNS.format(table=table))
            _take_over_photo_ids(connection, published)
        return anew

    def exists(self) -> bool:
        """See :class:`martian_moments.warehouse.base.Warehouse`.

        A file is opened only when it has changed since it was seen whole, and while nobody writes: who does finds damage.
        """
        if not self._path.exists():
            return False
        if self._seen_whole.includes(found := self._seen_whole.state()):
            return True
        try:
            with FileLock(f"{self._path}.lock", timeout=0):
                why = self._damage(read=False)
        except (Timeout, OSError, WarehouseError):
            return True
        if why:
            _log.warning("%s is damaged (%s); the next load sets it aside and makes it anew from the lake", self._path, why)
            return False
        self._seen_whole.add(found)
        return True

    def _seen_damage(self) -> str:
        """What opening does not always show: a file whose end is cut opens. What cannot be looked at now counts as whole."""
        try:
            return self._damage(read=False) if self._path.exists() else ""
        except WarehouseError:
            return ""

    def damage(self) -> str:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        if not self._path.exists():
            return ""
        try:
            with FileLock(f"{self._path}.lock", timeout=_LOOK_SECONDS):
                return self._damage(read=True)
        except Timeout:
            raise self._busy(_LOOK_SECONDS) from None

    def mend(self) -> None:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        try:
            with self.writing():
                if self._path.exists() and (why := self._damage(read=True)):
                    raise set_aside(self._path, why)
        except WarehouseDamaged:
            raise
        except WarehouseError as error:
            _log.warning("%s; whoever writes next finds out", error)

    def dbt_environment(self) -> dict[str, str]:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        # dbt parses its project anew where the profile differs. DuckDB puts HOME in the place of "~": so it is the same
        # wherever the file is.
        home, name = self._path.absolute().parent, self._path.name
        return {"MARS_DBT_TARGET": "duckdb", "MARS_DBT_DUCKDB_PATH": f"~/{name}", "HOME": str(home)}

    def load(self, objects: Iterable[BronzeObject], *, whatever_is_held: bool = False) -> LoadReport:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        report = LoadReport()
        pending = batches(objects, _BATCH_BYTES)
        for first in pending:
            with self._connected() as connection:
                # When the connection closes, and not whenever 16 MB have come: each checkpoint compresses the last row group
                # again, which may have 2,047 documents. 975 sols take 584 MB and 4.2 s of CPU so, and took 809 and 7.8.
                connection.execute("set checkpoint_threshold = '1TB'")
                full = len(report.loaded) + _room(connection)
                for batch in chain([first], pending):
                    with _transaction(connection):
                        _load_batch(connection, batch, report, whatever_is_held=whatever_is_held)
                    if len(report.loaded) >= full:
                        break
        return report

    def ledger(self) -> pa.Table:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        with self._connected() as connection:
            return connection.sql(f"{_select(LEDGER)} order by object_key").to_arrow_table()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        try:
            with FileLock(f"{self._path}.lock", timeout=self._wait_seconds):
                yield
        except Timeout:
            raise self._busy(self._wait_seconds) from None

    def publish(self, published: Published, tables: Iterable[PublishedTable]) -> list[PublishedTable]:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        import duckdb

        with self._connected() as connection:
            return published.publish(tables, DuckDBRows(connection, _select), unreadable=duckdb.Error)

    @contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self.writing(), self._opened() as connection:
            yield connection

    @contextmanager
    def _opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for who holds the writer's place; a file that turns out to be damaged is set aside."""
        import duckdb

        try:
            with self._connect() as connection:
                yield connection
        except duckdb.Error as error:
            if why := damage_in(self._path, error):
                raise set_aside(self._path, why) from error
            raise WarehouseError(
                f"{self._path}: {error}; free space or memory, or delete the file: all of it returns from the lake"
            ) from error

    def _damage(self, *, read: bool) -> str:
        """What is wrong with the file: it is opened and, where ``read``, read through. For who holds the writer's place."""
        import duckdb

        try:
            with duckdb.connect(config=self._settings) as connection:
                connection.execute(f"attach {quoted(self._path)} as {CATALOG} (type duckdb, read_only)")
                if read or _is_short(connection, self._path):
                    _read_through(connection)
        except duckdb.Error as error:
            if why := damage_in(self._path, error):
                return why
            raise WarehouseError(f"{self._path}: {error}; see that this user may read it, then try again") from error
        return ""

    def _connect(self) -> duckdb.DuckDBPyConnection:
        """A dbt process whose parent was killed still holds the file although the lock is free: wait for it as well."""
        import duckdb

        deadline = time.monotonic() + self._wait_seconds
        while True:
            try:
                return self._attached()
            except duckdb.IOException as error:
                if "Conflicting lock" not in str(error):
                    raise
                if time.monotonic() >= deadline:
                    raise self._busy(self._wait_seconds) from error
                time.sleep(_RETRY_SECONDS)

    def _attached(self) -> duckdb.DuckDBPyConnection:
        """The file, under the name that it has for dbt as well (profiles.yml): views carry that name."""
        import duckdb

        connection = duckdb.connect(config=self._settings)
        try:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"attach {quoted(self._path)} as {CATALOG} ({_STORAGE})")
            connection.execute(f"create schema if not exists {CATALOG}.bronze")
            connection.execute(f"use {CATALOG}.bronze")
        except BaseException:
            connection.close()
            raise
        return connection

    def _busy(self, waited: float) -> WarehouseBusy:
        return WarehouseBusy(
            f"{self._path}: another process has been writing for more than {waited:g} s; "
            "wait for its run to end, or stop it, and try again"
        )


def _bronze_tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """The tables of the current schema, which is bronze."""
    found = connection.execute(
        "select table_name from duckdb_tables() where (database_name, schema_name) = (current_database(), current_schema())"
    )
    return {name for (name,) in found.fetchall()} & set(TABLES)


def _take_over_photo_ids(connection: duckdb.DuckDBPyConnection, published: Published | None) -> None:
    """Make the table of the published file where it is missing."""
    found = connection.execute(
        "select 1 from duckdb_tables() where (database_name, schema_name, table_name) = (?, ?, ?)", [CATALOG, *PHOTO_IDS]
    )
    if found.fetchone():
        return
    with published_photo_ids(published) as file, _transaction(connection):
        if file is not None:
            connection.execute(f"create schema if not exists {CATALOG}.{PHOTO_IDS[0]}")
            connection.execute(f"create table {CATALOG}.{NAME} as select * from read_parquet({quoted(file)})")


def _is_short(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Whether a file has fewer bytes than its header counts blocks. Those may be free: what is read decides."""
    # "12.4 MiB" and the like are the other columns; the connection's own database in memory has no blocks.
    sizes = connection.execute("select coalesce(max(block_size * total_blocks), 0) from pragma_database_size()").fetchone()
    return sizes is not None and path.stat().st_size < sizes[0]


def _read_through(connection: duckdb.DuckDBPyConnection) -> None:
    """Read every table, whose blocks carry checksums: those that are damaged fail."""
    tables = connection.execute("select schema_name, table_name from duckdb_tables() where database_name = ?", [CATALOG])
    for schema, name in tables.fetchall():
        connection.execute(f'select bit_xor(hash(held)) from {CATALOG}."{schema}"."{name}" as held')


@contextmanager
def _transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.begin()
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _load_batch(
    connection: duckdb.DuckDBPyConnection, batch: Sequence[BronzeObject], report: LoadReport, *, whatever_is_held: bool
) -> None:
    for table, group in groupby(sorted(batch, key=_table_of), key=_table_of):
        items = list(group)
        held = _held(connection, table, items)
        newest: list[BronzeObject] = []
        for item in items:
            etag, version = held.get(item.key, (None, None))
            if etag == item.etag:
                report.unchanged.append(item.key)
            elif version is not None and not whatever_is_held and not outdates(_version(item), version):
                report.stale.append(item.key)
            else:
                report.loaded.append(item.key)
                newest.append(item)
        if newest:
            _write(connection, table, newest)


def _room(connection: duckdb.DuckDBPyConnection) -> int:
    """How many rows a table takes at least before its last row group is full, and compressed for good."""
    ends = (f"select coalesce(max(rowid) + 1, 0) as rows from {table}" for table in TABLES)
    found = connection.execute(
        f"select min({_ROWS_OF_A_GROUP} - rows % {_ROWS_OF_A_GROUP}) from ({' union all '.join(ends)})"
    )
    return int(found.fetchall()[0][0])


def _table_of(item: BronzeObject) -> str:
    return TABLE_OF[item.header.kind]


def _version(item: BronzeObject) -> tuple[datetime, str]:
    return item.header.fetched_at, item.header.fingerprint


def _held(
    connection: duckdb.DuckDBPyConnection, table: str, items: Sequence[BronzeObject]
) -> dict[str, tuple[str | None, tuple[datetime, str] | None]]:
    """What the table holds under the keys of the items: ETag and version by key."""
    rows = connection.execute(
        f"select object_key, etag, fetched_at, fingerprint from {table} where object_key in (select unnest(?))",
        [[item.key for item in items]],
    ).to_arrow_table()
    return {row["object_key"]: (row["etag"], (row["fetched_at"], row["fingerprint"])) for row in rows.to_pylist()}


def _write(connection: duckdb.DuckDBPyConnection, table: str, items: Sequence[BronzeObject]) -> None:
    import pyarrow as pa

    rows = as_arrow(items)
    loaded_at = pa.array([datetime.now(UTC)] * len(items), pa.timestamp("us", tz="UTC"))
    connection.register("batch", rows.append_column("loaded_at", loaded_at))
    connection.execute(f"insert or replace into {table} by name select * from batch")
    connection.unregister("batch")


def _select(table: PublishedTable) -> str:
    return LEDGER_QUERY if table == LEDGER else f"select * from {CATALOG}.{table.schema}.{table.name}"
