"""The photos of single sols, which nearly every request is about, and photos by their ids.

Sols are read once of each snapshot, as long as there is room.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from duckdb import DuckDBPyConnection

from martian_moments.serving.query import rows, run
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.v1 import tables

_LARGEST: Final = 50_000
"""Photos that are kept of one snapshot: about 25 MB, twelve times the sol with most."""


class Photo(NamedTuple):
    """A photo as v1 shows it; ``in_v1`` says whether v1 would have had it."""

    sol: int
    camera: str
    id: int
    image_url: str | None
    in_v1: bool


class _Kept:
    """Sols by rover and number, those that were asked for last at the end."""

    def __init__(self) -> None:
        self._sols: OrderedDict[tuple[str, int], Sequence[Photo]] = OrderedDict()
        self._photos = 0

    def get(self, rover: str, sol: int) -> Sequence[Photo] | None:
        if (found := self._sols.get((rover, sol))) is not None:
            self._sols.move_to_end((rover, sol))
        return found

    def put(self, rover: str, sol: int, photos: Sequence[Photo]) -> None:
        if (rover, sol) in self._sols or not photos:
            return
        self._sols[rover, sol] = photos
        self._photos += len(photos)
        while self._photos > _LARGEST:
            self._photos -= len(self._sols.popitem(last=False)[1])


_kept: Final[WeakKeyDictionary[Snapshot, _Kept]] = WeakKeyDictionary()


async def photos_of_sol(snapshot: Snapshot, rover: str, sol: int) -> Sequence[Photo]:
    """All photos of a sol, by camera and id."""
    kept = _kept.setdefault(snapshot, _Kept())
    if (found := kept.get(rover, sol)) is None:
        statement = tables.PHOTOS + tables.OF_ROVER + tables.IN_ORDER
        found = [Photo(*row) for row in await rows(snapshot, statement, {"rover": rover, "first": sol, "last": sol})]
        kept.put(rover, sol, found)
    return found


async def photo_of(snapshot: Snapshot, number: int) -> tuple[str, Photo] | None:
    """The rover and the photo of an id, its own or one that it had before; None where there is none."""

    def find(connection: DuckDBPyConnection) -> tuple[str, Photo] | None:
        held = connection.execute(tables.ROW_OF, {"id": number}).fetchone()
        if held is None:
            return None
        row, current, in_v1 = held
        found = connection.execute(tables.AT_ROW, tables.row_of_file(row, snapshot.paths))
        ((rover, sol, camera, address),) = found.fetchall()
        return rover, Photo(sol, camera, current, address, in_v1)

    return await run(snapshot, find)
