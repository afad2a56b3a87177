"""The assets of the open formats: made of the published tables, beside the builds, and published like them."""

from collections.abc import Iterator
from typing import Any, Final

import dagster as dg

from martian_moments.defs.assets.lake import OWNERS
from martian_moments.defs.conditions import refresh_from_models
from martian_moments.formats.export import OPEN_FORMATS, Exported, OpenFormat, export
from martian_moments.infrastructure.space import require_space
from martian_moments.settings import OPEN_FORMATS_POOL, Settings
from martian_moments.warehouse.published import Published

_DESCRIPTIONS: Final = {
    "geo": "GeoParquet of waypoints, path, stops and photos, and a GeoPackage, in the coordinates of Mars: for QGIS, "
    "geopandas and whatever else draws maps.",
    "stac": "A STAC catalogue with a collection for each rover, whose items are one stac-geoparquet: for pystac, DuckDB and "
    "catalogue browsers.",
}


def open_format_key(name: str) -> dg.AssetKey:
    """The asset of an open format."""
    return dg.AssetKey(["open_formats", name])


def open_format_assets(settings: Settings) -> dg.AssetsDefinition:
    """The open formats, each an asset."""

    @dg.multi_asset(
        name="open_formats",
        specs=[_spec(each) for each in OPEN_FORMATS],
        can_subset=True,
        pool=OPEN_FORMATS_POOL,
    )
    def open_formats(
        context: dg.AssetExecutionContext, published: dg.ResourceParam[Published]
    ) -> Iterator[dg.MaterializeResult[None]]:
        require_space(settings.folders)
        failure: Exception | None = None
        for each in OPEN_FORMATS:
            if open_format_key(each.name) not in context.selected_asset_keys:
                continue
            try:
                done = export(published, each)
            except Exception as error:  # noqa: BLE001 - raised again below, after the others have been made
                context.log.warning("%s was not made: %s", each.name, error)
                failure = failure or error
            else:
                yield dg.MaterializeResult(asset_key=open_format_key(each.name), metadata=_metadata(done))
        if failure is not None:
            raise failure

    return open_formats


def _spec(each: OpenFormat) -> dg.AssetSpec:
    return dg.AssetSpec(
        open_format_key(each.name),
        deps=[dg.AssetKey(source) for source in each.sources],
        group_name="open_formats",
        kinds={"parquet"},
        owners=OWNERS,
        description=_DESCRIPTIONS[each.name],
        automation_condition=refresh_from_models(),
    )


def _metadata(done: Exported) -> dict[str, Any]:
    lines = ["| file | rows | bytes |", "| --- | --- | --- |"]
    lines += [f"| {file.key} | {file.rows} | {file.size} |" for file in done.files]
    return {
        "files": dg.MetadataValue.md("\n".join(lines)),
        "bytes": sum(file.size for file in done.files),
        "files written": len(done.written),
        "seconds": round(done.seconds, 3),
    }
