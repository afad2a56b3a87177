"""From published tables and pictures to the frames of a moment: chosen, and what is wanted fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from martian_moments.domain.errors import InputError, MartianError, PublishedDamaged
from martian_moments.domain.moments import Moment, read_moments
from martian_moments.domain.pictures import Picture, record_of
from martian_moments.lake.store import Lake
from martian_moments.media.choosing import TABLES, Candidate, Choice, choose, published_tables
from martian_moments.pipelines.images import Budget, PictureResult, Wanted, fetch_pictures
from martian_moments.pipelines.upstream import Nasa
from martian_moments.settings import SCRATCH, Settings
from martian_moments.warehouse.published import Published

_OF_SERVERS: Final = frozenset({"missing", "damaged"})
"""The reasons that a server can mend."""

Ask = Callable[[Sequence[Candidate]], Awaitable[Sequence[PictureResult]]]
"""Has pictures fetched into the lake and reports what became of each."""


def moments_of(settings: Settings) -> list[Moment]:
    """The moments that are written down of the rovers that are kept. Raises SettingsError for a wrong file."""
    return [each for each in read_moments(settings.moments_file).values() if each.rover in settings.rovers]


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
    budget = Budget(lake, settings.images_max_bytes)
    async with nasa.pictures_client() as client:

        async def ask(wanted: Sequence[Candidate]) -> Sequence[PictureResult]:
            by_sol: dict[int, list[Wanted]] = {}
            for each in wanted:
                if each.address is not None:
                    by_sol.setdefault(each.sol, []).append(Wanted(each.photo_key, each.address))
            results: list[PictureResult] = []
            failure: MartianError | None = None
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
                failure = failure or sol.error
                results += sol.results
            # Not before the others are settled: what arrives for them is kept.
            if failure is not None:
                raise failure
            return results

        yield ask


async def gather(published: Published, moment: Moment, ask: Ask) -> Gathered:
    """Choose, ask for the pictures that may be frames, and choose again, until none is wanted that was not asked for.

    One round is rarely enough: where the first picture of a stop turns out to be black, the next one of it is wanted.

    Raises:
        InputError: no photos were ever published.
        PublishedDamaged: a table is damaged.
        WarehouseError: the tables cannot be read.
    """
    fresh: dict[str, Picture] = {}
    errors: dict[str, MartianError] = {}
    asked: set[str] = set()
    with TemporaryDirectory(prefix="moment-") as name:
        photos, images = fetch_tables(published, Path(name))
        gold = _fetch_gold(published, Path(name), moment)
        in_vain = _asked_in_vain(published)
        now = datetime.now(UTC)
        while True:
            with published_tables(photos, images, fresh.values(), gold) as tables:
                choice = choose(moment, tables)
            # A server that did not have a picture, or had half of one, may have it after a while.
            due = [each for each in choice.candidates if each.reason in _OF_SERVERS and _is_due(each, in_vain, now)]
            wanted = [each for each in (*choice.wanted, *due) if each.photo_key not in asked]
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
    """The folders of fact_photos and of fact_images, which is None where none was ever published.

    Raises:
        InputError: no photos were ever published.
        PublishedDamaged: a table is damaged.
    """
    photos, images = (_fetched(published, name, folder / name) for name in ("fact_photos", "fact_images"))
    if photos is None:
        raise InputError(
            "no photos are published yet, and a moment is made of those that are; start the platform (martian-moments up) "
            "and backfill the sols"
        )
    return photos, images


def _fetched(published: Published, table: str, folder: Path) -> Path | None:
    try:
        published.fetch("silver", table, folder)
    except PublishedDamaged:
        manifest = published.manifest()
        if manifest is not None and f"silver/{table}" in manifest.tables:
            raise
        return None
    return folder


def _asked_in_vain(published: Published) -> dict[str, Picture]:
    """What fact_images says of the pictures that are not held, by photo."""
    table = published.read("silver", "fact_images", ["photo_key", "source_url", "fetched_at", "error"])
    rows = [] if table is None else table.to_pylist()
    return {row["photo_key"]: record_of(row) for row in rows if row["error"] is not None}


def _is_due(candidate: Candidate, in_vain: Mapping[str, Picture], now: datetime) -> bool:
    """Whether a picture that was asked for in vain may be asked for again: after a while, or from another address."""
    record = in_vain.get(candidate.photo_key)
    return record is not None and candidate.address is not None and not record.is_known(candidate.address, now)


def _fetch_gold(published: Published, folder: Path, moment: Moment) -> dict[str, Path]:
    """The folders of the tables that a still is chosen from besides, by name."""
    folders = {name: folder / f"gold.{name}" for name in TABLES.get(moment.kind, ())}
    for name, of_table in folders.items():
        published.fetch("gold", name, of_table)
    return folders
