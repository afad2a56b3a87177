"""One picture as a screen shows it: colours from a mosaic, without the columns that see no light, brightness as eyes do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from martian_moments.media.frames import FrameInput, has_colours
from martian_moments.media.profiles import CameraProfile

if TYPE_CHECKING:
    from martian_moments.media.frames import Pixels


def develop(frame: FrameInput) -> Pixels:
    """A picture by itself, at its own size: height x width, or height x width x 3 (red, green, blue).

    Raises:
        PictureError: with the photo_key, if the picture cannot be used.
    """
    pixels = frame.pixels()
    profile = frame.profile
    if frame.is_mosaic(pixels):
        pixels = interpolated(pixels)
    pixels = cropped(pixels, profile)
    return shown(pixels, levels_of(profile, colours=3 if has_colours(pixels) else 1))


def interpolated(mosaic: Pixels) -> Pixels:
    """The colours of a mosaic: height x width x 3."""
    import cv2

    # Red, green / green, blue from the upper left, as of all mosaics from Mars: what OpenCV names by its second row.
    return cv2.demosaicing(mosaic, cv2.COLOR_BayerBG2RGB_EA)


def cropped(pixels: Pixels, profile: CameraProfile) -> Pixels:
    """Without the edges that see no light."""
    height, width = pixels.shape[:2]
    if profile.crop_of_width_px not in {None, width}:
        return pixels
    left, top, right, bottom = profile.crop_px
    return pixels[top : height - bottom, left : width - right]


def levels_of(profile: CameraProfile, *, colours: int) -> Any:
    """What each of 256 values is on a screen: colours x 256, from 0 to 255 and, with its white balance, above."""
    import numpy as np

    levels = 255 * (np.arange(256) / 255) ** profile.transfer.exponent
    if colours == 1:
        return levels[None]
    return np.stack([levels * gain for gain in profile.white_balance])


def shown(pixels: Pixels, levels: Any) -> Pixels:
    """The picture with these levels."""
    import cv2
    import numpy as np

    table = np.clip(levels, 0, 255).round().astype(np.uint8)
    return cv2.LUT(pixels, np.ascontiguousarray(table.T)[None] if has_colours(pixels) else table[0])
