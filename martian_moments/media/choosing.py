"""Which pictures are the frames of a moment, and why the others are not: one query (frames.sql) of the published tables.

The same tables give the same frames. Nothing here needs the extra ``media``.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.errors import WarehouseError
from martian_moments.domain.moments import Moment, MomentKind
from martian_moments.infrastructure.sql import from_folder

if TYPE_CHECKING:
    import duckdb

NOT_FETCHED: Final = "not_fetched"
"""The reason of a picture that is wanted and is not held."""

REASONS: Final = {
    "thumbnail": "a small copy of another picture",
    "other_kind": "no picture, or of another kind of colour than the others",
    "tile": "one of several parts of an exposure",
    "subframe": "a part of what the camera sees",
    "other_size": "of another size or shape than the others",
    "missing": "its server has no such picture",
    "damaged": "what its server has is no whole picture",
    "underexposed": "nearly all of it is black",
    "overexposed": "nearly all of it is white",
    "older_version": "there is a better version of this exposure",
    "blurred": "much less sharp than those before and after it",
    "exposure_outlier": "much brighter or darker than those before and after it",
    "repeated": "the same picture as an earlier one",
    "same_stop": "the rover had not driven since the frame before",
    "over_limit": "the moment has enough newer frames",
    NOT_FETCHED: "the lake does not hold it",
}
"""Every reason why a candidate is no frame, in the order in which they are looked for, and what it means."""

_BESIDE: Final = frozenset({"exposure_outlier", "blurred", "repeated"})
"""What a picture is beside others that show nearly the same, as those of one still do not."""

_GROUPS: Final = {
    MomentKind.ANAGLYPH: """
        select [left_photo_key, right_photo_key], [left_camera, right_camera]
        from gold.stereo_pairs
        where rover = $rover and sol between $first and $final
            and (list_contains($cameras, camera) or list_contains($cameras, left_camera))
        order by taken_at_utc desc, pair_id
    """,
    MomentKind.PANORAMA: """
        select list(frames.photo_key order by frames.taken_at_utc, frames.photo_key), [any_value(views.source_camera)]
        from gold.panoramas as views
        inner join gold.panorama_frames as frames using (panorama_id)
        where views.rover = $rover and views.sol between $first and $final
            and (list_contains($cameras, views.camera) or list_contains($cameras, views.source_camera))
        group by panorama_id
        order by any_value(coverage_deg) desc, count(*) desc, min(frames.taken_at_utc) desc, panorama_id
    """,
}
"""The pictures that one still could be made of, and their cameras, the best first."""

_FEWEST: Final = 2
"""Pictures of a still."""

TABLES: Final[Mapping[MomentKind, Sequence[str]]] = {
    MomentKind.ANAGLYPH: ("stereo_pairs",),
    MomentKind.PANORAMA: ("panoramas", "panorama_frames"),
}
"""The tables of gold that a kind is chosen from besides."""

_SETTINGS: Final[dict[str, str | bool | int | float | list[str]]] = {"threads": 1, "memory_limit": "700MB"}

_IMAGES: Final = {
    "photo_key": "varchar",
    "source_url": "varchar",
    "picture_key": "varchar",
    "bytes": "bigint",
    "sha256": "varchar",
    "width_px": "integer",
    "height_px": "integer",
    "mode": "varchar",
    "mean": "double",
    "spread": "double",
    "sharpness": "double",
    "saturated_share": "double",
    "black_share": "double",
    "perceptual_hash": "varchar",
    "error": "varchar",
}
"""What the query reads of silver.fact_images, with its types there."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A photo that a moment describes.

    Attributes:
        address: where its picture is asked for; None where nobody knows.
        picture_key: the object of the lake that holds its picture, and ``sha256`` and ``bytes`` its content; None where
            none does.
        width_px: of the picture that is held, else of what the source reports, as ``height_px``.
        mean: of the picture's brightness, 0 to 255, None where it is not held, as ``sharpness``.
        chosen: whether it is a frame; if not, ``reason`` says why (:data:`REASONS`).
        others: as silver.fact_photos and silver.fact_images have them.
    """

    photo_key: str
    rover: str
    sol: int
    camera: str
    source_camera: str
    taken_at_utc: datetime | None
    lmst: str | None
    site: int | None
    drive: int | None
    sequence_id: str | None
    color_kind: str | None
    width_px: int | None
    height_px: int | None
    mode: str | None
    source_id: str
    credit: str | None
    address: str | None
    picture_key: str | None
    sha256: str | None
    bytes: int | None
    mean: float | None
    sharpness: float | None
    view_azimuth_deg: float | None
    view_elevation_deg: float | None
    fov_h_deg: float | None
    fov_v_deg: float | None
    chosen: bool
    reason: str | None


@dataclass(frozen=True)
class Choice:
    """The candidates of a moment in the order in which they were taken."""

    moment: Moment
    candidates: Sequence[Candidate]

    @cached_property
    def frames(self) -> Sequence[Candidate]:
        """Those that are frames."""
        return [each for each in self.candidates if each.chosen]

    @cached_property
    def wanted(self) -> Sequence[Candidate]:
        """Those that may be frames as soon as the lake holds their pictures."""
        return [each for each in self.candidates if each.reason == NOT_FETCHED]

    @cached_property
    def left_out(self) -> Mapping[str, int]:
        """How many are left out for each reason, in the order of :data:`REASONS`."""
        counted = Counter(each.reason for each in self.candidates)
        return {reason: counted[reason] for reason in REASONS if counted[reason]}

    @cached_property
    def digest(self) -> str:
        """SHA-256 hex of what the movie is made of: the moment as it is written down, and its frames with their bytes."""
        made_of = [self.moment.model_dump(mode="json"), [(each.photo_key, each.sha256) for each in self.frames]]
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()

    def document(self) -> bytes:
        """``frames.json``: the moment, its frames in order, and the others with their reasons. Same choice, same bytes."""
        frames = [{"frame": number, **_shown(each)} for number, each in enumerate(self.frames, start=1)]
        found = {
            "schema": 1,
            "digest": self.digest,
            "moment": self.moment.model_dump(mode="json"),
            "frames": frames,
            "left_out": [
                {"photo_key": each.photo_key, "reason": each.reason} for each in self.candidates if not each.chosen
            ],
        }
        return (json.dumps(found, indent=1) + "\n").encode()


def _shown(frame: Candidate) -> dict[str, Any]:
    found = {name: value for name, value in asdict(frame).items() if name not in ("chosen", "reason")}
    taken = frame.taken_at_utc
    return found | {"taken_at_utc": None if taken is None else taken.isoformat(timespec="milliseconds")}


@contextmanager
def published_tables(
    photos: Path, images: Path | None, fresh: Iterable[object] = (), gold: Mapping[str, Path] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on which :func:`choose` reads.

    Args:
        photos: the folder of silver.fact_photos, as it is published.
        images: that of silver.fact_images; None where it was never published.
        fresh: what is known of pictures since then, with the columns as attributes; it stands in the place of what was
            published.
        gold: the folders of further tables, by name, see :data:`TABLES`.

    Raises:
        WarehouseError: a file cannot be read, or a query fails.
    """
    import duckdb

    columns = ", ".join(f"{name} {kind}" for name, kind in _IMAGES.items())
    try:
        with duckdb.connect(config=_SETTINGS) as connection:
            connection.execute("set TimeZone = 'UTC'; create schema silver; create schema gold")
            for table, folder in (gold or {}).items():
                connection.execute(f"create view gold.{table} as from {from_folder(folder)}")
            connection.execute(f"create view silver.fact_photos as from {from_folder(photos)}")
            connection.execute(f"create table silver.fact_images ({columns})")
            rows = [tuple(getattr(each, name) for name in _IMAGES) for each in fresh]
            if rows:
                connection.executemany(f"insert into silver.fact_images values ({', '.join('?' * len(_IMAGES))})", rows)  # noqa: S608 - no text of others
            if images is not None:
                connection.execute(
                    f"insert into silver.fact_images select {', '.join(_IMAGES)} from {from_folder(images)}"  # noqa: S608
                    " where photo_key not in (select photo_key from silver.fact_images)"
                )
            yield connection
    except duckdb.Error as error:
        raise WarehouseError(
            f"the frames of a moment cannot be chosen from the published tables ({str(error).partition(chr(10))[0]}); look "
            "for a table that is damaged (martian-moments doctor)"
        ) from error


def choose(moment: Moment, tables: duckdb.DuckDBPyConnection) -> Choice:
    """The candidates of a moment.

    Args:
        moment: what is looked for.
        tables: a connection with ``silver.fact_photos`` and ``silver.fact_images``.
    """
    return _still(moment, tables) if moment.kind.is_still else Choice(moment, _candidates(moment, tables))


def _still(moment: Moment, tables: duckdb.DuckDBPyConnection) -> Choice:
    """Of the groups of pictures that a still can be made of the first that is good, or may be when it has come.

    Of a stereo pair both pictures have to be, of a panorama those that are make it.
    """
    parameters = {"rover": moment.rover, "cameras": list(moment.cameras), **_sols(moment, tables)}
    groups = tables.execute(_GROUPS[moment.kind], parameters).fetchall()
    cameras = tuple(dict.fromkeys(camera for _, names in groups for camera in names))
    every = moment.model_copy(update={"kind": MomentKind.ALL, "cameras": cameras, "limit": 10**9})
    found = {each.photo_key: _alone(each) for each in _candidates(every, tables)} if cameras else {}
    members = {key: found[key] for keys, _ in groups for key in keys if key in found}
    chosen: Sequence[str] = ()
    for keys, _ in groups:
        good = [key for key in keys if key in members and members[key].reason in (None, NOT_FETCHED)]
        if len(good) >= _FEWEST and (moment.kind is MomentKind.PANORAMA or len(good) == len(keys)):
            chosen = keys
            break
    others = [each for key, each in members.items() if key not in chosen]
    return Choice(moment, [*(members[key] for key in chosen if key in members), *map(_surplus, others)])


def _alone(each: Candidate) -> Candidate:
    return replace(each, chosen=True, reason=None) if each.reason in _BESIDE else each


def _surplus(each: Candidate) -> Candidate:
    return replace(each, chosen=False, reason="over_limit") if each.reason in (None, NOT_FETCHED) else each


def _sols(moment: Moment, tables: duckdb.DuckDBPyConnection) -> dict[str, int]:
    first, final, last = moment.sols
    if last is not None:
        row = tables.execute("select max(sol) from silver.fact_photos where rover = $1", [moment.rover]).fetchone()
        first = ((row and row[0]) or 0) - last + 1
    return {"first": first, "final": final}


def _candidates(moment: Moment, tables: duckdb.DuckDBPyConnection) -> list[Candidate]:
    since, until = moment.lmst or (None, None)
    parameters = {
        "rover": moment.rover,
        "cameras": list(moment.cameras),
        "kind": moment.kind.value,
        "first_sol": moment.sols.first,
        "final_sol": moment.sols.final,
        "last_sols": moment.sols.last,
        "since": since,
        "until": until,
        "most": moment.limit,
    }
    found = tables.execute(_query(), parameters)
    names = [column[0] for column in found.description]
    if names != [each.name for each in fields(Candidate)]:
        raise RuntimeError(f"frames.sql gives {names}")
    return [Candidate(*row) for row in found.fetchall()]


@cache
def _query() -> str:
    return Path(__file__).with_name("frames.sql").read_text(encoding="utf-8")
