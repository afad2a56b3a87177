"""Frames that carry their number, readable after any encoder, and movies decoded by another decoder than the one of PyAV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from martian_moments_tests.unit.media.pictures import textured

_BITS = 12
_SIDE = 12


def frames(count: int, *, width: int = 320, height: int = 240, scene: int = 0) -> Iterator[NDArray[np.uint8]]:
    """A scene that moves, in colour; the number of each frame stands in its upper left corner as black and white squares."""
    ground = textured(width + 64, height, seed=scene)
    for number in range(count):
        gray = ground[:, number % 64 :][:, :width]
        frame = np.stack([gray, gray // 2 + 30, gray // 3], axis=2)
        for bit in range(_BITS):
            frame[:_SIDE, bit * _SIDE : (bit + 1) * _SIDE] = 255 * (number >> bit & 1)
        yield frame


def number_of(frame: NDArray[np.uint8]) -> int:
    """The number that a frame carries."""
    squares = frame[:_SIDE, : _BITS * _SIDE].mean(axis=2).reshape(_SIDE, _BITS, _SIDE)[2:-2, :, 2:-2].mean(axis=(0, 2))
    return int(sum(1 << bit for bit in range(_BITS) if squares[bit] > 128))


def decoded(movie: Path) -> list[NDArray[np.uint8]]:
    """Every frame of a movie, by the decoder of OpenCV, which has a build of FFmpeg of its own."""
    capture = cv2.VideoCapture(str(movie), cv2.CAP_FFMPEG)
    assert capture.isOpened()
    found: list[NDArray[np.uint8]] = []
    while True:
        there, frame = capture.read()
        if not there:
            capture.release()
            return found
        found.append(np.asarray(frame[..., ::-1], np.uint8))
