"""Several pictures as one: both eyes as an anaglyph, and many directions as a strip of the horizon."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from martian_moments.domain.errors import MovieError
from martian_moments.media.brightness import gain_to, shares_of
from martian_moments.media.developing import develop
from martian_moments.media.extra import require_media
from martian_moments.media.frames import FrameInput, has_colours
from martian_moments.media.overlay import draw
from martian_moments.media.steadying import displacement, edges_of, shifted
from martian_moments.media.strip import PlacedPicture, Strip

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from martian_moments.media.frames import Pixels

_LARGEST_PARALLAX_SHARE: Final = 0.3
_LARGEST_VERTICAL_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Anaglyph:
    """Both eyes in one picture, for glasses with red on the left and cyan on the right.

    Attributes:
        pixels: height x width x 3 (red, green, blue).
        parallax_px: how far the right eye's picture was moved to the right, so that most of the scene lies in the screen.
        vertical_px: how far down, to lie level with the left one.
        aligned: whether a common shift was found; without one the pictures lie on each other as they came.
    """

    pixels: NDArray[np.uint8]
    parallax_px: float
    vertical_px: float
    aligned: bool


def anaglyph(
    left: FrameInput, right: FrameInput, *, size: int = 1600, lines: tuple[str, ...] = (), credit: str = ""
) -> Anaglyph:
    """What the left eye saw in red, what the right one saw in green and blue.

    Only brightness counts: colours that the two eyes get differently tire them. The pictures are moved onto each other as
    wholes, by phase correlation; they are not rectified with the camera models.

    Args:
        left: the picture of the left eye.
        right: that of the right eye.
        size: pixels of the longer side at most.
        lines: text below, the most important first.
        credit: whose pictures these are.

    Raises:
        PictureError: a picture cannot be used.
    """
    require_media()
    import cv2
    import numpy as np

    red, cyan = (_luma(develop(eye)) for eye in (left, right))
    scale = min(1.0, size / max(red.shape))
    width, height = round(red.shape[1] * scale), round(red.shape[0] * scale)
    red, cyan = (cv2.resize(eye, (width, height), interpolation=cv2.INTER_AREA) for eye in (red, cyan))
    cyan = cv2.convertScaleAbs(cyan, alpha=gain_to(float(red.mean()), shares_of(cyan), np.arange(256.0)[None]))
    edges = edges_of(red)
    found = displacement(edges, edges_of(cyan))
    x, y = (0.0, 0.0) if found is None else (found[0] * width / edges.shape[1], found[1] * height / edges.shape[0])
    if abs(x) > _LARGEST_PARALLAX_SHARE * width or abs(y) > _LARGEST_VERTICAL_SHARE * height:
        found, x, y = None, 0.0, 0.0
    x, y = round(x, 2), round(y, 2)
    cyan = shifted(cyan, (-x, -y), np.zeros_like(cyan))
    both = np.dstack([red, cyan, cyan])[_common(-y, height), _common(-x, width)]
    pixels = np.ascontiguousarray(both)
    draw(pixels, lines, credit=credit)
    return Anaglyph(pixels=pixels, parallax_px=-x, vertical_px=-y, aligned=found is not None)


def _luma(pixels: Pixels) -> Pixels:
    import cv2

    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY) if has_colours(pixels) else pixels


def _common(moved: float, length: int) -> slice:
    """What both pictures have along one side, when one was moved."""
    import math

    return slice(max(0, math.ceil(moved)), length + min(0, math.floor(moved)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Panorama:
    """A strip of the horizon.

    Attributes:
        pixels: height x width x 3 (red, green, blue); what no picture shows is dark gray. The scale of directions is below.
        first_azimuth_deg: of its left edge.
        span_deg: from its left to its right edge, at most 360.
        lowest_deg: elevation of its lower edge.
        highest_deg: of its upper edge.
        pixels_per_degree: across and down.
        covered_share: of the strip, by pictures.
    """

    pixels: NDArray[np.uint8]
    first_azimuth_deg: float
    span_deg: float
    lowest_deg: float
    highest_deg: float
    pixels_per_degree: float
    covered_share: float


def panorama(
    pictures: Sequence[PlacedPicture], *, width: int = 4096, lines: tuple[str, ...] = (), credit: str = ""
) -> Panorama:
    """Pictures where they look, on a cylinder: a degree is as wide as it is high everywhere.

    Each lies where its pointing and its field of view say, upright, and fades into its neighbours; nothing is bent or moved
    to make the seams fit. So seams show what near things move between two positions of the camera, a rover that stands
    aslant, and what a lens does beyond its plain formula. Brightness is matched where pictures overlap.

    Args:
        pictures: in the order in which they lie on each other where they fade equally.
        width: of the strip in pixels at most; it is never larger than its pictures are.
        lines: text below the strip, the most important first.
        credit: whose pictures these are.

    Raises:
        MovieError: no picture, or none that looks at less than 75 degrees above or below the horizon.
        PictureError: a picture cannot be used.
    """
    require_media()
    if not pictures:
        raise MovieError("a panorama needs a picture, and there is none")
    strip = Strip.around(pictures, width=width)
    pixels, covered = strip.filled(pictures)
    return Panorama(
        pixels=strip.labelled(pixels, lines, credit=credit),
        first_azimuth_deg=round(strip.first_azimuth, 3),
        span_deg=round(strip.span, 3),
        lowest_deg=round(strip.lowest, 3),
        highest_deg=round(strip.highest, 3),
        pixels_per_degree=round(strip.scale, 4),
        covered_share=round(covered, 4),
    )
