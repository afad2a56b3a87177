"""The rovers at a glance: ``data/rovers.json``, all that the first screen shows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from martian_moments.domain.rovers import MARS_RADIUS_M, ROVERS, SOL_SECONDS
from martian_moments.serving.explorer.columns import Document, rows
from martian_moments.serving.explorer.drive import outline
from martian_moments.serving.explorer.photos import BLOCK_SOLS, blocks

if TYPE_CHECKING:
    import duckdb

LATEST_SOLS: Final = 4
"""Of each rover on the first screen."""

_ROVERS: Final = """
    select rover, title, landing_date::varchar as landing_date, rovers.first_sol,
        epoch_ms(first_midnight_utc) as first_midnight_ms, landing_longitude, landing_latitude,
        photos, coalesce(sols_with_photos, 0) as sols_with_photos, last_sol, distance_m, path_length_m, odometer_m,
        (select count(*) from gold.stops where stops.rover = rovers.rover) as stops
    from silver.dim_rovers rovers left join gold.rover_summary using (rover)
    order by landing_date desc
"""

_LATEST: Final = f"""
    select sol, min(earth_date)::varchar as earth_date, sum(photos)::bigint as photos,
        list(distinct camera order by camera) as cameras, any_value(distance_m) as distance_m
    from gold.photo_summary left join (select rover, sol, distance_m from gold.daily_activity) using (rover, sol)
    where rover = ? group by sol order by sol desc limit {LATEST_SOLS}
"""  # noqa: S608 - a number of this module

_CAMERAS: Final = """
    select camera as name, full_name, role, photos - thumbnails as pictures, first_sol, last_sol
    from gold.camera_summary where rover = ? and photos > 0 order by pictures desc, name
"""


def rovers(connection: duckdb.DuckDBPyConnection, published_at: datetime) -> Document:
    """Every rover, the newest mission first: what is known of it, its drive as a small picture, and its latest sols."""
    return {
        "published_at": published_at.isoformat(),
        "sol_seconds": SOL_SECONDS,
        "radius_m": MARS_RADIUS_M,
        "block_sols": BLOCK_SOLS,
        "rovers": [{**row, **_more(connection, row["rover"])} for row in rows(connection, _ROVERS)],
    }


def _more(connection: duckdb.DuckDBPyConnection, rover: str) -> Document:
    last_heard = ROVERS[rover].last_heard if rover in ROVERS else None
    return {
        "last_heard": last_heard.isoformat() if last_heard else None,
        "blocks": blocks(connection, rover),
        "cameras": rows(connection, _CAMERAS, rover),
        "latest": rows(connection, _LATEST, rover),
        "outline": outline(connection, rover),
    }
