"""Brightness that follows the light on Mars and not the camera's exposure time: a movie that does not flicker."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterator
from typing import Any, Final, Generic, TypeVar

_Kept = TypeVar("_Kept")

MEDIAN_RADIUS: Final = 7
"""A median of 15 frames ignores up to 7 in a row that are out of line."""
MEAN_RADIUS: Final = 15
"""A lasting step becomes a slope of 31 frames: seen by nobody, and its changes from frame to frame are 31 times smaller."""
_DARKEST: Final = 1.0


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


def gain_to(values: Any, target: float, *, least: float = 0.4, most: float = 2.5) -> float:
    """By how much values (0 to 255) have to be multiplied to have this mean, where what rises above 255 stays at 255."""
    import numpy as np

    gain = 1.0
    for _ in range(4):
        mean = float(np.minimum(values * gain, 255.0).mean())
        gain = min(max(gain * target / max(mean, _DARKEST), least), most)
    return gain
