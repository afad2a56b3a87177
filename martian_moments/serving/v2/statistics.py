"""Counts of photos by what they are grouped by: the collection of one request."""
# ruff: noqa: S608 - all SQL is of this package; values are bound.

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from martian_moments.serving.local_time import HOUR
from martian_moments.serving.v2.collection import Collection, Described, columns_of
from martian_moments.serving.v2.filters import Sql
from martian_moments.serving.v2.photos import PHOTOS

_PHOTOS: Final = columns_of("silver", "fact_photos")

_COMPUTED: Final = {
    "lmst_hour": (
        HOUR,
        Described("integer", "The hour of the local mean solar time, 0 to 23."),
    ),
    "earth_year": (
        "cast(date_part('year', earth_date) as integer)",
        Described("integer", "The year of the date on the Earth."),
    ),
}
"""What photos may be grouped by besides columns, as an expression."""

GROUPS: Final = {
    **{
        name: _PHOTOS[name]
        for name in (
            *("rover", "sol", "earth_date", "mars_year", "camera", "source_camera", "camera_role", "source", "product_type"),
            *("is_thumbnail", "color_kind", "site", "drive", "location_quality", "location_method", "sequence_id"),
        )
    },
    **{name: column for name, (_, column) in _COMPUTED.items()},
}
"""What photos may be grouped by."""

_COUNTS: Final = {
    "photos": ("count(*)", Described("bigint", "Photos.")),
    "thumbnails": ("count(*) filter (where is_thumbnail)", Described("bigint", "Of these, thumbnails.")),
    "sols": ("count(distinct (rover, sol))", Described("bigint", "Sols with photos; of several rovers together, of each.")),
    "first_sol": ("min(sol)", Described("integer", "The first sol with photos.")),
    "last_sol": ("max(sol)", Described("integer", "The last sol with photos.")),
    "first_taken_at_utc": ("min(taken_at_utc)", Described("timestamptz", "When the first was taken.")),
    "last_taken_at_utc": ("max(taken_at_utc)", Described("timestamptz", "When the last was taken.")),
}

STATISTICS: Final = Collection(
    name="statistics",
    title="Count",
    description="Photos counted by group_by: one row per combination that occurs, and one for all of them without.",
    source=lambda condition: _counted((), condition),
    columns=GROUPS | {name: column for name, (_, column) in _COUNTS.items()},
    key=(),
    # Photos that are counted together have no distance.
    filters=tuple(replace(each, distance=None) for each in PHOTOS.filters),
)
"""What all of them have: the filters, and every column that one could have."""


def counted_by(groups: Sequence[str]) -> Collection:
    """The collection of photos counted by some of GROUPS."""
    return Collection(
        name=f"statistics by {','.join(groups)}",
        title=STATISTICS.title,
        description=STATISTICS.description,
        source=lambda condition: _counted(groups, condition),
        columns={name: STATISTICS.columns[name] for name in (*groups, *_COUNTS)},
        key=tuple(groups),
        filters=STATISTICS.filters,
    )


def _counted(groups: Sequence[str], condition: Sql) -> Sql:
    columns = [f"{_COMPUTED[name][0]} as {name}" if name in _COMPUTED else name for name in groups]
    counts = [f"{expression} as {name}" for name, (expression, _) in _COUNTS.items()]
    by = f" group by {', '.join(map(str, range(1, len(groups) + 1)))}" if groups else ""
    rows = f"(select {', '.join([*columns, *counts])} from silver.fact_photos where {condition.text}{by})"
    return Sql(rows, condition.values)
