"""Dagster's PostgreSQL storage, which keeps its connections and takes asset events in batches; bookkeeping.py says why.

Only what opens the instance of a deployed platform imports it, by the name in deploy/dagster.yaml.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final, Self
from weakref import WeakSet

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import pg_url_from_config
from sqlalchemy import Engine, create_engine

from martian_moments.dagster_runtime.storage import BatchingEventLog, announce_batches

_IDLE: Final = 2
"""Connections that a process keeps while it does not need them; a busy one opens as many more as it has threads."""

_engines: WeakSet[Engine] = WeakSet()


def _forget_connections() -> None:
    """In a forked process: the connections are those of its parent, which goes on using them."""
    for engine in _engines:
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget_connections)


def pooled_engine(postgres_url: str) -> Engine:
    """An engine that keeps connections, for all storages of an instance.

    Dagster's own opens one for every query, so that instances that nobody disposes of hold none: 40 a second for one
    platform, each a process of the server that the password is proven to, most of the processor time of both. A connection
    is tried before it is used, because PostgreSQL may have been restarted, and no fork uses its parent's.
    """
    engine = create_engine(
        postgres_url, isolation_level="AUTOCOMMIT", pool_size=_IDLE, max_overflow=-1, pool_pre_ping=True, pool_use_lifo=True
    )
    _engines.add(engine)
    return engine


class BatchingPostgresEventLogStorage(BatchingEventLog, PostgresEventLogStorage):
    """Dagster's PostgreSQL event log, with batches. The stock class opens two connections for every planned event."""

    def dispose(self) -> None:
        """Close the connections of all storages: an instance disposes of this one last."""
        super().dispose()
        self._engine.dispose()


class BatchingPostgresStorage(DagsterPostgresStorage):
    """Dagster's PostgreSQL storage with the batching event log; same tables, so that either can replace the other."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage = BatchingPostgresEventLogStorage(postgres_url)
        engine = pooled_engine(postgres_url)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine  # noqa: SLF001 - the stock classes make one each and take none
        announce_batches()

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """The storage that dagster.yaml describes, in ``postgres_db``."""
        return cls(pg_url_from_config(config_value), inst_data=inst_data)
