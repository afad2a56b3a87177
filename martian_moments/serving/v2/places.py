"""The collections of places: where the rovers stood and drove."""

from __future__ import annotations

from typing import Final

from martian_moments.formats.geoparquet import signed_longitude
from martian_moments.serving.v2.collection import JSON, Collection, Described, columns_of, point_of_row, table
from martian_moments.serving.v2.filters import inside, near, one_of, rover, span
from martian_moments.serving.v2.shared_filters import COUNT, DISTANCE_DRIVEN, STOP, sols

STOPS: Final = Collection(
    name="stops",
    title="Stop",
    description="One row per rover, site and drive with photos, with where the rover stood.",
    source=table("gold.stops"),
    columns=columns_of("gold", "stops"),
    key=("rover", "site", "drive"),
    filters=(
        rover(),
        one_of("stop_id", "The stop's own id.", "curiosity|3|3572"),
        *STOP,
        sols("first_sol", "last_sol"),
        span("photos", COUNT, "Photos taken there", (10, 1000)),
        DISTANCE_DRIVEN,
        near(),
        inside(),
    ),
    geometry=point_of_row(),
    feature_id="stop_id",
)

_COORDINATES: Final = """list_filter(
    case json_extract_string(geometry, '$.type')
        when 'MultiLineString' then from_json(json_extract(geometry, '$.coordinates'), '[[["DOUBLE"]]]')
        when 'LineString' then [from_json(json_extract(geometry, '$.coordinates'), '[["DOUBLE"]]')]
    end,
    lambda line: len(line) > 1
)"""
"""The lines of a leg. What has less than two points is none."""

_VERTEX: Final = f"list_concat([{signed_longitude('vertex[1]')}], list_filter(vertex[2:], lambda each: each is not null))"

_LINES: Final = f"list_transform({_COORDINATES}, lambda line: list_transform(line, lambda vertex: {_VERTEX}))"

_LEG: Final = f"""case
    when len({_COORDINATES}) = 0 or geometry is null then null
    when json_extract_string(geometry, '$.type') = 'LineString'
        then json_object('type', 'LineString', 'coordinates', ({_LINES})[1])
    else json_object('type', 'MultiLineString', 'coordinates', {_LINES})
end"""
"""A leg as GIS programs take it: longitudes of -180 to 180, and no elevation that nobody knows."""

PATH: Final = Collection(
    name="path",
    title="Leg",
    description="One row per leg driven, numbered in the order of driving.",
    source=table("silver.fact_path"),
    columns=columns_of("silver", "fact_path")
    | {"geometry": Described(JSON, "The leg as GeoJSON, in degrees east and north; of a table, as text.")},
    key=("rover", "leg"),
    filters=(
        rover(),
        sols("coalesce(first_sol, sol)", "coalesce(last_sol, sol)"),
        span("leg", COUNT, "The leg's number", (1, 9)),
    ),
    geometry=_LEG,
    feature_id="concat_ws('|', rover, leg)",
)

WAYPOINTS: Final = Collection(
    name="waypoints",
    title="Waypoint",
    description="One row per rover, site and drive where the rover was localized.",
    source=table("silver.dim_waypoints"),
    columns=columns_of("silver", "dim_waypoints"),
    key=("rover", "site", "drive"),
    filters=(rover(), *STOP, sols("sol", "coalesce(until_sol, sol)"), near(), inside()),
    geometry=point_of_row(),
    feature_id="concat_ws('|', rover, site, drive)",
)
