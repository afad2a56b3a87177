"""Published tables with the rows that a test wants, without a build."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb

from martian_moments.domain.rovers import ROVERS
from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.blocks import Block, BlockContent
from martian_moments.warehouse.duckdb_rows import DuckDBRows
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


NOON: Final = datetime(2026, 4, 1, 12, tzinfo=UTC)
"""When the sources were asked."""


def photo(rover: str, number: int, **columns: Any) -> dict[str, Any]:
    """A row of silver.fact_photos."""
    at = {"rover": rover, "sol": 13, "source": "v1", "camera": "MAST", "source_camera": "MAST", "fetched_at": NOON}
    return {"photo_key": f"{rover}|v1|{number}", "source_id": str(number), **at, **columns}


PHOTOS: Rows = [
    photo("curiosity", 1, longitude=137.4416, latitude=-4.5895, elevation_m=-4500.97, site=3, drive=0)
    | {"taken_at_utc": datetime(2012, 8, 19, 3, 30, tzinfo=UTC), "lmst": "Sol-00013M15:28:38.766", "mars_year": 31}
    | {"view_azimuth_deg": 12.5, "view_elevation_deg": -3.25, "fov_h_deg": 45.1, "fov_v_deg": 45.2, "width_px": 1024}
    | {"height_px": 512, "sun_azimuth_deg": 270.0, "sun_elevation_deg": 33.5, "solar_longitude_deg": 158.6}
    | {"image_url": "https://mars.example/1.JPG", "image_url_small": "https://mars.example/1-thm.png"},
    # Nobody knows when; neither its camera nor its picture is known.
    photo("curiosity", 2, longitude=137.442, latitude=-4.59, camera="NEW", source_camera="NEW"),
    # Nobody knows where.
    photo("curiosity", 3, sol=22, image_url="https://mars.example/3.IMG"),
    photo("spirit", 1, sol=1, longitude=175.4729, latitude=-14.5692, camera="PANCAM", source_camera="P"),
]

STOPS: Rows = [
    {"stop_id": "curiosity|3|0", "rover": "curiosity", "site": 3, "drive": 0, "first_sol": 13, "last_sol": 21, "photos": 1}
    | {"cameras": 1, "longitude": 137.4416, "latitude": -4.5895, "elevation_m": -4500.97},
    {"stop_id": "curiosity|9|6", "rover": "curiosity", "site": 9, "drive": 6, "first_sol": 22, "last_sol": 22, "photos": 1},
]
"""The second is on no map."""

TABLES: Mapping[str, Rows] = {
    "gold/stops": STOPS,
    "silver/dim_cameras": [{"rover": "curiosity", "camera": "MAST", "full_name": "Mast Camera"}],
    "silver/dim_rovers": [
        {
            "rover": rover.name,
            "title": rover.title,
            "first_sol": rover.first_sol,
            "first_midnight_utc": rover.first_midnight,
            "landing_date": rover.landing_date,
            "landing_longitude": rover.landing_place[0],
            "landing_latitude": rover.landing_place[1],
        }
        for rover in ROVERS.values()
    ],
    "silver/dim_waypoints": WAYPOINTS,
    "silver/fact_path": PATH,
    "silver/fact_photos": PHOTOS,
}
"""Everything that the open formats are made of, by table."""


def publish_rows(published: Published, tables: Mapping[str, Rows] = TABLES) -> None:
    """Publish tables with these rows, in the types of their contracts; columns that a row does not name are null."""
    known = {f"{table.schema}/{table.name}": table for table in published_models()}

    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name, rows in tables.items():
            columns = ", ".join(f"{column} {kind}" for column, kind in known[name].types.items())
            connection.execute(f'create table "{name}" ({columns})')
            for row in rows:
                marks = ", ".join("?" * len(row))
                connection.execute(f'insert into "{name}" ({", ".join(row)}) values ({marks})', list(row.values()))
        made = DuckDBRows(connection, lambda table: f'select * from "{table.schema}/{table.name}"')
        published.publish([known[name] for name in tables], made)


@dataclass(frozen=True)
class Written:
    """Tables of one file each, as a test writes them: what is published of a table in blocks that has none."""

    by: Callable[[PublishedTable, Path], object]

    def blocks(self, _: PublishedTable) -> Mapping[Block, BlockContent]:
        return {}

    def write(self, table: PublishedTable, file: Path, _: Block | None = None) -> None:
        self.by(table, file)


def publish_file(published: Published, schema: str, name: str, file: Path) -> PublishedTable:
    """Publish a table of which a test has the file."""
    table = PublishedTable(schema, name, ())
    published.publish([table], Written(lambda _, to: shutil.copy(file, to)))
    return table
