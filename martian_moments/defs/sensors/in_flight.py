"""What is under way: runs that are not finished and backfills that have not launched all their runs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Final

import dagster as dg

from martian_moments.dagster_runtime.backfills import unfinished_backfills
from martian_moments.defs.partitions import PARTITION, sols_in_tags

UNFINISHED: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)

_WAITING: Final = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED)


def unfinished_runs(instance: dg.DagsterInstance) -> Sequence[dg.DagsterRun]:
    """The runs that are queued or running."""
    return instance.get_runs(filters=dg.RunsFilter(statuses=list(UNFINISHED)))


class InFlight:
    """What is under way at one moment: one look at the runs and one at the backfills."""

    def __init__(self, context: dg.SensorEvaluationContext) -> None:
        self.runs = unfinished_runs(context.instance)
        self.backfills = unfinished_backfills(context.instance)
        self._repository = context.repository_def

    def sols(self, asset: dg.AssetKey) -> set[int]:
        """The sols of an asset that an unfinished run covers or an active backfill will still launch."""
        return {sol for run in self._runs_of(asset) for sol in sols_in_tags(run.tags)} | set(self._unlaunched(asset))

    def runs_of(self, asset: dg.AssetKey, partition: str | None = None) -> int:
        """How many unfinished runs materialize an asset (one partition of it, where given, or a range of any)."""
        mine = {partition, None}
        return sum(partition is None or run.tags.get(PARTITION) in mine for run in self._runs_of(asset))

    def queued(self, assets: Collection[dg.AssetKey]) -> bool:
        """Whether a run that materializes one of these assets waits in the queue."""
        return any(run.status in _WAITING and not (run.asset_selection or set()).isdisjoint(assets) for run in self.runs)

    def _runs_of(self, asset: dg.AssetKey) -> Iterator[dg.DagsterRun]:
        return (run for run in self.runs if asset in (run.asset_selection or ()))

    def _unlaunched(self, asset: dg.AssetKey) -> Iterator[int]:
        for backfill in self.backfills:
            if self._repository is None or not backfill.is_asset_backfill:
                continue
            data = backfill.get_asset_backfill_data(self._repository.asset_graph)
            for key in (data.target_subset - data.requested_subset).iterate_asset_partitions():
                if key.asset_key == asset and key.partition_key is not None:
                    yield int(key.partition_key)
