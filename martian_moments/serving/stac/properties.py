"""The properties of an item by which people may search and sort, all of them columns of ``stac.items``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final


class Kind(Enum):
    """What a property is, in the words of an error."""

    NUMBER = "number"
    TEXT = "text"
    TIME = "time"


_TIMES: Final = ("datetime", "start_datetime", "end_datetime", "created", "updated")

_TEXTS: Final = (
    "title", "platform", "ssys:target_class", "ssys:local_time", "proj:code", "mars:lmst", "mars:location_method",
    "mars:camera", "mars:camera_role", "mars:product_identity", "mars:product_type", "mars:color_kind",
)  # fmt: skip

_NUMBERS: Final = (
    "view:azimuth", "view:sun_azimuth", "view:sun_elevation", "mars:sol", "mars:solar_longitude", "mars:site", "mars:drive",
    "mars:location_uncertainty_m", "mars:taken_at_uncertainty_s", "mars:view_elevation", "mars:fov_h", "mars:fov_v",
)  # fmt: skip

PROPERTIES: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(_NUMBERS, Kind.NUMBER),
    **dict.fromkeys(_TEXTS, Kind.TEXT),
    **dict.fromkeys(_TIMES, Kind.TIME),
}
"""Every property of one value, by its name."""

SORTABLE: Final[Mapping[str, str]] = {
    "collection": "collection",
    "id": "id",
    "mars:sol": '"mars:sol"',
    "datetime": "coalesce(datetime, start_datetime)",
    "created": "created",
    "updated": "updated",
}
"""What items may be ordered by, in SQL: every item has each of them."""
