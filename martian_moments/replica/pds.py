"""The generated PDS imaging index of a rover: a label and a fixed-width table per volume, and conditional responses.

Columns have the names, the order and the widths of the real label, without some of its columns; the descent volume also
lacks paths and the motion counter. Every second photo has a thumbnail beside it: of the real lines, over half are some.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, lru_cache
from pathlib import PurePosixPath
from typing import Final

from martian_moments.replica.histories import GeneratedHistory
from martian_moments.replica.mission import Photo
from martian_moments.replica.responses import Response
from martian_moments.replica.spacecraft_clock import moment_of

_SPACECRAFT: Final = {"opportunity": "mer1", "spirit": "mer2"}
_CAMERAS: Final = {
    "PANCAM": ("p", "PANCAM"),
    "NAVCAM": ("n", "NAVCAM"),
    "FHAZ": ("h", "FRONT_HAZCAM"),
    "RHAZ": ("h", "REAR_HAZCAM"),
    "MINITES": ("m", "MI"),
    "ENTRY": ("d", "DESCAM"),
}
"""By v1's name: the letter of the volume, and the instrument, which also has an eye unless it has only one."""

_ONE_EYED: Final = frozenset({"MI", "DESCAM"})
_DESCENT: Final = "d"
_NOT_OF_THE_DESCENT: Final = frozenset({"PATH_NAME", "FILE_NAME", "ROVER_MOTION_COUNTER"})
_THUMBNAIL_EVERY: Final = 2
_TEXT: Final = True
_ITEMS: Final = {"ROVER_MOTION_COUNTER": (5, 6)}
_COLUMNS: Final = (
    ("VOLUME_ID", 11, _TEXT),
    ("INSTRUMENT_HOST_ID", 4, _TEXT),
    ("INSTRUMENT_ID", 18, _TEXT),
    ("PATH_NAME", 65, _TEXT),
    ("FILE_NAME", 32, _TEXT),
    ("PRODUCT_ID", 27, _TEXT),
    ("PLANET_DAY_NUMBER", 4, not _TEXT),
    ("START_TIME", 20, not _TEXT),
    ("STOP_TIME", 20, not _TEXT),
    ("SPACECRAFT_CLOCK_START_COUNT", 30, _TEXT),
    ("LINES", 4, not _TEXT),
    ("LINE_SAMPLES", 4, not _TEXT),
    ("IMAGE_TYPE", 10, _TEXT),
    ("ROVER_MOTION_COUNTER", 34, not _TEXT),
)
"""Name, width in bytes, and whether quotation marks stand around the column."""

_NOTE: Final = "SYNTHETIC                     = TRUE"


@dataclass(frozen=True, slots=True)
class _Product:
    """One line: a photo, or its thumbnail."""

    photo: Photo
    is_thumbnail: bool

    @property
    def identity(self) -> str:
        name = PurePosixPath(self.photo.img_src).name.removesuffix("-BR.JPG")
        return name.replace("EFF", "ETH", 1) if self.is_thumbnail else name


def _renditions(number: int) -> Sequence[bool]:
    return (False, True) if number % _THUMBNAIL_EVERY == 0 else (False,)


class PDSIndex:
    """The index of a generated history's rover, at the moment of the history."""

    def __init__(self, history: GeneratedHistory) -> None:
        self._history = history
        self._spacecraft = _SPACECRAFT[history.rover.name]
        self._volumes = {f"{self._spacecraft}{letter}o_0xxx": letter for letter, _ in _CAMERAS.values()}
        self._table = lru_cache(maxsize=len(self._volumes))(self._lines)

    @property
    def sols(self) -> Sequence[int]:
        """The sols with lines, ascending."""
        return self._history.sols

    @cached_property
    def counts(self) -> Mapping[int, int]:
        """How many lines each of the sols has; nothing is made to count them."""
        exposures = self._history.exposures
        return {sol: sum(len(_renditions(number)) for _, number in exposures(sol)) for sol in self.sols}

    def ids(self, sol: int) -> Sequence[str]:
        """The identities of a sol's products."""
        return [product.identity for product in self._products(sol)]

    def file(self, volume: str, name: str, known: str | None) -> Response | None:
        """A volume's ``edrindex.lbl`` or ``edrindex.tab``; 304 for one whose ETag is ``known``; None for any other file."""
        letter = self._volumes.get(volume)
        if letter is None or name not in {"edrindex.lbl", "edrindex.tab"}:
            return None
        table = self._table(volume)
        if not table:
            return None
        body = table if name == "edrindex.tab" else _label(_layout(letter), len(table))
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = ((b"etag", etag.encode()),)
        if known == etag:
            return Response(b"", status=304, headers=headers)
        return Response(body, media_type=b"text/plain", headers=headers)

    def _products(self, sol: int) -> Iterator[_Product]:
        for photo in self._history.visible(sol):
            yield from (_Product(photo, is_thumbnail) for is_thumbnail in _renditions(photo.shot.number))

    def _lines(self, volume: str) -> bytes:
        letter = self._volumes[volume]
        layout = _layout(letter)
        return b"".join(
            _line(layout, _values(volume, product))
            for sol in self.sols
            for product in self._products(sol)
            if _CAMERAS[product.photo.camera][0] == letter
        )


def _values(volume: str, product: _Product) -> dict[str, str]:
    identity, shot = product.identity, product.photo.shot
    _, instrument = _CAMERAS[product.photo.camera]
    eye = "RIGHT" if identity[23] == "R" else "LEFT"
    start = moment_of(shot.clock)
    counter = (shot.site, shot.drive, 0, 0, 0)
    size = "64" if product.is_thumbnail else "1024"
    return {
        "VOLUME_ID": volume,
        "INSTRUMENT_HOST_ID": volume[:4].upper(),
        "INSTRUMENT_ID": instrument if instrument in _ONE_EYED else f"{instrument}_{eye}",
        "PATH_NAME": f"/{volume}/data/sol{shot.sol:04}/edr/",
        "FILE_NAME": f"{identity.lower()}.img",
        "PRODUCT_ID": identity,
        "PLANET_DAY_NUMBER": str(shot.sol),
        "START_TIME": f"{start:%Y-%m-%dT%H:%M:%SZ}",
        "STOP_TIME": f"{start + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
        "SPACECRAFT_CLOCK_START_COUNT": f"{shot.clock}.000",
        "LINES": size,
        "LINE_SAMPLES": size,
        "IMAGE_TYPE": "THUMBNAIL" if product.is_thumbnail else "REGULAR",
        "ROVER_MOTION_COUNTER": "\t".join(f"{count:<6}" for count in counter),
    }


def _layout(letter: str) -> Sequence[tuple[str, int, bool]]:
    return [column for column in _COLUMNS if letter != _DESCENT or column[0] not in _NOT_OF_THE_DESCENT]


def _line(layout: Sequence[tuple[str, int, bool]], values: Mapping[str, str]) -> bytes:
    fields = [f'"{values[name]:<{width}}"' if quoted else f"{values[name]:<{width}}" for name, width, quoted in layout]
    return "\t".join(fields).encode() + b"\n"


def _label(layout: Sequence[tuple[str, int, bool]], table_bytes: int) -> bytes:
    start, objects = 1, []
    for number, (name, width, quoted) in enumerate(layout, 1):
        facts = {"COLUMN_NUMBER": number, "NAME": name, "START_BYTE": start + quoted, "BYTES": width}
        if name in _ITEMS:
            items, item_bytes = _ITEMS[name]
            facts |= {"ITEMS": items, "ITEM_BYTES": item_bytes, "ITEM_OFFSET": item_bytes + 1}
        keywords = "".join(f"    {key:<25} = {value}\r\n" for key, value in facts.items())
        objects.append(f"  OBJECT = COLUMN\r\n{keywords}  END_OBJECT = COLUMN\r\n")
        start += width + 2 * quoted + 1
    rows = table_bytes // (start - 1)
    head = (
        "PDS_VERSION_ID                = PDS3\r\nRECORD_TYPE                   = FIXED_LENGTH\r\n"
        f"RECORD_BYTES                  = {start - 1}\r\nFILE_RECORDS                  = {rows}\r\n{_NOTE}\r\n"
        f"OBJECT                        = INDEX_TABLE\r\n  ROWS                        = {rows}\r\n"
    )
    return (head + "".join(objects) + "END_OBJECT                    = INDEX_TABLE\r\nEND\r\n").encode()
