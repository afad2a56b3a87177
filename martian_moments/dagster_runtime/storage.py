"""Dagster's SQLite storage, which takes asset events in batches; bookkeeping.py says why.

Only what opens the instance imports it, by the name in dagster.yaml: importing it takes half as long as importing Dagster.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, _GeneratorContextManager, contextmanager, nullcontext
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Self

import dagster as dg
from alembic.script import ScriptDirectory
from dagster._config import UserConfigSchema
from dagster._core.storage.event_log.schema import SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import sqlite_event_log
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.runs.sqlite import sqlite_run_storage
from dagster._core.storage.schedules.sqlite import sqlite_schedule_storage
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage, _event_logs_directory
from dagster._serdes import ConfigurableClassData
from sqlalchemy import Connection, Engine, create_engine, text

from martian_moments.settings import Settings

_ENGINES: Final = 16
"""Files of which a process keeps the engine: three of the instance, and one of each run that it reads or writes."""

_PLANNED_BATCH_EVENTS: Final = 500
"""Events in a batch that Dagster makes itself (planned materializations)."""

_STEP_OUTPUT: Final = dg.DagsterEventType.STEP_OUTPUT
_CHECK_PLANNED: Final = dg.DagsterEventType.ASSET_CHECK_EVALUATION_PLANNED
_CHECKED: Final = dg.DagsterEventType.ASSET_CHECK_EVALUATION

_OF_ASSETS: Final = frozenset({dg.DagsterEventType.ASSET_MATERIALIZATION, dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED})
_BATCHED_TYPES: Final = _OF_ASSETS | {_CHECK_PLANNED, _CHECKED, _STEP_OUTPUT}


def _run_and_whether_batched(event: dg.EventLogEntry) -> tuple[str, bool]:
    return event.run_id, event.dagster_event_type in _BATCHED_TYPES


class _OfThread(threading.local):
    """What a thread is about.

    Attributes:
        gathered: the events that it has not stored yet; None while it stores each at once.
        transaction: the one in which it stores a batch.
    """

    gathered: list[dg.EventLogEntry] | None = None
    transaction: Connection | None = None


class BatchingEventLog(SqlEventLogStorage):
    """An event log in SQL that stores a batch of what is planned, made and checked in one transaction.

    The stock classes store most kinds of events one by one. The rows and their order are the same as there.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._mine = _OfThread()
        super().__init__(*arguments, **options)  # type: ignore[no-untyped-call]

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """While the block lasts, events of this thread are stored in batches: before it next reads, and at the end."""
        self._mine.gathered = []
        try:
            yield
        finally:
            self._store_gathered()
            self._mine.gathered = None

    def store_event(self, event: dg.EventLogEntry) -> None:
        """Store an event, now or with the others that are gathered."""
        if self._mine.gathered is None:
            super().store_event(event)
        else:
            self._mine.gathered.append(event)

    def store_event_batch(self, events: Sequence[dg.EventLogEntry]) -> None:
        """Store events in the given order; other kinds of events go one by one as always."""
        for (run_id, batched), group in groupby(events, _run_and_whether_batched):
            if batched:
                self._store_asset_events(run_id, list(group))
            else:
                for event in group:
                    super().store_event(event)

    def index_connection(self) -> AbstractContextManager[Connection]:
        """As in the stock class; within a batch, its transaction."""
        if self._mine.transaction is not None:
            return nullcontext(self._mine.transaction)
        self._store_gathered()
        return super().index_connection()  # type: ignore[safe-super]

    def run_connection(self, run_id: str | None = None) -> AbstractContextManager[Connection]:
        """As in the stock class."""
        self._store_gathered()
        return super().run_connection(run_id)  # type: ignore[safe-super]

    def _store_gathered(self) -> None:
        if events := self._mine.gathered:
            self._mine.gathered = None
            try:
                self.store_event_batch(events)
            finally:
                self._mine.gathered = []

    def _store_asset_events(self, run_id: str, events: Sequence[dg.EventLogEntry]) -> None:  # noqa: ARG002 - SQLite needs it
        rows = [self._event_to_row(event) for event in events]
        with self.index_transaction() as connection:
            in_order = SqlEventLogStorageTable.insert().returning(SqlEventLogStorageTable.c.id, sort_by_parameter_order=True)
            stored = list(zip(events, connection.execute(in_order, rows).scalars().all(), strict=True))
            of_assets = [(event, id_) for event, id_ in stored if event.dagster_event_type in _OF_ASSETS]
            if of_assets:
                self._store_asset_event_tags(connection, *zip(*of_assets, strict=True))
            # The asset table keeps the latest event of an asset only.
            latest = {event.get_dagster_event().asset_key: (event, id_) for event, id_ in of_assets}
            for event, id_ in latest.values():
                self._store_asset_event(connection, event, id_)
            self._mine.transaction = connection
            try:
                for event, id_ in stored:
                    if event.dagster_event_type is _CHECK_PLANNED:
                        self._store_asset_check_evaluation_planned(event, id_)
                    elif event.dagster_event_type is _CHECKED:
                        self._update_asset_check_evaluation(event, id_)
            finally:
                self._mine.transaction = None


class BatchingSqliteEventLogStorage(BatchingEventLog, SqliteEventLogStorage):
    """Dagster's SQLite event log, with batches.

    It has two databases, the run's own and then the index. What a failure between the two leaves behind is as in the stock
    class: an event in the run's log that the index, which decides a partition's status, does not have.
    """

    def _initdb(self, engine: Engine, for_index_shard: bool = False) -> None:  # noqa: FBT001, FBT002 - Dagster's signature
        if for_index_shard:
            # Only a file without tables takes it: what pruning.py removes is given back to the disk in small steps.
            with engine.connect() as connection:
                connection.execute(text("pragma auto_vacuum = incremental"))
                connection.execute(text("pragma journal_mode = wal"))
        super()._initdb(engine, for_index_shard)

    def _connect(self, shard: str) -> _GeneratorContextManager[Connection]:
        # The file of a run goes when its logs do, also while this process has already made sure of its tables.
        if not Path(self.path_for_shard(shard)).exists():
            self._initialized_dbs.discard(shard)
        return super()._connect(shard)

    def _store_asset_events(self, run_id: str, events: Sequence[dg.EventLogEntry]) -> None:
        with self.run_connection(run_id) as connection:
            connection.execute(SqlEventLogStorageTable.insert(), [self._event_to_row(event) for event in events])
        if indexed := [event for event in events if event.dagster_event_type is not _STEP_OUTPUT]:
            super()._store_asset_events(run_id, indexed)


def read_migrations_once() -> None:
    """Have alembic read the migrations of Dagster's tables once in a process.

    Dagster asks for the newest one whenever it opens an instance, as each tick of a sensor does, and whenever it makes a
    run's own file, and alembic reads and executes all of them each time: 26 of the 35 ms that opening takes.
    """
    if not hasattr(ScriptDirectory.from_config, "cache_info"):
        ScriptDirectory.from_config = lru_cache(ScriptDirectory.from_config)  # type: ignore[method-assign]


@lru_cache(maxsize=_ENGINES)
def _made(address: str, poolclass: Any, connect_args: tuple[tuple[str, Any], ...]) -> Engine:
    return create_engine(address, poolclass=poolclass, connect_args=dict(connect_args))


def _kept(address: str, *, poolclass: Any, connect_args: Mapping[str, Any] = MappingProxyType({})) -> Engine:
    return _made(address, poolclass, tuple(connect_args.items()))


def keep_engines() -> None:
    """Have Dagster's SQLite storages keep the engine of each file, which holds no connection.

    They make one for every query, and lose with it all statements that SQLAlchemy has compiled: 40 % of what a query takes.
    """
    for module in (sqlite_event_log, sqlite_run_storage, sqlite_schedule_storage):
        module.create_engine = _kept  # type: ignore[attr-defined]


def announce_batches() -> None:
    """Have Dagster hand over planned events in batches.

    It has no other switch than the environment. They are stored by whatever process creates a run: daemon, web interface,
    CLI. All of them open the instance, hence pass here.
    """
    os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", str(_PLANNED_BATCH_EVENTS))


class BatchingSqliteStorage(DagsterSqliteStorage):
    """Dagster's SQLite storage with the batching event log; same files, so that either can replace the other at any time.

    It lies in the platform's DAGSTER_HOME wherever it is opened from, so that ``dagster dev`` sees what ``up`` has done.
    In dagster.yaml::

        storage:
          custom:
            module: martian_moments.dagster_runtime.storage
            class: BatchingSqliteStorage
            config: {}
    """

    def __init__(self, base_dir: str, inst_data: ConfigurableClassData | None = None) -> None:
        read_migrations_once()
        keep_engines()
        # First: whoever comes first makes the index.
        events = BatchingSqliteEventLogStorage(_event_logs_directory(base_dir))
        super().__init__(base_dir, inst_data)
        self._event_log_storage = events
        announce_batches()

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """``base_dir``, the folder of the databases; by default DAGSTER_HOME or, without one, the platform's own."""
        return {"base_dir": dg.Field(dg.StringSource, is_required=False)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """The storage that dagster.yaml describes."""
        # `dagster dev` may run without DAGSTER_HOME; then it sees what `up` has done on the same home.
        base_dir = config_value.get("base_dir") or os.environ.get("DAGSTER_HOME") or str(Settings.load().instance_home)
        return cls.from_local(base_dir=base_dir, inst_data=inst_data)
