"""The generated PDS imaging index of a rover: a label and a fixed-width table per volume, and conditional responses.

Columns have the names, the order and the widths of the real label, without some of its columns; the descent volume also
lacks paths and the motion counter. Every second photo has a thumbnail beside it: of the real lines, over half are some.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, cached_property, lru_cache
from typing import Final

from martian_moments.domain.rovers import SOL_SECONDS
from martian_moments.domain.sun import Sun
from martian_moments.replica.file_names import PICTURES, Shot
from martian_moments.replica.histories import GeneratedHistory
from martian_moments.replica.mer_path import MERPath
from martian_moments.replica.mission import Photo
from martian_moments.replica.observations import STEREO
from martian_moments.replica.pictures.published import Part, Published
from martian_moments.replica.pointing import Sight, bearing, fields_of_view, whole
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
_SIDE: Final = 1024
_THUMBNAIL_SIDE: Final = 64
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
    ("EARTH_RECEIVED_START_TIME", 20, not _TEXT),
    ("EARTH_RECEIVED_STOP_TIME", 20, not _TEXT),
    ("SPACECRAFT_CLOCK_START_COUNT", 30, _TEXT),
    ("SEQUENCE_ID", 30, _TEXT),
    ("LOCAL_TRUE_SOLAR_TIME", 12, _TEXT),
    ("LINES", 4, not _TEXT),
    ("LINE_SAMPLES", 4, not _TEXT),
    ("FIRST_LINE", 4, not _TEXT),
    ("FIRST_LINE_SAMPLE", 4, not _TEXT),
    ("IMAGE_TYPE", 10, _TEXT),
    ("FILTER_NAME", 22, _TEXT),
    ("FILTER_NUMBER", 4, not _TEXT),
    ("FRAME_ID", 5, _TEXT),
    ("FRAME_TYPE", 6, _TEXT),
    ("AZIMUTH_FOV", 10, not _TEXT),
    ("ELEVATION_FOV", 10, not _TEXT),
    ("SITE_INSTRUMENT_AZIMUTH", 10, not _TEXT),
    ("SITE_INSTRUMENT_ELEVATION", 10, not _TEXT),
    ("ROVER_INSTRUMENT_AZIMUTH", 10, not _TEXT),
    ("ROVER_INSTRUMENT_ELEVATION", 10, not _TEXT),
    ("SOLAR_AZIMUTH", 11, not _TEXT),
    ("SOLAR_ELEVATION", 11, not _TEXT),
    ("SOLAR_LONGITUDE", 11, not _TEXT),
    ("ROVER_MOTION_COUNTER", 34, not _TEXT),
    ("PIXEL_AVERAGING_HEIGHT", 4, not _TEXT),
    ("PIXEL_AVERAGING_WIDTH", 4, not _TEXT),
)
"""Name, width in bytes, and whether quotation marks stand around the column."""

_NOTE: Final = "SYNTHETIC                     = TRUE"


_PANCAM_FILTERS: Final = {
    ("L", "2"): "PANCAM_L2_753NM",
    ("L", "5"): "PANCAM_L5_535NM",
    ("L", "7"): "PANCAM_L7_432NM",
    ("R", "2"): "PANCAM_R2_754NM",
}
"""By eye and filter (Bell et al. 2003)."""

_NOT_STATED: Final = "N/A"
_SUN_EVERY_S: Final = 1800
"""So often the Sun is computed; in between it moves evenly over the meridians, within 0.001 degrees."""


def identities(photo: Photo) -> Sequence[str]:
    """The products of a photo: the picture, and of some its thumbnail."""
    name = photo.img_src.rpartition("/")[2].removesuffix("-BR.JPG")
    return [name.replace("EFF", "ETH", 1) if thumbnail else name for thumbnail in _renditions(photo.shot.number)]


def published(rover: str, photo: Photo) -> Iterator[Published]:
    """The pictures in the archive's folder browse of the products of a photo."""
    looking = photo.shot.look.sight
    volume = f"{_SPACECRAFT[rover]}{_CAMERAS[photo.camera][0]}o_0xxx"
    folder = f"{PICTURES}/img/data/mer/{rover}/{volume}/browse/sol{photo.shot.sol:04}/edr"
    for identity, is_thumbnail in zip(identities(photo), _renditions(photo.shot.number), strict=True):
        side = _THUMBNAIL_SIDE if is_thumbnail else _SIDE
        frame = None if looking is None else whole(looking.optics, _SIDE // side)
        part = Part.THUMBNAIL if is_thumbnail else Part.WHOLE
        yield Published(identity, part, frame, (side, side), [(f"{folder}/{identity.lower()}.img.jpg", None)])


def _renditions(number: int) -> Sequence[bool]:
    return (False, True) if number % _THUMBNAIL_EVERY == 0 else (False,)


class PDSIndex:
    """The index of a generated history's rover, at the moment of the history."""

    def __init__(self, history: GeneratedHistory) -> None:
        self._history = history
        self._spacecraft = _SPACECRAFT[history.rover.name]
        self._volumes = {f"{self._spacecraft}{letter}o_0xxx": letter for letter, _ in _CAMERAS.values()}
        self._places = MERPath(history.mission).coordinates

    @property
    def sols(self) -> Sequence[int]:
        """The sols with lines, ascending."""
        return self._history.sols

    @cached_property
    def counts(self) -> Mapping[int, int]:
        """How many lines each of the sols has; nothing is made to count them."""
        shots = self._history.shots
        return {sol: sum(len(_renditions(shot.number)) for shot in shots(sol)) for sol in self.sols}

    def ids(self, sol: int) -> Sequence[str]:
        """The identities of a sol's products."""
        return [identity for photo in self._history.visible(sol) for identity in identities(photo)]

    def file(self, volume: str, name: str, known: str | None) -> Response | None:
        """A volume's ``edrindex.lbl`` or ``edrindex.tab``; 304 for one whose ETag is ``known``; None for any other file."""
        letter = self._volumes.get(volume)
        if letter is None or name not in {"edrindex.lbl", "edrindex.tab"}:
            return None
        table = self._tables.get(volume)
        if not table:
            return None
        body = table if name == "edrindex.tab" else _label(_layout(letter), len(table))
        etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
        headers = ((b"etag", etag.encode()),)
        if known == etag:
            return Response(b"", status=304, headers=headers)
        return Response(body, media_type=b"text/plain", headers=headers)

    @cached_property
    def _tables(self) -> Mapping[str, bytes]:
        """The table of each volume."""
        formats = {volume: _format(_layout(letter)) for volume, letter in self._volumes.items()}
        volumes = {letter: volume for volume, letter in self._volumes.items()}
        lines: dict[str, list[str]] = {volume: [] for volume in self._volumes}
        for sol in self.sols:
            for photo in self._history.visible(sol):
                volume = volumes[_CAMERAS[photo.camera][0]]
                values = self._values(volume, photo)
                for identity, is_thumbnail in zip(identities(photo), _renditions(photo.shot.number), strict=True):
                    lines[volume].append(formats[volume] % (values | _rendition(identity, is_thumbnail=is_thumbnail)))
        return {volume: "".join(found).encode() for volume, found in lines.items()}

    def _values(self, volume: str, photo: Photo) -> dict[str, str]:
        """What the lines of a photo and of its thumbnail both say."""
        shot, look = photo.shot, photo.shot.look
        start = moment_of(shot.clock)
        counter = (shot.site, shot.drive, 0, 0, 0)
        received = start + timedelta(hours=2)
        return {
            "VOLUME_ID": volume,
            "INSTRUMENT_HOST_ID": volume[:4].upper(),
            "PATH_NAME": f"/{volume}/data/sol{shot.sol:04}/edr/",
            "PLANET_DAY_NUMBER": str(shot.sol),
            "START_TIME": _zulu(start),
            "STOP_TIME": _zulu(start + timedelta(seconds=1)),
            "EARTH_RECEIVED_START_TIME": _zulu(received),
            "EARTH_RECEIVED_STOP_TIME": _zulu(received + timedelta(seconds=25)),
            "SPACECRAFT_CLOCK_START_COUNT": f"{shot.clock}.000",
            "SEQUENCE_ID": f"p{shot.observation.sequence:04}",
            "FIRST_LINE": "1",
            "FIRST_LINE_SAMPLE": "1",
            "FILTER_NAME": _PANCAM_FILTERS.get((look.eye, look.filter), "NONE"),
            "FILTER_NUMBER": look.filter,
            "FRAME_TYPE": "STEREO" if shot.observation.kind.name == STEREO else "MONO",
            "ROVER_MOTION_COUNTER": "\t".join(f"{count:<6}" for count in counter),
            **_camera(photo.camera, look.eye),
            **_direction(shot),
            **self._sun(shot),
        }

    def _sun(self, shot: Shot) -> dict[str, str]:
        mean = _sun_at(shot.clock // _SUN_EVERY_S * _SUN_EVERY_S)
        moved = shot.clock % _SUN_EVERY_S * 360 / SOL_SECONDS
        sun = replace(mean, subsolar_longitude_deg=mean.subsolar_longitude_deg - moved)
        sky = sun.seen_from(*self._places[shot.site, shot.drive])
        return {
            "LOCAL_TRUE_SOLAR_TIME": sky.true_solar_time,
            "SOLAR_AZIMUTH": f"{sky.azimuth_deg:.6f}",
            "SOLAR_ELEVATION": f"{sky.elevation_deg:.6f}",
            "SOLAR_LONGITUDE": f"{_signed(sun.solar_longitude_deg):.6f}",
        }


@lru_cache(maxsize=2)
def _sun_at(clock: int) -> Sun:
    return Sun.at(moment_of(clock))


def _rendition(identity: str, *, is_thumbnail: bool) -> dict[str, str]:
    """What a line says of its product alone."""
    size = str(_THUMBNAIL_SIDE if is_thumbnail else _SIDE)
    return {
        "FILE_NAME": f"{identity.lower()}.img",
        "PRODUCT_ID": identity,
        "LINES": size,
        "LINE_SAMPLES": size,
        "IMAGE_TYPE": "THUMBNAIL" if is_thumbnail else "REGULAR",
        "PIXEL_AVERAGING_HEIGHT": "1",
        "PIXEL_AVERAGING_WIDTH": "1",
    }


@cache
def _camera(camera: str, eye: str) -> Mapping[str, str]:
    """What a line says of the camera and the eye."""
    _, instrument = _CAMERAS[camera]
    side = {"L": "LEFT", "R": "RIGHT"}.get(eye, "MONO")
    return {
        "INSTRUMENT_ID": instrument if instrument in _ONE_EYED else f"{instrument}_{side}",
        "FRAME_ID": side,
    }


def _direction(shot: Shot) -> Mapping[str, str]:
    """Where a line says that the picture looks, in the frame of the site and in that of the rover, and how wide."""
    looking = shot.look.sight
    return _NOWHERE if looking is None else _seen(looking, shot.heading_deg)


_NOWHERE: Final = dict.fromkeys(
    (
        "AZIMUTH_FOV",
        "ELEVATION_FOV",
        "SITE_INSTRUMENT_AZIMUTH",
        "SITE_INSTRUMENT_ELEVATION",
        "ROVER_INSTRUMENT_AZIMUTH",
        "ROVER_INSTRUMENT_ELEVATION",
    ),
    _NOT_STATED,
)


@lru_cache(maxsize=512)
def _seen(looking: Sight, heading_deg: float) -> Mapping[str, str]:
    wide, high = fields_of_view(looking.optics)
    azimuth, elevation = bearing(heading_deg, looking.azimuth_deg, looking.elevation_deg)
    numbers = wide, high, _signed(azimuth), elevation, _signed(looking.azimuth_deg), looking.elevation_deg
    # Six digits behind the point, as many as the column has room for: -173.73300.
    return dict(zip(_NOWHERE, (f"{number:.6f}"[:10] for number in numbers), strict=True))


def _signed(degrees: float) -> float:
    """An angle as the index has it, from -180 to 180."""
    return degrees - 360 if degrees > 180 else degrees  # noqa: PLR2004 - half a turn


def _zulu(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _layout(letter: str) -> Sequence[tuple[str, int, bool]]:
    return [column for column in _COLUMNS if letter != _DESCENT or column[0] not in _NOT_OF_THE_DESCENT]


def _format(layout: Sequence[tuple[str, int, bool]]) -> str:
    """The line of a table, to be filled with values by name."""
    fields = [f'"%({name})-{width}s"' if quoted else f"%({name})-{width}s" for name, width, quoted in layout]
    return "\t".join(fields) + "\n"


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
