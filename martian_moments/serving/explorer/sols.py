"""What a rover did on each sol: ``data/<rover>/sols.json``, the heat map of sols and local time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from martian_moments.serving.explorer.columns import Document, columns
from martian_moments.serving.local_time import HOUR, MINUTE

if TYPE_CHECKING:
    import duckdb

HALF_HOUR_S: Final = 1_800
"""Mars seconds of one row of the heat map: 48 rows from midnight to midnight, local mean solar time."""

_HALF_HOUR: Final = f"cast(({HOUR}) * 2 + ({MINUTE}) // 30 as integer)"

_SOLS: Final = """
    select sol, earth_date::varchar as earth_date, photos, cameras, legs, round(distance_m, 1) as distance_m,
        round(solar_longitude_deg, 1) as solar_longitude_deg, season
    from gold.daily_activity where rover = ? order by sol
"""

_GAPS: Final = (
    "select sol, source, expected, found, reason, explanation from gold.photo_gaps where rover = ? order by sol, source"
)

_PAUSES: Final = """
    select first_sol, last_sol, reason, source from silver.expected_gaps where rover = ? order by first_sol, last_sol, reason
"""

_CAMERAS: Final = """
    select camera, list(distinct sol order by sol) as sols
    from gold.photo_summary where rover = ? group by camera order by camera
"""


def sols(connection: duckdb.DuckDBPyConnection, rover: str) -> Document:
    """Every sol that is known of a rover, and how many pictures were taken in which half hour (without thumbnails).

    ``cells`` are the half hours with pictures: ``sol``, ``half_hour`` (0 to 47) and ``pictures``. ``gaps`` are sols of which
    a source may have more than is held, ``pauses`` those on which no pictures are expected, ``cameras`` which camera has
    photos on which sols.
    """
    cells = columns(
        connection,
        f"""
        select sol, {_HALF_HOUR} as half_hour, count(*) as pictures from silver.fact_photos
        where rover = ? and half_hour is not null and is_thumbnail is not true group by all order by all
        """,  # noqa: S608 - all SQL is of this package
        rover,
    )
    return {
        "rover": rover,
        "sols": columns(connection, _SOLS, rover),
        "cells": cells,
        "pauses": columns(connection, _PAUSES, rover),
        "gaps": columns(connection, _GAPS, rover),
        "cameras": columns(connection, _CAMERAS, rover),
    }
