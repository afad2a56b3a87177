"""Checks that look across the lake and bronze. Those that look inside the models are dbt tests."""

from collections.abc import Sequence
from typing import Final

import dagster as dg

from martian_moments.lake.store import ObjectInfo

_NAME: Final = "agrees_with_the_lake"


def agreement_spec(asset: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check of a bronze asset, evaluated by its own runs.

    Not a check of its own: Dagster skips those after a run that reports its partitions one by one and has no output.
    """
    return dg.AssetCheckSpec(
        _NAME, asset=asset, description="Every object of the lake is in bronze, in the version that the lake holds."
    )


def agreement(asset: dg.AssetKey, differing: Sequence[ObjectInfo]) -> dg.AssetCheckResult:
    """The check's result, given the objects of the lake that differ from what bronze holds."""
    lacking = [each.key for each in differing]
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=_NAME,
        passed=not lacking,
        # What was uploaded during the load is on its way.
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"objects that differ": len(lacking), "for example": ", ".join(lacking[:5]) or "none"},
        description="reconcile loads them within minutes" if lacking else None,
    )
