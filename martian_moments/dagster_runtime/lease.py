"""Which worker executes a run: a lease, which is a session lock in PostgreSQL and ends with the process that holds it.

Whether a run is alive is asked where its state is kept, not of Celery: Redis may be away, or have lost everything, without a
doubt about any run. PostgreSQL drops the lock when the holder's connection ends, which the kernel sees to when the process
is killed; of a machine that vanished it hears after :data:`_VANISHED_SECONDS`. A busy worker never looks dead, because
nothing has to be repeated to keep a lock. Two processes never hold the lease of one run, so an order that arrives twice is
executed once.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from dagster import DagsterInstance, DagsterRunStatus
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from dagster_postgres.run_storage import PostgresRunStorage
    from sqlalchemy.engine import Connection

_LOOK_SECONDS: Final = 2.0
"""How often a worker looks whether its run was cancelled or ended by others, and its connection still stands."""

_LEAVE_SECONDS: Final = 30.0
"""How long a process may stay after its run has ended, before it is ended by force."""

_VANISHED_SECONDS: Final = 25
"""10 s of silence, then three probes 5 s apart."""

_PREPARE: Final = text(
    "select set_config('tcp_keepalives_idle', '10', false), set_config('tcp_keepalives_interval', '5', false), "
    "set_config('tcp_keepalives_count', '3', false)"
)
_TAKE: Final = text("select pg_try_advisory_lock(hashtextextended(:run, 0))")
_HELD: Final = text(
    "select exists (select from pg_locks where locktype = 'advisory' and objsubid = 1 and granted "
    "and database = (select oid from pg_database where datname = current_database()) "
    "and (classid::bigint << 32 | objid::bigint) = hashtextextended(:run, 0))"
)
_STATUS: Final = text("select status from runs where run_id = :run")

_UNDER_WAY: Final = frozenset({DagsterRunStatus.STARTING.value, DagsterRunStatus.STARTED.value})

_logger = logging.getLogger(__name__)


def is_leased(instance: DagsterInstance, run_id: str) -> bool:
    """Whether a process executes the run now, or at least still holds its lease."""
    with _storage(instance).connect() as connection:
        return bool(connection.execute(_HELD, {"run": run_id}).scalar())


@contextmanager
def lease(instance: DagsterInstance, run_id: str) -> Iterator[bool]:
    """Hold the lease of a run while the block executes it; yields False when another process holds it.

    While the lease is held, the process gets SIGINT when the run is cancelled or ended by others, and is ended if it has not
    left half a minute later. A lost connection is replaced: PostgreSQL may restart under a run.
    """
    holder = _Holder(_storage(instance), run_id)
    thread = threading.Thread(target=holder.hold, name=f"lease-{run_id}", daemon=True)
    thread.start()
    try:
        yield holder.granted.result()
    finally:
        holder.over.set()
        thread.join(timeout=_LOOK_SECONDS)


class _Holder:
    """One lease, held from its own thread.

    Attributes:
        granted: whether the lease was free; known when PostgreSQL has responded for the first time.
        over: set when it is needed no longer.
    """

    def __init__(self, storage: PostgresRunStorage, run_id: str) -> None:
        self.granted: Future[bool] = Future()
        self.over = threading.Event()
        self._storage = storage
        self._run = {"run": run_id}
        self._leave_at: float | None = None

    def hold(self) -> None:
        """Take the lease and keep it until it is over, or return at once when another process holds it."""
        from dagster_postgres.utils import DagsterPostgresException

        while not self.over.is_set() and (not self.granted.done() or self.granted.result()):
            try:
                with self._storage.connect() as connection:
                    # Out of the storage's pool: the lock lasts as long as its connection.
                    connection.detach()
                    self._hold_on(connection)
            except (DagsterPostgresException, SQLAlchemyError) as error:
                _logger.warning("The lease of run %s is taken anew: PostgreSQL was away (%s)", self._run["run"], error)
                self.over.wait(_LOOK_SECONDS)

    def _hold_on(self, connection: Connection) -> None:
        connection.execute(_PREPARE)
        taken = False
        while not self.over.is_set():
            # Taken anew, it may for a while be held by a connection whose end PostgreSQL has not noticed.
            taken = taken or bool(connection.execute(_TAKE, self._run).scalar())
            if not self.granted.done():
                self.granted.set_result(taken)
            if not self.granted.result():
                return
            self._obey(connection.execute(_STATUS, self._run).scalar())
            self.over.wait(_LOOK_SECONDS)

    def _obey(self, status: str | None) -> None:
        if status in _UNDER_WAY:
            return
        if self._leave_at is None:
            # A run that ended by itself is past the point where this interrupts anything.
            self._leave_at = time.monotonic() + _LEAVE_SECONDS
            os.kill(os.getpid(), signal.SIGINT)
        elif time.monotonic() > self._leave_at:
            os._exit(1)


def _storage(instance: DagsterInstance) -> PostgresRunStorage:
    from dagster_postgres.run_storage import PostgresRunStorage

    storage = instance.run_storage
    if not isinstance(storage, PostgresRunStorage):
        raise TypeError(f"a lease is a lock in PostgreSQL, and this instance keeps its runs in {type(storage).__name__}")
    return storage
