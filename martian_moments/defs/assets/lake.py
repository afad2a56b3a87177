"""The lake assets: manifests, photos and traverse maps, fetched from NASA and kept as they came."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, Final

import dagster as dg
from pydantic import Field

from martian_moments.dagster_runtime.bookkeeping import materializations
from martian_moments.defs.markdown import as_text, plain
from martian_moments.defs.partitions import Span, lake_run_sols, register_sols, sols_of
from martian_moments.domain.coverage import Coverage
from martian_moments.domain.documents import Document, Header, Kind, sol_key
from martian_moments.domain.errors import LakeError, MartianError, UpstreamError
from martian_moments.domain.rovers import ROVERS
from martian_moments.infrastructure.space import require_space
from martian_moments.lake.store import Lake, Put
from martian_moments.nasa.sources import read_promises
from martian_moments.pipelines import ingest
from martian_moments.pipelines.coverage import coverage
from martian_moments.pipelines.ingest import Outcome, SolResult
from martian_moments.pipelines.upstream import Nasa
from martian_moments.settings import NASA_POOL, Settings

OWNERS: Final = ["team:martian-moments"]
_SHOWN: Final = 10
"""Reasons, and partitions of each, that a failure's message lists."""

_LONGEST_REASON: Final = 1_000
"""Characters of a reason; that of a sol may have one for each source."""

_ASKED_HOURLY: Final = dg.FreshnessPolicy.time_window(warn_window=timedelta(hours=3), fail_window=timedelta(hours=12))
_ASKED_DAILY: Final = dg.FreshnessPolicy.time_window(warn_window=timedelta(days=2), fail_window=timedelta(days=4))

MANIFESTS: Final = dg.AssetKey(["lake", "manifests"])
TRAVERSE: Final = dg.AssetKey(["lake", "traverse"])


def photos_key(rover: str) -> dg.AssetKey:
    """The asset of a rover's photo documents in the lake."""
    return dg.AssetKey(["lake", rover, "photos"])


class PhotosConfig(dg.Config):
    """What a run of ``lake/<rover>/photos`` may be given in the launchpad."""

    refetch: bool = Field(default=False, description="Ask NASA again for sols that the lake already holds whole.")
    sols: list[int] = Field(default=[], description="Ask only for these sols of the partition range; empty: for every one.")


def photos_run(rover: str, span: Span, *, refetch: bool = False, run_key: str | None = None, **tags: str) -> dg.RunRequest:
    """A run of ``lake/<rover>/photos`` over a span that asks only for the sols that are due."""
    asset = photos_key(rover)
    config = {"sols": list(span.sols), "refetch": refetch}
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=[asset],
        run_config={"ops": {asset.to_python_identifier(): {"config": config}}},
        tags={**span.tags(), **tags},
    )


def lake_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The lake assets of the settings' rovers."""
    return [_manifests(settings), *(_photos(settings, rover) for rover in settings.rovers), _traverse(settings)]


def _manifests(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=MANIFESTS,
        partitions_def=dg.StaticPartitionsDefinition(list(settings.rovers)),
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        output_required=False,
        pool=NASA_POOL,
        group_name="mission",
        kinds={"nasa", "json"},
        owners=OWNERS,
        freshness_policy=_ASKED_HOURLY,
        description="One document per rover and source: the sols that the source has photos of, and how many. "
        "New sols become partitions of the rover's photos.",
    )
    def manifests(
        context: dg.AssetExecutionContext, nasa: dg.ResourceParam[Nasa], lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.Output[None]]:
        require_space(settings.folders)
        for rover in context.partition_keys:
            kept, failed = asyncio.run(_fetch_manifests(nasa, lake, rover))
            if failed and not kept:
                raise failure(f"the manifest of {rover} could not be fetched", failed)
            for _, put in kept:
                if put.kept:
                    context.log.warning(put.kept)
            for source, error in failed.items():
                context.log.warning("%s: no manifest from %s, the other sources go on: %s", rover, source, error)
            metadata = _manifests_metadata(kept, failed)
            newest = max(
                (sol for document, _ in kept if (sol := read_promises(document).newest_sol) is not None), default=None
            )
            metadata |= {
                "newest sol": "none" if newest is None else newest,
                "new sols registered": 0 if newest is None else register_sols(context.instance, rover, newest),
            }
            context.log_event(dg.AssetMaterialization(MANIFESTS, partition=rover, metadata=metadata))
        yield from ()

    return manifests


async def _fetch_manifests(nasa: Nasa, lake: Lake, rover: str) -> tuple[list[tuple[Document, Put]], dict[str, MartianError]]:
    """The manifest of each source that can have the rover; the errors of the others by source."""
    kept: list[tuple[Document, Put]] = []
    failed: dict[str, MartianError] = {}
    async with nasa.client() as client:
        for source in nasa.photo_sources(client, rover):
            try:
                kept.append(await ingest.fetch_manifest(source, lake, rover))
            except (UpstreamError, LakeError) as error:
                failed[source.name] = error
    return kept, failed


def _manifests_metadata(kept: Sequence[tuple[Document, Put]], failed: Mapping[str, MartianError]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "served": any(read_promises(document).served for document, _ in kept),
        "sources": ", ".join(document.header.source for document, _ in kept) or "none",
    }
    for document, put in kept:
        promised = read_promises(document)
        reported = document_metadata(document.header, put) | {
            "served": promised.served,
            "sols with photos": len(promised.sols),
            "sols that cannot be": promised.impossible,
            "photos promised": promised.total if None not in promised.sols.values() else promised.stated_total or "unknown",
        }
        if promised.unanswered:
            reported["unanswered"] = ", ".join(promised.unanswered)
        metadata |= {f"{promised.source}: {name}": value for name, value in reported.items()}
    return metadata | {f"{source}: error": str(error) for source, error in failed.items()}


def _traverse(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=TRAVERSE,
        partitions_def=dg.StaticPartitionsDefinition(list(settings.rovers)),
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        output_required=False,
        pool=NASA_POOL,
        group_name="mission",
        kinds={"nasa", "geojson"},
        owners=OWNERS,
        freshness_policy=_ASKED_DAILY,
        description="Two documents per rover: the path it drove, leg by leg, and the waypoints where it stopped.",
    )
    def traverse(
        context: dg.AssetExecutionContext, nasa: dg.ResourceParam[Nasa], lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.Output[None]]:
        require_space(settings.folders)
        for rover in context.partition_keys:
            kept, failed = asyncio.run(_fetch_traverse(nasa, lake, rover))
            if failed:
                raise failure(f"{len(failed)} of 2 traverse maps of {rover} could not be fetched", failed)
            metadata: dict[str, Any] = {}
            for kind, fetched in kept.items():
                if fetched is None:
                    context.log.warning("%s: the source has no %s; it is asked again on schedule", rover, kind)
                    metadata[f"{kind}: served"] = False
                else:
                    document, put = fetched
                    if put.kept:
                        context.log.warning(put.kept)
                    shown = document_metadata(document.header, put)
                    metadata |= {f"{kind}: {name}": value for name, value in shown.items()}
            context.log_event(dg.AssetMaterialization(TRAVERSE, partition=rover, metadata=metadata))
        yield from ()

    return traverse


async def _fetch_traverse(
    nasa: Nasa, lake: Lake, rover: str
) -> tuple[dict[Kind, tuple[Document, Put] | None], dict[str, MartianError]]:
    """Each map that was fetched, None where its source has no such file, and the errors of the others."""
    kept: dict[Kind, tuple[Document, Put] | None] = {}
    failed: dict[str, MartianError] = {}
    async with nasa.client() as client:
        source = nasa.traverse_source(client, rover)
        for kind in (Kind.TRAVERSE, Kind.WAYPOINTS):
            try:
                kept[kind] = await ingest.fetch_map(source, lake, rover, kind)
            except (UpstreamError, LakeError) as error:
                failed[kind] = error
    return kept, failed


def _photos(settings: Settings, rover: str) -> dg.AssetsDefinition:
    key = photos_key(rover)
    title = ROVERS[rover].title

    @dg.asset(
        key=key,
        partitions_def=sols_of(rover),
        deps=[dg.AssetDep(MANIFESTS, partition_mapping=dg.SpecificPartitionsPartitionMapping([rover]))],
        backfill_policy=dg.BackfillPolicy.multi_run(lake_run_sols(settings)),
        output_required=False,
        pool=NASA_POOL,
        group_name=rover,
        kinds={"nasa", "json"},
        owners=OWNERS,
        # The newest sols are asked for about five times a day; nothing has to be new of a rover that sends nothing any more.
        freshness_policy=_ASKED_DAILY if ROVERS[rover].last_heard is None else None,
        description=f"One document per sol: every photo record that its source has of {title}, as it came.",
    )
    def photos(
        context: dg.AssetExecutionContext,
        config: PhotosConfig,
        nasa: dg.ResourceParam[Nasa],
        lake: dg.ResourceParam[Lake],
    ) -> Iterator[dg.Output[None]]:
        room = partial(require_space, settings.folders)
        room()
        known = coverage(lake, rover, settings.sources)
        sols = [int(partition) for partition in context.partition_keys]
        failed = asyncio.run(_fetch_photos(context, config, nasa, lake, known, sols=sols, before_each=room))
        if failed:
            raise failure(f"{len(failed)} of {len(config.sols or sols)} sols of {rover} failed", failed)
        yield from ()

    return photos


async def _fetch_photos(
    context: dg.AssetExecutionContext,
    config: PhotosConfig,
    nasa: Nasa,
    lake: Lake,
    known: Coverage,
    *,
    sols: Sequence[int],
    before_each: Callable[[], None],
) -> dict[str, MartianError]:
    """Fetch the sols of a run and log what is good; returns the errors of the others by partition key."""
    rover = known.rover
    if not sols:
        raise failure(f"the partition range of {rover} is empty; choose its sols in ascending order", {})
    asked = set(config.sols) & set(sols) if config.sols else set(sols)
    failed: dict[str, MartianError] = {}
    async with nasa.client() as client:
        sources = nasa.photo_sources(client, rover)
        with materializations(context) as log:
            newest_first = sorted(asked, reverse=True)
            async for result in ingest.fetch_sols(
                sources,
                lake,
                known,
                newest_first,
                refetch=config.refetch,
                in_flight=nasa.requests_in_flight,
                before_each=before_each,
            ):
                if result.outcome is Outcome.FAILED:
                    failed[sol_key(result.sol)] = _joined(result.errors)
                else:
                    log.add(_materialization(rover, result))
            for result in _not_asked(context, known, set(sols) - asked, failing=bool(failed)):
                log.add(_materialization(rover, result))
    return failed


def _joined(errors: Mapping[str, MartianError]) -> MartianError:
    """Why a sol failed: the one reason, or that of every source that was asked."""
    if len(errors) == 1:
        return next(iter(errors.values()))
    return UpstreamError("; ".join(f"{source}: {error}" for source, error in errors.items()))


def _not_asked(context: dg.AssetExecutionContext, known: Coverage, sols: set[int], *, failing: bool) -> Iterator[SolResult]:
    """The sols of the range that this run is not for and that have not failed: held, or without any promised photo.

    Dagster marks every sol of a failing run FAILED that the run does not materialize, so a failing run reports them all;
    another reports only those that were never reported.
    """
    reported = set() if failing else context.instance.get_materialized_partitions(context.asset_key)
    for sol in sorted(sols):
        if sol_key(sol) in reported:
            continue
        if chosen := known.chosen(sol):
            yield SolResult(sol, Outcome.HELD, chosen.headers[sol])
        elif known.gap(sol) is None:
            yield SolResult(sol, Outcome.NOT_PROMISED)


def _materialization(rover: str, result: SolResult) -> dg.AssetMaterialization:
    metadata: dict[str, Any] = {"outcome": result.outcome.value, "seconds": round(result.seconds, 3)}
    if result.header is None:
        metadata |= {"records": 0, "source": "none"}
    else:
        metadata |= document_metadata(result.header, result.put)
    metadata |= {f"{source}: error": str(error) for source, error in result.errors.items()}
    return dg.AssetMaterialization(photos_key(rover), partition=sol_key(result.sol), metadata=metadata)


def document_metadata(header: Header, put: Put | None) -> dict[str, Any]:
    """What an asset's page shows of a document."""
    metadata: dict[str, Any] = {
        "records": header.record_count,
        "source": header.source,
        "complete": header.complete,
        "object key": header.key,
    }
    if header.promised is not None:
        metadata["promised"] = header.promised
    if put is not None:
        metadata |= {"bytes": put.size, "changed": put.changed}
        if put.kept:
            metadata["kept"] = put.kept
    return metadata


def failure(
    summary: str,
    errors: Mapping[str, MartianError],
    again: str = "The gap sensor asks again; or re-execute the failed partitions.",
) -> dg.Failure:
    """A failed run: what failed, why (each distinct reason once), and that the failed partitions can be retried alone."""
    reasons: dict[str, list[str]] = {}
    for partition, error in errors.items():
        reasons.setdefault(f"{type(error).__name__}: {error}", []).append(partition)
    listed = list(reasons.items())[:_SHOWN]
    shown = [f"- {_shortened(keys)}: {plain(reason, _LONGEST_REASON)}" for reason, keys in listed]
    formatted = [f"- {_shortened(keys)}: {as_text(reason, _LONGEST_REASON)}" for reason, keys in listed]
    return dg.Failure(
        description="\n".join([f"{summary}. {again}", *shown]),
        metadata={"failed": len(errors), "reasons": dg.MetadataValue.md("\n".join(formatted))} if errors else {},
        # The same range again would repeat what worked; the gap sensor repeats what failed.
        allow_retries=False,
    )


def _shortened(keys: Sequence[str]) -> str:
    return ", ".join(keys[:_SHOWN]) + (f" and {len(keys) - _SHOWN} more" if len(keys) > _SHOWN else "")
