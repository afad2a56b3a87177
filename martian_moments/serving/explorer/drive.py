"""Where a rover drove, and where it stopped: ``data/<rover>/path.json`` and ``stops.json``.

Places are decimetres east and north of an origin near the path, on a plane: a drive of 45 km lies within a degree, and the
error of the plane on its ends is some metres in scale, none in shape that a screen shows. ``radius_m`` and the origin lead
back to longitude and latitude.
"""
# ruff: noqa: S608 - all SQL is of this package.

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import orjson

from martian_moments.domain.rovers import MARS_RADIUS_M, ROVERS
from martian_moments.serving.explorer.columns import Document, columns, rows

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

_TOLERANCE_M: Final = 0.5
"""How far a point may lie from the line that is drawn without it: below a pixel on any screen that shows 300 m."""

_POINT_AXES: Final = 3
_OUTLINE_POINTS: Final = 160
"""Of a drive as a small picture."""

_METRES_PER_DEGREE: Final = math.radians(MARS_RADIUS_M)

_STOPS: Final = """
    select
        site, drive, first_sol, last_sol, photos - thumbnails as pictures, thumbnails, cameras,
        round(($2 * (longitude - $3) * cos(radians($4)))::double)::integer as x,
        round(($2 * (latitude - $4))::double)::integer as y,
        round(elevation_m, 1) as elevation_m, round(heading_deg, 1) as heading_deg,
        round(distance_driven_m, 1) as distance_m, distance_driven_method as distance_method,
        location_method as method, location_quality as quality, round(location_uncertainty_m, 1) as uncertainty_m,
        longitude, latitude,
        {observations}
    from gold.stops where rover = $1 order by first_sol, site, drive
"""

_OBSERVATIONS: Final = {"stereo_pairs": "stereo_pairs", "panoramas": "panoramas", "sequences": "image_sequences"}


def path(connection: duckdb.DuckDBPyConnection, rover: str) -> Document:
    """The legs of a rover in the order of driving, each with its lines.

    ``lines`` has a list of lines for each leg. A line is ``[x, y, dx, dy, …]``, and ``heights`` has its elevations
    ``[z, dz, …]``, all in decimetres: the first point, then steps. A line without elevations has null there.
    """
    legs = columns(
        connection,
        """
        select leg, sol, first_sol, last_sol, sol_method, from_site, from_drive, to_site, to_drive,
            round(length_m, 1) as length_m, round(distance_m, 1) as distance_m, is_after_gap, round(gap_m, 1) as gap_m
        from silver.fact_path where rover = ? order by leg
        """,
        rover,
    )
    drawn = [[_line(part, rover) for part in _parts(text)] for text in _geometries(connection, rover)]
    return {
        "rover": rover,
        "origin": origin(rover),
        "radius_m": MARS_RADIUS_M,
        "legs": legs,
        "lines": [[line for line, _ in parts] for parts in drawn],
        "heights": [[heights for _, heights in parts] for parts in drawn],
    }


def stops(connection: duckdb.DuckDBPyConnection, rover: str) -> Document:
    """The stops of a rover, in the order in which it came to them; with how many observations were made at each."""
    counted = ", ".join(
        f"(select count(*) from gold.{table} o where (o.rover, o.site, o.drive) = (stops.rover, stops.site, stops.drive))"
        f" as {name}"
        for name, table in _OBSERVATIONS.items()
    )
    longitude, latitude = origin(rover)
    scale = _METRES_PER_DEGREE * 10
    found = columns(connection, _STOPS.format(observations=counted), rover, scale, longitude, latitude)
    return {"rover": rover, "origin": origin(rover), "stops": found}


def outline(connection: duckdb.DuckDBPyConnection, rover: str) -> list[list[int]]:
    """The drive as a small picture: lines of metres ``[x, y, x, y, …]``; a new line begins where the path has a hole."""
    legs = [_parts(text) for text in _geometries(connection, rover, ends=True)]
    if len(legs) <= _OUTLINE_POINTS:
        legs = [_parts(text) for text in _geometries(connection, rover)]
    lines = [_metres(part, rover) for parts in legs for part in parts]
    if not lines:
        return []
    extent = float(np.ptp(np.concatenate(lines)[:, :2], axis=0).max())
    joined = _joined(lines, reach=extent / 50)
    for share in (400, 200, 100, 50):
        kept = [simplified(line, extent / share) for line in joined]
        if sum(map(len, kept)) <= _OUTLINE_POINTS:
            break
    return [[round(value) for point in line for value in point[:2]] for line in kept]


def origin(rover: str) -> tuple[float, float]:
    """East longitude and latitude in degrees of the point from which a rover's places are counted: its landing place."""
    return ROVERS[rover].landing_place


def simplified(line: NDArray[np.float64], tolerance: float) -> NDArray[np.float64]:
    """A line without the points that lie within a tolerance of what is drawn without them (Douglas and Peucker)."""
    kept = np.zeros(len(line), dtype=bool)
    kept[[0, -1]] = True
    waiting = [(0, len(line) - 1)]
    while waiting:
        first, last = waiting.pop()
        if last - first < 2:  # noqa: PLR2004 - no point lies between them
            continue
        distance = _distances(line[first + 1 : last, :2], line[first, :2], line[last, :2])
        farthest = int(distance.argmax())
        if distance[farthest] > tolerance:
            middle = first + 1 + farthest
            kept[middle] = True
            waiting += [(first, middle), (middle, last)]
    return line[kept]


def _distances(points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of points from the segment between two points."""
    along = end - start
    length = float(along @ along)
    share = np.clip((points - start) @ along / length, 0, 1) if length else np.zeros(len(points))
    return np.asarray(np.linalg.norm(points - (start + share[:, None] * along), axis=1))


def _joined(lines: list[NDArray[np.float64]], reach: float) -> list[NDArray[np.float64]]:
    """Lines that begin where the one before ends, as one."""
    joined: list[list[NDArray[np.float64]]] = []
    for line in lines:
        if joined and np.linalg.norm(joined[-1][-1][-1, :2] - line[0, :2]) <= reach:
            joined[-1].append(line)
        else:
            joined.append([line])
    return [np.concatenate(parts) for parts in joined]


def _geometries(connection: duckdb.DuckDBPyConnection, rover: str, *, ends: bool = False) -> list[str | None]:
    """GeoJSON of each leg; of a line only its ends if so wanted, which takes a fifth of the time."""
    line = (
        "{'type': geometry ->> '$.type', 'coordinates': [geometry -> '$.coordinates[0]', geometry -> '$.coordinates[#-1]']}"
    )
    drawn = f"case when geometry is not null then to_json({line})::varchar end" if ends else "geometry"
    found = rows(connection, f"select {drawn} as geometry from silver.fact_path where rover = ? order by leg", rover)
    return [row["geometry"] for row in found]


def _parts(geometry: str | None) -> list[list[list[float]]]:
    """The lines of a leg, each a list of longitude, latitude and, if known, elevation."""
    found: dict[str, Any] = orjson.loads(geometry) if geometry else {}
    match found:
        case {"type": "LineString", "coordinates": [*points]}:
            return [points] if points else []
        case {"type": "MultiLineString", "coordinates": [*several]}:
            return [points for points in several if points]
    return []


def _metres(points: list[list[float]], rover: str) -> NDArray[np.float64]:
    """Points as metres east and north of the rover's origin, and elevation (NaN where unknown): shape (points, 3)."""
    longitude, latitude = origin(rover)
    measured = np.array([[*point[:3], math.nan][:_POINT_AXES] for point in points], dtype=np.float64)
    measured[:, 0] = (measured[:, 0] - longitude) * _METRES_PER_DEGREE * math.cos(math.radians(latitude))
    measured[:, 1] = (measured[:, 1] - latitude) * _METRES_PER_DEGREE
    return measured


def _line(points: list[list[float]], rover: str) -> tuple[list[int], list[int] | None]:
    """A line in decimetres as :func:`path` has it, and its elevations."""
    tenths = np.round(simplified(_metres(points, rover), _TOLERANCE_M) * 10)
    steps = np.diff(tenths, axis=0, prepend=np.zeros((1, _POINT_AXES)))
    heights = None if np.isnan(tenths[:, 2]).any() else steps[:, 2].astype(int).tolist()
    return steps[:, :2].astype(int).ravel().tolist(), heights
