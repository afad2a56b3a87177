"""A generated mission: which sols have photos, what is on them, and where the rover stands. All of it follows from the seed.

Counts and gaps are drawn from the distributions of the four real manifests, or taken from a real manifest as they are.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any, Final, NamedTuple

from martian_moments.domain.rovers import Rover
from martian_moments.replica.file_names import MER_CODE_END, Shot
from martian_moments.replica.observations import observe
from martian_moments.replica.spacecraft_clock import spacecraft_clock
from martian_moments.replica.v1_names import V1_ROVERS, V1Camera

_NUMBER: Final = attrgetter("number")
_FIRST_ID: Final = 100_000_000
"""Generated photo ids start at this times the rover's id: above every recorded id, so the two cannot be confused."""

_MORNING_S: Final = 7 * 3600
_EVENING_S: Final = 18 * 3600
_SEQUENCE_STEP: Final = {"curiosity": 1000, "perseverance": 1000, "opportunity": 1, "spirit": 1}
"""Of the numbers in the names of observations, which have five digits, or four."""

_QUANTILE_SHARES: Final = (0.0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0)
_GAP_LENGTHS: Final = (1, 1, 1, 1, 1, 2, 2, 3, 4, 7, 20)


@dataclass(frozen=True, slots=True)
class _Statistics:
    """Of a real manifest: the newest sol, the share of sols without photos, photos per sol at the quantile shares."""

    last_sol: int
    absent: float
    photos: tuple[int, ...]


_STATISTICS: Final = {
    "curiosity": _Statistics(3919, 345 / 3920, (1, 4, 16, 48, 139, 276, 427, 522, 767, 1484, 3702)),
    "perseverance": _Statistics(1042, 68 / 1043, (1, 14, 34, 79, 154, 287, 416, 515, 828, 1200, 1543)),
    "opportunity": _Statistics(5111, 300 / 5111, (1, 2, 4, 14, 32, 56, 86, 114, 184, 280, 346)),
    "spirit": _Statistics(2208, 93 / 2208, (1, 2, 2, 15, 43, 86, 137, 172, 247, 353, 415)),
}


@dataclass(frozen=True, slots=True)
class SolPlan:
    """One sol with photos: how many of each camera, in the order of camera ids, and the id of the first photo."""

    sol: int
    cameras: tuple[tuple[str, int], ...]
    first_id: int

    @property
    def photos(self) -> int:
        """How many photos the sol has."""
        return sum(count for _, count in self.cameras)


@dataclass(frozen=True, slots=True)
class Stop:
    """A place where the rover stands after a drive, or after its site counter went up without motion (distance 0).

    ``heading_deg`` is where its nose points: 0 to 360, clockwise from north.
    """

    sol: int
    site: int
    drive: int
    distance_m: float
    heading_deg: float


class Photo(NamedTuple):
    """One generated photo: what v1 reports about it, and when and where it was taken."""

    id: int
    camera: str
    img_src: str
    shot: Shot


@dataclass(frozen=True)
class Mission:
    """The whole generated mission of one rover.

    Attributes:
        rover: whose mission.
        seed: what everything is drawn from.
        sols: the sols with photos, ascending.
    """

    rover: Rover
    seed: int
    sols: Sequence[SolPlan]

    @cached_property
    def by_sol(self) -> Mapping[int, SolPlan]:
        """The plans, by sol."""
        return {plan.sol: plan for plan in self.sols}

    @cached_property
    def stops(self) -> Sequence[Stop]:
        """Where the rover stood, in order; the first stop is the landing place."""
        return tuple(_drives(self.rover, self.seed, [plan.sol for plan in self.sols]))

    @cached_property
    def _stop_sols(self) -> list[int]:
        return [stop.sol for stop in self.stops]

    def stop_on(self, sol: int) -> Stop:
        """Where the rover stands at the end of a sol of the mission."""
        return self.stops[bisect_right(self._stop_sols, sol) - 1]

    def shots(self, sol: int) -> list[Shot]:
        """How the photos of a sol of the mission are taken, in the order of their numbers: by camera id, then by time."""
        plan = self.by_sol[sol]
        stop = self.stop_on(sol)
        morning = spacecraft_clock(self.rover.utc_of(sol, _MORNING_S))
        day_s = spacecraft_clock(self.rover.utc_of(sol, _EVENING_S)) - morning
        numbers, first = {}, 0
        for camera, photos in plan.cameras:
            numbers[camera] = first
            first += photos
        shots: list[Shot] = []
        observed = observe(self.rover.name, sol, dict(plan.cameras), day_s, _SEQUENCE_STEP[self.rover.name])
        for index, (start, step_s, observation, looks) in enumerate(observed):
            begin, milliseconds = morning + start, index * 37 % 1000
            for look in looks:
                number = numbers[look.camera]
                numbers[look.camera] = number + 1
                clock = begin + look.step * step_s
                shots.append(
                    Shot(sol, clock, milliseconds, stop.site, stop.drive, number, stop.heading_deg, observation, look)
                )
        return sorted(shots, key=_NUMBER)

    def photos(self, sol: int) -> list[Photo]:
        """The photos of a sol of the mission, ordered by camera id, then by id, as v1 orders them."""
        names, first_id = V1_ROVERS[self.rover.name], self.by_sol[sol].first_id
        address, files = names.image_address, names.files
        return [
            Photo(first_id + shot.number, shot.look.camera, address(files[shot.look.camera, shot.look.eye], shot), shot)
            for shot in self.shots(sol)
        ]

    def random(self, *topic: object) -> random.Random:
        """The mission's random numbers on one topic, always the same."""
        return _random(self.seed, self.rover.name, *topic)


@dataclass(frozen=True, slots=True)
class Promise:
    """How many photos a sol has, and of which cameras where that is known."""

    sol: int
    photos: int
    cameras: tuple[str, ...] | None = None


def promises_of(manifest: Mapping[str, Any]) -> list[Promise]:
    """What a real manifest (the object under ``photo_manifest``) promises."""
    return [Promise(row["sol"], row["total_photos"], tuple(row["cameras"])) for row in manifest["photos"]]


def generated_promises(rover: Rover, seed: int) -> Iterator[Promise]:
    """Promises as a real manifest of this rover could hold them, in ascending order, lazily."""
    statistics = _STATISTICS[rover.name]
    draw = _random(seed, rover.name, "sols")
    mean_gap = sum(_GAP_LENGTHS) / len(_GAP_LENGTHS)
    gap_begins = statistics.absent / (mean_gap * (1 - statistics.absent))
    sol = rover.first_sol
    while sol <= statistics.last_sol:
        yield Promise(sol, _quantile(statistics.photos, draw.random()))
        sol += 1
        if draw.random() < gap_begins:
            sol += draw.choice(_GAP_LENGTHS)


def plan_mission(rover: Rover, seed: int, promises: Iterable[Promise], *, scale: float = 1.0) -> Mission:
    """The mission that keeps these promises, their counts multiplied by ``scale`` (at least one photo remains)."""
    plans = []
    next_id = _FIRST_ID * rover.v1_id
    for promise in promises:
        photos = max(1, round(promise.photos * scale))
        plans.append(SolPlan(promise.sol, _share_out(rover, seed, promise, photos), next_id))
        next_id += photos
    return Mission(rover, seed, tuple(plans))


def _share_out(rover: Rover, seed: int, promise: Promise, photos: int) -> tuple[tuple[str, int], ...]:
    """The photos of a sol over its cameras: every camera gets one, the rest goes by a random weight."""
    cameras = V1_ROVERS[rover.name].cameras
    draw = _random(seed, rover.name, "cameras", promise.sol)
    used = [name for name in promise.cameras or () if name in cameras] or _cameras_in_use(cameras, promise.sol, draw)
    if len(used) > photos:
        used = draw.sample(used, photos)
    weights = [draw.random() + 0.1 for _ in used]
    spare = photos - len(used)
    counts = [1 + int(spare * weight / sum(weights)) for weight in weights]
    counts[0] += photos - sum(counts)
    return tuple(sorted(zip(used, counts, strict=True), key=lambda pair: rover.cameras[pair[0]].v1_id))


def _cameras_in_use(cameras: Mapping[str, V1Camera], sol: int, draw: random.Random) -> list[str]:
    working = {name: camera for name, camera in cameras.items() if camera.last_sol is None or sol <= camera.last_sol}
    used = [name for name, camera in working.items() if draw.random() < camera.share]
    return used or [max(working, key=lambda name: working[name].share)]


_DRIVE_SHARE: Final = 0.5
_LAST_DRIVE: Final = {"curiosity": 9000, "perseverance": 9000, "opportunity": MER_CODE_END, "spirit": MER_CODE_END}
_LONGEST_DRIVE: Final = {"curiosity": 600, "perseverance": 600, "opportunity": 160, "spirit": 160}
_METRES_PER_COUNT: Final = 0.2
_SHARPEST_TURN_DEG: Final = 40.0
_LANDING_SITE: Final = 3


def _drives(rover: Rover, seed: int, sols: Sequence[int]) -> Iterator[Stop]:
    draw, turn = _random(seed, rover.name, "drives"), _random(seed, rover.name, "headings")
    site, drive, heading = _LANDING_SITE, 0, turn.uniform(0, 360)
    yield Stop(sols[0], site, drive, 0.0, heading)
    for index, sol in enumerate(sols[1:]):
        always = index < 3  # noqa: PLR2004 - so that the shortest mission drives, and drives on
        if draw.random() >= _DRIVE_SHARE and not always:
            continue
        count = draw.randrange(10, _LONGEST_DRIVE[rover.name], 2)
        if drive + count < _LAST_DRIVE[rover.name]:
            drive += count
            heading = (heading + turn.uniform(-_SHARPEST_TURN_DEG, _SHARPEST_TURN_DEG)) % 360
            yield Stop(sol, site, drive, round(count * _METRES_PER_COUNT * draw.uniform(0.5, 1.5), 2), heading)
        else:
            site, drive = site + 1, 0
            yield Stop(sol, site, drive, 0.0, heading)


def _random(*topic: object) -> random.Random:
    return random.Random("/".join(map(str, topic)))  # noqa: S311 - repeatable on purpose


def _quantile(values: Sequence[int], share: float) -> int:
    upper = min(bisect_right(_QUANTILE_SHARES, share), len(values) - 1)
    low, high = _QUANTILE_SHARES[upper - 1], _QUANTILE_SHARES[upper]
    return round(values[upper - 1] + (values[upper] - values[upper - 1]) * (share - low) / (high - low))
