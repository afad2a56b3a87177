"""The photos: their collection and everything that they are filtered by."""

from __future__ import annotations

from typing import Final

from martian_moments.serving.v2.collection import Collection, columns_of, point_of_row, table
from martian_moments.serving.v2.filters import (
    Filter,
    flag,
    inside,
    local_time,
    looks_at,
    member_of,
    near,
    number_of,
    one_of,
    rover,
    span,
    turn,
)
from martian_moments.serving.v2.parameters import Day, Moment, whole
from martian_moments.serving.v2.shared_filters import AZIMUTH, CAMERA, DISTANCE_DRIVEN, ELEVATION, LOOKS, SEQUENCE, SOL, STOP

_PIXELS: Final = whole(1, 100_000)

_WHAT: Final[tuple[Filter, ...]] = (
    rover(),
    CAMERA,
    one_of("source_camera", "The source's name of the camera, which is one eye.", "NAV_LEFT_B"),
    one_of("camera_role", "What the camera is for, shared across rovers.", "navigation"),
    one_of("source", "The source that reports the photo.", "msl"),
    one_of("photo_key", "The photo's own key.", "curiosity|msl|2000004436"),
    number_of("v1_id", "The number that it has, or had, in the v1 API.", 424905, "gold.photo_ids", "id"),
    one_of("product_identity", "The picture, whatever source reports it.", "NLB_4005252320034130NCAM00263"),
    one_of("product_type", "full, thumbnail, subframe, downsampled and others.", "full"),
    flag("is_thumbnail", "Whether it is a thumbnail; false also where nobody knows."),
    one_of("color_kind", "bayer, rgb, gray or band.", "rgb"),
    span("width", _PIXELS, "Width in pixels", (1024, 1648), column="width_px"),
    span("height", _PIXELS, "Height in pixels", (1024, 1200), column="height_px"),
    SEQUENCE,
    one_of("exposure_id", "The exposure; its tiles and versions have one.", "curiosity|MD|0380000000046080"),
    member_of("panorama_id", "The frames of a panorama, see panoramas.", "gold.panorama_frames"),
    member_of("image_sequence_id", "The frames of an image sequence, see image-sequences.", "gold.image_sequence_frames"),
)

_WHEN: Final[tuple[Filter, ...]] = (
    *SOL,
    span("taken_at", Moment, "When it was taken (UTC)", ("2012-08-06", "2012-09-01T12:00:00Z"), column="taken_at_utc"),
    span("earth_date", Day, "The date on the Earth", ("2012-08-06", "2012-09-01")),
    local_time(),
    span("mars_year", whole(0, 1_000), "The Mars year", (34, 35)),
    turn(
        "solar_longitude",
        AZIMUTH,
        "The season (Ls) in degrees, 0 northern spring equinox",
        (180, 270),
        column="solar_longitude_deg",
    ),
    span("sun_elevation", ELEVATION, "Degrees of the Sun above the horizon", (-5, 5), column="sun_elevation_deg"),
)

_WHERE: Final[tuple[Filter, ...]] = (
    *STOP,
    DISTANCE_DRIVEN,
    one_of("location_quality", "exact, parked, interpolated or uncertain.", "exact,parked"),
    near(),
    inside(),
    *LOOKS,
    looks_at(),
)

PHOTOS: Final = Collection(
    name="photos",
    title="Photo",
    description="One row per photo, with its camera's role, when it was taken, where the rover stood and what it shows.",
    source=table("silver.fact_photos"),
    columns=columns_of("silver", "fact_photos"),
    key=("rover", "sol", "photo_key"),
    filters=(*_WHAT, *_WHEN, *_WHERE),
    geometry=point_of_row(),
    feature_id="photo_key",
    file="silver/fact_photos",
)
