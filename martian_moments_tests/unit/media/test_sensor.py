"""What a camera adds to its pictures is found, and what belongs to the scene is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
from numpy.typing import NDArray

from martian_moments.media.frames import PrepareOptions
from martian_moments.media.preparing import prepare
from martian_moments.media.sensor import Sensor, learn_sensor
from martian_moments_tests.unit.media.pictures import textured
from martian_moments_tests.unit.media.sequences import clipped, inputs, mosaic_of

WIDTH, HEIGHT = 320, 240


def vignette(a: float = -0.3, b: float = -0.1) -> NDArray[np.float64]:
    down, across = np.mgrid[0:HEIGHT, 0:WIDTH]
    square = ((across + 0.5 - WIDTH / 2) ** 2 + (down + 0.5 - HEIGHT / 2) ** 2) / ((WIDTH / 2) ** 2 + (HEIGHT / 2) ** 2)
    return np.asarray(np.exp(a * square + b * square**2))


def scenes(count: int, *, sky: bool = False, contrast: float = 18) -> list[NDArray[Any]]:
    """Places along a drive; with a bright sky in the upper third of each."""
    found = []
    for number in range(count):
        scene = textured(WIDTH, HEIGHT, seed=number, mean=100, contrast=contrast).astype(float)
        if sky:
            scene[: HEIGHT // 3] = 190 + 2 * np.random.default_rng(number).standard_normal((HEIGHT // 3, WIDTH))
        found.append(scene)
    return found


@pytest.mark.parametrize("sky", [False, True])
def test_the_falling_light_of_a_lens_is_found_and_taken_out(sky: bool) -> None:
    light = vignette()
    given = [clipped(scene * light) for scene in scenes(24, sky=sky)]
    sensor = learn_sensor(inputs(given, camera="NAVCAM_LEFT"))
    found = sensor.light(WIDTH, HEIGHT)
    assert found is not None
    assert np.abs(found / light - 1).max() < 0.05
    made = np.mean(
        [frame[..., 0] for frame in prepare(inputs(given, camera="NAVCAM_LEFT"), PrepareOptions(overlay=False))], axis=0
    )
    truth = np.mean(scenes(24, sky=sky), axis=0)
    corner, centre = (slice(-40, None), slice(0, 40)), (slice(-140, -100), slice(140, 180))
    assert made[corner].mean() / made[centre].mean() == pytest.approx(truth[corner].mean() / truth[centre].mean(), rel=0.04)


def test_sky_above_ground_and_the_light_from_one_side_are_no_lens() -> None:
    slope = np.linspace(0.7, 1.2, WIDTH)[None, :]
    assert (
        learn_sensor(inputs([clipped(scene * slope) for scene in scenes(24, sky=True)], camera="NAVCAM_LEFT")).falloff
        is None
    )


def test_one_view_that_never_changes_is_no_lens() -> None:
    scene = textured(WIDTH, HEIGHT, seed=4)
    assert learn_sensor(inputs([scene] * 12, camera="NAVCAM_LEFT")).falloff is None


def test_cameras_that_see_their_own_wheels_have_no_flat_field() -> None:
    given = [clipped(scene * vignette()) for scene in scenes(24)]
    assert learn_sensor(inputs(given, camera="FRONT_HAZCAM_LEFT")).falloff is None


@pytest.mark.parametrize("kind", ["gray", "bayer"])
def test_hot_pixels_are_found_and_mended(kind: str) -> None:
    places = {(0, 0), (17, 33), (120, 160), (121, 160), (239, 319), (60, 319)}
    given = []
    for scene in scenes(20, contrast=8):
        pixels = mosaic_of(np.stack([scene * 1.3, scene, scene * 0.7], axis=2)) if kind == "bayer" else scene.copy()
        for row, column in places:
            pixels[row, column] = 250
        given.append(clipped(pixels))
    frames = inputs(given, kind=kind, camera="NAVCAM_LEFT")
    sensor = learn_sensor(frames)
    assert set(sensor.hot_pixels) == places
    made = list(prepare(frames, PrepareOptions(overlay=False), sensor=sensor))
    for frame, scene in zip(made, scenes(20, contrast=8), strict=True):
        for row, column in places:
            assert abs(float(frame[row, column, 1]) - scene[row, column]) < 30, (row, column)


def test_stones_of_one_view_and_a_few_frames_are_no_hot_pixels() -> None:
    random = np.random.default_rng(1)
    stones = np.where(random.random((HEIGHT, WIDTH)) < 0.01, 120, 0)
    assert learn_sensor(inputs([clipped(textured(WIDTH, HEIGHT) * 0.5 + stones)] * 10)).hot_pixels == ()
    one = textured(WIDTH, HEIGHT)
    one[50, 50] = 255
    assert learn_sensor(inputs([one] * 7)) == Sensor()


def test_it_is_kept_with_the_keys_of_what_it_was_learned_from() -> None:
    frames = inputs([clipped(scene * vignette()) for scene in scenes(70)], camera="NAVCAM_LEFT")
    sensor = learn_sensor(frames)
    assert len(sensor.photo_keys) == 24
    kept = orjson.loads(sensor.to_json())
    assert kept["photo_keys"][:2] == ["spirit|v1|0", "spirit|v1|3"]
    assert (kept["width_px"], kept["height_px"]) == (WIDTH, HEIGHT)
    assert tuple(kept["falloff"]) == sensor.falloff
