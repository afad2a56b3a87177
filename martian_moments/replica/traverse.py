"""The generated path of a rover as MMGIS publishes it: one feature per leg, one per waypoint.

Coordinates, lengths and waypoint totals agree on the sphere that NASA measures them on. As in the real file, some legs
overlap: a leg can start where the leg before it started and contain it (real sols 350 and 351 both start at 9_2982).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from martian_moments.domain.rovers import MARS_RADIUS_M
from martian_moments.replica.mission import Mission, Stop
from martian_moments.replica.pointing import PITCH_DEG, ROLL_DEG
from martian_moments.replica.spacecraft_clock import spacecraft_clock

Position = tuple[float, float, float]
"""East longitude and latitude in degrees, elevation in metres."""

_LANDING_ELEVATION_M: Final[Mapping[str, float]] = {"perseverance": -2569.91, "curiosity": -4501.0}
_EASTING_LATITUDE: Final = 18.4663
"""Standard parallel of the map on which Perseverance's easting is measured."""
_NOON_S: Final = 12 * 3600
_POINT_SPACING_M: Final = 1.4
_METRES_PER_MILE: Final = 1609.344
_OVERLAP_EVERY: Final = 40
_FIRST_OVERLAP: Final = 2
_MID_DRIVE_EVERY: Final = 7
_TOGETHER: Final = 4
"""Curiosity's first legs that are one feature. Of the others, counted from 0, these have the faults of the real file:"""

_DOUBLED: Final = 0
_BACKWARD: Final = 3
_SWAPPED: Final = 5


@dataclass(frozen=True, slots=True)
class _Leg:
    """One newly driven leg; ``length_m`` is measured along ``path``, in whole centimetres."""

    start: Stop
    end: Stop
    path: tuple[Position, ...]
    length_m: float


@dataclass(frozen=True)
class Traverse:
    """The path of Perseverance or Curiosity, each as its own file has it."""

    mission: Mission

    def legs(self, newest_sol: int) -> dict[str, Any]:
        """The content of the traverse file up to a sol."""
        if self.mission.rover.name == "curiosity":
            return {"type": "FeatureCollection", "name": "SELECT", "features": self._bare(newest_sol), "synthetic": True}
        features = []
        for index, leg in enumerate(self._legs_until(newest_sol)):
            before = self._legs[index - 1] if self._overlaps(index) else None
            features.append(_leg_feature(self.mission, leg, before))
        return {
            "type": "FeatureCollection",
            "name": f"M20_Traverse_Path_tosol{newest_sol}",
            "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}},
            "features": features,
            "synthetic": True,
        }

    def waypoints(self, newest_sol: int) -> dict[str, Any]:
        """The content of the waypoints file up to a sol."""
        total = 0.0
        landing = self.mission.stops[0]
        features = [_waypoint(landing, self._landing, 0.0, 0.0)]
        for index, leg in enumerate(self._legs_until(newest_sol)):
            if self._mid_drives and index % _MID_DRIVE_EVERY == _MID_DRIVE_EVERY - 1 and leg.length_m:
                features.append(_mid_drive(leg))
            total += leg.length_m
            features.append(_waypoint(leg.end, leg.path[-1], leg.length_m, total))
        return {
            "type": "FeatureCollection",
            "name": f"{self.mission.rover.mmgis}_waypoints_sol{newest_sol}_all",
            "features": features,
            "synthetic": True,
        }

    def legs_driven(self, newest_sol: int) -> int:
        """How many legs were driven up to a sol, each counted once however it is reported."""
        return len(self._legs_until(newest_sol))

    def places(self, newest_sol: int) -> int:
        """How many waypoints there are up to a sol."""
        return len(self.waypoints(newest_sol)["features"])

    def distance_m(self, newest_sol: int) -> float:
        """The distance driven up to a sol, every metre once."""
        return round(sum(leg.length_m for leg in self._legs_until(newest_sol)), 2)

    @property
    def _landing(self) -> Position:
        rover = self.mission.rover
        return (*rover.landing_place, _LANDING_ELEVATION_M[rover.name])

    @property
    def _mid_drives(self) -> bool:
        return self.mission.rover.name == "perseverance"

    def _bare(self, newest_sol: int) -> list[dict[str, Any]]:
        """Curiosity's legs, which say only how long they are, with every fault of the real file.

        The first ones are one MultiLineString, one is reported twice, two are swapped, one is drawn backwards.
        """
        legs = self._legs_until(newest_sol)
        paths = [(leg.path, leg.length_m) for leg in legs[_TOGETHER:]]
        faults = len(paths) > _SWAPPED + 1
        if faults:
            paths[_BACKWARD] = (paths[_BACKWARD][0][::-1], paths[_BACKWARD][1])
            paths[_SWAPPED : _SWAPPED + 2] = reversed(paths[_SWAPPED : _SWAPPED + 2])
            paths.insert(_DOUBLED, paths[_DOUBLED])
        features = [_bare_leg("LineString", path, length) for path, length in paths]
        together = legs[:_TOGETHER]
        if together:
            length = round(sum(leg.length_m for leg in together), 2)
            features.insert(0, _bare_leg("MultiLineString", [leg.path for leg in together], length))
        return features

    def _legs_until(self, newest_sol: int) -> list[_Leg]:
        return [leg for leg in self._legs if leg.end.sol <= newest_sol]

    def _overlaps(self, index: int) -> bool:
        return index % _OVERLAP_EVERY == _FIRST_OVERLAP

    @cached_property
    def _legs(self) -> list[_Leg]:
        draw = self.mission.random("traverse")
        legs: list[_Leg] = []
        position = self._landing
        stops = self.mission.stops
        for start, end in pairwise(stops):
            path = [position]
            steps = max(2, math.ceil(end.distance_m / _POINT_SPACING_M))
            turn = (end.heading_deg - start.heading_deg + 180) % 360 - 180
            for step in range(steps):
                heading = start.heading_deg + turn * step / (steps - 1) + draw.uniform(-8, 8)
                climb = draw.uniform(-0.05, 0.05) if end.distance_m else 0.0
                path.append(_moved(path[-1], end.distance_m / steps, heading, climb))
            position = path[-1]
            legs.append(_Leg(start, end, tuple(path), round(path_length_m(path), 2)))
        return legs


def _bare_leg(kind: str, coordinates: Sequence[Any], length_m: float) -> dict[str, Any]:
    return {
        "type": "Feature",
        "properties": {"Length": _number(length_m)},
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def path_length_m(path: Sequence[Sequence[float]]) -> float:
    """Length of a path of [longitude, latitude, ...] points on the sphere."""
    return sum(_distance_m(a, b) for a, b in pairwise(path))


def newly_driven_m(legs: Iterable[dict[str, Any]]) -> float:
    """Distance driven according to real traverse features: of the legs that start at one place, the longest holds the rest.

    For the real file of April 2026 this gives 41,737.7 m, where the rover's own total is 41,737.8 m. Curiosity's legs say no
    start; of those, what is reported twice counts once: 36,821.3 m.
    """
    longest: dict[str, float] = {}
    for leg in legs:
        properties = leg["properties"]
        start = properties.get("fromRMC") or str(leg["geometry"])
        length = properties["length"] if "length" in properties else properties["Length"]
        longest[start] = max(longest.get(start, 0.0), length)
    return round(sum(longest.values()), 2)


def _distance_m(a: Sequence[float], b: Sequence[float]) -> float:
    lat_a, lat_b = math.radians(a[1]), math.radians(b[1])
    half = math.sin((lat_b - lat_a) / 2) ** 2
    half += math.cos(lat_a) * math.cos(lat_b) * math.sin(math.radians(b[0] - a[0]) / 2) ** 2
    return 2 * MARS_RADIUS_M * math.asin(math.sqrt(half))


def _moved(start: Position, distance_m: float, heading_deg: float, climb_m: float) -> Position:
    north = distance_m * math.cos(math.radians(heading_deg)) / MARS_RADIUS_M
    east = distance_m * math.sin(math.radians(heading_deg)) / (MARS_RADIUS_M * math.cos(math.radians(start[1])))
    return (
        round(start[0] + math.degrees(east), 8),
        round(start[1] + math.degrees(north), 8),
        round(start[2] + climb_m, 6),
    )


def _leg_feature(mission: Mission, leg: _Leg, before: _Leg | None) -> dict[str, Any]:
    first = before or leg
    path = (before.path if before else ()) + leg.path
    length = round(leg.length_m + (before.length_m if before else 0.0), 2)
    start, end = (_clock(mission, sol) for sol in (first.end.sol, leg.end.sol))
    return {
        "type": "Feature",
        "properties": {
            "sol": leg.end.sol,
            "fromRMC": _rmc(first.start),
            "toRMC": _rmc(leg.end),
            "length": _number(length),
            "SCLK_START": start,
            "SCLK_END": end + 60 + int(leg.length_m * 30),
        },
        "geometry": {"type": "LineString", "coordinates": path},
    }


def _waypoint(stop: Stop, at: Position, driven_m: float, total_m: float) -> dict[str, Any]:
    lon, lat, elevation = at
    yaw = round(stop.heading_deg if stop.heading_deg <= 180 else stop.heading_deg - 360, 4)  # noqa: PLR2004 - half a turn
    parallel = math.cos(math.radians(_EASTING_LATITUDE))
    return {
        "type": "Feature",
        "properties": {
            "RMC": _rmc(stop),
            "site": stop.site,
            "drive": stop.drive,
            "sol": stop.sol,
            "easting": round(math.radians(lon) * MARS_RADIUS_M * parallel, 3),
            "northing": round(math.radians(lat) * MARS_RADIUS_M, 3),
            "elev_geoid": elevation,
            "elev_radii": round(elevation - 1683.56, 2),
            "radius": round(MARS_RADIUS_M + elevation - 1683.56, 2),
            "lon": lon,
            "lat": lat,
            "roll": ROLL_DEG,
            "pitch": PITCH_DEG,
            "yaw": yaw,
            "yaw_rad": round(math.radians(yaw), 4),
            "tilt": 0.56,
            "dist_m": _number(round(driven_m, 3)),
            "dist_total_m": _number(round(total_m, 3)),
            "dist_km": _number(round(total_m / 1000, 3)),
            "dist_mi": _number(round(total_m / _METRES_PER_MILE, 3)),
            "final": "y",
            "Note": "Generated",
            "images": [_panorama(stop)],
        },
        "geometry": {"type": "Point", "coordinates": at},
    }


def _panorama(stop: Stop) -> dict[str, Any]:
    return {
        "name": "Panorama",
        "isPanoramic": True,
        "url": f"Layers/mosaics/N_LRGB_{stop.sol:04}_RAS_{stop.site:03}{stop.drive:04}_CYL_S_AUTOGENJ01.jpg",
        "rows": "2048",
        "columns": "9292",
        "azmin": "0",
        "azmax": "360",
        "elmin": "-81.5422",
        "elmax": "11.9886",
        "elzero": "155.731",
    }


def _mid_drive(leg: _Leg) -> dict[str, Any]:
    """A waypoint in the middle of a drive. Most real ones have no total."""
    middle = len(leg.path) // 2
    stop = Stop(leg.end.sol, leg.end.site, leg.end.drive - 4, 0.0, leg.end.heading_deg)
    feature = _waypoint(stop, leg.path[middle], path_length_m(leg.path[: middle + 1]), 0.0)
    feature["properties"]["final"] = "m"
    return feature


def _clock(mission: Mission, sol: int) -> int:
    return spacecraft_clock(mission.rover.utc_of(sol, _NOON_S))


def _rmc(stop: Stop) -> str:
    return f"{stop.site}_{stop.drive}"


def _number(value: float) -> float | int:
    # The published files write whole numbers without a decimal point.
    return int(value) if value.is_integer() else value
