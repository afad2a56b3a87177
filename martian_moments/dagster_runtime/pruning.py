"""Removes from Dagster's storage what grows with time and nothing needs, on SQLite and on PostgreSQL (defs/pruning.py).

What stays for ever: of each asset and partition the newest event of each kind, of each check the newest evaluation. By
these Dagster knows what is materialized, failed or under way, and what conditions and sensors have not seen yet.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import dagster as dg
import sqlalchemy as sql
from dagster._core.definitions.repository_definition import SINGLETON_REPOSITORY_NAME
from dagster._core.events import ASSET_EVENTS
from dagster._core.instance import RUNLESS_RUN_ID
from dagster._core.scheduler.instigation import TickStatus
from dagster._core.storage.dagster_run import FINISHED_STATUSES
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, AssetEventTagsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME, SqliteEventLogStorage
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._core.storage.schedules import SqlScheduleStorage
from dagster._core.storage.schedules.schema import JobTickTable

from martian_moments.settings import Settings

_DAY: Final = 86_400.0

_AT_REST_SECONDS: Final = 3_600.0
"""So long after its end nobody follows a run any more, nor sends late events of it."""

_TOGETHER: Final = 500
"""Runs or events that one statement names."""

_PAGE_BYTES: Final = 1_024
"""A page of the file of a run that has succeeded. An empty one has 28: with SQLite's 4,096 bytes 115 kB, now 30 kB."""

_EVENTS: Final = SqlEventLogStorageTable.c
_CHECKS: Final = AssetCheckExecutionsTable.c
_MADE: Final = dg.DagsterEventType.ASSET_MATERIALIZATION.value
_PLANNED: Final = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED.value
_KINDS: Final = sorted(each.value for each in ASSET_EVENTS)


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed.

    Attributes:
        events: events of assets and evaluations of checks that newer ones have replaced.
        copies: runs whose own file no longer repeats what the index of events has of their partitions.
        logs: runs whose events and output were removed.
        runs: runs of which nothing is left.
        ticks: ticks whose output was removed.
    """

    events: int
    copies: int
    logs: int
    runs: int
    ticks: int


def prune(instance: dg.DagsterInstance, settings: Settings, *, now: float | None = None) -> Pruned:
    """Remove what is older than the settings ``MARS_KEEP_…_DAYS`` say; ``now`` is a POSIX time, by default the present."""
    now = time.time() if now is None else now
    events = _event_log(instance)
    history = now - settings.keep_history_days * _DAY
    removed = _remove_planned(events, now - _AT_REST_SECONDS)
    removed += _remove_replaced(events, history) + _remove_evaluations(events, history)
    logs = _remove_logs(instance, events, settings, now)
    runs = _remove_runs(instance, events, history)
    copies = 0
    if isinstance(events, SqliteEventLogStorage):
        copies = sum(map(_compact, _files_of_succeeded(instance, events, now - _AT_REST_SECONDS)))
        _remove_runless(events, history)
        _give_back(Path(events.path_for_shard(INDEX_SHARD_NAME)))
    ticks = 0
    if isinstance(schedules := instance.schedule_storage, SqlScheduleStorage):
        schedules.purge_asset_evaluations(before=history)
        ticks = _remove_tick_logs(instance, schedules, now - _AT_REST_SECONDS)
    return Pruned(removed, copies, logs, runs, ticks)


def _event_log(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise TypeError(f"{type(storage).__name__} is no event log in SQL")
    return storage


def _moment(timestamp: float) -> datetime:
    return datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)


def _remove_planned(events: SqlEventLogStorage, before: float) -> int:
    """The plans to make a partition that has been made since: they say nothing more about it."""
    made = SqlEventLogStorageTable.alias()
    is_made = sql.exists().where(
        made.c.dagster_event_type == _MADE,
        made.c.asset_key == _EVENTS.asset_key,
        made.c.partition == _EVENTS.partition,
        made.c.id > _EVENTS.id,
    )
    planned = (_EVENTS.dagster_event_type == _PLANNED, _EVENTS.partition.is_not(None), _EVENTS.timestamp < _moment(before))
    return _remove(events, sql.select(_EVENTS.id).where(*planned, is_made), {SqlEventLogStorageTable: _EVENTS.id})


def _remove_replaced(events: SqlEventLogStorage, before: float) -> int:
    """Of each asset and partition the older events of each kind, but for the newest of these."""
    old = (_EVENTS.dagster_event_type.in_(_KINDS), _EVENTS.asset_key.is_not(None), _EVENTS.timestamp < _moment(before))
    newest = sql.select(sql.func.max(_EVENTS.id)).where(*old)
    newest = newest.group_by(_EVENTS.dagster_event_type, _EVENTS.asset_key, _EVENTS.partition)
    replaced = sql.select(_EVENTS.id).where(*old, _EVENTS.id.not_in(newest))
    return _remove(
        events, replaced, {SqlEventLogStorageTable: _EVENTS.id, AssetEventTagsTable: AssetEventTagsTable.c.event_id}
    )


def _remove_evaluations(events: SqlEventLogStorage, before: float) -> int:
    """Of each check the older evaluations, but for the newest of these."""
    old = _CHECKS.evaluation_event_timestamp < _moment(before)
    newest = sql.select(sql.func.max(_CHECKS.id)).where(old)
    newest = newest.group_by(_CHECKS.asset_key, _CHECKS.check_name, _CHECKS.partition)
    replaced = sql.select(_CHECKS.id).where(old, _CHECKS.id.not_in(newest))
    return _remove(events, replaced, {AssetCheckExecutionsTable: _CHECKS.id})


def _remove(events: SqlEventLogStorage, found: sql.Select[Any], columns: Mapping[sql.Table, sql.Column[int]]) -> int:
    """Remove what a query finds by its id, in transactions so short that whoever stores an event hardly waits."""
    with events.index_connection() as connection:
        ids = connection.execute(found).scalars().all()
    for begin in range(0, len(ids), _TOGETHER):
        with events.index_transaction() as connection:
            for table, column in columns.items():
                connection.execute(table.delete().where(column.in_(ids[begin : begin + _TOGETHER])))
    return len(ids)


def _remove_logs(instance: dg.DagsterInstance, events: SqlEventLogStorage, settings: Settings, now: float) -> int:
    """What runs have told of their work, and what they printed; what happened to assets stays."""
    succeeded, failed = (now - days * _DAY for days in (settings.keep_succeeded_days, settings.keep_failed_days))
    removed = 0
    for records in _records(instance, _with_logs(events, max(succeeded, failed))):
        ended = [
            each.dagster_run.run_id
            for each in records
            if each.dagster_run.is_finished and _end(each) < (succeeded if each.dagster_run.is_success else failed)
        ]
        for run_id in ended:
            instance.compute_log_manager.delete_logs(prefix=[run_id])
        _remove_logs_of(events, ended)
        removed += len(ended)
    return removed


def _with_logs(events: SqlEventLogStorage, before: float) -> Collection[str]:
    """The runs that began to tell of their work before a moment."""
    if isinstance(events, SqliteEventLogStorage):
        return _shards(events)
    with events.index_connection() as connection:
        old = (_EVENTS.asset_key.is_(None), _EVENTS.timestamp < _moment(before))
        return set(connection.execute(sql.select(_EVENTS.run_id).distinct().where(*old)).scalars())


def _remove_logs_of(events: SqlEventLogStorage, runs: Sequence[str]) -> None:
    with events.index_transaction() as connection:
        theirs = (_EVENTS.run_id.in_(runs), _EVENTS.asset_key.is_(None))
        connection.execute(SqlEventLogStorageTable.delete().where(*theirs))
    if isinstance(events, SqliteEventLogStorage):
        for run_id in runs:
            _remove_shard(events, run_id)


def _remove_runs(instance: dg.DagsterInstance, events: SqlEventLogStorage, before: float) -> int:
    """Runs that ended before a moment, and of which no event is left that tells of an asset."""
    old = dg.RunsFilter(statuses=list(FINISHED_STATUSES), created_before=datetime.fromtimestamp(before, UTC))
    removed = 0
    for records in _records(instance, instance.get_run_ids(old)):
        runs = [each.dagster_run.run_id for each in records if _end(each) < before]
        with events.index_connection() as connection:
            named = sql.select(_EVENTS.run_id).distinct().where(_EVENTS.run_id.in_(runs), _EVENTS.asset_key.is_not(None))
            of_assets = set(connection.execute(named).scalars())
        for run_id in (each for each in runs if each not in of_assets):
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            instance.delete_run(run_id)
            if isinstance(events, SqliteEventLogStorage):
                _remove_shard(events, run_id)
            removed += 1
    return removed


def _remove_tick_logs(instance: dg.DagsterInstance, schedules: SqlScheduleStorage, before: float) -> int:
    """What ticks printed that asked for nothing, or that Dagster has removed: a file for each, thousands an hour.

    Only where they are files: on S3 those that have no output are not kept, and a rule of the bucket may remove the others.
    """
    if not isinstance(instance.compute_log_manager, LocalComputeLogManager):
        return 0
    old = [
        each
        for each in Path(instance.storage_directory()).glob(f"{SINGLETON_REPOSITORY_NAME}/*/*.err")
        if each.stat().st_mtime < before
    ]
    with schedules.connect() as connection:
        columns = JobTickTable.c
        telling = sql.select(columns.id).where(columns.status != TickStatus.SKIPPED.value)
        kept = set(connection.execute(telling).scalars()) if old else set()
    gone = [each for each in old if int(each.stem) not in kept]
    for each in gone:
        each.unlink(missing_ok=True)
    return len(gone)


def _records(instance: dg.DagsterInstance, runs: Collection[str]) -> Iterator[Sequence[dg.RunRecord]]:
    waiting = sorted(runs)
    for begin in range(0, len(waiting), _TOGETHER):
        yield instance.get_run_records(dg.RunsFilter(run_ids=waiting[begin : begin + _TOGETHER]))


def _end(record: dg.RunRecord) -> float:
    """When a run ended (POSIX seconds); one that never began has no end but its last change."""
    return record.end_time or record.update_timestamp.timestamp()


def _shards(events: SqliteEventLogStorage) -> list[str]:
    """The runs with a file of their own. What belongs to no run has one as well, without a name."""
    return [each for each in events.get_all_run_ids() if each]


def _remove_shard(events: SqliteEventLogStorage, run_id: str) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{events.path_for_shard(run_id)}{ending}").unlink(missing_ok=True)


def _remove_runless(events: SqliteEventLogStorage, before: float) -> None:
    """What belongs to no run, as changes of freshness; the index has it as well."""
    with events.run_connection(RUNLESS_RUN_ID) as connection:
        connection.execute(SqlEventLogStorageTable.delete().where(_EVENTS.timestamp < _moment(before)))


def _files_of_succeeded(instance: dg.DagsterInstance, events: SqliteEventLogStorage, before: float) -> Iterator[Path]:
    wide = [each for each in _shards(events) if not _is_compact(Path(events.path_for_shard(each)))]
    for records in _records(instance, wide):
        for each in records:
            if each.dagster_run.is_success and _end(each) < before:
                yield Path(events.path_for_shard(each.dagster_run.run_id))


def _is_compact(shard: Path) -> bool:
    """Whether a file has the small pages: bytes 16 and 17 of it say so."""
    with shard.open("rb") as file:
        return int.from_bytes(os.pread(file.fileno(), 2, 16)) == _PAGE_BYTES


def _compact(shard: Path) -> bool:
    """Remove from a run's file what the index has as well of its partitions, and make it small; False while it is in use."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(shard, isolation_level=None)) as connection:
        kinds = ", ".join("?" * len(_KINDS))
        theirs = f"dagster_event_type in ({kinds}) and partition is not null"
        connection.execute(f"delete from event_logs where {theirs}", _KINDS)  # noqa: S608 - question marks
        # Pages have another size only where the log of what is not written yet is not used.
        connection.execute("pragma journal_mode = delete")
        connection.execute(f"pragma page_size = {_PAGE_BYTES}")
        connection.execute("vacuum")
        return True
    return False


def _give_back(index: Path) -> None:
    """Return the free pages of the index to the disk, a few at a time: whoever stores an event waits for none."""
    with suppress(sqlite3.OperationalError), closing(sqlite3.connect(index, isolation_level=None)) as connection:

        def free() -> int:
            found: Any = connection.execute("pragma freelist_count").fetchone()
            return int(found[0])

        before, left = -1, free()
        while left and left != before:
            connection.execute("pragma incremental_vacuum(1000)").fetchall()
            before, left = left, free()
