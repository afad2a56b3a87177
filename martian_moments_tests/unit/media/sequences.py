"""Generated sequences of pictures whose light, camera and faults are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from martian_moments.media.frames import FrameInput
from martian_moments_tests.unit.media.pictures import encoded


def frame_input(pixels: NDArray[Any], number: int = 0, **options: Any) -> FrameInput:
    """A picture of a movie, with these pixels."""
    body = encoded(np.asarray(pixels, np.uint8))
    given: dict[str, Any] = {"photo_key": f"spirit|v1|{number}", "kind": "rgb" if pixels.ndim == 3 else "gray"}
    return FrameInput(**{**given, "read": lambda: body, **options})


def inputs(pictures: Sequence[NDArray[Any]], **options: Any) -> list[FrameInput]:
    return [frame_input(pixels, number, **options) for number, pixels in enumerate(pictures)]


def looking(scene: NDArray[Any], right: float, down: float, *, width: int, height: int) -> NDArray[Any]:
    """What a camera sees of a scene from this corner, between its pixels as well."""
    matrix = np.array([[1, 0, -right], [0, 1, -down]], np.float64)
    return np.asarray(cv2.warpAffine(scene.astype(np.float32), matrix, (width, height), flags=cv2.INTER_CUBIC))


def clipped(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.clip(values, 0, 255).round(), np.uint8)


def mosaic_of(colours: NDArray[Any]) -> NDArray[Any]:
    """Red, green / green, blue, from height x width x 3."""
    mosaic = colours[..., 1].copy()
    mosaic[0::2, 0::2] = colours[0::2, 0::2, 0]
    mosaic[1::2, 1::2] = colours[1::2, 1::2, 2]
    return mosaic


def flicker(frames: Sequence[NDArray[Any]]) -> float:
    """The spread of what the mean brightness changes from frame to frame."""
    return float(np.diff([frame.mean() for frame in frames]).std())
