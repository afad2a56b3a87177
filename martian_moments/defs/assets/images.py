"""The lake assets of the pictures themselves: those that somebody asked for, kept as they came."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

import dagster as dg
from pydantic import Field

from martian_moments.dagster_runtime.bookkeeping import materializations
from martian_moments.defs.assets import lake as lake_assets
from martian_moments.defs.assets.lake import OWNERS
from martian_moments.defs.partitions import Span, sols_of
from martian_moments.domain.documents import Coordinates, Kind, object_key, sol_key
from martian_moments.domain.errors import InputError, MartianError
from martian_moments.domain.moments import Sols
from martian_moments.domain.pictures import Fault, Picture
from martian_moments.domain.rovers import ROVERS
from martian_moments.domain.subscriptions import COLOR_KINDS, Rendition, Subscription
from martian_moments.infrastructure.space import require_space
from martian_moments.lake.store import Lake
from martian_moments.media.extra import require_media
from martian_moments.pipelines.images import Budget, Outcome, PictureResult, SolPictures, Wanted, fetch_pictures
from martian_moments.pipelines.upstream import Nasa
from martian_moments.pipelines.wanted import lacking, recorded_pictures, wanted_pictures
from martian_moments.settings import IMAGES_POOL, SCRATCH, Settings
from martian_moments.warehouse.published import Published

IMAGES_RUN_SOLS: Final = 200
"""The widest span of sols that one run asks for pictures of."""


def images_key(rover: str) -> dg.AssetKey:
    """The asset of a rover's pictures in the lake."""
    return dg.AssetKey(["lake", rover, "images"])


class ImagesConfig(dg.Config):
    """What a run of ``lake/<rover>/images`` may be given in the launchpad."""

    cameras: list[str] = Field(default=[], description="Keep pictures of these cameras; empty: what MARS_IMAGES says.")
    kinds: list[str] = Field(default=[], description=f"Of these kinds only: {', '.join(COLOR_KINDS)}; empty: of all.")
    rendition: str = Field(default="standard", description=f"One of {', '.join(Rendition)}, of the cameras named here.")
    refetch: bool = Field(default=False, description="Ask again for pictures that the lake already holds.")
    sols: list[int] = Field(default=[], description="Ask only for these sols of the partition range; empty: for every one.")


def images_run(rover: str, span: Span) -> dg.RunRequest:
    """A run of ``lake/<rover>/images`` over a span that asks only for the sols that are due."""
    asset = images_key(rover)
    return dg.RunRequest(
        asset_selection=[asset],
        run_config={"ops": {asset.to_python_identifier(): {"config": {"sols": list(span.sols)}}}},
        tags=span.tags(),
    )


def image_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The pictures of the settings' rovers."""
    return [_images(settings, rover) for rover in settings.rovers]


def _images(settings: Settings, rover: str) -> dg.AssetsDefinition:
    @dg.asset(
        key=images_key(rover),
        partitions_def=sols_of(rover),
        deps=[lake_assets.photos_key(rover)],
        backfill_policy=dg.BackfillPolicy.multi_run(IMAGES_RUN_SOLS),
        output_required=False,
        pool=IMAGES_POOL,
        group_name=rover,
        kinds={"nasa"},
        owners=OWNERS,
        description=f"Pictures that {ROVERS[rover].title} took, as they came, and one document per sol that says what they "
        "are like. Only those that MARS_IMAGES names, or whoever starts the run.",
    )
    def images(
        context: dg.AssetExecutionContext,
        config: ImagesConfig,
        nasa: dg.ResourceParam[Nasa],
        lake: dg.ResourceParam[Lake],
        published: dg.ResourceParam[Published],
    ) -> Iterator[dg.Output[None]]:
        require_media()
        require_space(settings.folders)
        sols = {int(partition) for partition in context.partition_keys}
        asked = set(config.sols) & sols if config.sols else sols
        recorded = recorded_pictures(lake, published, rover)
        wanted = _wanted(config, settings, published, recorded, rover=rover, sols=sols)
        due = {sol: pictures for sol, pictures in wanted.items() if sol in asked}
        failed = asyncio.run(_fetch(context, settings, nasa, lake, due, refetch=config.refetch))
        # Dagster marks every sol of a failing run FAILED that the run does not report.
        beside = sols - asked - lacking(wanted, recorded, datetime.now(UTC)).keys() if failed else set()
        _report_settled(context, (asked - due.keys()) | beside, wanted)
        if failed:
            raise lake_assets.failure(
                f"pictures of {len(failed)} of {len(due)} sols of {rover} could not be had",
                failed,
                "What arrived is kept. The images sensor asks again for what MARS_IMAGES names; or re-execute these sols.",
            )
        yield from ()

    return images


def _wanted(
    config: ImagesConfig,
    settings: Settings,
    published: Published,
    recorded: Mapping[str, Picture],
    *,
    rover: str,
    sols: set[int],
) -> Mapping[int, Sequence[Wanted]]:
    """The pictures to ask for, by sol. Cameras that are named in the launchpad are taken at their word about the rendition.

    Of MARS_IMAGES a picture that is held stays as it is, because somebody may have asked for a larger one.
    """
    if config.cameras:
        named = _subscription(config, rover)
        found = wanted_pictures(published, [named], sols)
        # Sols without such photos are nothing wrong, unless no sol has any.
        if not found and not wanted_pictures(published, [named]):
            raise InputError(
                f"no photo is known of {named}; name cameras as silver.fact_photos does, or wait until photos are published"
            )
        return found
    subscriptions = [each for each in settings.images if each.rover == rover]
    if not subscriptions:
        raise InputError(
            f"nobody says which pictures of {rover} are wanted; name cameras in the launchpad, or subscribe in MARS_IMAGES"
        )
    return {
        sol: [replace(each, url=_held_from(recorded.get(each.photo_key)) or each.url) for each in pictures]
        for sol, pictures in wanted_pictures(published, subscriptions, sols).items()
    }


def _held_from(record: Picture | None) -> str | None:
    return record.source_url if record is not None and record.is_held else None


def _subscription(config: ImagesConfig, rover: str) -> Subscription:
    cameras = tuple(camera.upper() for camera in config.cameras)
    try:
        return Subscription(rover, cameras, Sols(), tuple(config.kinds), Rendition(config.rendition))
    except ValueError as error:
        raise InputError(f"the launchpad's cameras, kinds and rendition are not accepted: {error}") from None


async def _fetch(
    context: dg.AssetExecutionContext,
    settings: Settings,
    nasa: Nasa,
    lake: Lake,
    wanted: Mapping[int, Sequence[Wanted]],
    *,
    refetch: bool,
) -> dict[str, MartianError]:
    """Ask for pictures and report the sols that are good; returns the errors of the others by partition key."""
    from martian_moments.media.quality import measure

    rover = context.asset_key.path[1]
    failed: dict[str, MartianError] = {}
    async with nasa.pictures_client() as client:
        with materializations(context) as log:
            async for result in fetch_pictures(
                client,
                lake,
                rover,
                wanted,
                measure=measure,
                budget=Budget(lake, settings.images_max_bytes),
                scratch=settings.home / SCRATCH,
                in_flight=settings.concurrency,
                refetch=refetch,
                before_each=partial(require_space, settings.folders),
            ):
                if error := _unsettled(result):
                    failed[sol_key(result.sol)] = error
                else:
                    log.add(_materialization(rover, result))
    return failed


def _unsettled(result: SolPictures) -> MartianError | None:
    """Why a sol has to be asked for again. What a server does not have is settled: its record says so."""
    open_ones = [each.error for each in result.results if each.error is not None and not _is_settled(each)]
    return result.error or next(iter(open_ones), None)


def _is_settled(result: PictureResult) -> bool:
    return result.picture is not None and result.picture.error is not Fault.FAILED


def _materialization(rover: str, result: SolPictures) -> dg.AssetMaterialization:
    pictures = [each.picture for each in result.results if each.picture is not None]
    metadata: dict[str, Any] = {
        "wanted": len(result.results),
        **{outcome.value: count for outcome in Outcome if (count := result.count(outcome))},
        "pictures": sum(each.is_held for each in pictures),
        "bytes": sum(each.bytes or 0 for each in pictures),
        "object key": object_key(Coordinates(Kind.IMAGES, rover, None, result.sol)),
        "seconds": round(result.seconds, 3),
    }
    faults = Counter(each.error.value for each in pictures if each.error is not None)
    return dg.AssetMaterialization(images_key(rover), partition=sol_key(result.sol), metadata=metadata | dict(faults))


def _report_settled(context: dg.AssetExecutionContext, sols: Iterable[int], wanted: Mapping[int, Sequence[Wanted]]) -> None:
    """Report sols that this run has asked for no picture of, because none is wanted or all are settled."""
    with materializations(context) as log:
        for sol in sorted(sols):
            metadata = {"wanted": len(wanted.get(sol, ()))}
            log.add(dg.AssetMaterialization(context.asset_key, partition=sol_key(sol), metadata=metadata))
