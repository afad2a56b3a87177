"""Published tables with the rows that a test wants, without a build."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published

Rows = Sequence[Mapping[str, Any]]

WAYPOINTS: Rows = [
    {"rover": "curiosity", "site": 3, "drive": 0, "sol": 13}
    | {"longitude": 137.4416, "latitude": -4.5895, "elevation_m": -4500.97},
    {"rover": "curiosity", "site": 3, "drive": 9, "sol": 22}
    | {"longitude": 137.4420001, "latitude": -4.59, "elevation_m": -4501.5},
    {"rover": "spirit", "site": 1, "drive": 0, "sol": 1, "longitude": 175.4729, "latitude": -14.5692},
]
"""Spirit's have no elevation."""


def _leg(rover: str, leg: int, sol: int, metres: float, *lines: list[list[float | None]]) -> dict[str, Any]:
    kind, coordinates = ("LineString", lines[0]) if len(lines) == 1 else ("MultiLineString", lines)
    geometry = json.dumps({"type": kind, "coordinates": coordinates}) if coordinates else None
    return {"rover": rover, "leg": leg, "sol": sol, "length_m": metres, "distance_m": metres, "geometry": geometry}


PATH: Rows = [
    _leg("curiosity", 1, 22, 38.2, [[137.4416, -4.5895, -4500.97], [137.4418, -4.5897, None], [137.442, -4.59, -4501.5]]),
    _leg(
        *("curiosity", 2, 24, 10.0),
        [[137.442, -4.59, -4501.5], [137.4421, -4.59, -4502]],
        [[137.5, -4.6, 1]],
        [[137.4422, -4.59, -4503], [137.4423, -4.5901, -4504.25]],
    ),
    _leg("perseverance", 1, 14, 6.5, [[77.45, 18.44, -2569.91], [77.4501, 18.4401, -2570]]),
    _leg("perseverance", 2, 15, 0.0),
    _leg("spirit", 1, 12, 3.0, [[175.4729, -14.5692], [175.473, -14.5692]]),
]
"""A vertex without elevation, a leg of several lines of which one is a point, and a leg without a shape."""


def photo(rover: str, number: int, **columns: Any) -> dict[str, Any]:
    """A row of silver.fact_photos."""
    key = f"{rover}|v1|{number}"
    return {"photo_key": key, "rover": rover, "sol": 13, "source": "v1", "source_id": str(number), **columns}


PHOTOS: Rows = [
    photo("curiosity", 1, longitude=137.4416, latitude=-4.5895, elevation_m=-4500.97, camera="MAST", site=3, drive=0),
    photo("curiosity", 2, sol=22),
    photo("spirit", 1, sol=1, longitude=175.4729, latitude=-14.5692, camera="PANCAM"),
]
"""The second stands nowhere."""

TABLES: Mapping[str, Rows] = {
    "silver/dim_waypoints": WAYPOINTS,
    "silver/fact_path": PATH,
    "silver/fact_photos": PHOTOS,
}
"""Everything that the open formats are made of, by table."""


def publish_rows(published: Published, tables: Mapping[str, Rows] = TABLES) -> None:
    """Publish tables with these rows, in the types of their contracts; columns that a row does not name are null."""
    known = {f"{table.schema}/{table.name}": table for table in published_models()}

    def write(table: PublishedTable, file: Path) -> None:
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            connection.execute(f"create table made ({', '.join(f'{name} {kind}' for name, kind in table.types.items())})")
            for row in tables[f"{table.schema}/{table.name}"]:
                marks = ", ".join("?" * len(row))
                connection.execute(f"insert into made ({', '.join(row)}) values ({marks})", list(row.values()))
            quoted = str(file).replace("'", "''")
            connection.execute(f"copy (from made order by {', '.join(table.order_by)}) to '{quoted}' (format parquet)")

    published.publish([known[name] for name in tables], write)
