"""A Dagster backfill of a rover's sols on the running platform."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import dagster as dg

from martian_moments.dagster_runtime.backfills import is_unfinished, request_backfill
from martian_moments.defs.assets.lake import photos_key
from martian_moments.defs.partitions import keys

POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a backfill is, in partitions."""

    total: int
    materialized: int
    failed: int
    finished: bool


def launch(instance: dg.DagsterInstance, definitions: dg.Definitions, rover: str, sols: range) -> str:
    """Start a backfill of ``lake/<rover>/photos``; see :func:`request_backfill`."""
    return request_backfill(
        instance,
        definitions.resolve_asset_graph(),
        photos_key(rover),
        keys(sols),
        title=f"{rover} sols {sols[0]}-{sols[-1]}",
        description="martian-moments backfill",
        tags={"martian-moments/from": "cli"},
    )


def follow(
    instance: dg.DagsterInstance, definitions: dg.Definitions, backfill_id: str, report: Callable[[Progress], None]
) -> Progress:
    """Wait for a backfill to end, reporting its progress; returns the last report."""
    graph = definitions.resolve_asset_graph()
    while True:
        backfill = instance.get_backfill(backfill_id)
        if backfill is None:
            raise RuntimeError(f"backfill {backfill_id} has disappeared from Dagster's storage")
        data = backfill.get_asset_backfill_data(graph)
        progress = Progress(
            total=data.target_subset.num_partitions_and_non_partitioned_assets,
            materialized=data.materialized_subset.num_partitions_and_non_partitioned_assets,
            failed=data.failed_and_downstream_subset.num_partitions_and_non_partitioned_assets,
            finished=not is_unfinished(backfill),
        )
        report(progress)
        if progress.finished:
            return progress
        time.sleep(POLL_SECONDS)
