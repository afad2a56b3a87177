"""A picture as a source publishes it: what it shows of its photo, how large it is, and at which addresses."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from martian_moments.replica.pointing import Frame


class Part(StrEnum):
    """What a picture is of its photo."""

    WHOLE = "whole"
    TILE = "tile"
    SUBFRAME = "subframe"
    DOWNSAMPLED = "downsampled"
    THUMBNAIL = "thumbnail"
    COMPOSITE = "composite"
    """Put together on Earth from several pictures."""


class Published(NamedTuple):
    """One picture.

    Attributes:
        identity: what the source calls it.
        part: what it is of its photo.
        frame: what of the detector it shows; None where the source says nothing of the kind.
        size: columns and rows.
        addresses: each with the greatest width of the picture there, or None for its own.
    """

    identity: str
    part: Part
    frame: Frame | None
    size: tuple[int, int]
    addresses: Sequence[tuple[str, int | None]]
