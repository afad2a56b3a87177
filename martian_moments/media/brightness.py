"""Brightness that follows the light on Mars and not the camera's exposure time: a movie that does not flicker."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from martian_moments.media.frames import has_colours

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from martian_moments.media.frames import Pixels

_Kept = TypeVar("_Kept")

MEDIAN_RADIUS: Final = 7
"""A median of 15 frames ignores up to 7 in a row that are out of line."""
MEAN_RADIUS: Final = 15
"""A lasting step becomes a slope of 31 frames: seen by nobody, and its changes from frame to frame are 31 times smaller."""
_DARKEST: Final = 1.0
_LEAST_GAIN, _MOST_GAIN = 0.4, 2.5


class RunningBrightness(Generic[_Kept]):
    """The brightness that each frame should have: the mean over its neighbours of the median over theirs.

    Frames go in one by one with their mean, and come out with their target when enough of those behind them are known. Holds
    as many frames as it has to look ahead, however long the movie is.
    """

    def __init__(self, *, median_radius: int = MEDIAN_RADIUS, mean_radius: int = MEAN_RADIUS) -> None:
        self._median_radius, self._mean_radius = median_radius, mean_radius
        self._waiting: deque[_Kept] = deque()
        # Brightness is compared by ratios: exposures differ by factors.
        self._logarithms: list[float] = []
        self._medians: list[float] = []
        self._done = 0

    def add(self, frame: _Kept, mean: float) -> Iterator[tuple[_Kept, float]]:
        """One more frame; what is ready comes out as (frame, target mean)."""
        self._waiting.append(frame)
        self._logarithms.append(math.log(max(mean, _DARKEST)))
        if len(self._logarithms) > self._median_radius:
            self._medians.append(self._median(len(self._medians)))
        while len(self._medians) - self._done > self._mean_radius:
            yield self._next()

    def end(self) -> Iterator[tuple[_Kept, float]]:
        """There are no more frames: the rest comes out."""
        while len(self._medians) < len(self._logarithms):
            self._medians.append(self._median(len(self._medians)))
        while self._waiting:
            yield self._next()

    def _median(self, index: int) -> float:
        first = max(0, index - self._median_radius)
        return statistics.median(self._logarithms[first : index + self._median_radius + 1])

    def _next(self) -> tuple[_Kept, float]:
        first = max(0, self._done - self._mean_radius)
        target = math.exp(statistics.fmean(self._medians[first : self._done + self._mean_radius + 1]))
        self._done += 1
        return self._waiting.popleft(), target


LUMA: Final = (0.299, 0.587, 0.114)
"""How much red, green and blue count for brightness (ITU-R BT.601)."""


def shares_of(pixels: Pixels) -> NDArray[np.float64]:
    """How much each value of each colour counts for the brightness of a picture: colours x 256, 1 in all."""
    import cv2
    import numpy as np

    colours = 3 if has_colours(pixels) else 1
    counts = [cv2.calcHist([pixels], [colour], None, [256], [0, 256]).ravel() for colour in range(colours)]
    weights = np.array(LUMA if has_colours(pixels) else (1.0,))
    return np.asarray(np.array(counts, np.float64) * weights[:, None] / (pixels.shape[0] * pixels.shape[1]))


def mean_of(shares: NDArray[np.float64], levels: NDArray[np.float64]) -> float:
    """The mean brightness of a picture whose values are shown as these levels; above 255 nothing is brighter."""
    import numpy as np

    return float((shares * np.minimum(levels, 255.0)).sum())


def gain_to(target: float, shares: NDArray[np.float64], levels: NDArray[np.float64]) -> float:
    """By how much the levels of a picture have to be multiplied to have this mean brightness: from 0.4 to 2.5."""
    gain = 1.0
    for _ in range(4):
        gain = min(max(gain * target / max(mean_of(shares, levels * gain), _DARKEST), _LEAST_GAIN), _MOST_GAIN)
    # Rounded: the last digits of sums differ between processors, and frames are the same on all.
    return round(gain, 6)
