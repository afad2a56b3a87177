"""When dbt runs: soon after bronze changed, never losing a change, never starved by a busy bronze. And what follows it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import dagster as dg

from martian_moments.defs.sensors.in_flight import unfinished_runs

AC: Final = dg.AutomationCondition

_LONGEST_WAIT: Final = timedelta(minutes=2)
"""How long a load waits for its build, however busy bronze is."""

_TICKS: Final = timedelta(seconds=5)
"""A load is seen, and its build asked for, by ticks that may come so much later."""

_BUILDS_APART: Final = 5
"""A busy platform waits for so many times the duration of its last build: builds take a sixth of its writer's time."""


def refresh_from_bronze() -> dg.AutomationCondition[Any]:
    """For the one model that everything else in dbt follows: bronze changed since the last time it was asked for.

    Both operands of ``since`` stay bare: with a boolean operator around them Dagster drops the times that break ties, and a
    load that lands between the request and the next tick is lost (of five forms tried, only this one kept every load).
    While documents arrive or are being loaded the model waits, so that a backfill makes one dbt run and not twenty, each of
    which keeps the loads waiting. It goes ahead all the same when the oldest load has waited for two minutes, or for five
    times as long as the last build took, where that is more.
    """
    return (_changed() & (NothingArrives() | Waited()) & ~AC.in_progress()).with_label("refresh_from_bronze")


class NothingArrives(dg.AutomationCondition[dg.AssetKey]):
    """No run is queued or under way that makes what an asset is made from, or what that is made from in turn."""

    @property
    def description(self) -> str:
        """As the web interface shows it."""
        return "Nothing upstream is queued or running"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Dagster's way to ask."""
        candidates = context.candidate_subset
        return dg.AutomationResult(context, context.get_empty_subset() if _arrives(context) else candidates)


def _arrives(context: dg.AutomationContext[dg.AssetKey]) -> bool:
    if context.candidate_subset.is_empty:
        return False
    graph = context.asset_graph
    parents = graph.get(context.key).parent_keys
    upstream = parents.union(*(graph.get(each).parent_keys for each in parents))
    runs = unfinished_runs(context.asset_graph_view.instance)
    return any(not upstream.isdisjoint(run.asset_selection or ()) for run in runs)


class Waited(dg.AutomationCondition[dg.AssetKey]):
    """The conditions before it in an ``&`` have held for two minutes, or for five times as long as the last build took.

    Since the asset was last requested, as far as they held then.
    """

    @property
    def description(self) -> str:
        """As the web interface shows it."""
        return "Has waited for two minutes, and for five times as long as its last run took"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Dagster's way to ask. The cursor is the moment since when they have held."""
        if context.candidate_subset.is_empty:
            return dg.AutomationResult(context, context.candidate_subset)
        requested = context.get_previous_requested_subset(context.key)
        began = context.cursor
        if began is None or (requested is not None and not requested.is_empty):
            began = context.evaluation_time.isoformat()
        waited = context.evaluation_time - datetime.fromisoformat(began)
        waits = waited < _LONGEST_WAIT - _TICKS or waited < _BUILDS_APART * _last_run(context)
        subset = context.get_empty_subset() if waits else context.candidate_subset
        return dg.AutomationResult(context, subset, cursor=began)


def _last_run(context: dg.AutomationContext[dg.AssetKey]) -> timedelta:
    """How long the last run took that has materialized the asset."""
    instance = context.asset_graph_view.instance
    event = instance.get_latest_materialization_event(context.key)
    record = instance.get_run_record_by_id(event.run_id) if event else None
    if record is None or record.start_time is None or record.end_time is None:
        return timedelta()
    return timedelta(seconds=record.end_time - record.start_time)


def refresh_from_models() -> dg.AutomationCondition[Any]:
    """For the open formats: one of the models that they are made of was built since they were last asked for.

    In a run of their own, so that they keep no build and no load waiting and fail alone. While builds follow each other, as
    in a backfill, only every ten minutes.
    """
    return _after_changes("refresh_from_models", "*/10 * * * *")


def _changed() -> dg.AutomationCondition[Any]:
    return AC.any_deps_match(AC.newly_updated()).since(AC.newly_requested())


def _after_changes(label: str, at_the_latest: str) -> dg.AutomationCondition[Any]:
    quiet = ~AC.any_deps_in_progress()
    return (_changed() & ~AC.in_progress() & (quiet | AC.cron_tick_passed(at_the_latest))).with_label(label)


def ride_along() -> dg.AutomationCondition[Any]:
    """For every other model: in the same run as the model it follows. A failure is healed by the next change of bronze."""
    return AC.any_deps_match(AC.will_be_requested()).with_label("ride_along")


def refresh_made_before() -> dg.AutomationCondition[Any]:
    """For the frames of a moment: as for the open formats, once somebody has asked for them a first time.

    And every six hours, for pictures that could not be had; a run that wants none asks nobody.
    """
    again = AC.cron_tick_passed("17 */6 * * *") & ~AC.in_progress()
    changed = _after_changes("made_before", "*/10 * * * *") & MadeOfOlder()
    return ((changed | again) & ~AC.missing()).with_label("refresh_made_before")


class MadeOfOlder(dg.AutomationCondition[dg.AssetKey]):
    """Something that a partition is made from was made again after the run was asked for that has made the partition.

    What a person has asked for is not made again for changes that he has seen. Where that run is not the last one that was
    to make the partition, nobody knows what became of the last one, and the condition holds.
    """

    @property
    def description(self) -> str:
        """As the web interface shows it."""
        return "Was made from what has changed since"

    def evaluate(self, context: dg.AutomationContext[dg.AssetKey]) -> dg.AutomationResult[dg.AssetKey]:
        """Dagster's way to ask."""
        candidates, view = context.candidate_subset, context.asset_graph_view
        if candidates.is_empty or context.partitions_def is None:
            return dg.AutomationResult(context, candidates)
        parents = context.asset_graph.get(context.key).parent_keys
        newest = max(_last_made(view.instance, parent)[0] for parent in parents)
        keys = candidates.expensively_compute_partition_keys()
        older = {key for key in keys if _asked_for(view.instance, context.key, key) < newest}
        return dg.AutomationResult(context, view.get_subset_from_partition_keys(context.key, context.partitions_def, older))


def _last_made(instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str | None = None) -> tuple[int, str | None]:
    """The place in Dagster's log of the last materialization, and its run; 0 where there is none."""
    of = asset if partition is None else dg.AssetRecordsFilter(asset_key=asset, asset_partitions=[partition])
    records = instance.fetch_materializations(of, limit=1).records
    return (records[0].storage_id, records[0].run_id) if records else (0, None)


def _asked_for(instance: dg.DagsterInstance, asset: dg.AssetKey, partition: str) -> int:
    """The place in Dagster's log at which the run was asked for that has made a partition; 0 where nobody knows."""
    planned = instance.get_latest_planned_materialization_info(asset, partition)
    _, run_id = _last_made(instance, asset, partition)
    return planned.storage_id if planned is not None and planned.run_id == run_id else 0


def refresh_from_frames() -> dg.AutomationCondition[Any]:
    """For the movie of a moment: its frames are others than those that were there when it was last asked for.

    And every hour where it could not be made, because a disk was full, say. Not in one run with its frames: these are
    reported moment by moment, and Dagster skips in the same run what depends on them.
    """
    changed = AC.any_deps_match(AC.data_version_changed()).since(AC.newly_requested())
    failed = AC.execution_failed() & AC.cron_tick_passed("47 * * * *")
    # A backfill of frames counts as under way for half a minute after its runs.
    frames = AC.any_deps_match(AC.run_in_progress()) | AC.any_deps_match(AC.will_be_requested())
    quiet = ~AC.in_progress() & ~frames
    return ((changed | failed) & quiet).with_label("refresh_from_frames")
