"""The collections of what there is and what is missing: rovers, cameras, gaps and changes."""

from __future__ import annotations

from typing import Final

from martian_moments.serving.v2.collection import Collection, columns_of, point_of_row, table
from martian_moments.serving.v2.filters import flag, one_of, rover, span
from martian_moments.serving.v2.parameters import Moment
from martian_moments.serving.v2.shared_filters import CAMERA, SOL

_DIM_ROVERS: Final = columns_of("silver", "dim_rovers")

ROVERS: Final = Collection(
    name="rovers",
    title="Rover",
    description="One row per rover, also of those without photos: its landing, and what there is of it.",
    source=table(
        """(
            select landed.* exclude (first_sol), landed.first_sol as landing_sol, summary.* exclude (rover)
            from silver.dim_rovers as landed
            left join gold.rover_summary as summary on landed.rover = summary.rover
        )"""
    ),
    columns={
        **{name: column for name, column in _DIM_ROVERS.items() if name != "first_sol"},
        "landing_sol": _DIM_ROVERS["first_sol"],
        **{name: column for name, column in columns_of("gold", "rover_summary").items() if name != "rover"},
    },
    key=("rover",),
    filters=(rover(),),
    geometry=point_of_row("landing_longitude", "landing_latitude", "null"),
    feature_id="rover",
)

CAMERAS: Final = Collection(
    name="cameras",
    title="Camera",
    description="One row per rover and camera that is known or was ever seen: what it is, and what there is of it.",
    source=table(
        """(
            select known.*, summary.* exclude (rover, camera, full_name, role)
            from silver.dim_cameras as known
            left join gold.camera_summary as summary on known.rover = summary.rover and known.camera = summary.camera
        )"""
    ),
    columns=columns_of("gold", "camera_summary") | columns_of("silver", "dim_cameras"),
    key=("rover", "camera"),
    filters=(
        rover(),
        CAMERA,
        one_of("role", "What it is for, shared across rovers.", "navigation"),
        flag("is_seen", "Whether it has photos."),
        flag("is_known", "Whether the platform knows what it is."),
    ),
)

GAPS: Final = Collection(
    name="gaps",
    title="Gap",
    description="One row per rover and sol that no source has whole, or of which none has photos; source is the one that "
    "has most of it.",
    source=table("gold.photo_gaps"),
    columns=columns_of("gold", "photo_gaps"),
    key=("rover", "sol", "source"),
    filters=(
        rover(),
        *SOL,
        one_of("source", "The source that has most of it.", "msl"),
        one_of("reason", "missing, short or expected_gap.", "expected_gap"),
    ),
)

CHANGES: Final = Collection(
    name="changes",
    title="Change",
    description="One row per photo that is or ever was there, with what happened to it last: follow them by changed_at.",
    source=table("gold.photo_changes"),
    columns=columns_of("gold", "photo_changes"),
    key=("rover", "sol", "photo_key"),
    filters=(
        rover(),
        *SOL,
        one_of("source", "The source that reports or reported it.", "msl"),
        one_of("change", "appeared, changed or went.", "appeared"),
        span("changed_at", Moment, "When it happened last (UTC)", ("2026-01-01", "2026-02-01")),
    ),
    file="gold/photo_changes",
)
