"""Filters that several collections have."""

from __future__ import annotations

from typing import Final

from martian_moments.serving.v2.filters import Filter, equal, one_of, overlap, span, turn
from martian_moments.serving.v2.parameters import Sol, decimal, whole

COUNTER: Final = whole(0, 1_000_000)
COUNT: Final = whole(0, 10_000_000)
METRES: Final = decimal(0, 1_000_000)
AZIMUTH: Final = decimal(0, 360)
ELEVATION: Final = decimal(-90, 90)

CAMERA: Final = one_of("camera", "The canonical name of the camera, see cameras.", "NAVCAM_LEFT")
SEQUENCE: Final = one_of("sequence_id", "The sequence in which it was planned.", "NCAM00263")
DISTANCE_DRIVEN: Final = span(
    "distance_driven", METRES, "Metres driven since the landing", (0, 1000), column="distance_driven_m"
)

STOP: Final[tuple[Filter, ...]] = (
    equal("site", COUNTER, "Of the rover motion counter.", 3),
    equal("drive", COUNTER, "Of the rover motion counter.", 110),
)
"""Where the rover stood."""

SOL: Final[tuple[Filter, ...]] = (
    equal("sol", Sol, "The mission sol.", 100),
    span("sol", Sol, "The mission sol", (100, 200)),
)

LOOKS: Final[tuple[Filter, ...]] = (
    turn("view_azimuth", AZIMUTH, "Degrees from true north over east where it looks", (315, 45), column="view_azimuth_deg"),
    span("view_elevation", ELEVATION, "Degrees above the horizon where it looks", (-10, 10), column="view_elevation_deg"),
)
"""Where the centre of the picture is."""


def sols(first: str, last: str) -> Filter:
    """Rows of a first and a last sol that have some of those that are asked for."""
    return overlap("sol", Sol, "A sol of it", (100, 200), first=first, last=last)
