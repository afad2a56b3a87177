"""Which picture lies at which address, and the truth about it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from martian_moments.domain.rovers import SOL_SECONDS
from martian_moments.replica import m20, msl, pds
from martian_moments.replica.file_names import PICTURES
from martian_moments.replica.histories import GeneratedHistory
from martian_moments.replica.mission import Mission, Photo
from martian_moments.replica.observations import IMAGE_SEQUENCE
from martian_moments.replica.optics import Optics
from martian_moments.replica.pictures.film import BAYER, GRAY, RGB, Picture
from martian_moments.replica.pictures.flaws import Flaw, Taking, taking
from martian_moments.replica.pictures.marks import EXPOSURES, Mark, mark_box
from martian_moments.replica.pictures.published import Part, Published
from martian_moments.replica.pictures.scene import View
from martian_moments.replica.pointing import Sight, projection, sight
from martian_moments.replica.spacecraft_clock import moment_of, spacecraft_clock

_CACHED_SOLS: Final = 64
_ROVER: Final = re.compile(
    r"/(?:(?P<perseverance>mars2020-raw-images)|(?P<curiosity>msl-raw-images)"
    r"|mer/gallery/all/(?:(?P<opportunity>1)|(?P<spirit>2))|img/data/mer/(?P<name>[a-z]+))/"
)
_SOL: Final = re.compile(r"/(?:sol/|sol|msss/|all/[12]/[a-z]/)(\d{3,5})/")

_REASONS: Final = {
    Part.THUMBNAIL: "thumbnail",
    Part.TILE: "tile",
    Part.SUBFRAME: "subframe",
    Part.DOWNSAMPLED: "other_size",
    Part.COMPOSITE: "other_kind",
}
_UNREADABLE: Final = frozenset({Flaw.MISSING, Flaw.DAMAGED, Flaw.UNDEREXPOSED, Flaw.OVEREXPOSED, Flaw.BLURRED})
_ZENITH: Final = frozenset({"SKYCAM"})
_HIGHEST_BLURRED_DEG: Final = 10.0
"""What looks higher sees clouds, which are never sharp."""

_FOCAL_PER_WIDTH: Final = 1.2
_LOOKS_DOWN_DEG: Final = -15.0
"""Of the cameras whose pictures do not say where they look."""


class Entry(NamedTuple):
    """One published picture with the photo that it is of, how it was taken, and whose content it has."""

    photo: Photo
    published: Published
    taking: Taking
    source: Photo
    """The photo itself, or of a repeated picture the photo before."""


class Catalogue:
    """The pictures of one rover at this moment.

    Args:
        history: whose photos.
        seed: of light, shifts and flaws.
        share: of the photos that have a flaw.
    """

    def __init__(self, history: GeneratedHistory, seed: int, share: float) -> None:
        self._history, self._seed, self._share = history, seed, share
        self._rover = history.rover
        self._pictures = lru_cache(maxsize=_CACHED_SOLS)(self._make)
        self._places = _places(history.mission)

    def find(self, path: str) -> Picture | None:
        """The picture at the path of an address; None where there is none."""
        sol = _SOL.search(path)
        return self._pictures(int(sol[1])).get(path) if sol else None

    def _make(self, sol: int) -> Mapping[str, Picture]:
        """The pictures of a sol, by path."""
        return {
            address.removeprefix(PICTURES): self._picture(entry, address, width)
            for published in self._dialects.values()
            for entry in self._entries(sol, published)
            if entry.taking.flaw is not Flaw.MISSING
            for address, width in entry.published.addresses
        }

    def truth(self, source: str, sol: int) -> dict[str, Any]:
        """What is true of the pictures of a sol, by photo_key (see truth.py); nothing of a source without the rover."""
        published = self._dialects.get(source)
        entries = self._entries(sol, published) if published else ()
        key = f"{self._rover.name}|{source}|"
        return {f"{key}{entry.published.identity}": self._truth(entry) for entry in entries}

    @property
    def _dialects(self) -> Mapping[str, Callable[[Photo], Iterable[Published]]]:
        match self._rover.name:
            case "perseverance":
                return {"v1": _of_v1(m20.published, 1), "m20": m20.published}
            case "curiosity":
                return {"v1": _of_v1(msl.published, 0), "msl": msl.published}
            case name:
                return {"v1": _gallery(name), "pds": lambda photo: pds.published(name, photo)}

    def _entries(self, sol: int, published: Callable[[Photo], Iterable[Published]]) -> Iterator[Entry]:
        """Every picture of a sol, in the order of its photos."""
        before: dict[tuple[object, ...], Photo] = {}
        for photo in self._history.visible(sol):
            pictures = list(published(photo))
            same = (
                photo.camera,
                photo.shot.look.eye,
                photo.shot.observation.kind.name,
                *(picture[1:4] for picture in pictures),
            )
            taken = self._taking(photo, before.get(same))
            source = before[same] if taken.flaw is Flaw.REPEATED else photo
            if taken.flaw is None:
                before[same] = photo
            yield from (Entry(photo, picture, taken, source) for picture in pictures)

    def _taking(self, photo: Photo, before: Photo | None) -> Taking:
        shot = photo.shot
        taken = taking(self._seed, self._rover.name, shot.sol, shot.number, self._share)
        looking = shot.look.sight
        sharp = looking is not None and looking.elevation_deg <= _HIGHEST_BLURRED_DEG
        possible = {
            Flaw.REPEATED: before is not None,
            Flaw.BLURRED: sharp and shot.observation.kind.name != IMAGE_SEQUENCE,
        }
        return taken if taken.flaw is None or possible.get(taken.flaw, True) else taken._replace(flaw=None)

    def _picture(self, entry: Entry, address: str, width: int | None) -> Picture:
        photo, published = entry.source, entry.published
        shot, taken = photo.shot, entry.taking
        if photo is not entry.photo:
            taken = self._taking(photo, None)
        size = _size(published.size, width)
        day = spacecraft_clock(self._rover.utc_of(shot.sol, 0))
        view = View(
            *_seen(photo, published, size, taken.shift),
            heading_deg=shot.heading_deg,
            place=self._places[shot.site, shot.drive],
            hour=(shot.clock - day) / SOL_SECONDS * 24,
            seconds=float(shot.clock % 100_000),
        )
        suffix = ".png" if address.lower().endswith(".png") else ".jpg"
        kind = _kind(self._rover.name, photo, published, resized=size != published.size or suffix != ".png")
        camera = f"{self._rover.name}/{photo.camera}/{shot.look.eye}"
        received = int(moment_of(shot.clock).timestamp()) + 7200
        return Picture(view, kind, suffix, self._mark(photo), camera, taken, received)

    def _mark(self, photo: Photo) -> Mark | None:
        number = photo.shot.number
        return Mark(self._rover.name, photo.shot.sol, number) if number < EXPOSURES else None

    def _truth(self, entry: Entry) -> dict[str, Any]:
        flaw, published = entry.taking.flaw, entry.published
        reason = _REASONS.get(published.part) or (flaw and flaw.value)
        renditions = {address: self._picture(entry, address, width) for address, width in published.addresses}
        readable = flaw not in _UNREADABLE and mark_box(*published.size) is not None
        return {
            "good": reason is None,
            "reason": reason,
            "flaw": flaw and flaw.value,
            "part": published.part.value,
            "mark": list(self._mark(entry.source) or ()) or None if readable else None,
            "gain": next(iter(renditions.values())).taking.gain,
            "renditions": {
                address: {
                    "width": picture.view.size[0],
                    "height": picture.view.size[1],
                    "kind": picture.kind,
                    "shift_px": [share * picture.view.size[0] for share in picture.taking.shift],
                }
                for address, picture in renditions.items()
            },
        }


def rover_of(path: str) -> str | None:
    """Of which rover a path names a picture."""
    found = _ROVER.match(path)
    return found and (found["name"] or found.lastgroup)


def _of_v1(published: Callable[[Photo], Iterable[Published]], rendition: int) -> Callable[[Photo], Iterable[Published]]:
    """v1 has of each photo the first picture of the feed, in one of its renditions."""

    def first(photo: Photo) -> Iterator[Published]:
        picture = next(iter(published(photo)))
        yield picture._replace(identity=str(photo.id), addresses=[picture.addresses[rendition]])

    return first


def _gallery(rover: str) -> Callable[[Photo], Iterable[Published]]:
    """v1 has of each photo of Spirit and Opportunity the picture in a gallery."""

    def first(photo: Photo) -> Iterator[Published]:
        picture = next(iter(pds.published(rover, photo)))
        yield picture._replace(identity=str(photo.id), addresses=[(photo.img_src, None)])

    return first


def _size(whole: tuple[int, int], width: int | None) -> tuple[int, int]:
    """How large a picture is that is no wider than this."""
    if width is None or width >= whole[0]:
        return whole
    return width, round(whole[1] * width / whole[0])


def _seen(
    photo: Photo, published: Published, size: tuple[int, int], shift: tuple[float, float]
) -> tuple[Sight, tuple[int, int], float, tuple[float, float]]:
    """The sight, the size, and the lens of a picture: pixels per radian, and where its axis is."""
    looking, frame = photo.shot.look.sight, published.frame
    right, down = (share * size[0] for share in shift)
    if looking is None or frame is None:
        looking = looking or _invented(photo, published.size)
        return looking, size, size[0] * _FOCAL_PER_WIDTH, (size[0] / 2 + right, size[1] / 2 + down)
    focal, column, row = projection(looking, frame)
    across, high = size[0] / frame.delivered[0], size[1] / frame.delivered[1]
    return looking, size, focal * across, (column * across + right, row * high + down)


@lru_cache(maxsize=1024)
def _aimed(size: tuple[int, int], eye: str, azimuth_deg: float, elevation_deg: float) -> Sight:
    optics = Optics(size, size[0] * _FOCAL_PER_WIDTH, (0.8, 0.5, -2.0), baseline_m=0.24)
    return sight(optics, eye, azimuth_deg, elevation_deg)


def _invented(photo: Photo, size: tuple[int, int]) -> Sight:
    """Where a picture looks that does not say it."""
    look, observation = photo.shot.look, photo.shot.observation
    if photo.camera in _ZENITH:
        return _aimed(size, look.eye, 0.0, 89.0)
    return _aimed(size, look.eye, observation.target_deg + 12.0 * look.step, _LOOKS_DOWN_DEG)


def _kind(rover: str, photo: Photo, published: Published, *, resized: bool) -> str:
    """How the pixels have their colour, as the file's name says; a mosaic is none any more once it is made smaller."""
    name = photo.img_src.rpartition("/")[2]
    if rover == "perseverance":
        if name[:3] in {"ZL0", "ZR0", "SI1"} or name[2] == "E":
            return GRAY if resized else BAYER
        return RGB if name[2] == "F" else GRAY
    if rover == "curiosity":
        return RGB if "_DXXX" in name and published.part is not Part.COMPOSITE else GRAY
    return GRAY


def _places(mission: Mission) -> Mapping[tuple[int, int], tuple[float, float]]:
    """Metres north and east of the landing place, by site and drive."""
    north = east = 0.0
    places = {}
    for stop in mission.stops:
        north += stop.distance_m * math.cos(math.radians(stop.heading_deg))
        east += stop.distance_m * math.sin(math.radians(stop.heading_deg))
        places[stop.site, stop.drive] = (north, east)
    return places
