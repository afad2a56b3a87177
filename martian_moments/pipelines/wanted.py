"""Which pictures are wanted, by the published tables, and what the lake says of them.

Photos are known from what is published: the lake assets of pictures read no warehouse. What was asked for already is known
from the lake's own documents, so that a loop which asks for the rest ends, however far silver lags behind.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.documents import Kind, coordinates, decode, prefix_of
from martian_moments.domain.errors import DocumentError, ObjectMissing
from martian_moments.domain.pictures import Picture, record_of, records_of
from martian_moments.domain.subscriptions import Subscription
from martian_moments.lake.store import Lake
from martian_moments.pipelines.differences import versions
from martian_moments.pipelines.images import Wanted
from martian_moments.warehouse.base import LOADED_OBJECTS
from martian_moments.warehouse.published import Published

if TYPE_CHECKING:
    import pyarrow as pa

    from martian_moments.warehouse.parts import Part

_log = logging.getLogger(__name__)

_COLUMNS: Final = ("photo_key", "rover", "sol", "camera", "source_camera", "is_thumbnail", "color_kind")

_RECORDED: Final = ("photo_key", "rover", "source_url", "picture_key", "error", "fetched_at", "object_key")


def wanted_pictures(
    published: Published, subscriptions: Sequence[Subscription], sols: Collection[int] | None = None
) -> dict[int, list[Wanted]]:
    """The pictures of one rover that are subscribed to, by sol, the newest first.

    Of a photo that several subscriptions name, the first one says which rendition.

    Args:
        published: has silver.fact_photos; only the parts of it that hold the rover's sols are read.
        subscriptions: of one rover.
        sols: of these sols only.

    Raises:
        PublishedDamaged: the table is damaged.
    """
    found: dict[str, tuple[int, str]] = {}
    for subscription in reversed(subscriptions):
        rows = list(_rows(published, subscription, sols))
        newest = sorted({sol for _, sol, _ in rows}, reverse=True)[: subscription.sols.last]
        asked = {sol for sol in newest if sols is None or sol in sols}
        found |= {key: (sol, url) for key, sol, url in rows if sol in asked}
    by_sol: dict[int, list[Wanted]] = {}
    for key, (sol, url) in sorted(found.items(), key=lambda item: (-item[1][0], item[0])):
        by_sol.setdefault(sol, []).append(Wanted(key, url))
    return by_sol


def _rows(published: Published, subscription: Subscription, sols: Collection[int] | None) -> Iterator[tuple[str, int, str]]:
    """Key, sol and address of a subscription's photos; where it is of the last sols, of all of them: those decide."""
    first, final, last = subscription.sols
    column = subscription.rendition.column
    for part in published.parts("silver", "fact_photos", rover=subscription.rover):
        for group in range(part.file.num_row_groups):
            if not _may_hold(part, group, subscription.rover, first, final):
                continue
            table = part.read_group(group, [*_COLUMNS, column])
            for key, sol, url in _matching(table, subscription, column):
                if first <= sol <= final and url and (sols is None or last or sol in sols):
                    yield key, sol, url


def _may_hold(part: Part, group: int, rover: str, first: int, final: int) -> bool:
    """Whether a row group can have photos of the rover's sols, by its statistics: the table is sorted by both."""
    columns = part.file.metadata.row_group(group)
    by_name = {columns.column(index).path_in_schema: columns.column(index) for index in range(columns.num_columns)}
    sols = by_name["sol"].statistics
    if part.rover is None:
        rovers = by_name["rover"].statistics
        if rovers is None or not rovers.has_min_max or not rovers.min <= rover <= rovers.max:
            return rovers is None or not rovers.has_min_max
        if rovers.min != rovers.max:
            return True
    return sols is None or not sols.has_min_max or bool(sols.min <= final and first <= sols.max)


def _matching(table: pa.Table, subscription: Subscription, column: str) -> Iterator[tuple[str, int, str | None]]:
    import pyarrow as pa
    import pyarrow.compute as pc

    cameras = pa.array(subscription.cameras)
    of_camera = [pc.is_in(pc.utf8_upper(table[name]), cameras) for name in ("camera", "source_camera")]
    mask = pc.and_(pc.equal(table["rover"], subscription.rover), pc.or_(*of_camera))
    mask = pc.and_(mask, pc.invert(pc.fill_null(table["is_thumbnail"], fill_value=False)))
    if subscription.kinds:
        mask = pc.and_(mask, pc.is_in(table["color_kind"], pa.array(subscription.kinds)))
    rows = table.filter(mask)
    yield from zip(*(rows[name].to_pylist() for name in ("photo_key", "sol", column)), strict=True)


def recorded_pictures(lake: Lake, published: Published, rover: str) -> Mapping[str, Picture]:
    """What the lake's documents record of a rover's pictures, by photo.

    Documents that the published tables were built from are read from there, the others, which are newer, from the lake. One
    that cannot be read records nothing: its pictures are wanted again, and found in the lake.

    Raises:
        PublishedDamaged: a table is damaged.
        LakeError: the lake could not be read.
    """
    built = versions(published, *LOADED_OBJECTS)
    current: set[str] = set()
    records: dict[str, Picture] = {}
    for each in lake.list(prefix_of(Kind.IMAGES, rover)):
        if coordinates(each.key) is None:
            continue
        if built.get(each.key) == each.etag:
            current.add(each.key)
            continue
        try:
            records |= records_of(decode(each.key, lake.get(each.key)))
        except (DocumentError, ObjectMissing) as error:
            _log.warning("%s", error)
    return {**_published_records(published, rover, current), **records}


def _published_records(published: Published, rover: str, documents: Collection[str]) -> dict[str, Picture]:
    """What fact_images says of these documents. It says where a picture lies, and not all that was measured of it."""
    table = published.read("silver", "fact_images", _RECORDED) if documents else None
    if table is None:
        return {}
    columns: dict[str, Sequence[Any]] = {name: table[name].to_pylist() for name in _RECORDED}
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return {row["photo_key"]: record_of(row) for row in rows if row["rover"] == rover and row["object_key"] in documents}


def lacking(
    wanted: Mapping[int, Sequence[Wanted]], recorded: Mapping[str, Picture], now: datetime
) -> dict[int, list[Wanted]]:
    """What is wanted and is neither held, in whatever rendition, nor known to be not there for now, by sol."""
    by_sol = {
        sol: [each for each in pictures if not _is_settled(recorded.get(each.photo_key), each.url, now)]
        for sol, pictures in wanted.items()
    }
    return {sol: pictures for sol, pictures in by_sol.items() if pictures}


def _is_settled(record: Picture | None, url: str, now: datetime) -> bool:
    return record is not None and (record.is_held or record.is_known(url, now))
