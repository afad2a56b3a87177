"""Queries on a snapshot, each in a thread and with a limit, so that none holds up the others.

Statements are the service's own: names from fixed lists, and every value that came from outside bound as a parameter.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import duckdb

from martian_moments.domain.errors import QueryRefused
from martian_moments.serving.snapshot import Snapshot

if TYPE_CHECKING:
    import pyarrow as pa

LIMIT_S: Final = 5.0
"""Of one query, if not said otherwise; so long it may wait for its turn besides."""

THREADS: Final = 4
"""Queries at the same time. DuckDB has two threads of its own for all of them: more would only take memory."""

WAITING: Final = 256
"""The most queries that run or wait."""

_RETRY_S: Final = 2

_POOL: Final = ThreadPoolExecutor(THREADS, thread_name_prefix="query")

_LESS: Final = "ask for less: one rover, fewer sols, more filters"

T = TypeVar("T")
Parameters = Sequence[object] | Mapping[str, object]


async def query(snapshot: Snapshot, sql: str, parameters: Parameters = (), *, limit_s: float = LIMIT_S) -> pa.Table:
    """What a query finds, as an Arrow table.

    Args:
        snapshot: which the caller holds as long as this lasts.
        sql: one statement.
        parameters: for each ``?`` in their order, or for each ``$name`` by their names.
        limit_s: seconds after which it is interrupted.

    Raises:
        QueryRefused: it took longer, or more memory than one may have, or too many others wait.
    """
    return await run(snapshot, lambda cursor: cursor.execute(sql, parameters).to_arrow_table(), limit_s=limit_s)


async def rows(
    snapshot: Snapshot, sql: str, parameters: Parameters = (), *, limit_s: float = LIMIT_S
) -> list[tuple[Any, ...]]:
    """As :func:`query`, but the rows as tuples, which is faster for few of them."""
    return await run(snapshot, lambda cursor: cursor.execute(sql, parameters).fetchall(), limit_s=limit_s)


async def run(snapshot: Snapshot, work: Callable[[duckdb.DuckDBPyConnection], T], *, limit_s: float = LIMIT_S) -> T:
    """As :func:`query`, for work of several statements: what ``work`` returns, given a cursor that is its own."""
    return await _Job(snapshot, work, limit_s).done()


async def once(
    snapshot: Snapshot, name: str, work: Callable[[duckdb.DuckDBPyConnection], T], *, limit_s: float = LIMIT_S
) -> T:
    """As :func:`run`, once for each snapshot: whoever asks under this name meanwhile or later gets the same.

    For what does not depend on parameters: what is found is kept as long as the snapshot.
    """
    task: asyncio.Task[T] | None = snapshot.kept.get(name)
    if task is None:
        task = snapshot.kept[name] = asyncio.create_task(run(snapshot, work, limit_s=limit_s))
        task.add_done_callback(lambda done: _forget_failure(snapshot, name, done))
    # Others may wait for it as well.
    return await asyncio.shield(task)


def _forget_failure(snapshot: Snapshot, name: str, done: asyncio.Task[T]) -> None:
    if done.cancelled() or done.exception():
        snapshot.kept.pop(name, None)


class _Job(Generic[T]):
    """One query on its way. Made and awaited in the event loop; only :meth:`_work` runs in a thread."""

    _outstanding = 0

    def __init__(self, snapshot: Snapshot, work: Callable[[duckdb.DuckDBPyConnection], T], limit_s: float) -> None:
        self._cursor = snapshot.cursor()
        self._do = work
        self._limit_s = limit_s
        self._began: float | None = None
        self._waited_too_long = False

    async def done(self) -> T:
        """What it found."""
        if _Job._outstanding >= WAITING:
            raise _busy()
        _Job._outstanding += 1
        future = _POOL.submit(self._work)
        self._timer = asyncio.get_running_loop().call_later(self._limit_s, self._look_at_the_time, future)
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if self._waited_too_long:
                raise _busy() from None
            self._cursor.interrupt()
            raise
        except duckdb.InterruptException:
            raise _refused(f"the query took longer than {self._limit_s:g} s; {_LESS}") from None
        except duckdb.OutOfMemoryException:
            raise _refused(f"the query needs more memory than one may have; {_LESS}") from None
        finally:
            self._timer.cancel()
            _Job._outstanding -= 1

    def _work(self) -> T:
        self._began = time.monotonic()
        with self._cursor as cursor:
            return self._do(cursor)

    def _look_at_the_time(self, future: Future[T]) -> None:
        self._waited_too_long = future.cancel()
        if self._waited_too_long:
            return
        left_s = self._limit_s if self._began is None else self._began + self._limit_s - time.monotonic()
        if left_s > 0:
            self._timer = asyncio.get_running_loop().call_later(left_s, self._look_at_the_time, future)
        else:
            self._cursor.interrupt()


def _busy() -> QueryRefused:
    return _refused("too many queries are waiting; ask again in some seconds")


def _refused(why: str) -> QueryRefused:
    return QueryRefused(why, retry_after_s=_RETRY_S)
