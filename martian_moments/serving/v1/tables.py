"""What v1 asks of a snapshot: numbers in tables of its own, everything else in the file of the photos."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from martian_moments.domain.rovers import ROVERS
from martian_moments.infrastructure.sql import from_files, quoted

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

_PHOTOS: Final = "silver/fact_photos"

_FIRST_OF_UNKNOWN: Final = 100_000
"""From here on are the ids of cameras that the seeds lack."""

_CREATE_CAMERAS: Final = """
create table v1.cameras (rover varchar, camera varchar, id integer, full_name varchar, place integer)
"""

_ROWS_OF_A_FILE: Final = 1 << 32
"""More than any file has: the number of a row is that of its file times this, and the one that it has there."""

# The rows of fact_photos by their numbers, which are read from its files when somebody asks: addresses of pictures are long,
# and to copy a million of them takes ten times as long as everything else here. (The name of the file with each number takes
# twice the time; DuckDB's file_index counts only the files that the filters of a query leave.)
_CREATE_FILE: Final = f"""
create view v1.file as
select rover, sol, camera, photo_key, is_thumbnail, image_url,
    (list_position([{{files}}], filename) - 1) * {_ROWS_OF_A_FILE} + file_row_number as row
from {{table}}
where camera is not null
"""  # noqa: S608 - a number

# Photos and ids side by side, as both are published in the same order: a quarter of the time of a join by a million keys.
# What is not in the same order is joined by key.
_SIDE_BY_SIDE: Final = "positional"
_BY_KEY: Final = "cross"

# What v1 had: whatever it numbered, and of the rest no thumbnails (it took none of Perseverance, and later none at all).
_CREATE_IDS: Final = """
create or replace table v1.ids as
select photos.row, ids.id, ids.method = 'v1' or not coalesce(photos.is_thumbnail, false) as in_v1
from (select row, photo_key, is_thumbnail from v1.file) as photos
{} join (select photo_key, id, method from gold.photo_ids where is_current) as ids
where photos.photo_key = ids.photo_key
"""

_CREATE_SOLS: Final = """
create table v1.sols as
select photos.rover, photos.sol, photos.camera, ids.in_v1, count(*) as photos
from (select rover, sol, camera, row from v1.file) as photos {} join v1.ids as ids
where photos.row = ids.row
group by all
"""

_CREATE_PHOTOS: Final = """
create view v1.photos as
select photos.rover, photos.sol, photos.camera, cameras.id as camera_id, ids.id, ids.in_v1, photos.image_url
from v1.file as photos
inner join v1.ids as ids on photos.row = ids.row
inner join v1.cameras as cameras on photos.rover = cameras.rover and photos.camera = cameras.camera
"""

# In two steps: these are few or none, so that little of the million is read.
_CREATE_FORMER_IDS: Final = (
    """
    create temporary table former as
    select id, photo_key from gold.photo_ids where not is_current
    """,
    """
    create table v1.former_ids as
    select former.id, current.id as current_id
    from former
    inner join gold.photo_ids as current on former.photo_key = current.photo_key and current.is_current
    """,
)


def prepare(connection: duckdb.DuckDBPyConnection, paths: Mapping[str, Sequence[Path]]) -> None:
    """Make the schema ``v1``: photos with their ids, and how many each sol has."""
    connection.execute("create schema v1")
    _add_cameras(connection)
    files = paths[_PHOTOS]
    connection.execute(_CREATE_FILE.format(files=", ".join(map(quoted, files)), table=from_files(files)))
    how = _add_ids(connection)
    for statement in (_CREATE_SOLS.format(how), _CREATE_PHOTOS, *_CREATE_FORMER_IDS):
        connection.execute(statement)


def _add_cameras(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_CREATE_CAMERAS)
    seen = connection.execute("select rover, camera, full_name from silver.dim_cameras").fetchall()
    named = connection.execute("select distinct rover, camera from silver.fact_photos").fetchall()
    full_names = {(rover, camera): camera for rover, camera in named} | {
        (rover, camera): name for rover, camera, name in seen
    }
    rows = [[rover, camera, *_camera(rover, camera), name] for (rover, camera), name in sorted(full_names.items())]
    if rows:
        values = ", ".join(f"({', '.join('null' if value is None else quoted(value) for value in row)})" for row in rows)
        connection.execute(f"insert into v1.cameras (rover, camera, id, place, full_name) values {values}")  # noqa: S608 - quoted


def _add_ids(connection: duckdb.DuckDBPyConnection) -> str:
    """Make the table of current ids; returns how photos were joined with them."""
    expected = connection.execute("select count(*) from v1.file").fetchone()
    if connection.execute(_CREATE_IDS.format(_SIDE_BY_SIDE)).fetchone() == expected:
        return _SIDE_BY_SIDE
    connection.execute(_CREATE_IDS.format(_BY_KEY))
    return _BY_KEY


def _camera(rover: str, camera: str) -> tuple[int, int]:
    """The id of a camera, and its place among those of its rover."""
    known = ROVERS[rover].cameras if rover in ROVERS else {}
    if camera in known:
        return known[camera].v1_id, list(known).index(camera)
    digest = hashlib.sha256(f"{rover}|{camera}".encode()).digest()
    number = _FIRST_OF_UNKNOWN + int.from_bytes(digest[:3], "big")
    return number, number


ROVERS_OF: Final = """
select cameras.rover, totals.max_sol, totals.photos, cameras.listed
from (
    select rover, list({'id': id, 'name': camera, 'full_name': full_name} order by place) as listed
    from v1.cameras
    group by rover
) as cameras
left join (
    select rover, max(sol) as max_sol, sum(photos)::bigint as photos from v1.sols where in_v1 group by rover
) as totals on cameras.rover = totals.rover
"""
"""Per rover: the newest sol with photos, how many photos there are, and its cameras."""

SOLS_OF: Final = """
select sol, sum(photos)::bigint as photos, list(camera order by camera) as cameras
from v1.sols
where rover = ? and in_v1
group by sol
order by sol
"""

ROW_OF: Final = """
select row, id, in_v1 from v1.ids
where id = coalesce((select current_id from v1.former_ids where id = $id), $id)
"""
"""Where the photo of an id stands in the files, and its present id."""

AT_ROW: Final = """
select rover, sol, camera, image_url
from read_parquet($file, hive_partitioning = true)
where file_row_number = $row
"""
"""A photo in the files, with the values of :func:`row_of_file`: half the time of looking for it in ``v1.photos``."""


def row_of_file(row: int, paths: Mapping[str, Sequence[Path]]) -> dict[str, object]:
    """The file of a row that ROW_OF found, and its number there."""
    file, number = divmod(row, _ROWS_OF_A_FILE)
    return {"file": str(paths[_PHOTOS][file]), "row": number}


OF_ROVER: Final = " where rover = $rover and sol between $first and $last"
"""All photos of some sols; to these, IN_V1 and OF_CAMERAS."""

IN_V1: Final = " and in_v1"
OF_CAMERAS: Final = " and list_contains($cameras, camera)"
PHOTOS: Final = "select sol, camera, id, image_url, in_v1 from v1.photos"
IN_ORDER: Final = " order by sol, camera_id, id"
COUNTS: Final = "select sol, sum(photos)::bigint as photos from v1.sols"
BY_SOL: Final = " group by sol order by sol"
