"""Checks that look across the lake and bronze. Those that look inside the models are dbt tests."""

from collections.abc import Sequence

import dagster as dg

from martian_moments.assets import bronze
from martian_moments.documents import Kind, prefix_of
from martian_moments.loading import unloaded
from martian_moments.rooms import Rooms


def lake_checks(rovers: Sequence[str], traverse_rovers: Sequence[str]) -> list[dg.AssetChecksDefinition]:
    """For each bronze asset: does it hold every object of the lake, in the version that the lake holds?"""
    checks = [_agrees(bronze.photos_key(rover), [prefix_of(Kind.PHOTOS, rover)]) for rover in rovers]
    checks.append(_agrees(bronze.MANIFESTS, [prefix_of(Kind.MANIFEST, rover) for rover in rovers]))
    if traverse_rovers:
        checks.append(_agrees(bronze.TRAVERSE, [prefix_of(Kind.TRAVERSE, rover) for rover in traverse_rovers]))
    return checks


def _agrees(asset: dg.AssetKey, prefixes: Sequence[str]) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=asset,
        name="agrees_with_the_lake",
        description="Every object of the lake is in bronze, in the version that the lake holds.",
    )
    def agrees(rooms: dg.ResourceParam[Rooms]) -> dg.AssetCheckResult:
        different = (unloaded(rooms.lake, rooms.warehouse, rooms.published, prefix) for prefix in prefixes)
        lacking = [each.key for objects in different for each in objects]
        return dg.AssetCheckResult(
            passed=not lacking,
            metadata={"objects that differ": len(lacking), "for example": ", ".join(lacking[:5]) or "none"},
            description="reconcile loads them within minutes" if lacking else None,
        )

    return agrees
