"""The data files of the page by name, whoever asks: the service makes the one that is asked for, the static site all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Final

from martian_moments.domain.rovers import ROVERS
from martian_moments.serving.explorer.columns import Document, document
from martian_moments.serving.explorer.photos import BLOCK_SOLS, blocks, photos

if TYPE_CHECKING:
    import duckdb

    Make = Callable[[duckdb.DuckDBPyConnection], bytes]
    """Makes a data file from the views of the published tables."""

ROVERS_FILE: Final = "rovers.json"
MOVIES_FILE: Final = "movies.json"

_DIGITS: Final = 5
"""Of a sol."""

_OF_A_ROVER: Final = ("path", "stops", "sols")


def maker(name: str, published_at: datetime) -> Make | None:
    """What makes the data file of a name, e.g. ``curiosity/photos/120.json``; None where there is no such file.

    Every name of a rover and of a block has a file, also where nothing is held of it: then it is empty.
    """
    if name == ROVERS_FILE:
        return lambda connection: document(_rovers(connection, published_at))
    match name.removesuffix(".json").split("/"):
        case [rover, kind] if rover in ROVERS and kind in _OF_A_ROVER:
            return lambda connection: document(_of_a_rover(connection, kind, rover))
        case [rover, "photos", first] if rover in ROVERS and _is_block(first):
            return lambda connection: document(photos(connection, rover, int(first)))
    return None


def _rovers(connection: duckdb.DuckDBPyConnection, published_at: datetime) -> Document:
    # Imported where it is asked for, as what follows: numpy would be a tenth of what the start of the service imports.
    from martian_moments.serving.explorer.overview import rovers

    return rovers(connection, published_at)


def _of_a_rover(connection: duckdb.DuckDBPyConnection, kind: str, rover: str) -> Document:
    from martian_moments.serving.explorer.drive import path, stops
    from martian_moments.serving.explorer.sols import sols

    return {"path": path, "stops": stops, "sols": sols}[kind](connection, rover)


def is_block(name: str) -> bool:
    """Whether a data file holds photos of some sols; there are hundreds of these."""
    return "/photos/" in name


def names(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The names of all files that hold something, movies left out: those are in the lake."""
    yield ROVERS_FILE
    for rover in ROVERS:
        yield from (f"{rover}/{kind}.json" for kind in _OF_A_ROVER)
        yield from (f"{rover}/photos/{first}.json" for first in blocks(connection, rover))


def _is_block(first: str) -> bool:
    return first.isascii() and first.isdecimal() and len(first) <= _DIGITS and int(first) % BLOCK_SOLS == 0
