"""Bronze on Snowflake: many objects per COPY, and MERGE, which decides what is new."""
# ruff: noqa: S608 - names of tables and columns come from this package; values are always bound.

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.clock import latest_plausible
from martian_moments.domain.errors import WarehouseBusy, WarehouseError
from martian_moments.warehouse.base import (
    LEDGER,
    PHOTO_IDS,
    TABLE_OF,
    BronzeObject,
    LoadReport,
    PublishedTable,
)
from martian_moments.warehouse.bronze import (
    JOINED_COLUMNS,
    JOINED_TABLES,
    LEDGER_QUERY,
    TABLES,
    as_arrow,
    batches,
    were_held,
)
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.photo_ids import NAME, published_photo_ids
from martian_moments.warehouse.published import Published
from martian_moments.warehouse.snowflake_account import SnowflakeAccount
from martian_moments.warehouse.snowflake_rows import SnowflakeRows
from martian_moments.warehouse.snowflake_types import as_published, published_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from snowflake.connector import SnowflakeConnection
    from snowflake.connector.cursor import SnowflakeCursor

_LOGIN_SECONDS: Final = 30
_NETWORK_SECONDS: Final = 60
"""How long the connector repeats one request that gets no response. A statement that runs may take longer."""

_LOCK_TIMEOUT: Final = 625
"""Snowflake's error number: another transaction did not release a table within LOCK_TIMEOUT."""

_SEEN_SECONDS: Final = 600.0

_COLUMNS: Final = """
    object_key varchar not null,
    rover varchar not null,
    sol integer,
    kind varchar not null,
    source varchar not null,
    etag varchar not null,
    fingerprint varchar not null,
    record_count bigint not null,
    promised bigint,
    complete boolean not null,
"""

# The landing table is empty for everybody but the transaction that fills it and empties it again.
_DEFINITIONS: Final = (
    "create schema if not exists bronze",
    *(
        f"create table if not exists {table} ("
        f"{_COLUMNS} fetched_at timestamp_tz not null, loaded_at timestamp_tz not null, document variant not null)"
        for table in TABLES
    ),
    f"create transient table if not exists landing ({_COLUMNS} fetched_at varchar not null, document varchar not null)",
    *(JOINED_COLUMNS.format(table=table) for table in (*TABLES, "landing")),
    "create stage if not exists loads",
)

# Forced: what COPY remembers (64 days) must not keep a document out of a table that was emptied. MERGE decides.
_COPY: Final = (
    "copy into {table} from @bronze.loads/{file} file_format = (type = parquet)"
    " match_by_column_name = case_insensitive on_error = abort_statement force = true"
)

_COPIED: Final = ("rover", "sol", "kind", "source", "etag", "fingerprint", "record_count", "promised", "complete", "repeats")
_MERGED: Final = (*_COPIED, "fetched_at", "loaded_at", "document")

# What is newer is decided as clock.outdates has it.
# A timestamp travels as text: what Parquet's own becomes depends on the writer and on options of the file format.
_MERGE: Final = f"""
merge into {{table}} as held
using (
    select
        object_key, {", ".join(_COPIED)},
        cast(fetched_at as timestamp_tz) as fetched_at,
        cast(%(loaded_at)s as timestamp_tz) as loaded_at,
        parse_json(document) as document
    from landing
    where kind in ({{kinds}})
) as fresh
on held.object_key = fresh.object_key
when matched
    and held.etag <> fresh.etag
    and (
        %(whatever_is_held)s
        or held.fetched_at > cast(%(latest)s as timestamp_tz)
        or (
            fresh.fetched_at <= cast(%(latest)s as timestamp_tz)
            and (
                held.fetched_at < fresh.fetched_at
                or (held.fetched_at = fresh.fetched_at and held.fingerprint <= fresh.fingerprint)
            )
        )
    )
    then update set {", ".join(f"{name} = fresh.{name}" for name in _MERGED)}
when not matched then
    insert (object_key, {", ".join(_MERGED)})
    values (fresh.object_key, {", ".join(f"fresh.{name}" for name in _MERGED)})
"""


class SnowflakeWarehouse:
    """Bronze in a Snowflake database.

    Writers need no order among themselves: MERGE locks the table until its transaction ends, and a second one then sees what
    the first one wrote. Connections are short, and each is opened when it is needed.
    """

    def __init__(self, account: SnowflakeAccount, *, wait_seconds: float = 600.0) -> None:
        """Nothing is opened or created yet.

        Args:
            account: where to log in, and as whom.
            wait_seconds: how long a statement waits for another writer's lock before it raises WarehouseBusy.

        Raises:
            SettingsError: a setting of the account is missing or refused.
        """
        account.check()
        self._account = account
        self._wait_seconds = wait_seconds
        self._seen_at: float | None = None

    def ensure(self, published: Published | None = None) -> bool:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        with self._connected() as connection:
            anew = were_held(self._lacking(connection), published)
            if anew and published is not None:
                published.withdraw(LEDGER.schema, LEDGER.name)
            for statement in _DEFINITIONS:
                _run(connection, statement)
            self._take_over_photo_ids(connection, published)
        return anew

    def _take_over_photo_ids(self, connection: SnowflakeConnection, published: Published | None) -> None:
        """Make the table of the published file where it is missing. It gets its name when it is whole."""
        here = (PHOTO_IDS[1].upper(), self._account.database.upper(), PHOTO_IDS[0].upper())
        if here in self._tables(connection, PHOTO_IDS[1]):
            return
        with published_photo_ids(published) as file:
            if file is None:
                return
            (table,) = (each for each in published_models() if (each.schema, each.name) == PHOTO_IDS)
            columns = ", ".join(f"{name} {kind}" for name, kind in table.types.items())
            _run(connection, f"create schema if not exists {table.schema}")
            _run(connection, f"create or replace table {NAME}_taken_over ({columns})")
            _run(connection, f"put 'file://{file}' @bronze.loads auto_compress = false overwrite = true")
            _run(connection, _COPY.format(table=f"{NAME}_taken_over", file=file.name))
            _run(connection, f"alter table {NAME}_taken_over rename to {NAME}")

    def exists(self) -> bool:
        """See :class:`martian_moments.warehouse.base.Warehouse`.

        A warehouse that was there is taken to be there for ten minutes: sensors ask twice a minute, and every login takes a
        second.
        """
        if self._seen_at is not None and time.monotonic() - self._seen_at < _SEEN_SECONDS:
            return True
        with self._connected() as connection:
            found = JOINED_TABLES.issuperset(self._lacking(connection))
        self._seen_at = time.monotonic() if found else None
        return found

    def damage(self) -> str:
        """See :class:`martian_moments.warehouse.base.Warehouse`. Snowflake keeps data whole; tables may be dropped."""
        with self._connected() as connection:
            lacking = self._lacking(connection)
        gone = [table for table in lacking if table not in JOINED_TABLES]
        return f"{', '.join(gone)} of schema bronze is gone" if gone and len(lacking) < len(TABLES) else ""

    def mend(self) -> None:
        """See :class:`martian_moments.warehouse.base.Warehouse`. Nothing to set aside: reconcile sees what was dropped."""
        self._seen_at = None

    def _lacking(self, connection: SnowflakeConnection) -> list[str]:
        """The tables of bronze that are not there."""
        here = (self._account.database.upper(), "BRONZE")
        found = {name.lower() for name, *where in self._tables(connection, "raw_%") if tuple(where) == here}
        return [table for table in TABLES if table not in found]

    @staticmethod
    def _tables(connection: SnowflakeConnection, pattern: str) -> list[tuple[str, str, str]]:
        """Name, database and schema of the tables whose name is like that."""
        # Of the whole account, because a database that was dropped cannot be asked.
        rows = _run(connection, f"show terse tables like '{pattern}' in account").fetchall()
        return [(row[1], row[3], row[4]) for row in rows]

    def dbt_environment(self) -> dict[str, str]:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        return {"MARS_DBT_TARGET": "snowflake", **self._account.dbt_environment()}

    def load(self, objects: Iterable[BronzeObject], *, whatever_is_held: bool = False) -> LoadReport:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        report = LoadReport()
        for batch in batches(objects):
            with self._connected() as connection:
                file = _upload(connection, batch)
                with _transaction(connection):
                    written = _load_batch(connection, batch, file, whatever_is_held=whatever_is_held)
            _fill(report, batch, written)
        return report

    def ledger(self) -> pa.Table:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        import pyarrow as pa

        with self._connected() as connection:
            cursor = _run(connection, f"{LEDGER_QUERY} order by object_key")
            schema = published_schema(cursor.description, LEDGER.types)
            return pa.concat_tables([schema.empty_table(), *as_published(cursor, schema)])

    def writing(self) -> AbstractContextManager[None]:
        """See :class:`martian_moments.warehouse.base.Warehouse`. Nothing to hold: Snowflake puts its writers in order."""
        return nullcontext()

    def publish(self, published: Published, tables: Iterable[PublishedTable]) -> list[PublishedTable]:
        """See :class:`martian_moments.warehouse.base.Warehouse`."""
        from snowflake.connector.errors import ProgrammingError

        with self._connected() as connection:
            return published.publish(tables, SnowflakeRows(partial(_run, connection)), unreadable=ProgrammingError)

    @contextmanager
    def _connected(self) -> Iterator[SnowflakeConnection]:
        import snowflake.connector
        from snowflake.connector.errors import Error

        arguments = self._account.connect_arguments()
        try:
            with snowflake.connector.connect(
                **arguments,
                schema="bronze",
                login_timeout=_LOGIN_SECONDS,
                network_timeout=_NETWORK_SECONDS,
                client_session_keep_alive=False,
                # Which cloud this machine is in would be asked of the network at every login.
                platform_detection_timeout_seconds=0,
                session_parameters={
                    "QUERY_TAG": "martian-moments",
                    "TIMEZONE": "UTC",
                    "LOCK_TIMEOUT": max(1, round(self._wait_seconds)),
                },
            ) as connection:
                yield connection
        except Error as error:
            raise self._explained(error) from error

    def _explained(self, error: Exception) -> WarehouseError:
        where = f"Snowflake account {self._account.account}, database {self._account.database}"
        if getattr(error, "errno", None) == _LOCK_TIMEOUT:
            return WarehouseBusy(
                f"{where}: another transaction has held a table for more than {self._wait_seconds:g} s; wait for it to end, "
                "or abort it, and try again"
            )
        return WarehouseError(
            f"{where}: {getattr(error, 'raw_msg', None) or error}; check the SNOWFLAKE_* settings and the grants of "
            "deploy/snowflake/setup.sql"
        )


def _run(connection: SnowflakeConnection, statement: str, values: dict[str, Any] | None = None) -> SnowflakeCursor:
    cursor = connection.cursor().execute(statement, values)
    assert cursor is not None  # noqa: S101 - None is what the connector returns for an empty statement
    return cursor


@contextmanager
def _transaction(connection: SnowflakeConnection) -> Iterator[None]:
    _run(connection, "begin")
    try:
        yield
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


def _upload(connection: SnowflakeConnection, batch: Sequence[BronzeObject]) -> str:
    """Put a batch into the stage; returns the file's name there, which is the hash of its content."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    rows = as_arrow(batch)
    column = rows.column_names.index("fetched_at")
    rows = rows.set_column(column, "fetched_at", pc.strftime(rows["fetched_at"], "%Y-%m-%dT%H:%M:%S+00:00"))
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        written = Path(folder) / "batch.parquet"
        pq.write_table(rows, written)
        with written.open("rb") as stream:
            file = written.with_name(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}.parquet")
        written.rename(file)
        _run(connection, f"put 'file://{file}' @loads auto_compress = false overwrite = true")
    return file.name


def _load_batch(
    connection: SnowflakeConnection, batch: Sequence[BronzeObject], file: str, *, whatever_is_held: bool
) -> dict[str, tuple[str, bool]]:
    """Copy a file and merge it. Returns what the tables then hold, by key: the ETag, and whether it was written now."""
    copied = _run(connection, _COPY.format(table="landing", file=file)).fetchall()
    if sum(row[3] for row in copied if len(row) > 1) != len(batch):
        raise WarehouseError(f"{file} is not whole in Snowflake's stage bronze.loads; load again, which puts it there anew")
    loaded_at = datetime.now(UTC)
    values = {
        "loaded_at": loaded_at.isoformat(),
        "latest": latest_plausible(loaded_at).isoformat(),
        "whatever_is_held": whatever_is_held,
    }
    held: dict[str, tuple[str, bool]] = {}
    for table, kinds in _kinds(batch).items():
        _run(connection, _MERGE.format(table=table, kinds=kinds), values)
        of_batch = f"select object_key, etag, loaded_at from {table} where object_key in (select object_key from landing)"
        held |= {key: (etag, moment == loaded_at) for key, etag, moment in _run(connection, of_batch).fetchall()}
    _run(connection, "delete from landing")
    return held


def _kinds(batch: Sequence[BronzeObject]) -> dict[str, str]:
    """The tables that a batch goes to, always in one order, so that two loads never wait for each other."""
    kinds = {item.header.kind for item in batch}
    tables = {table: [kind for kind in sorted(kinds) if TABLE_OF[kind] == table] for table in TABLES}
    return {table: ", ".join(f"'{kind.value}'" for kind in those) for table, those in tables.items() if those}


def _fill(report: LoadReport, batch: Sequence[BronzeObject], held: dict[str, tuple[str, bool]]) -> None:
    for item in batch:
        etag, is_new = held[item.key]
        if etag != item.etag:
            report.stale.append(item.key)
        elif is_new:
            report.loaded.append(item.key)
        else:
            report.unchanged.append(item.key)
