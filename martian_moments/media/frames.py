"""What a movie is made of: its pictures in order, and how they shall look."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from martian_moments.domain.errors import PictureDamaged, PictureError
from martian_moments.media.decoding import decode
from martian_moments.media.profiles import CameraProfile, camera_profile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels: TypeAlias = NDArray[Any]
    """height x width (gray, a mosaic), or height x width x 3 (red, green, blue)."""

_PRODUCT: Final = re.compile(r"\d{3}([A-Z]{3})[_T]")
"""Three letters behind the digits of the clock, in names of Mars 2020 (..._362ECM_N...) and MSL (NRB_670586006EDR_S...)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameInput:
    """One picture of a movie.

    Attributes:
        photo_key: its key in the tables, ``rover|source|source_id``.
        read: gives the bytes of its file; called once or twice, when the movie comes to it.
        kind: what its pixels are: ``bayer``, ``gray``, ``rgb`` or ``band``.
        product: the type of product in its file's name (``ECM``); by default that of the photo_key.
        camera: its camera's name in the tables.
        caption: lines to show, the most important one first.
    """

    photo_key: str
    read: Callable[[], bytes]
    kind: str = "rgb"
    product: str = ""
    camera: str = ""
    caption: tuple[str, ...] = ()

    @property
    def profile(self) -> CameraProfile:
        """Its family of cameras."""
        found = _PRODUCT.search(self.photo_key)
        return camera_profile(
            rover=self.photo_key.partition("|")[0],
            camera=self.camera,
            product=self.product or (found[1] if found else ""),
            kind=self.kind,
        )

    def pixels(self) -> Pixels:
        """Its picture as the sensor has it: a mosaic and a gray picture have no colours, whatever their file has.

        Raises:
            PictureError: with the photo_key, if the bytes cannot be used.
        """
        try:
            pixels: Pixels = decode(self.read()).pixels
        except PictureError as error:
            raise type(error)(f"{self.photo_key}: {error}") from error
        # A mosaic in a file with three equal channels is how the feed of Mars 2020 has it.
        if has_colours(pixels) and (self.kind in {"gray", "band"} or _is_gray(pixels)):
            pixels = pixels[..., 1].copy()
        if min(pixels.shape[:2]) < SMALLEST_PX:
            raise PictureDamaged(f"{self.photo_key}: a picture of {pixels.shape[1]} x {pixels.shape[0]} pixels is no frame")
        return pixels

    def is_mosaic(self, pixels: Pixels) -> bool:
        """Whether these pixels of it wait for their colours; a picture that came with colours has been interpolated."""
        return self.kind == "bayer" and not has_colours(pixels)


SMALLEST_PX: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareOptions:
    """How a movie shall look.

    Attributes:
        kind: of the movie: ``drive``, ``sky``, ``view`` or ``all``.
        size: pixels of the longer side; smaller pictures are not enlarged.
        overlay: whether the captions stand in the picture.
        credit: the line of those whose pictures these are; shown with the captions.
    """

    kind: str = "all"
    size: int = 1280
    overlay: bool = True
    credit: str = ""


def has_colours(pixels: Pixels) -> bool:
    """Whether each pixel has red, green and blue, and not one value."""
    return len(pixels.shape) > len(("rows", "columns"))


def _is_gray(pixels: Pixels) -> bool:
    # A look at few pixels decides nearly always.
    few = pixels[::16, ::16]
    if (few[..., 0] != few[..., 1]).any() or (few[..., 1] != few[..., 2]).any():
        return False
    return bool((pixels[..., 0] == pixels[..., 1]).all() and (pixels[..., 1] == pixels[..., 2]).all())
