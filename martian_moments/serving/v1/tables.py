"""What v1 asks of a snapshot: narrow tables of its own, and the statements on them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from martian_moments.domain.rovers import ROVERS
from martian_moments.infrastructure.sql import quoted

if TYPE_CHECKING:
    import duckdb

_FIRST_OF_UNKNOWN: Final = 100_000
"""From here on are the ids of cameras that the seeds lack."""

# URLs in FSST: chosen by the database itself the compression takes a fifth longer of the whole.
_PHOTOS: Final = """
create table v1.photos (
    rover varchar, sol integer, camera varchar, camera_id integer, id integer, in_v1 boolean,
    image_url varchar using compression 'fsst'
)
"""

# What v1 had: whatever it numbered, and of the rest no thumbnails (it took none of Perseverance, and later none at all).
_ADD_PHOTOS: Final = """
insert into v1.photos
select
    photos.rover, photos.sol, photos.camera, cameras.id, ids.id,
    ids.method = 'v1' or not coalesce(photos.is_thumbnail, false), photos.image_url
from silver.fact_photos as photos
{} join (select photo_key, id, method from gold.photo_ids where is_current) as ids {}
inner join v1.cameras as cameras on photos.rover = cameras.rover and photos.camera = cameras.camera
where photos.photo_key = ids.photo_key
"""
_SIDE_BY_SIDE: Final = ("positional", "")
_BY_KEY: Final = ("inner", "on photos.photo_key = ids.photo_key")

_TABLES: Final = (
    """
    create table v1.former_ids as
    select former.id, current.id as current_id
    from gold.photo_ids as former
    inner join gold.photo_ids as current on former.photo_key = current.photo_key and current.is_current
    where not former.is_current
    """,
    """
    create table v1.sols as
    select rover, sol, sum(photos)::bigint as photos, list(camera order by camera) as cameras
    from (select rover, sol, camera, count(*) as photos from v1.photos where in_v1 group by all) as of_cameras
    group by rover, sol
    order by rover, sol
    """,
)


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of the schema ``v1``: photos with their ids, and how many each sol has."""
    connection.execute("create schema v1")
    connection.execute(
        "create table v1.cameras (rover varchar, camera varchar, id integer, full_name varchar, place integer)"
    )
    seen = connection.execute("select rover, camera, full_name from silver.dim_cameras").fetchall()
    named = connection.execute("select distinct rover, camera from silver.fact_photos").fetchall()
    full_names = {(rover, camera): camera for rover, camera in named} | {
        (rover, camera): name for rover, camera, name in seen
    }
    rows = [[rover, camera, *_camera(rover, camera), name] for (rover, camera), name in sorted(full_names.items())]
    if rows:
        # Without parameters: for the first one DuckDB's client imports pandas, where that is installed: a second and 90 MB.
        values = ", ".join(f"({', '.join('null' if value is None else quoted(value) for value in row)})" for row in rows)
        connection.execute(f"insert into v1.cameras (rover, camera, id, place, full_name) values {values}")  # noqa: S608 - quoted
    _add_photos(connection)
    for statement in _TABLES:
        connection.execute(statement)


def _add_photos(connection: duckdb.DuckDBPyConnection) -> None:
    """Join photos and ids side by side, as both are published in the same order: half the time of a join by a million keys.

    What is not in the same order is joined by key.
    """
    connection.execute(_PHOTOS)
    expected = connection.execute("select count(*) from silver.fact_photos where camera is not null").fetchone()
    if connection.execute(_ADD_PHOTOS.format(*_SIDE_BY_SIDE)).fetchone() != expected:
        connection.execute("truncate v1.photos")
        connection.execute(_ADD_PHOTOS.format(*_BY_KEY))


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
    select rover, max(sol) as max_sol, sum(photos)::bigint as photos from v1.sols group by rover
) as totals on cameras.rover = totals.rover
"""
"""Per rover: the newest sol with photos, how many photos there are, and its cameras."""

SOLS_OF: Final = "select sol, photos, cameras from v1.sols where rover = ? order by sol"

PHOTO: Final = """
select rover, sol, camera, id, image_url, in_v1 from v1.photos
where id = coalesce((select current_id from v1.former_ids where id = $id), $id)
"""

OF_ROVER: Final = "from v1.photos where rover = $rover and sol between $first and $last"
"""All photos of some sols; to these, IN_V1 and OF_CAMERAS."""

IN_V1: Final = " and in_v1"
OF_CAMERAS: Final = " and list_contains($cameras, camera)"
IN_ORDER: Final = " order by sol, camera_id, id"
COLUMNS: Final = "select sol, camera, id, image_url, in_v1 "
