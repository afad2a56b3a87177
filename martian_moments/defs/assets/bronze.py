"""The bronze assets: the lake's documents in the warehouse, one row per object. They never ask NASA."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from martian_moments.dagster_runtime.bookkeeping import materializations
from martian_moments.defs.assets import lake as lake_assets
from martian_moments.defs.checks import agreement, agreement_spec
from martian_moments.defs.markdown import as_text, plain
from martian_moments.defs.partitions import BRONZE_RUN_SOLS, sols_of
from martian_moments.domain.documents import Coordinates, Kind, coordinates, prefix_of, sol_key
from martian_moments.domain.errors import DocumentError
from martian_moments.domain.rovers import ROVERS
from martian_moments.events.dead_letters import broken_object
from martian_moments.events.log import INGESTION_REQUESTS, LOADS_COMPLETE, UPLOADS_DEAD, EventLog, Message
from martian_moments.events.messages import load_complete, refresh_request, sols_request
from martian_moments.infrastructure.space import require_space
from martian_moments.lake.store import Lake, ObjectInfo
from martian_moments.pipelines.differences import unloaded
from martian_moments.pipelines.load import Loading, load
from martian_moments.settings import WAREHOUSE_POOL, Settings
from martian_moments.warehouse.base import LEDGER, Warehouse
from martian_moments.warehouse.published import Published

MANIFESTS: Final = dg.AssetKey(["bronze", "manifests"])
TRAVERSE: Final = dg.AssetKey(["bronze", "traverse"])

_BY_ROVER: Final = {MANIFESTS: (Kind.MANIFEST, lake_assets.MANIFESTS), TRAVERSE: (Kind.TRAVERSE, lake_assets.TRAVERSE)}


def photos_key(rover: str) -> dg.AssetKey:
    """The asset of a rover's photo documents in bronze."""
    return dg.AssetKey(["bronze", rover, "photos"])


def images_key(rover: str) -> dg.AssetKey:
    """The asset of a rover's image documents in bronze: what is recorded of the pictures that the lake keeps."""
    return dg.AssetKey(["bronze", rover, "images"])


def by_sol(rover: str) -> Mapping[Kind, dg.AssetKey]:
    """The assets of a rover that are partitioned by sol, by the kind of their documents."""
    return {Kind.PHOTOS: photos_key(rover), Kind.IMAGES: images_key(rover)}


def bronze_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The bronze assets of the settings' rovers."""
    sols = [_by_sol(settings, rover, kind) for rover in settings.rovers for kind in by_sol(rover)]
    return [_by_rover(settings, MANIFESTS, "manifests"), *sols, _by_rover(settings, TRAVERSE, "traverse maps")]


def _by_rover(settings: Settings, key: dg.AssetKey, what: str) -> dg.AssetsDefinition:
    kind, upstream = _BY_ROVER[key]

    @dg.asset(
        key=key,
        partitions_def=dg.StaticPartitionsDefinition(list(settings.rovers)),
        deps=[upstream],
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        check_specs=[agreement_spec(key)],
        pool=WAREHOUSE_POOL,
        group_name="mission",
        kinds={"table"},
        owners=lake_assets.OWNERS,
        description=f"One row per document: the {what} of the lake, unchanged, with their ledger.",
    )
    def bronze(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
        published: dg.ResourceParam[Published],
        event_log: dg.ResourceParam[EventLog],
    ) -> Iterator[dg.AssetCheckResult]:
        require_space(settings.folders)
        found = {rover: lake.list(prefix_of(kind, rover)) for rover in context.partition_keys}
        loading = _load(context, lake, warehouse, published, found)
        _report(event_log, context.asset_key, found, loading, sources=settings.sources)
        prefixes = [prefix_of(kind, rover) for rover in settings.rovers]
        yield agreement(key, unloaded(lake, warehouse, published, settings.rovers, prefixes))

    return bronze


_DESCRIPTIONS: Final = {
    Kind.PHOTOS: "One row per sol and source: the photo documents of {title}, with their ledger.",
    Kind.IMAGES: "One row per sol: what is recorded of the pictures of {title} that the lake keeps, with their ledger.",
}


def _by_sol(settings: Settings, rover: str, kind: Kind) -> dg.AssetsDefinition:
    key = by_sol(rover)[kind]

    @dg.asset(
        key=key,
        partitions_def=sols_of(rover),
        deps=[dg.AssetKey(["lake", *key.path[1:]])],
        backfill_policy=dg.BackfillPolicy.multi_run(BRONZE_RUN_SOLS),
        output_required=False,
        check_specs=[agreement_spec(key)],
        pool=WAREHOUSE_POOL,
        group_name=rover,
        kinds={"table"},
        owners=lake_assets.OWNERS,
        description=_DESCRIPTIONS[kind].format(title=ROVERS[rover].title),
    )
    def documents(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
        published: dg.ResourceParam[Published],
        event_log: dg.ResourceParam[EventLog],
    ) -> Iterator[dg.AssetCheckResult]:
        require_space(settings.folders)
        found: dict[str, list[ObjectInfo]] = {key: [] for key in context.partition_keys}
        for each in lake.list(prefix_of(kind, rover)):
            at = coordinates(each.key)
            if at is not None and at.sol is not None and sol_key(at.sol) in found:
                found[sol_key(at.sol)].append(each)
        loading = _load(context, lake, warehouse, published, found)
        _report(event_log, context.asset_key, found, loading, sources=settings.sources)
        yield agreement(key, unloaded(lake, warehouse, published, settings.rovers, [prefix_of(kind, rover)]))

    return documents


def _load(
    context: dg.AssetExecutionContext,
    lake: Lake,
    warehouse: Warehouse,
    published: Published,
    found: Mapping[str, Sequence[ObjectInfo]],
) -> Loading:
    """Load the objects of each partition, publish the ledger, and report to Dagster the partitions that are whole."""
    loading = load(lake, warehouse, [each for objects in found.values() for each in objects], published)
    warehouse.publish(published, [LEDGER])
    with materializations(context) as log:
        for partition, objects in found.items():
            broken = any(each.key in loading.broken for each in objects)
            # Dagster marks every partition of a failing run FAILED that it does not report, also those without objects.
            if not broken and (objects or loading.broken):
                log.add(_materialization(context.asset_key, partition, objects, loading))
    return loading


def _report(
    event_log: EventLog,
    asset: dg.AssetKey,
    found: Mapping[str, Sequence[ObjectInfo]],
    loading: Loading,
    *,
    sources: Sequence[str],
) -> None:
    """Write to the log what was loaded, and that what is broken has to be asked for again. Raises Failure for that.

    After Dagster: what is loaded is materialized, also when the log is away.
    """
    if loading.report.loaded:
        records = sum(loading.headers[key].record_count for key in loading.report.loaded)
        reported = load_complete(asset.to_user_string(), datetime.now(UTC), loading.report.loaded, records)
        event_log.publish(LOADS_COMPLETE, [reported])
    if loading.broken:
        etags = {each.key: each.etag for objects in found.values() for each in objects}
        event_log.publish(UPLOADS_DEAD, [broken_object(key, etags[key], str(why)) for key, why in loading.broken.items()])
        event_log.publish(INGESTION_REQUESTS, _asking_again(loading.broken, sources))
        raise _failure(loading.broken)


def _asking_again(keys: Iterable[str], sources: Sequence[str]) -> Iterator[Message]:
    """Requests for broken documents. The gap sensor sees only those whose header is broken, not those whose end is cut."""
    for key in keys:
        match coordinates(key):
            case Coordinates(Kind.PHOTOS, rover, source, int(sol)) if source in sources:
                yield sols_request(rover, [sol], refetch=True)
            case Coordinates(Kind.PHOTOS | Kind.IMAGES) | None:
                continue
            case Coordinates(_, rover):
                yield refresh_request([rover], young=False)


def _materialization(
    asset: dg.AssetKey, partition: str, objects: Sequence[ObjectInfo], loading: Loading
) -> dg.AssetMaterialization:
    headers = [loading.headers[each.key] for each in objects if each.key in loading.headers]
    metadata: dict[str, Any] = {
        "objects": len(objects),
        "loaded": sum(each.key in loading.report.loaded for each in objects),
        "bytes": sum(each.size for each in objects),
        "seconds": round(loading.seconds, 3),
        "object key": ", ".join(each.key for each in objects),
    }
    if headers:
        metadata["records"] = sum(each.record_count for each in headers)
        metadata["source"] = ", ".join(each.source for each in headers)
    return dg.AssetMaterialization(asset, partition=partition, metadata=metadata)


def _failure(broken: dict[str, DocumentError]) -> dg.Failure:
    listed = list(broken.values())[:10]
    summary = f"{len(broken)} objects of the lake are broken; everything else is loaded. They are fetched again."
    return dg.Failure(
        description="\n".join([summary, *(f"- {plain(reason, 1_000)}" for reason in listed)]),
        metadata={"reasons": dg.MetadataValue.md("\n".join(f"- {as_text(reason, 1_000)}" for reason in listed))},
        allow_retries=False,
    )
