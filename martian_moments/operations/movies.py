"""Movies for a person at a terminal: one at once, and the list of moments."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from martian_moments.domain.errors import InputError, MartianError, ObjectMissing
from martian_moments.domain.moments import Moment
from martian_moments.infrastructure.durable import make_folder, replacing
from martian_moments.infrastructure.space import require_space
from martian_moments.media.choosing import Candidate, Choice
from martian_moments.pipelines.images import PictureResult
from martian_moments.pipelines.moment_files import FRAMES, kept_frames, moment_key, read_frames
from martian_moments.pipelines.moments import Gathered, asking, cameras_of, gather, moments_of
from martian_moments.pipelines.movies import CAPTIONS, CREDITS, POSTER, Made, Report, file_of, made, render, suffix_of
from martian_moments.resources import Resources

_BESIDE: Final = {POSTER: ".jpg", CAPTIONS: ".vtt", CREDITS: ".credits.txt"}
"""What is put beside a movie, by what it is called there: players find the captions by themselves."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A movie that was made at once.

    Attributes:
        made: the movie.
        choice: which pictures are its frames, and why the others are not.
        errors: why some pictures that may be frames could not be had.
    """

    made: Made
    choice: Choice
    errors: Sequence[MartianError]

    @property
    def without_photos(self) -> Sequence[str]:
        """The cameras that were named and of which there is no candidate; a still's name groups, and are not looked at."""
        moment = self.choice.moment
        seen = {name for each in self.choice.candidates for name in (each.camera, each.source_camera)}
        return [] if moment.kind.is_still else [camera for camera in moment.cameras if camera not in seen]


def make_at_once(resources: Resources, moment: Moment, output: Path, report: Report) -> Finished:
    """Fetch what a moment lacks and make its movie as a file; nothing is written under the final name before it is whole.

    Whoever interrupts it keeps the pictures that have arrived: they are in the lake.

    Raises:
        InputError: there is no such photo, or ``output`` does not end as the codec's files do.
        MovieError: too few of the pictures are good.
    """
    if output.suffix != suffix_of(moment):
        made_as = moment.kind if moment.kind.is_still else moment.codec
        raise InputError(f"{output} has to end in {suffix_of(moment)} for {made_as}; name another --output")
    require_space(resources.settings.folders)
    gathered = asyncio.run(_gather(resources, moment, report))
    if not gathered.choice.candidates:
        raise InputError(_nothing(resources, moment))
    document = gathered.choice.document()
    beside_it = output.absolute().parent
    make_folder(beside_it)
    # Not in the home's scratch, which a platform that starts meanwhile clears.
    with tempfile.TemporaryDirectory(prefix=f".{output.stem}-", dir=beside_it) as name:
        folder = Path(name)
        movie = render(resources.lake, read_frames(document), folder / file_of(moment), report=report)
        (folder / FRAMES).write_bytes(document)
        # The movie comes last: where it is, everything is.
        others = {file: suffix for file, suffix in _BESIDE.items() if file in movie.files and suffix != output.suffix}
        beside = {FRAMES: ".frames.json", **others, movie.movie: output.suffix}
        for file, suffix in beside.items():
            with replacing(output.absolute().with_suffix(suffix)) as draft:
                shutil.copyfile(folder / file, draft)
    return Finished(movie, gathered.choice, list(gathered.errors.values()))


async def _gather(resources: Resources, moment: Moment, report: Report) -> Gathered:
    done = total = 0

    def settled(_: PictureResult) -> None:
        nonlocal done
        done += 1
        report("download", done, total)

    room = partial(require_space, resources.settings.folders)
    async with asking(
        resources.nasa, resources.lake, moment.rover, resources.settings, before_each=room, progress=settled
    ) as ask:

        async def counted(wanted: Sequence[Candidate]) -> Sequence[PictureResult]:
            nonlocal total
            total += len(wanted)
            report("download", done, total)
            return await ask(wanted)

        return await gather(resources.published, moment, counted)


def _nothing(resources: Resources, moment: Moment) -> str:
    known = cameras_of(resources.published, moment)
    there = f"there are some of {', '.join(known)}" if known else "nor of any other camera; backfill them first"
    cameras = ", ".join(moment.cameras)
    return f"no photos of {cameras} on sols {moment.sols} of {moment.rover} are published that fit, {there}"


@dataclass(frozen=True, slots=True)
class MomentState:
    """What there is of a moment.

    Attributes:
        moment: as it is written down.
        state: ``made``, ``outdated`` (its frames have changed since), ``chosen`` (frames, and no movie yet) or ``never``.
        frames: that were chosen last; None where nobody has asked.
        movie: the movie that there is.
        where: the address of its file; None without one.
    """

    moment: Moment
    state: str
    frames: int | None
    movie: Made | None
    where: str | None

    def to_json(self) -> dict[str, Any]:
        """For programs."""
        movie = self.movie
        return {
            "name": self.moment.name,
            "title": self.moment.title,
            "rover": self.moment.rover,
            "kind": self.moment.kind.value,
            "sols": str(self.moment.sols),
            "state": self.state,
            "frames": self.frames,
            "seconds": movie.seconds if movie else None,
            "bytes": movie.files[movie.movie][0] if movie else None,
            "movie": self.where,
        }


def states(resources: Resources) -> Iterator[MomentState]:
    """Every moment of :func:`moments_of`, in the order of the file. Raises SettingsError for a wrong file."""
    lake = resources.lake
    for moment in moments_of(resources.settings):
        movie = made(lake, moment.name)
        where = f"{lake.url}/{moment_key(moment.name, movie.movie)}" if movie else None
        try:
            chosen = kept_frames(lake, moment.name)
        except ObjectMissing:
            yield MomentState(moment, "never", None, movie, where)
            continue
        state = "chosen" if movie is None else "made" if movie.digest == chosen.digest else "outdated"
        yield MomentState(moment, state, len(chosen.frames), movie, where)
