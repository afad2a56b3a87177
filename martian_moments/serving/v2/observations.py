"""The collections of what several photos show together."""

from __future__ import annotations

from typing import Final

from martian_moments.serving.v2.collection import Collection, columns_of, point_of_row, table
from martian_moments.serving.v2.filters import flag, inside, near, one_of, rover, span
from martian_moments.serving.v2.shared_filters import AZIMUTH, CAMERA, COUNT, LOOKS, SEQUENCE, SOL, STOP

PANORAMAS: Final = Collection(
    name="panoramas",
    title="Panorama",
    description="One row per panorama or mosaic, which is a view that is made of several frames side by side; its frames "
    "are photos with its panorama_id.",
    source=table("gold.panoramas"),
    columns=columns_of("gold", "panoramas"),
    key=("rover", "sol", "panorama_id"),
    filters=(
        rover(),
        one_of("panorama_id", "Its own id.", "curiosity|CHEMCAM_RMI|CCAM01888|34|3|4130"),
        *SOL,
        CAMERA,
        SEQUENCE,
        span("frames", COUNT, "Frames", (4, 100)),
        span("coverage", AZIMUTH, "Degrees of the horizon that it covers", (90, 360), column="coverage_deg"),
        flag("is_full_circle", "Whether it goes all around."),
        *STOP,
        near(),
        inside(),
    ),
    geometry=point_of_row(),
    feature_id="panorama_id",
)

STEREO_PAIRS: Final = Collection(
    name="stereo-pairs",
    title="StereoPair",
    description="One row per exposure, or tile of one, that both eyes of a camera took.",
    source=table("gold.stereo_pairs"),
    columns=columns_of("gold", "stereo_pairs"),
    key=("rover", "sol", "pair_id"),
    filters=(
        rover(),
        one_of("pair_id", "Its own id.", "perseverance|MCZ_LEFT|668346168|ZCAM01034|1_1_1648_1200"),
        *SOL,
        CAMERA,
        SEQUENCE,
        *LOOKS,
        *STOP,
        near(),
        inside(),
    ),
    geometry=point_of_row(),
    feature_id="pair_id",
)

IMAGE_SEQUENCES: Final = Collection(
    name="image-sequences",
    title="ImageSequence",
    description="One row per series of four frames or more in equal steps, a movie of the sky, of dust, of a shadow; its "
    "frames are photos with its image_sequence_id.",
    source=table("gold.image_sequences"),
    columns=columns_of("gold", "image_sequences"),
    key=("rover", "sol", "image_sequence_id"),
    filters=(
        rover(),
        one_of("image_sequence_id", "Its own id.", "perseverance|NAVCAM_LEFT|NCAM03518|8|-34_-80_49|1280x960|1_1_5120_3840"),
        *SOL,
        CAMERA,
        SEQUENCE,
        span("frames", COUNT, "Frames", (8, 100)),
        *LOOKS,
        *STOP,
        near(),
        inside(),
    ),
    geometry=point_of_row(),
    feature_id="image_sequence_id",
)
