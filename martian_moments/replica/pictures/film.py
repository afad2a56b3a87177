"""From what a camera sees to a file: colour, lens, light, grain, mosaic, compression, and what went wrong."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from martian_moments.replica.pictures.flaws import Flaw, Taking
from martian_moments.replica.pictures.marks import Mark, draw_mark, mark_box
from martian_moments.replica.pictures.scene import View, draw

if TYPE_CHECKING:
    import numpy as np

BAYER: Final = "bayer"
GRAY: Final = "gray"
RGB: Final = "rgb"

_RUST: Final = (0.60, 0.90, 1.03)
"""Blue, green and red of a gray of the scene: as a sensor has the ground of Mars, greener than eyes do."""

_CORNER: Final = 0.75
"""Of the light of the middle reaches the corners of a picture."""

_HOT_SHARE: Final = 5e-5
_GRAIN: Final = 8
"""The middle of the grain, in gray levels; two are its spread."""

_QUALITY: Final = 85
_SMALLEST_SHARP: Final = 60


class Picture(NamedTuple):
    """One picture at one address.

    Attributes:
        view: what it shows, and its size.
        kind: ``bayer`` (RGGB), ``gray`` or ``rgb``.
        suffix: of its file, ``.png`` or ``.jpg``.
        mark: what can be read from it, or None.
        camera: decides its hot pixels.
        taking: light, shift and flaw.
        modified: seconds since 1970 at which it was received.
    """

    view: View
    kind: str
    suffix: str
    mark: Mark | None
    camera: str
    taking: Taking
    modified: int


def file_of(picture: Picture) -> bytes:
    """The bytes of the file. Raises ImportError without the extra ``media``."""
    import cv2

    image = developed(picture)
    how = [cv2.IMWRITE_PNG_COMPRESSION, 1] if picture.suffix == ".png" else [cv2.IMWRITE_JPEG_QUALITY, _QUALITY]
    content = cv2.imencode(picture.suffix, image, how)[1].tobytes()
    if picture.taking.flaw is not Flaw.DAMAGED:
        return content
    if picture.taking.noise % 2:
        return content[: len(content) * 11 // 20]
    return content[:20] + bytes(len(content) - 20)


def developed(picture: Picture) -> np.ndarray:
    """The picture's levels: height x width, or height x width x 3 in the order blue, green, red."""
    import cv2
    import numpy as np

    width, height = picture.view.size
    taking, coloured = picture.taking, picture.kind != GRAY
    image: np.ndarray = draw(picture.view)
    if image.shape != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    if coloured:
        image = cv2.transform(image, np.array(_RUST)[:, None])
    _stamp(image, picture)
    if taking.flaw is Flaw.BLURRED:
        image = cv2.GaussianBlur(image, (0, 0), max(2.0, width / 80))
    lens, grain = _lens(width, height, image.ndim), _grain(height, width, image.ndim, taking.noise)
    image = cv2.multiply(image, lens, scale=1 / 255)
    if taking.flaw is Flaw.BLURRED:
        image = cv2.convertScaleAbs(image, alpha=taking.gain)
    else:
        image = cv2.addWeighted(image, taking.gain, grain, 1.0, -_GRAIN)
    for row, column in _hot(picture.camera, width, height):
        image[row, column] = 255
    return _mosaic(image) if picture.kind == BAYER else image


def _stamp(image: np.ndarray, picture: Picture) -> None:
    """Put the mark into the scene, as far beside its place as everything else."""
    import cv2
    import numpy as np

    height, width = image.shape[:2]
    box = mark_box(width, height)
    if picture.mark is None or box is None:
        return
    left, top, cell = box
    x, y = (share * width for share in picture.taking.shift)
    columns, rows = int(np.floor(x)), int(np.floor(y))
    mark = cv2.copyMakeBorder(draw_mark(picture.mark, cell), 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    part = np.array([[1, 0, x - columns], [0, 1, y - rows]])
    moved = cv2.warpAffine(mark, part, mark.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    left, top = left + columns - 1, top + rows - 1
    target = image[top : top + moved.shape[0], left : left + moved.shape[1]]
    target[:] = moved if image.ndim == 2 else moved[..., None]  # noqa: PLR2004 - no channels


@lru_cache(maxsize=32)
def _lens(width: int, height: int, dimensions: int) -> np.ndarray:
    """How much light reaches each pixel, of 255."""
    import numpy as np

    across, down = np.linspace(-1, 1, width)[None] ** 2, np.linspace(-1, 1, height)[:, None] ** 2
    light = np.round(255 * (1 - (1 - _CORNER) / 2 * (across + down))).astype(np.uint8)
    return light if dimensions == 2 else np.repeat(light[..., None], 3, axis=2)  # noqa: PLR2004 - no channels


@lru_cache(maxsize=4)
def _grains(dimensions: int) -> np.ndarray:
    import numpy as np

    draw = np.random.default_rng(dimensions)
    tile = np.clip(draw.normal(_GRAIN, 2, (512, 512, 3)[:dimensions]), 0, 255).round().astype(np.uint8)
    return np.tile(tile, (6, 6, 1)[:dimensions])


def _grain(height: int, width: int, dimensions: int, noise: int) -> np.ndarray:
    grains = _grains(dimensions)
    row, column = noise % 251, noise // 251
    return grains[row : row + height, column : column + width]


@lru_cache(maxsize=64)
def _hot(camera: str, width: int, height: int) -> list[tuple[int, int]]:
    """The pixels of a camera that are always white: row and column."""
    import random

    if min(width, height) < _SMALLEST_SHARP:
        return []
    draw = random.Random(f"hot/{camera}")  # noqa: S311 - repeatable on purpose
    return [(int(draw.random() * height), int(draw.random() * width)) for _ in range(round(width * height * _HOT_SHARE))]


def _mosaic(image: np.ndarray) -> np.ndarray:
    """One colour per pixel: red and green in even rows, green and blue in odd ones."""
    mosaic = image[..., 1].copy()
    mosaic[0::2, 0::2] = image[0::2, 0::2, 2]
    mosaic[1::2, 1::2] = image[1::2, 1::2, 0]
    return mosaic
