"""Dagster's backfills. Instances store and list them publicly, but their type and its states are not exported."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
    from dagster._core.execution.backfill import PartitionBackfill

# Imported in the functions: a tenth of what importing Dagster takes, for a process that loads definitions and nothing more.


def unfinished_backfills(instance: dg.DagsterInstance) -> Sequence[PartitionBackfill]:
    """The backfills that still launch runs or cancel them."""
    from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus

    unfinished = BulkActionsFilter(statuses=[BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING])
    return instance.get_backfills(filters=unfinished)


def is_unfinished(backfill: PartitionBackfill) -> bool:
    """Whether a backfill still launches runs or cancels them."""
    from dagster._core.execution.backfill import BulkActionStatus

    return backfill.status in (BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING)


def request_backfill(
    instance: dg.DagsterInstance,
    graph: AssetGraph,
    asset: dg.AssetKey,
    partitions: Sequence[str],
    *,
    title: str,
    description: str,
    tags: Mapping[str, str],
) -> str:
    """Store a backfill of partitions of one asset; returns its id.

    The embedded platform's daemon picks it up within a moment, a deployed one within half a minute.
    """
    from dagster._core.execution.backfill import PartitionBackfill
    from dagster._core.utils import make_new_backfill_id

    backfill = PartitionBackfill.from_asset_partitions(
        asset_graph=graph,
        backfill_id=make_new_backfill_id(),
        tags=dict(tags),
        backfill_timestamp=time.time(),
        asset_selection=[asset],
        partition_names=partitions,
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=title,
        description=description,
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill.backfill_id
