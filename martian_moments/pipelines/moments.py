"""From published tables and pictures to a moment: its frames chosen, what is wanted fetched, its movie made and kept.

A moment has a folder of the lake, ``moments/<name>/``: ``frames.json`` says which pictures it is made of and why the others
are left out, ``movie.json``, which is written last, which movie was made of which frames, and beside them lie the movie,
poster, preview, captions and credits (pipelines/movies.py). Each file stands there whole or not at all.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from martian_moments.domain.errors import LakeError, MartianError, ObjectMissing, PublishedDamaged
from martian_moments.domain.moments import Moment
from martian_moments.domain.pictures import Picture
from martian_moments.lake.store import Lake
from martian_moments.media.choosing import TABLES, Candidate, Choice, choose, published_tables
from martian_moments.pipelines.images import Budget, PictureResult, Wanted, fetch_pictures
from martian_moments.pipelines.upstream import Nasa
from martian_moments.settings import SCRATCH, Settings
from martian_moments.warehouse.published import Published

FOLDER: Final = "moments/"
"""Where the lake keeps what is made of moments. Nothing of it is announced."""

FRAMES: Final = "frames.json"

_GB: Final = 10**9
Ask = Callable[[Sequence[Candidate]], Awaitable[Sequence[PictureResult]]]
"""Has pictures fetched into the lake and reports what became of each."""


def moment_key(name: str, file: str = "") -> str:
    """The key of a file of a moment; without a file that of its folder, which ends in a slash."""
    return f"{FOLDER}{name}/{file}"


@dataclass(frozen=True)
class Gathered:
    """The frames of a moment after what it lacked was asked for.

    Attributes:
        choice: its candidates.
        asked: how many pictures were asked for.
        errors: why some are not held that may be frames, by photo.
    """

    choice: Choice
    asked: int = 0
    errors: Mapping[str, MartianError] = field(default_factory=dict)


@asynccontextmanager
async def asking(
    nasa: Nasa,
    lake: Lake,
    rover: str,
    settings: Settings,
    *,
    before_each: Callable[[], object] = lambda: None,
    progress: Callable[[PictureResult], object] = lambda _: None,
) -> AsyncIterator[Ask]:
    """What asks the servers of a rover's pictures, with one rate limit and one budget as long as it is open.

    Args:
        nasa: makes the client.
        lake: keeps the pictures.
        rover: whose.
        settings: what they may take, and where they arrive.
        before_each: called before each picture is asked for; a MartianError that it raises leaves the picture.
        progress: called with each picture that is settled.

    Raises:
        MediaMissing: the extra ``media`` is not installed, without which no picture can be kept.
    """
    from martian_moments.media.extra import require_media
    from martian_moments.media.quality import measure

    require_media()
    budget = Budget(lake, round(settings.images_max_gb * _GB))
    async with nasa.pictures_client() as client:

        async def ask(wanted: Sequence[Candidate]) -> Sequence[PictureResult]:
            by_sol: dict[int, list[Wanted]] = {}
            for each in wanted:
                if each.address is not None:
                    by_sol.setdefault(each.sol, []).append(Wanted(each.photo_key, each.address))
            results: list[PictureResult] = []
            async for sol in fetch_pictures(
                client,
                lake,
                rover,
                by_sol,
                measure=measure,
                budget=budget,
                scratch=settings.home / SCRATCH,
                in_flight=settings.concurrency,
                before_each=before_each,
                progress=progress,
            ):
                if sol.error is not None:
                    raise sol.error
                results += sol.results
            return results

        yield ask


async def gather(published: Published, moment: Moment, ask: Ask) -> Gathered:
    """Choose, ask for the pictures that may be frames, and choose again, until none is wanted that was not asked for.

    One round is rarely enough: where the first picture of a stop turns out to be black, the next one of it is wanted.

    Raises:
        PublishedDamaged: a table is damaged, or was never published.
        WarehouseError: the tables cannot be read.
    """
    fresh: dict[str, Picture] = {}
    errors: dict[str, MartianError] = {}
    asked: set[str] = set()
    with TemporaryDirectory(prefix="moment-") as name:
        photos, images = fetch_tables(published, Path(name))
        gold = _fetch_gold(published, Path(name), [moment])
        while True:
            with published_tables(photos, images, fresh.values(), gold) as tables:
                choice = choose(moment, tables)
            wanted = [each for each in choice.wanted if each.photo_key not in asked]
            if not wanted:
                break
            asked |= {each.photo_key for each in wanted}
            for result in await ask(wanted):
                key = result.wanted.photo_key
                if result.picture is not None:
                    fresh[key] = result.picture
                if result.error is not None:
                    errors[key] = result.error
    lacking = {each.photo_key for each in choice.wanted}
    return Gathered(choice, len(asked), {key: error for key, error in errors.items() if key in lacking})


def look(published: Published, moments: Sequence[Moment]) -> dict[str, Choice]:
    """What each moment would be made of now; nothing is asked for. Raises as :func:`gather`."""
    with TemporaryDirectory(prefix="moment-") as name:
        photos, images = fetch_tables(published, Path(name))
        with published_tables(photos, images, (), _fetch_gold(published, Path(name), moments)) as tables:
            return {moment.name: choose(moment, tables) for moment in moments}


def cameras_of(published: Published, moment: Moment) -> list[str]:
    """The cameras that there are photos of on the moment's sols. Raises as :func:`gather`."""
    with TemporaryDirectory(prefix="moment-") as name:
        photos, _ = fetch_tables(published, Path(name))
        with published_tables(photos, None) as tables:
            rows = tables.execute(
                "select distinct source_camera from silver.fact_photos"
                " where rover = $rover and sol between $first and $final order by 1",
                {"rover": moment.rover, "first": moment.sols.first, "final": moment.sols.final},
            )
            return [camera for (camera,) in rows.fetchall()]


def fetch_tables(published: Published, folder: Path) -> tuple[Path, Path | None]:
    """The files of fact_photos and of fact_images, which is None where none was ever published."""
    photos, images = folder / "fact_photos.parquet", folder / "fact_images.parquet"
    published.fetch("silver", "fact_photos", photos)
    try:
        published.fetch("silver", "fact_images", images)
    except PublishedDamaged:
        manifest = published.manifest()
        if manifest is not None and "silver/fact_images" in manifest.tables:
            raise
        return photos, None
    return photos, images


def _fetch_gold(published: Published, folder: Path, moments: Iterable[Moment]) -> dict[str, Path]:
    """The files of the tables that stills are chosen from besides, by name."""
    names = dict.fromkeys(table for moment in moments for table in TABLES.get(moment.kind, ()))
    files = {name: folder / f"{name}.parquet" for name in names}
    for name, file in files.items():
        published.fetch("gold", name, file)
    return files


def keep_frames(lake: Lake, choice: Choice) -> bool:
    """Write ``frames.json`` unless the lake holds the same; whether it was written."""
    key, document = moment_key(choice.moment.name, FRAMES), choice.document()
    try:
        if lake.get(key) == document:
            return False
    except ObjectMissing:
        pass
    lake.put_bytes(key, document)
    return True


@dataclass(frozen=True, slots=True)
class Chosen:
    """What ``frames.json`` of the lake says."""

    moment: Moment
    digest: str
    frames: Sequence[Mapping[str, Any]]


def kept_frames(lake: Lake, name: str) -> Chosen:
    """The frames that were chosen for a moment. Raises ObjectMissing, and LakeError for a file that nobody can read."""
    return read_frames(lake.get(moment_key(name, FRAMES)))


def read_frames(document: bytes) -> Chosen:
    """What a ``frames.json`` says. Raises LakeError for one that nobody can read."""
    try:
        found = json.loads(document)
        return Chosen(Moment.model_validate_json(json.dumps(found["moment"])), found["digest"], found["frames"])
    except (ValueError, KeyError, TypeError) as error:
        raise LakeError(f"{FRAMES} of a moment cannot be read ({error}); materialize moments/frames again") from error
