"""Queries: bound values, a limit of time and of memory, and no queue without an end."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import duckdb
import pytest

from martian_moments.domain.errors import QueryRefused
from martian_moments.serving import query as querying
from martian_moments.serving.query import once, query, rows
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.snapshots import Snapshots
from martian_moments_tests.serving.home import ServedHome

ENDLESS = "select sum(a.range * b.range) from range(1_000_000) as a, range(1_000_000) as b"


@pytest.fixture(scope="module")
def snapshot(served: ServedHome) -> Iterator[Snapshot]:
    with Snapshots(served.published) as snapshots:
        assert snapshots.wait(30)
        with snapshots.lease() as held:
            yield held


async def test_a_query_finds_rows_and_tables_with_values_that_are_bound(snapshot: Snapshot) -> None:
    sql = "select rover, sol from silver.fact_photos where rover = ? and sol = ? limit 1"
    assert await rows(snapshot, sql, ["curiosity", 1000]) == [("curiosity", 1000)]
    counting = "select count(*) as photos from silver.fact_photos where rover = $rover"
    assert (await query(snapshot, counting, {"rover": "' or '1' = '1"})).to_pylist() == [{"photos": 0}]
    assert (await query(snapshot, counting, {"rover": "spirit"})).to_pylist() == [{"photos": 77}]


async def test_a_query_that_takes_too_long_is_interrupted_and_the_next_one_responds(snapshot: Snapshot) -> None:
    with pytest.raises(QueryRefused, match=r"the query took longer than 0\.2 s; ask for less") as refused:
        await rows(snapshot, ENDLESS, limit_s=0.2)
    assert refused.value.retry_after_s > 0
    assert await rows(snapshot, "select 1") == [(1,)]


async def test_a_query_that_needs_too_much_memory_is_refused_and_the_next_one_responds(snapshot: Snapshot) -> None:
    big = "select len(list(range)) from range(100_000_000)"
    with pytest.raises(QueryRefused, match="needs more memory"):
        await rows(snapshot, big, limit_s=60)
    assert await rows(snapshot, "select 1") == [(1,)]


async def test_who_waits_too_long_for_a_turn_is_asked_to_come_again(snapshot: Snapshot) -> None:
    slow = [asyncio.create_task(rows(snapshot, ENDLESS, limit_s=1.5)) for _ in range(querying.THREADS)]
    await asyncio.sleep(0)
    with pytest.raises(QueryRefused, match="too many queries are waiting"):
        await rows(snapshot, "select 1", limit_s=0.1)
    found = await asyncio.gather(*slow, return_exceptions=True)
    assert {type(each) for each in found} == {QueryRefused}
    assert await rows(snapshot, "select 1") == [(1,)]


async def test_the_queue_has_an_end(snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(querying, "WAITING", 3)
    found = await asyncio.gather(*(rows(snapshot, "select 1") for _ in range(5)), return_exceptions=True)
    assert [each for each in found if not isinstance(each, QueryRefused)] == [[(1,)]] * 3
    assert await rows(snapshot, "select 1") == [(1,)]


async def test_a_query_that_nobody_waits_for_any_more_ends(snapshot: Snapshot) -> None:
    task = asyncio.create_task(rows(snapshot, ENDLESS, limit_s=600))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # All threads are free again, or this would wait for ten minutes.
    found = await asyncio.gather(*(rows(snapshot, "select 1") for _ in range(querying.THREADS)))
    assert found == [[(1,)]] * querying.THREADS


async def test_what_does_not_depend_on_who_asks_is_found_once(snapshot: Snapshot) -> None:
    found: list[int] = []

    def work(cursor: duckdb.DuckDBPyConnection) -> int:
        found.append(len(found))
        if len(found) == 1:
            raise RuntimeError("the first time")
        return cursor.execute("select 7").fetchall()[0][0] + len(found)  # type: ignore[no-any-return]

    with pytest.raises(RuntimeError):
        await once(snapshot, "seven", work)
    assert await asyncio.gather(*(once(snapshot, "seven", work) for _ in range(3))) == [9, 9, 9]
    assert await once(snapshot, "seven", work) == 9
