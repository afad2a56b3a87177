"""Dagster's PostgreSQL storage, which takes asset events in batches; bookkeeping.py says why.

Only what opens the instance of a deployed platform imports it, by the name in deploy/dagster.yaml.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage, PostgresEventLogStorage
from dagster_postgres.utils import pg_url_from_config

from martian_moments.dagster_runtime.storage import BatchingEventLog, announce_batches


class BatchingPostgresEventLogStorage(BatchingEventLog, PostgresEventLogStorage):
    """Dagster's PostgreSQL event log, with batches. The stock class opens two connections for every planned event."""


class BatchingPostgresStorage(DagsterPostgresStorage):
    """Dagster's PostgreSQL storage with the batching event log; same tables, so that either can replace the other."""

    def __init__(self, postgres_url: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(postgres_url, inst_data=inst_data)
        self._event_log_storage = BatchingPostgresEventLogStorage(postgres_url)
        announce_batches()

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]) -> Self:
        """The storage that dagster.yaml describes, in ``postgres_db``."""
        return cls(pg_url_from_config(config_value), inst_data=inst_data)
