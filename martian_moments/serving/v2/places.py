"""The collections of places: where the rovers stood and drove."""

from __future__ import annotations

from typing import Final

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
    geometry="cast(geometry as json)",
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
