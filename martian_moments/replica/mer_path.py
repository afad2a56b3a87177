"""The generated path of Spirit or Opportunity as its CSV file has it: out of order, with repeats, and CRLF line ends."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from martian_moments.domain.rovers import MARS_RADIUS_M
from martian_moments.replica.mission import Mission, Stop

FILES: Final = {"MERA_traverse.csv": "spirit", "MERB_traverse_5130.csv": "opportunity"}

_HEADER: Final = "SITE,DRIVE,START_SOL,END_SOL,RAW_X,RAW_Y,RAW_Z,CORRECTED_X,CORRECTED_Y,SYNTHETIC"
_LANDING: Final = {"spirit": (-1432.26, -863_385.06), "opportunity": (0.0, 0.0)}
"""Metres east and north on each mission's map."""

_REPEAT_EVERY: Final = 40


@dataclass(frozen=True, slots=True)
class _Place:
    stop: Stop
    last_sol: int
    east_m: float
    north_m: float

    @classmethod
    def read(cls, row: Mapping[str, str]) -> _Place:
        sol, site, drive, last_sol = (int(row[name]) for name in ("START_SOL", "SITE", "DRIVE", "END_SOL"))
        return cls(Stop(sol, site, drive, 0.0, 0.0), last_sol, float(row["CORRECTED_X"]), float(row["CORRECTED_Y"]))

    def line(self) -> str:
        at = f"{self.east_m:.2f},{self.north_m:.2f}"
        return f"{self.stop.site},{self.stop.drive},{self.stop.sol},{self.last_sol},{at},0,{at},yes"


@dataclass(frozen=True)
class MERPath:
    """The path of one of the two rovers."""

    mission: Mission

    def file(self, newest_sol: int) -> bytes:
        """The file up to a sol."""
        lines = [place.line() for place in self._until(newest_sol)]
        lines += lines[::_REPEAT_EVERY]
        self.mission.random("order of lines").shuffle(lines)
        return "\r\n".join([_HEADER, *lines, ""]).encode()

    def places(self, newest_sol: int) -> int:
        """How many places the file has, each counted once."""
        return len(self._until(newest_sol))

    def legs_driven(self, newest_sol: int) -> int:
        """How many steps lead from place to place up to a sol."""
        return len(self._until(newest_sol)) - 1

    def distance_m(self, newest_sol: int) -> float:
        """The distance driven up to a sol, straight from place to place."""
        steps = pairwise(self._until(newest_sol))
        return round(sum(math.dist((a.east_m, a.north_m), (b.east_m, b.north_m)) for a, b in steps), 2)

    @cached_property
    def coordinates(self) -> Mapping[tuple[int, int], tuple[float, float]]:
        """East longitude and latitude in degrees of each place, by site and drive, on the mission's map.

        The map is plane: metres on the sphere, without the cosine of the latitude.
        """
        longitude, latitude = self.mission.rover.landing_place
        east, north = _LANDING[self.mission.rover.name]
        return {
            (place.stop.site, place.stop.drive): (
                longitude + math.degrees((place.east_m - east) / MARS_RADIUS_M),
                latitude + math.degrees((place.north_m - north) / MARS_RADIUS_M),
            )
            for place in self._places
        }

    def _until(self, newest_sol: int) -> Sequence[_Place]:
        return [place for place in self._places if place.stop.sol <= newest_sol]

    @cached_property
    def _places(self) -> Sequence[_Place]:
        east, north = _LANDING[self.mission.rover.name]
        stops = self.mission.stops
        leaves = [stop.sol for stop in stops[1:]] + [self.mission.sols[-1].sol]
        places = []
        for stop, last_sol in zip(stops, leaves, strict=True):
            heading = math.radians(stop.heading_deg)
            east += stop.distance_m * math.sin(heading)
            north += stop.distance_m * math.cos(heading)
            # To the centimetre, as in the file, so that the truth is the distance between the places that are reported.
            places.append(_Place(stop, last_sol, round(east, 2), round(north, 2)))
        return places


def recorded_truth(file: bytes) -> dict[str, Any]:
    """The truth about a recorded file: of the lines of one place the last in the order of its sols counts."""
    lines = [_Place.read(row) for row in csv.DictReader(file.decode().splitlines())]
    lines.sort(key=lambda place: (place.stop.site, place.stop.drive, place.stop.sol, place.last_sol))
    places = {(place.stop.site, place.stop.drive): (place.east_m, place.north_m) for place in lines}
    distance = sum(math.dist(a, b) for a, b in pairwise(places.values()))
    return {"legs": len(places) - 1, "waypoints": len(places), "distance_m": round(distance, 2)}
