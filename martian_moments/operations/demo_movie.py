"""The movie with which the demonstration ends: asked for as in the web interface, and looked for until it is there."""

from __future__ import annotations

from typing import Final

import dagster as dg

from martian_moments.dagster_runtime.backfills import request_backfill
from martian_moments.definitions import build_defs
from martian_moments.defs.assets.moments import FRAMES_KEY, MOVIE_KEY
from martian_moments.defs.partitions import MOMENTS
from martian_moments.domain.errors import PlatformFailed
from martian_moments.infrastructure.addresses import path_of
from martian_moments.media.extra import require_media
from martian_moments.pipelines.moment_files import moment_key
from martian_moments.pipelines.movies import made
from martian_moments.resources import Resources

MOMENT: Final = "perseverance-drive"
"""A moment of the package; here its pictures are the replica's."""


def ask(resources: Resources, instance: dg.DagsterInstance) -> None:
    """Have the frames of the moment chosen; its movie follows by itself. Raises MediaMissing without the extra ``media``."""
    require_media()
    # The moments sensor does so as well, within half a minute.
    instance.add_dynamic_partitions(MOMENTS, [MOMENT])
    request_backfill(
        instance,
        build_defs(resources.settings, resources).resolve_asset_graph(),
        FRAMES_KEY,
        [MOMENT],
        title=f"the movie {MOMENT}",
        description="martian-moments demo",
        tags={"martian-moments/from": "demo"},
    )


def where(resources: Resources, instance: dg.DagsterInstance) -> str | None:
    """What the movie has and where it lies, in a line; None while it is on its way.

    Raises:
        PlatformFailed: a run that makes it has failed.
    """
    movie = made(resources.lake, MOMENT)
    if movie is not None:
        file = path_of(f"{resources.lake.url.rstrip('/')}/{moment_key(MOMENT, movie.movie)}")
        return f"a movie of {movie.frames} frames ({movie.seconds:.1f} s) from generated pictures: {file}"
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])):
        if {FRAMES_KEY, MOVIE_KEY} & (run.asset_selection or set()):
            raise PlatformFailed(f"no movie was made: run {run.run_id} failed, and its page in the web interface says why")
    return None
