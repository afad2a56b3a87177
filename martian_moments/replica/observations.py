"""What the generated rovers photograph on a sol: stereo pairs, panoramas, sky movies, mosaics, single pictures.

The mission decides how many photos a camera takes; here they become observations, in turn, as long as there are photos left.
Observations follow one another, so that two pictures show the same clock only if two eyes took them at once. Each has a
sequence, the number that stands in the file names: the first of its kind on a sol always has the same one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, zip_longest
from typing import Final, NamedTuple

from martian_moments.replica.optics import OPTICS, Optics
from martian_moments.replica.pointing import Sight, sight

STEREO: Final = "stereo"
PANORAMA: Final = "panorama"
IMAGE_SEQUENCE: Final = "image_sequence"
MOSAIC: Final = "mosaic"
SINGLE: Final = "single"

Aim = tuple[float, float]
Take = tuple[str, str]
"""Eye (``L``, ``R``; ``N`` of a camera that has one) and filter."""


class Exposure(NamedTuple):
    """One picture of a kind of observation: after how many steps, with which eye and filter, in which direction."""

    step: int
    eye: str
    filter: str
    azimuth_deg: float
    elevation_deg: float


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A way to observe.

    Attributes:
        name: one of the names above.
        sequence: of the first observation of the kind on a sol.
        exposures: in order.
        step_s: seconds from one step to the next.
        aimed: whether the azimuths count from a target that every observation chooses anew, and not from the nose.
        tiled: whether each picture is delivered in tiles, where a feed does so.
        needs: how many pictures of each eye.
        steps: how many steps.
    """

    name: str
    sequence: int
    exposures: tuple[Exposure, ...]
    step_s: int
    aimed: bool
    tiled: bool
    needs: Mapping[str, int]
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """Cameras that observe together: by eye the v1 camera (one camera may be both eyes), their optics, and what they do."""

    cameras: Mapping[str, str]
    optics: Optics | None
    kinds: tuple[Kind, ...]

    def needs(self, kind: Kind, *, swapped: bool) -> Sequence[tuple[str, int]]:
        """How many pictures of each camera an observation of a kind needs."""
        needed = Counter[str]()
        for eye, count in kind.needs.items():
            needed[self.cameras["R" if swapped else eye]] += count
        return tuple(needed.items())


class Observation(NamedTuple):
    """One observation.

    Attributes:
        family: the cameras.
        kind: what they do.
        sequence: the number in the file names.
        target_deg: azimuth of the target, clockwise from the nose.
        swapped: whether the right eye takes what the left one would.
    """

    family: Family
    kind: Kind
    sequence: int
    target_deg: float
    swapped: bool


class Look(NamedTuple):
    """How one picture of an observation is taken: by which v1 camera, after how many steps, with which eye and filter."""

    camera: str
    step: int
    eye: str
    filter: str
    sight: Sight | None


def _kind(
    name: str,
    sequence: int,
    step_s: int,
    takes: Sequence[Take],
    aims: Sequence[Aim],
    *,
    together: bool = False,
    aimed: bool = True,
    tiled: bool = False,
) -> Kind:
    exposures = tuple(
        Exposure(place if together else place * len(takes) + turn, eye, filter_, *aim)
        for place, aim in enumerate(aims)
        for turn, (eye, filter_) in enumerate(takes)
    )
    needs = Counter(exposure.eye for exposure in exposures)
    return Kind(name, sequence, exposures, step_s, aimed, tiled, needs, exposures[-1].step + 1)


_LEFT: Final[Sequence[Take]] = (("L", "0"),)
_BOTH: Final[Sequence[Take]] = (("L", "0"), ("R", "0"))
_ONE: Final[Sequence[Take]] = (("N", "0"),)


def _around(frames: int, elevation: float) -> Sequence[Aim]:
    return [(360 / frames * frame - 180, elevation) for frame in range(frames)]


def _grid(columns: int, rows: int, width: float, height: float, elevation: float) -> Sequence[Aim]:
    return [(column * width, elevation - row * height) for row in range(rows) for column in range(columns)]


_HAZCAM: Final = (
    _kind(STEREO, 323, 20, _BOTH, [(0.0, 0.0)], together=True),
    _kind(SINGLE, 324, 2, _LEFT, [(0.0, 0.0)]),
)
_ONE_EYED: Final = (_kind(SINGLE, 0, 2, _ONE, [(0.0, -20.0)]),)
_RASTER: Final = (
    _kind(MOSAIC, 888, 20, _ONE, _grid(5, 1, 0.5, 0.0, -10.0)),
    _kind(SINGLE, 889, 2, _ONE, [(0.0, -10.0)]),
)
_MAST: Final = (
    _kind(MOSAIC, 34, 20, _BOTH, _grid(3, 2, 16.0, 11.0, -5.0), together=True),
    _kind(STEREO, 35, 20, _BOTH, [(0.0, -12.0)], together=True),
    _kind(MOSAIC, 37, 20, _LEFT, _grid(4, 2, 16.0, 11.0, 0.0)),
    _kind(SINGLE, 36, 2, _LEFT, [(0.0, -12.0)]),
)
_M20_NAVCAM: Final = (
    _kind(STEREO, 965, 20, _BOTH, [(0.0, -20.0)], together=True, aimed=False, tiled=True),
    _kind(PANORAMA, 501, 30, _LEFT, _around(5, 5.0), aimed=False),
    _kind(IMAGE_SEQUENCE, 518, 25, _LEFT, [(0.0, 30.0)] * 8),
    _kind(STEREO, 207, 20, _BOTH, [(0.0, -30.0)], together=True),
    _kind(SINGLE, 100, 2, _LEFT, [(0.0, -25.0)]),
)
_MSL_NAVCAM: Final = (
    _kind(STEREO, 534, 20, _BOTH, [(0.0, -20.0)], together=True, aimed=False),
    _kind(IMAGE_SEQUENCE, 531, 13, _LEFT, [(0.0, 80.0)] * 8),
    _kind(PANORAMA, 501, 30, _LEFT, _around(12, -5.0), aimed=False),
    _kind(STEREO, 207, 20, _BOTH, [(0.0, -34.0)], together=True),
    _kind(SINGLE, 100, 2, _LEFT, [(0.0, -25.0)]),
)
_MER_NAVCAM: Final = (
    _kind(STEREO, 1500, 20, _BOTH, [(0.0, -20.0)], together=True, aimed=False),
    _kind(PANORAMA, 1600, 30, _LEFT, _around(10, -5.0), aimed=False),
    _kind(IMAGE_SEQUENCE, 1700, 20, _LEFT, [(0.0, 30.0)] * 6),
    _kind(SINGLE, 1800, 2, _LEFT, [(0.0, -25.0)]),
)
_PANCAM: Final = (
    _kind(STEREO, 2500, 20, (("L", "2"), ("R", "2")), [(0.0, -10.0)], together=True),
    _kind(MOSAIC, 2300, 10, (("L", "2"), ("L", "5"), ("L", "7")), _grid(3, 1, 13.0, 0.0, -8.0)),
    _kind(SINGLE, 2600, 2, (("L", "7"),), [(0.0, -10.0)]),
)
_MER_HAZCAM: Final = (
    _kind(STEREO, 1200, 20, _BOTH, [(0.0, 0.0)], together=True),
    _kind(SINGLE, 1300, 2, _LEFT, [(0.0, 0.0)]),
)


def _eyes(left: str, right: str | None = None) -> Mapping[str, str]:
    return {"L": left, "R": right or left}


def _families(rover: str) -> Iterator[Family]:
    optics = OPTICS[rover]
    alone: Sequence[str]
    match rover:
        case "perseverance":
            yield Family(_eyes("NAVCAM_LEFT", "NAVCAM_RIGHT"), optics["NAVCAM"], _M20_NAVCAM)
            yield Family(_eyes("MCZ_LEFT", "MCZ_RIGHT"), optics["MCZ"], _MAST)
            yield Family(_eyes("FRONT_HAZCAM_LEFT_A", "FRONT_HAZCAM_RIGHT_A"), optics["FRONT_HAZCAM"], _HAZCAM)
            yield Family(_eyes("REAR_HAZCAM_LEFT", "REAR_HAZCAM_RIGHT"), optics["REAR_HAZCAM"], _HAZCAM)
            yield Family({"N": "SUPERCAM_RMI"}, optics["SUPERCAM_RMI"], _RASTER)
            alone = ("SKYCAM", "SHERLOC_WATSON", "EDL_RUCAM", "EDL_RDCAM", "EDL_DDCAM", "EDL_PUCAM1", "EDL_PUCAM2", "LCAM")
        case "curiosity":
            yield Family(_eyes("NAVCAM"), optics["NAVCAM"], _MSL_NAVCAM)
            yield Family(_eyes("MAST"), None, _MAST)
            yield Family(_eyes("FHAZ"), optics["FHAZ"], _HAZCAM)
            yield Family(_eyes("RHAZ"), optics["RHAZ"], _HAZCAM)
            yield Family({"N": "CHEMCAM"}, optics["CHEMCAM"], _RASTER)
            alone = ("MAHLI", "MARDI")
        case _:
            yield Family(_eyes("NAVCAM"), optics["NAVCAM"], _MER_NAVCAM)
            yield Family(_eyes("PANCAM"), optics["PANCAM"], _PANCAM)
            yield Family(_eyes("FHAZ"), optics["FHAZ"], _MER_HAZCAM)
            yield Family(_eyes("RHAZ"), optics["RHAZ"], _MER_HAZCAM)
            alone = ("MINITES", "ENTRY")
    for name in alone:
        yield Family({"N": name}, optics.get(name), _ONE_EYED)


@cache
def families(rover: str) -> Sequence[Family]:
    """The cameras of a rover."""
    return tuple(_families(rover))


def observe(
    rover: str, sol: int, photos: Mapping[str, int], day_s: int, sequence_step: int
) -> Iterator[tuple[int, int, Observation, Sequence[Look]]]:
    """The observations of a sol, one after the other: when each begins, seconds from step to step, and its pictures.

    Args:
        rover: whose cameras.
        sol: decides with which kind a camera begins, and the targets.
        photos: how many each v1 camera takes; exactly so many there are.
        day_s: within how many seconds of 0 they end, if there is at least one for each step.
        sequence_step: from the sequence of one observation to that of the next one of its kind; after 100 they repeat.
    """
    turns = [_turns(family, sol, photos, sequence_step) for family in families(rover)]
    observations = [each for each in chain.from_iterable(zip_longest(*turns)) if each is not None]
    lasting = sum(each.kind.steps * each.kind.step_s for each in observations)
    hurry = min(1.0, day_s / lasting)
    pause = max(0.0, (day_s - lasting) / len(observations))
    start = 0.0
    for observation in observations:
        kind = observation.kind
        step_s = max(1, int(kind.step_s * hurry))
        yield int(start), step_s, observation, _looks(observation.family, kind, observation.target_deg, observation.swapped)
        start += kind.steps * step_s + pause


def _turns(family: Family, sol: int, photos: Mapping[str, int], sequence_step: int) -> Iterator[Observation]:
    """The observations that use up the photos of a family."""
    left = {camera: photos.get(camera, 0) for camera in family.cameras.values()}
    ways = _ways(family)
    first, second = family.cameras.get("L", ""), family.cameras.get("R", "")
    before = [0] * len(ways)
    more, turn = sum(left.values()), sol
    while more:
        way = turn % len(ways)
        kind, needs, swapped_needs = ways[way]
        turn += 1
        swapped = swapped_needs is not None and left[first] < left[second]
        if swapped_needs is not None and swapped:
            needs = swapped_needs
        if any(left[camera] < count for camera, count in needs):
            continue
        for camera, count in needs:
            left[camera] -= count
            more -= count
        target = (turn * 130 + sol * 70) % 360 - 180.0 if kind.aimed else 0.0
        yield Observation(family, kind, kind.sequence + sequence_step * (before[way] % 100), target, swapped)
        before[way] += 1


@cache
def _ways(family: Family) -> Sequence[tuple[Kind, Sequence[tuple[str, int]], Sequence[tuple[str, int]] | None]]:
    """Each kind of a family with what it needs, and with what it needs of the right eye where that can stand in."""
    two_cameras = len(set(family.cameras.values())) > 1
    return [
        (
            kind,
            family.needs(kind, swapped=False),
            family.needs(kind, swapped=True) if two_cameras and len(kind.needs) == 1 else None,
        )
        for kind in family.kinds
    ]


@cache
def _looks(family: Family, kind: Kind, target_deg: float, swapped: bool) -> Sequence[Look]:  # noqa: FBT001 - a cache's key
    looks = []
    for step, planned, filter_, azimuth, elevation in kind.exposures:
        eye = "R" if swapped else planned
        looking = None
        if family.optics is not None:
            fixed = family.optics.fixed is not None
            aim = (0.0, 0.0) if fixed else ((target_deg + azimuth + 180) % 360 - 180, elevation)
            looking = sight(family.optics, eye, *aim)
        looks.append(Look(family.cameras[eye], step, eye, filter_, looking))
    return looks
