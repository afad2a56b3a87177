"""The assets of moments: which pictures each is made of, and its movie."""

import asyncio
import base64
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final

import dagster as dg
from pydantic import Field

from martian_moments.dagster_runtime.data_versions import version_tags
from martian_moments.defs.assets.lake import OWNERS, failure
from martian_moments.defs.conditions import refresh_from_frames, refresh_made_before
from martian_moments.defs.partitions import moments_partitions
from martian_moments.domain.errors import InputError, MartianError
from martian_moments.domain.moments import Moment, read_moments
from martian_moments.infrastructure.durable import make_folder
from martian_moments.infrastructure.space import require_space
from martian_moments.lake.store import Lake
from martian_moments.media.choosing import REASONS, Choice
from martian_moments.pipelines.moment_files import FRAMES, keep_frames, kept_frames, moment_key
from martian_moments.pipelines.moments import Gathered, asking, gather
from martian_moments.pipelines.movies import CREDITS, FEWEST_FRAMES, POSTER, PREVIEW, Made, make
from martian_moments.pipelines.upstream import Nasa
from martian_moments.settings import IMAGES_POOL, MOVIES_POOL, SCRATCH, Settings
from martian_moments.warehouse.published import Published

FRAMES_KEY: Final = dg.AssetKey(["moments", "frames"])
MOVIE_KEY: Final = dg.AssetKey(["moments", "movie"])

_TABLES: Final = (dg.AssetKey(["silver", "fact_photos"]), dg.AssetKey(["silver", "fact_images"]))
"""What frames are chosen from."""

_BLACK: Final = 6.0
"""Mean brightness, 0 to 255, of a frame in which nobody sees anything. The darkest that are chosen have twice as much."""

_LONGEST_INLINE: Final = 400_000
"""Bytes of a preview that an asset's page shows; Dagster stores them with each movie."""

_CHECKS: Final = {
    "frame_count": "The movie, decoded again, has exactly the frames that were chosen.",
    "no_duplicate_frame": "No two of the frames that were encoded are equal.",
    "no_black_frame": "Every frame of the movie, decoded again, shows something.",
    "constant_size": "Every frame of the movie, decoded again, has its size.",
    "duration": "The movie plays as long as its frames take.",
}


class MovieConfig(dg.Config):
    """What a run of ``moments/movie`` may be given in the launchpad."""

    anew: bool = Field(default=False, description="Make the movie again, although its frames are the same.")


def moment_assets(settings: Settings) -> list[dg.AssetsDefinition]:
    """The frames and the movie of every moment."""
    return [_frames(settings), _movie(settings)]


def _frames(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=FRAMES_KEY,
        partitions_def=moments_partitions(),
        deps=_TABLES,
        backfill_policy=dg.BackfillPolicy.single_run(),
        output_required=False,
        pool=IMAGES_POOL,
        group_name="moments",
        kinds={"json"},
        owners=OWNERS,
        automation_condition=refresh_made_before(),
        description="Which pictures a moment is made of, and of every other candidate why not. Pictures that it lacks are "
        "asked for. Made first when somebody asks for it, and from then on whenever photos or pictures have changed.",
    )
    def frames(
        context: dg.AssetExecutionContext,
        published: dg.ResourceParam[Published],
        lake: dg.ResourceParam[Lake],
        nasa: dg.ResourceParam[Nasa],
    ) -> Iterator[dg.Output[None]]:
        room = partial(require_space, settings.folders)
        room()
        moments = read_moments(settings.moments_file)
        failed: dict[str, MartianError] = {}
        for name in context.partition_keys:
            try:
                moment = _named(moments.get(name), name)
                gathered = asyncio.run(_gather(published, lake, nasa, settings, moment=moment, room=room))
                keep_frames(lake, gathered.choice)
            except MartianError as error:
                failed[name] = error
                continue
            if gathered.errors:
                failed[name] = next(iter(gathered.errors.values()))
            context.log_event(
                dg.AssetMaterialization(
                    FRAMES_KEY,
                    partition=name,
                    metadata=_frames_metadata(gathered),
                    # Of what the movie is made of: only where that has changed it is made again.
                    tags=version_tags(gathered.choice.digest),
                )
            )
        if failed:
            raise failure(
                f"the pictures of {len(failed)} of {len(context.partition_keys)} moments are not all there",
                failed,
                "What is there is chosen. They are asked for again within six hours; or materialize these moments again.",
            )
        yield from ()

    return frames


def _named(moment: Moment | None, name: str) -> Moment:
    if moment is None:
        raise InputError(f"no moment is called {name} any more; the moments sensor removes its partition")
    return moment


async def _gather(
    published: Published, lake: Lake, nasa: Nasa, settings: Settings, *, moment: Moment, room: Callable[[], object]
) -> Gathered:
    async with asking(nasa, lake, moment.rover, settings, before_each=room) as ask:
        return await gather(published, moment, ask)


def _frames_metadata(gathered: Gathered) -> dict[str, Any]:
    choice = gathered.choice
    metadata: dict[str, Any] = {
        "candidates": len(choice.candidates),
        "frames": len(choice.frames),
        "left out": dg.MetadataValue.md(_left_out(choice)),
        "pictures asked for": gathered.asked,
        "object key": moment_key(choice.moment.name, FRAMES),
    }
    if choice.frames:
        metadata |= {"first sol": choice.frames[0].sol, "last sol": choice.frames[-1].sol}
    return metadata


def _left_out(choice: Choice) -> str:
    if not choice.left_out:
        return "none"
    rows = [f"| `{reason}` | {count:,} | {REASONS[reason]} |" for reason, count in choice.left_out.items()]
    return "\n".join(["| reason | pictures | |", "| --- | ---: | --- |", *rows])


def _movie(settings: Settings) -> dg.AssetsDefinition:
    @dg.asset(
        key=MOVIE_KEY,
        partitions_def=moments_partitions(),
        deps=[FRAMES_KEY],
        backfill_policy=dg.BackfillPolicy.multi_run(1),
        output_required=False,
        check_specs=[
            dg.AssetCheckSpec(name, asset=MOVIE_KEY, description=description) for name, description in _CHECKS.items()
        ],
        pool=MOVIES_POOL,
        group_name="moments",
        kinds={"mp4"},
        owners=OWNERS,
        automation_condition=refresh_from_frames(),
        description="The movie of a moment, with poster, preview, captions and credits. Made again when its frames have "
        "changed, and not otherwise.",
    )
    def movie(
        context: dg.AssetExecutionContext, config: MovieConfig, lake: dg.ResourceParam[Lake]
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        require_space(settings.folders)
        name = context.partition_key
        chosen = len(kept_frames(lake, name).frames)
        if chosen < FEWEST_FRAMES:
            yield from _no_movie(f"{name} has {chosen} frames, and a movie needs {FEWEST_FRAMES}: none is made")
            return
        scratch = settings.home / SCRATCH
        make_folder(scratch)
        made, is_new = make(lake, name, scratch, anew=config.anew, report=_Logged(context))
        with tempfile.TemporaryDirectory(prefix="movie-", dir=scratch) as folder:
            yield _looked_at(lake, name, made, Path(folder), is_new=is_new, chosen=chosen)

    return movie


def _no_movie(why: str) -> Iterator[dg.AssetCheckResult]:
    for check in _CHECKS:
        severity = dg.AssetCheckSeverity.WARN
        yield dg.AssetCheckResult(check_name=check, asset_key=MOVIE_KEY, passed=False, severity=severity, description=why)


class _Logged:
    """Writes to the run's log how far a movie is, at each tenth."""

    def __init__(self, context: dg.AssetExecutionContext) -> None:
        self._context = context

    def __call__(self, step: str, done: int, total: int) -> None:
        if done * 10 // total > (done - 1) * 10 // total:
            self._context.log.info("%s: %d of %d frames", step, done, total)


def _looked_at(lake: Lake, name: str, made: Made, folder: Path, *, is_new: bool, chosen: int) -> dg.MaterializeResult[None]:
    """What an asset's page shows of a movie, and what is found when it is decoded again from the lake."""
    from martian_moments.media.inspecting import inline, inspect

    for file in (made.movie, POSTER):
        # A movie is larger than any document may be.
        lake.get_file(moment_key(name, file), folder / file)
    found = inspect(folder / made.movie)
    size = (made.width_px, made.height_px)
    passed = {
        "frame_count": chosen == made.frames and found.frames == len(made.frame_sha256) == (1 if made.is_still else chosen),
        "no_duplicate_frame": len(set(made.frame_sha256)) == len(made.frame_sha256),
        "no_black_frame": found.darkest >= _BLACK,
        "constant_size": found.sizes == {size},
        "duration": made.is_still or abs(found.seconds - made.seconds) < 1 / made.fps,
    }
    details: dict[str, Any] = {
        "frames": found.frames,
        "darkest frame": round(found.darkest, 1),
        "sizes": ", ".join(f"{width}x{height}" for width, height in sorted(found.sizes)),
        "seconds": round(found.seconds, 3),
    }
    metadata: dict[str, Any] = {
        "poster": dg.MetadataValue.md(f"![{name}](data:image/jpeg;base64,{inline(folder / POSTER)})"),
        "frames": made.frames,
        "seconds": round(made.seconds, 3),
        "size": f"{made.width_px}x{made.height_px}",
        "bytes": made.files[made.movie][0],
        "made anew": is_new,
        "object key": moment_key(name, made.movie),
        "credits": lake.get(moment_key(name, CREDITS)).decode().splitlines()[2],
    }
    if PREVIEW in made.files and made.files[PREVIEW][0] <= _LONGEST_INLINE:
        preview = base64.b64encode(lake.get(moment_key(name, PREVIEW))).decode()
        metadata["preview"] = dg.MetadataValue.md(f"![{name}](data:image/webp;base64,{preview})")
    return dg.MaterializeResult(
        asset_key=MOVIE_KEY,
        metadata=metadata,
        data_version=dg.DataVersion(made.digest),
        check_results=[
            dg.AssetCheckResult(check_name=check, passed=good, metadata=details) for check, good in passed.items()
        ],
    )
