"""A view is held still, to half a pixel; a sky is left alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from martian_moments.media.frames import PrepareOptions
from martian_moments.media.preparing import prepare
from martian_moments_tests.unit.media.pictures import textured
from martian_moments_tests.unit.media.sequences import clipped, inputs, looking

SCENE = textured(900, 700, seed=11, mean=115, contrast=24)


def shift_between(first: NDArray[Any], second: NDArray[Any], *, about: tuple[float, float] = (0, 0)) -> tuple[float, float]:
    """By least squares on the brightness (ECC), which is not how the shifts were found."""
    matrix: Any = np.array([[1, 0, about[0]], [0, 1, about[1]]], np.float32)
    inner = (slice(60, -60), slice(60, -60))
    stop = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 200, 1e-6)
    cv2.findTransformECC(first[inner], second[inner], matrix, cv2.MOTION_TRANSLATION, stop)
    return float(matrix[0, 2]), float(matrix[1, 2])


def drifting(paths: list[tuple[float, float]], *, width: int, height: int) -> list[NDArray[np.uint8]]:
    random = np.random.default_rng(2)
    return [
        clipped(
            looking(SCENE, 60 + right, 60 + down, width=width, height=height) * random.uniform(0.8, 1.2)
            + random.normal(0, 2, (height, width))
        )
        for right, down in paths
    ]


PATHS = {
    "drift": [(0.37 * number, -0.21 * number) for number in range(32)],
    "shake": [(float(x), float(y)) for x, y in np.random.default_rng(5).uniform(-12, 12, (32, 2))],
    "wind": [(10 * np.sin(number / 3), 6 * np.cos(number / 5) - 6) for number in range(32)],
}


@pytest.mark.parametrize(
    ("path", "width", "height"),
    [("drift", 640, 480), ("drift", 250, 400), ("shake", 320, 240), ("shake", 250, 400), ("wind", 320, 240)],
)
def test_a_known_shift_of_the_camera_is_taken_out_to_half_a_pixel(path: str, width: int, height: int) -> None:
    steps = [(x * width / 640, y * width / 640) for x, y in PATHS[path]]
    made = [
        frame[..., 0]
        for frame in prepare(inputs(drifting(steps, width=width, height=height)), PrepareOptions(kind="view", overlay=False))
    ]
    for frame in made[1::5]:
        assert np.hypot(*shift_between(made[0], frame)) < 0.5


@pytest.mark.parametrize("kind", ["sky", "drive", "all"])
def test_skies_and_drives_are_not_steadied(kind: str) -> None:
    given = drifting(PATHS["drift"], width=320, height=240)
    made = [frame[..., 0] for frame in prepare(inputs(given), PrepareOptions(kind=kind, overlay=False))]
    right, down = shift_between(made[0], made[-1], about=(-11, 6))
    assert [right, down] == pytest.approx([-0.37 * 31, 0.21 * 31], abs=0.2)


def test_a_frame_that_was_moved_has_no_empty_edges() -> None:
    made = list(prepare(inputs(drifting(PATHS["shake"], width=640, height=480)), PrepareOptions(kind="view", overlay=False)))
    scene = SCENE[60:540, 60:700]
    for frame in made:
        edge = np.r_[frame[0, :, 0], frame[-1, :, 0], frame[:, 0, 0], frame[:, -1, 0]]
        assert (edge == 0).mean() < 0.01
    assert scene.min() > 0


def test_another_view_is_shown_as_it_is() -> None:
    other = textured(640, 480, seed=77, mean=115, contrast=24)
    first = drifting(PATHS["drift"][:10], width=640, height=480)
    made = list(prepare(inputs([*first, *[other] * 5]), PrepareOptions(kind="view", overlay=False)))
    for frame in made[10:]:
        assert np.corrcoef(frame[..., 0].ravel(), other.ravel())[0, 1] > 0.999


def test_a_view_that_turns_by_more_than_a_twentieth_begins_anew() -> None:
    given = drifting([(0, 0), (2, 1), (90, 0), (92, 1)], width=640, height=480)
    made = [frame[..., 0] for frame in prepare(inputs(given), PrepareOptions(kind="view", overlay=False))]
    assert np.hypot(*shift_between(made[0], made[1])) < 0.5
    assert np.corrcoef(made[2].ravel(), given[2].ravel())[0, 1] > 0.999
    assert np.hypot(*shift_between(made[2], made[3])) < 0.5
