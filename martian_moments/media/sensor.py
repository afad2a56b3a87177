"""What a camera adds to every picture: less light in the corners, and pixels that are always bright or dark.

Both are estimated from the movie's own frames, and kept as a few numbers with the keys of the frames that they are from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from martian_moments.media.extra import require_media
from martian_moments.media.frames import FrameInput, has_colours

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from martian_moments.media.frames import Pixels

FEWEST_FRAMES: Final = 8
"""Of fewer nobody can say what is the camera's and what is the scene's."""
MOST_FRAMES: Final = 32
_GRID: Final = (48, 64)
_DARKEST_CORNER: Final = 0.5
_UNEXPLAINED: Final = 0.4
"""Of what the frames have in common and no slope explains, a lens has to explain the rest; a scene looks otherwise."""
_HOT_SIGMAS: Final = 8.0
_HOT_LEVELS: Final = 12.0
_MOST_HOT_SHARE: Final = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A camera, as its frames show it.

    Attributes:
        width_px: of the pictures that it was learned from.
        height_px: likewise.
        falloff: a, b of exp(a r^2 + b r^4), the share of its value that a pixel has at the distance r from the centre, 1 in
            the corners; None where nothing could be said.
        hot_pixels: row and column of each pixel that stands out in most frames.
        photo_keys: of the frames that it was learned from.
    """

    width_px: int = 0
    height_px: int = 0
    falloff: tuple[float, float] | None = None
    hot_pixels: tuple[tuple[int, int], ...] = ()
    photo_keys: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """As it is kept."""
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)

    def light(self, width: int, height: int) -> NDArray[np.float32] | None:
        """The share of its value that each pixel of a picture of this size has: height x width; None where nobody knows."""
        if self.falloff is None:
            return None
        import numpy as np

        square = _distance_squared(height, width)
        share = np.exp(self.falloff[0] * square + self.falloff[1] * square**2)
        return np.asarray(np.clip(share, _DARKEST_CORNER, 1.0), np.float32)


def learn_sensor(frames: Sequence[FrameInput]) -> Sensor:
    """What frames of one camera have in common: at most 32 of them, evenly over the movie, of the size of the first.

    Raises:
        PictureError: a picture cannot be used.
    """
    require_media()
    if len(frames) < FEWEST_FRAMES:
        return Sensor()
    step = max(1, -(-len(frames) // MOST_FRAMES))
    learning = _Learning()
    for frame in frames[::step]:
        learning.add(frame)
    return learning.sensor()


class _Learning:
    """Adds up what is needed of each frame; holds no frame."""

    def __init__(self) -> None:
        self._shape: tuple[int, ...] | None = None
        self._lights: list[NDArray[np.float32]] = []
        self._standing_out: NDArray[np.uint8] | None = None
        self._looked = 0
        self._keys: list[str] = []

    def add(self, frame: FrameInput) -> None:
        import cv2
        import numpy as np

        pixels = frame.pixels()
        self._shape = self._shape or pixels.shape[:2]
        if pixels.shape[:2] != self._shape:
            return
        self._keys.append(frame.photo_key)
        if frame.profile.flat_field:
            gray = pixels[..., 1] if has_colours(pixels) else pixels
            small = cv2.resize(gray, _GRID[::-1], interpolation=cv2.INTER_AREA).astype(np.float32)
            self._lights.append(small / max(float(small.mean()), 1.0))
        # Interpolation has smeared those of a picture in colour.
        if not has_colours(pixels):
            found = standing_out(pixels, mosaic=frame.is_mosaic(pixels))
            self._standing_out = found if self._standing_out is None else self._standing_out + found
            self._looked += 1

    def sensor(self) -> Sensor:
        height, width = self._shape or (0, 0)
        return Sensor(
            width_px=width,
            height_px=height,
            falloff=_falloff(self._lights) if len(self._lights) >= FEWEST_FRAMES else None,
            hot_pixels=self._hot(),
            photo_keys=tuple(self._keys),
        )

    def _hot(self) -> tuple[tuple[int, int], ...]:
        if self._standing_out is None or self._looked < FEWEST_FRAMES:
            return ()
        hot = (self._standing_out > self._looked / 2).nonzero()
        # So many are no faults of a sensor: stones in a view that does not change.
        if hot[0].size > _MOST_HOT_SHARE * self._standing_out.size:
            return ()
        return tuple((int(row), int(column)) for row, column in zip(*hot, strict=True))


def standing_out(pixels: Pixels, *, mosaic: bool) -> NDArray[np.uint8]:
    """1 where a pixel is far from the median of itself and its eight neighbours of the same colour, 0 elsewhere."""
    import cv2
    import numpy as np

    found = np.zeros(pixels.shape, np.uint8)
    step = 2 if mosaic else 1
    for row in range(step):
        for column in range(step):
            plane = np.ascontiguousarray(pixels[row::step, column::step])
            away = cv2.absdiff(plane, cv2.medianBlur(plane, 3))
            noise = 1.4826 * float(np.median(away[away > 0])) if away.any() else 0.0
            found[row::step, column::step] = away > max(_HOT_SIGMAS * noise, _HOT_LEVELS)
    return found


def without_hot_pixels(pixels: Pixels, hot: Sequence[tuple[int, int]], *, mosaic: bool) -> Pixels:
    """The picture with each of these pixels as the median of its eight neighbours of the same colour."""
    if not hot:
        return pixels
    import numpy as np

    step = 2 if mosaic else 1
    rows, columns = np.array(hot).T
    around = [(dy, dx) for dy in (-step, 0, step) for dx in (-step, 0, step) if dy or dx]
    height, width = pixels.shape
    neighbours = [pixels[_inside(rows + dy, height, step), _inside(columns + dx, width, step)] for dy, dx in around]
    mended = pixels.copy()
    mended[rows, columns] = np.median(np.stack(neighbours), axis=0).astype(np.uint8)
    return mended


def _inside(index: Any, length: int, step: int) -> Any:
    """Beyond an edge the neighbour on the other side stands in, which has the same colour."""
    import numpy as np

    return np.where(index < 0, index + 2 * step, np.where(index >= length, index - 2 * step, index))


def _falloff(lights: Sequence[NDArray[np.float32]]) -> tuple[float, float] | None:
    """How the light falls towards the corners, from the median of many frames; None where it does not explain that.

    Sky above ground, hills and slopes are no lens: whatever depends on the row alone is taken out first, and what differs
    between left and right is fitted beside. What remains of a lens is that the ends of each row are darker than its middle.
    """
    import numpy as np

    seen = np.log(np.maximum(np.median(np.stack(lights), axis=0), 0.01))
    height, width = seen.shape
    square = _distance_squared(height, width)
    across = np.broadcast_to(np.linspace(-1, 1, width)[None, :], seen.shape)
    down = np.broadcast_to(np.linspace(-1, 1, height)[:, None], seen.shape)
    slopes = [across, across * down, across * down**2]

    def fitted(terms: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], float]:
        columns = np.stack([(term - term.mean(axis=1, keepdims=True)).ravel() for term in terms], axis=1)
        wanted = (seen - seen.mean(axis=1, keepdims=True)).ravel()
        found = np.linalg.lstsq(columns, wanted, rcond=None)[0]
        return found, float(((wanted - columns @ found) ** 2).sum())

    _, without = fitted(slopes)
    found, with_lens = fitted([*slopes, square, square**2])
    a, b = float(found[-2]), float(found[-1])
    at = np.linspace(0, 1, 20)
    falls = bool((np.diff(a * at + b * at**2) <= 0).all())
    if not falls or with_lens > _UNEXPLAINED * without:
        return None
    return round(a, 5), round(b, 5)


def _distance_squared(height: int, width: int) -> NDArray[np.float64]:
    """The square of the distance from the centre, 1 in the corners."""
    import numpy as np

    across = (np.arange(width) + 0.5) / width * 2 - 1
    down = (np.arange(height) + 0.5) / height * 2 - 1
    square = (across[None, :] * width) ** 2 + (down[:, None] * height) ** 2
    return np.asarray(square / (width**2 + height**2), np.float64)
