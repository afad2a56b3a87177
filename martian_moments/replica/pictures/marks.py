"""The mark that a generated picture carries: its rover, sol and exposure. A test reads it out of a finished movie.

Three square markers in a row (ArUco, 5 x 5 cells), each a digit from 0 to 999; together they are a number with a check sum.
The row is as wide as a third of the picture and moves with the scene.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final, NamedTuple

from martian_moments.domain.rovers import ROVERS

if TYPE_CHECKING:
    import cv2
    import numpy as np

_ROVERS: Final = tuple(ROVERS)
_SOLS, EXPOSURES, _CHECK, _BASE = 6000, 8192, 5, 1000
"""A mark has room for sols and exposures below these numbers."""
_DIGITS: Final = 3
_MARKER_CELLS: Final = 7
"""Along a side: five, and a black border."""
CELLS: Final = (_DIGITS * (_MARKER_CELLS + 1) + 1, _MARKER_CELLS + 2)
"""Columns and rows of a mark: one white cell around each marker."""

_SHARE_OF_WIDTH: Final = 0.33
_CENTRE: Final = (0.22, 0.47)
_SMALLEST_CELL: Final = 3
"""Pixels; a picture that is too small for such cells carries no mark."""

_DARK, _BRIGHT = 30, 200


class Mark(NamedTuple):
    """Which picture it is: the rover, the sol, and the number of the exposure on that sol."""

    rover: str
    sol: int
    exposure: int


def mark_box(width: int, height: int) -> tuple[int, int, int] | None:
    """Where a picture of this size carries its mark: left, top, pixels of a cell; None where it has no room for one."""
    cell = round(width * _SHARE_OF_WIDTH / CELLS[0])
    if cell < _SMALLEST_CELL or cell * CELLS[1] > height * 0.4:
        return None
    return round(width * _CENTRE[0] - cell * CELLS[0] / 2), round(height * _CENTRE[1] - cell * CELLS[1] / 2), cell


def draw_mark(mark: Mark, cell: int) -> np.ndarray:
    """The mark in gray levels, each of its cells so many pixels wide and high."""
    import cv2
    import numpy as np

    cells = np.full(CELLS[::-1], _BRIGHT, np.uint8)
    for place, digit in enumerate(_digits(mark)):
        left = 1 + place * (_MARKER_CELLS + 1)
        marker = cv2.aruco.generateImageMarker(_dictionary(), digit, _MARKER_CELLS)
        cells[1 : 1 + _MARKER_CELLS, left : left + _MARKER_CELLS] = np.where(marker > 0, _BRIGHT, _DARK)
    return cells.repeat(cell, axis=0).repeat(cell, axis=1)


def read_mark(image: np.ndarray) -> Mark | None:
    """The mark in a picture or a frame of a movie, or None.

    Args:
        image: levels from 0 to 255, height x width or height x width x channels in any order.
    """
    import cv2
    import numpy as np

    gray = image if image.ndim == 2 else image[..., :3].mean(axis=2)  # noqa: PLR2004 - no channels
    gray = np.ascontiguousarray(np.clip(gray, 0, 255).astype(np.uint8))
    height, width = gray.shape
    near = gray[height // 5 : height * 4 // 5, : width // 2]
    dark = cv2.normalize(near, None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
    return _found(near) or _found(gray) or _found(dark)


def _found(gray: np.ndarray) -> Mark | None:
    import numpy as np

    corners, numbers, _ = _detector().detectMarkers(gray)
    if numbers is None:
        return None
    found = sorted(
        (*corner[0].mean(axis=0).tolist(), float(np.ptp(corner[0, :, 0])), int(number))
        for corner, number in zip(corners, numbers.ravel(), strict=True)
    )
    for row in combinations(found, _DIGITS):
        side = row[0][2]
        level = all(abs(other[1] - row[0][1]) < side / 3 and abs(other[2] - side) < side / 3 for other in row)
        near = all(abs(b[0] - a[0] - side * 8 / 7) < side / 2 for a, b in pairwise(row))
        if level and near and (mark := _mark([number for *_, number in row])):
            return mark
    return None


def _digits(mark: Mark) -> list[int]:
    number = (_ROVERS.index(mark.rover) * _SOLS + mark.sol) * EXPOSURES + mark.exposure
    number = number * _CHECK + number % _CHECK
    return [number // _BASE**place % _BASE for place in range(_DIGITS)]


def _mark(digits: list[int]) -> Mark | None:
    number, check = divmod(sum(digit * _BASE**place for place, digit in enumerate(digits)), _CHECK)
    number_of_sol, exposure = divmod(number, EXPOSURES)
    rover, sol = divmod(number_of_sol, _SOLS)
    if check != number % _CHECK or rover >= len(_ROVERS):
        return None
    return Mark(_ROVERS[rover], sol, exposure)


@cache
def _dictionary() -> cv2.aruco.Dictionary:
    import cv2

    return cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000)


@cache
def _detector() -> cv2.aruco.ArucoDetector:
    import cv2

    return cv2.aruco.ArucoDetector(_dictionary())
