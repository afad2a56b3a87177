"""The paths of Spirit and Opportunity: one CSV file per rover, kept by the Analyst's Notebook of the PDS Geosciences node.

A line is a place: SITE, DRIVE, START_SOL, END_SOL, RAW_X/Y/Z and CORRECTED_X/Y, metres east and north on the missions' maps.
Copies converted from the shapefile call these CORRECTEDX/Y and add LON and LAT. Lines may be out of order and repeat; blank
lines apart, each is kept as it is. The one file gives both maps: the places, and the path through them.

Sources: the file of Spirit in jumpjack/VST-converter, its shapefile copy in Abigail770/Mars-map.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from http import HTTPStatus
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import orjson

from martian_moments.domain.documents import Document, Header, Kind, fingerprint_of
from martian_moments.domain.errors import InputError
from martian_moments.nasa.responses import Response, a_sol

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from martian_moments.nasa.http import PoliteClient

SOURCE: Final = "mer"

FILES: Final[Mapping[str, str]] = MappingProxyType({"opportunity": "MERB_traverse_5130.csv", "spirit": "MERA_traverse.csv"})

_SOLS: Final = ("START_SOL", "END_SOL")
_PLACE: Final = frozenset({"SITE", "DRIVE"})
_UNNAMED: Final = "UNNAMED"
"""What a line has beyond the columns of the header, as one text."""

_LONGEST: Final = 131_072
"""Characters of the longest line that can be a place: the :mod:`csv` module's own limit of a field. That one is a setting of
the whole process, which other libraries raise (agate, frictionless)."""


class MER:
    """The folder of the files.

    Args:
        client: asks.
        url: the folder's address.
    """

    name: Final = SOURCE

    def __init__(self, client: PoliteClient, url: str) -> None:
        self._client = client
        self._url = url
        self._tables: dict[str, _Table] = {}

    def serves(self, rover: str) -> bool:
        """Whether there is a file of this rover."""
        return rover in FILES

    async def traverse(self, rover: str) -> Document:
        """The path driven: every line of the file. A file without lines gives ``complete=False``.

        The file is asked for once in the life of this object, for both maps.

        Raises:
            InputError: there is no file of this rover.
            UpstreamUnavailable: no response.
            BrokenResponse: a response that is no table of places.
        """
        return await self._document(Kind.TRAVERSE, rover)

    async def waypoints(self, rover: str) -> Document:
        """The places where the rover stood: the same lines. Emptiness and errors as for :meth:`traverse`."""
        return await self._document(Kind.WAYPOINTS, rover)

    async def _document(self, kind: Kind, rover: str) -> Document:
        if not self.serves(rover):
            raise InputError(f"{SOURCE} has no path of {rover}; ask for a rover that it serves")
        if rover not in self._tables:
            self._tables[rover] = await self._client.get(address(self._url, rover), _table)
        table = self._tables[rover]
        page = {"file": FILES[rover], "columns": table.columns, "places": table.rows}
        return Document(
            Header(
                kind=kind,
                rover=rover,
                source=SOURCE,
                sol=None,
                fetched_at=table.response.fetched_at,
                fingerprint=fingerprint_of(table.rows),
                record_count=len(table.rows),
                promised=None,
                complete=bool(table.rows),
                requests=(table.response.url,),
                synthetic=table.synthetic,
            ),
            (orjson.dumps(page | ({"synthetic": True} if table.synthetic else {})),),
        )


def address(url: str, rover: str) -> str:
    """The address of a rover's file."""
    return f"{url.rstrip('/')}/{FILES[rover]}"


def sols(document: Document) -> list[int]:
    """The sols that the lines of a map name."""
    reported = (place.get(name) for page in document.parsed_pages() for place in page.get("places", ()) for name in _SOLS)
    return [sol for text in reported if (sol := a_sol(text)) is not None]


def records(document: Document) -> list[Hashable]:
    """Which record each line of a map is, whatever else it says of it: by its place and sols."""
    places = [place for page in document.parsed_pages() for place in page.get("places", ())]
    return [tuple(place.get(name) for name in (*sorted(_PLACE), *_SOLS)) for place in places]


@dataclass(frozen=True, slots=True)
class _Table:
    """The file: its columns, and each line as texts by column. A column that a line is too short for is missing in it."""

    response: Response
    columns: list[str]
    rows: list[dict[str, str]]

    @property
    def synthetic(self) -> bool:
        """Whether the replica generated it: it has a column that says so."""
        return "SYNTHETIC" in self.columns


def _table(response: Response) -> _Table:
    if response.status != HTTPStatus.OK:
        raise response.broken("an error instead of a table")
    # Latin-1 reads whatever bytes there are; a byte order mark is no part of the first column's name.
    lines = response.body.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace("\r", "\n").split("\n")
    read, odd = response.readable(lines, fields_of)
    if odd and not read:
        raise response.broken(odd[0])
    header, *rows = [fields for fields in read if fields] or [[]]
    columns = [name.strip().upper() for name in header]
    if not columns or not set(columns) >= _PLACE:
        raise response.broken("no table with SITE and DRIVE")
    return _Table(response, columns, [_row(columns, fields) for fields in rows])


def fields_of(line: object) -> list[str]:
    """The fields of one line: a quotation mark without its twin must not swallow the lines after it. Raises ValueError."""
    text = str(line)
    if len(text) > _LONGEST:
        raise ValueError(f"a line of {len(text)} characters, where {_LONGEST} are the most: {text[:80]}")
    try:
        return next(csv.reader([text]), [])
    except csv.Error as error:
        raise ValueError(f"a line that cannot be read ({error}): {text[:80]}") from error


def _row(columns: list[str], fields: list[str]) -> dict[str, str]:
    row = {name: text.strip() for name, text in zip(columns, fields, strict=False)}
    if more := fields[len(columns) :]:
        row[_UNNAMED] = ",".join(more)
    return row
