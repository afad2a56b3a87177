"""The bytes of one picture, as pixels: strictly, and under limits."""

from __future__ import annotations

import io
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from martian_moments.domain.errors import NotAPicture, PictureDamaged, PictureRefused
from martian_moments.domain.pictures import SIGNATURES
from martian_moments.media.extra import require_media

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

# Twice the largest sensor that a rover has on Mars, Perseverance's Navcam with 5120 x 3840 pixels (Maki et al. 2020, Space
# Sci. Rev. 216:137): 120 MB in colour.
LARGEST_PIXELS = 40_000_000
LARGEST_SIDE_PX = 16_384
# What Pillow raises for bytes that are not as the format has them; found by changing and cutting bytes of both formats.
BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    struct.error,
    zlib.error,
)


@dataclass(frozen=True)
class Decoded:
    """One picture.

    Attributes:
        mode: Pillow's word for what the file holds: ``L`` gray, ``RGB``, ``I;16``, ``P``.
        pixels: 8 bits each: height x width for gray, height x width x 3 (red, green, blue) for colour.
    """

    mode: str
    pixels: NDArray[np.uint8]


def decode(body: bytes, *, luma: bool = False) -> Decoded:
    """The picture in these bytes, whole.

    Args:
        body: a JPEG or PNG file.
        luma: gray in any case, which is faster for a JPEG in colour.

    Raises:
        MediaMissing: the extra ``media`` is not installed.
        NotAPicture: the bytes are neither JPEG nor PNG.
        PictureDamaged: they do not decode, or not to the end.
        PictureRefused: the picture is beyond the limits of this module.
    """
    require_media()
    from PIL import Image

    kind = next((kind for signature, kind in SIGNATURES.items() if body.startswith(signature)), None)
    if kind is None:
        raise NotAPicture(f"{len(body):,} bytes that begin with {body[:16]!r} are neither JPEG nor PNG")
    try:
        with Image.open(io.BytesIO(body), formats=(kind,)) as image:
            width, height = image.size
            if width * height > LARGEST_PIXELS or max(width, height) > LARGEST_SIDE_PX:
                raise PictureRefused(f"a {kind} of {width:,} x {height:,} pixels is larger than any camera's on Mars")
            mode = image.mode
            if luma:
                image.draft("L", image.size)
            image.load()
            return Decoded(mode=mode, pixels=_eight_bits(image, gray=luma))
    except Image.DecompressionBombError as error:
        raise PictureRefused(f"a {kind} that is larger than any camera's on Mars: {error}") from error
    except BROKEN as error:
        raise PictureDamaged(f"a {kind} of {len(body):,} bytes that does not decode: {error}") from error


def _eight_bits(image: Image.Image, *, gray: bool) -> NDArray[np.uint8]:
    import numpy as np

    if image.mode in {"I", "I;16", "I;16B"}:
        deep = np.asarray(image).astype(np.uint16)
        return (deep >> 8).astype(np.uint8)
    wanted = "L" if gray or image.mode in {"L", "LA", "1"} else "RGB"
    if image.mode != wanted:
        image = image.convert(wanted)
    return np.asarray(image)
