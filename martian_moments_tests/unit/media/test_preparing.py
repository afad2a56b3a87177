"""Frames of one size and brightness, in the right colours, one for each picture."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from martian_moments.domain.errors import NotAPicture
from martian_moments.media.frames import FrameInput, PrepareOptions
from martian_moments.media.preparing import prepare
from martian_moments_tests.unit.media.pictures import encoded, textured
from martian_moments_tests.unit.media.sequences import clipped, flicker, frame_input, inputs, looking, mosaic_of

PLAIN = PrepareOptions(overlay=False)


def exposures(count: int, kind: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """By what the light of each frame is multiplied."""
    random = np.random.default_rng(7)
    return {
        "every frame": random.uniform(0.7, 1.35, count),
        "some frames": np.where(random.random(count) < 0.15, 0.6, 1.0),
        "a step": np.where(np.arange(count) < count // 2, 0.7, 1.2),
    }[kind]


@pytest.mark.parametrize("jumps", ["every frame", "some frames", "a step"])
@pytest.mark.parametrize("kind", ["drive", "sky", "view"])
def test_flicker_falls_at_least_five_fold(jumps: str, kind: str) -> None:
    scene = textured(160 + 80, 120, mean=110, contrast=22)
    light = 1 + 0.1 * np.sin(np.arange(80) / 12)
    given = [
        clipped(looking(scene, number, 0, width=160, height=120) * light[number] * gain)
        for number, gain in enumerate(exposures(80, jumps))
    ]
    made = list(prepare(inputs(given), PrepareOptions(kind=kind, overlay=False)))
    assert len(made) == 80
    assert flicker(made) < flicker(given) / 5


def test_light_that_changes_slowly_stays() -> None:
    scene = textured(160, 120, mean=110, contrast=22)
    light = np.linspace(0.6, 1.2, 120)
    made = list(prepare(inputs([clipped(scene * share) for share in light]), PLAIN))
    means = np.array([frame.mean() for frame in made])
    assert means[-1] / means[0] == pytest.approx(2, rel=0.2)
    assert (np.diff(means) > -0.3).all()


def test_the_order_of_frames_is_that_of_the_pictures_and_each_comes_once() -> None:
    pictures = [textured(64, 48, seed=number) for number in range(70)]
    counted: list[int] = []
    for given, made in zip(pictures, prepare(inputs(pictures), PLAIN, progress=counted.append), strict=True):
        assert np.corrcoef(given.ravel(), made[..., 0].ravel())[0, 1] > 0.99
    assert counted == list(range(1, 71))


@pytest.mark.parametrize(
    ("width", "height", "size", "expected"),
    [(640, 480, 1280, (640, 480)), (1648, 1200, 1280, (1280, 932)), (101, 75, 1280, (100, 74)), (300, 900, 450, (150, 450))],
)
def test_the_longer_side_is_at_most_the_size_and_sides_are_even(
    width: int, height: int, size: int, expected: tuple[int, int]
) -> None:
    [frame] = prepare([frame_input(textured(width, height))], PrepareOptions(size=size, overlay=False))
    assert frame.shape == (expected[1], expected[0], 3)
    assert frame.dtype == np.uint8


def test_pictures_of_other_sizes_and_shapes_get_the_size_of_the_first() -> None:
    pictures = [textured(200, 100), textured(400, 200), textured(100, 100), textured(50, 25), textured(201, 100)]
    made = list(prepare(inputs(pictures), PLAIN))
    assert {frame.shape for frame in made} == {(100, 200, 3)}
    square = made[2][..., 0]
    assert (square[:, :50] == 0).all()
    assert (square[:, 150:] == 0).all()
    assert square[:, 50:150].mean() > 50
    assert made[4].min(axis=(0, 2)).max() > 0, "a column more is no bar"


def test_a_mosaic_gets_the_colours_of_its_scene() -> None:
    # As sharp as an optic draws on pixels; between neighbours nothing is left to guess.
    gray = cv2.GaussianBlur(textured(320, 240, contrast=45).astype(float), (0, 0), 2)
    colours = clipped(np.stack([gray * 1.4, gray, gray * 0.6], axis=2))
    [frame] = prepare([frame_input(mosaic_of(colours), kind="bayer")], PLAIN)
    inner = np.abs(frame.astype(float) - colours)[8:-8, 8:-8]
    assert inner.mean() < 2
    assert np.abs((frame.astype(float) - colours).mean(axis=(0, 1))).max() < 0.5


def test_a_mosaic_in_a_file_with_three_equal_channels_is_one() -> None:
    gray = textured(320, 240, contrast=15).astype(float)
    mosaic = mosaic_of(np.stack([gray * 1.4, gray, gray * 0.6], axis=2))
    one, three = (frame_input(pixels, kind="bayer") for pixels in (mosaic, np.repeat(mosaic[..., None], 3, axis=2)))
    assert (next(prepare([one], PLAIN)) == next(prepare([three], PLAIN))).all()


def test_a_picture_that_came_with_colours_is_not_interpolated_again() -> None:
    gray = textured(320, 240, contrast=15).astype(float)
    colours = clipped(np.stack([gray * 1.4, gray, gray * 0.6], axis=2))
    [frame] = prepare([frame_input(colours, kind="bayer")], PLAIN)
    assert np.abs(frame.astype(int) - colours).max() <= 1


def test_products_before_and_after_decompanding_give_one_brightness() -> None:
    light = textured(320, 240, mean=120, contrast=25) / 255.0
    received = frame_input(
        clipped(255 * np.sqrt(light)), photo_key="perseverance|m20|MZ_0001_0000000000_000ECM_N", camera="MCZ_LEFT"
    )
    undone = frame_input(clipped(255 * light), photo_key="perseverance|m20|MZ_0001_0000000000_000EDR_N", camera="MCZ_LEFT")
    one, other = (next(prepare([each], PLAIN)).astype(int) for each in (received, undone))
    assert np.abs(one - other).max() <= 3
    assert np.abs(one[..., 0] - 255 * light ** (1 / 2.2)).max() <= 3


def test_colours_of_the_sensor_are_balanced_alike_in_every_frame() -> None:
    scene = textured(320, 240, contrast=15).astype(float)
    pictures = [clipped(np.stack([scene, scene, scene * 0.65], axis=2) * gain) for gain in (0.8, 1.0, 1.2)]
    made = list(
        prepare(inputs(pictures, photo_key="perseverance|m20|NLF_0001_0000000000_000ECM_N", camera="NAVCAM_LEFT"), PLAIN)
    )
    ratios = [frame.mean(axis=(0, 1)) / frame.mean() for frame in made]
    assert np.ptp(ratios, axis=0).max() < 0.01
    assert ratios[0][0] > ratios[0][1] > ratios[0][2]


def test_the_same_pictures_give_the_same_frames() -> None:
    pictures = [clipped(textured(320, 240, seed=number) * 1.0) for number in range(30)]
    hashes = [
        [hashlib.sha256(frame.tobytes()).hexdigest() for frame in prepare(inputs(pictures), PrepareOptions(kind="view"))]
        for _ in range(2)
    ]
    assert hashes[0] == hashes[1]


def test_no_picture_makes_no_frame_and_a_broken_one_is_named() -> None:
    assert list(prepare([], PLAIN)) == []
    broken = FrameInput(photo_key="spirit|v1|9", read=lambda: b"<html>")
    with pytest.raises(NotAPicture, match=r"spirit\|v1\|9: 6 bytes that begin with"):
        list(prepare([broken], PLAIN))


def test_frames_come_while_pictures_are_still_read() -> None:
    reading: list[int] = []

    def picture(number: int) -> FrameInput:
        body = encoded(textured(64, 48, seed=number % 5))

        def read() -> bytes:
            reading.append(number)
            return body

        return FrameInput(photo_key=f"spirit|v1|{number}", read=read, kind="gray")

    frames = prepare([picture(number) for number in range(300)], PLAIN)
    before = len(reading)
    next(frames)
    # The camera is learned from at most 32 first; then as many are read as the brightness looks ahead.
    assert len(reading) - before <= 32 + 23


def test_real_pictures_become_frames(real_payloads: Path) -> None:
    def real(key: str, name: str, **options: str) -> FrameInput:
        path = real_payloads / "images" / name
        return FrameInput(photo_key=f"{key}|{path.stem}", read=path.read_bytes, **options)  # type: ignore[arg-type]

    mast = real(
        "perseverance|m20", "ZL0_0038_0670307360_057ECM_N0031392ZCAM08007_1100LUJ.png", kind="bayer", camera="MCZ_LEFT"
    )
    [frame] = prepare([mast], PLAIN)
    assert frame.shape == (956, 1280, 3), "without the 48 columns that see no light"
    red, green, blue = frame.mean(axis=(0, 1))
    assert red > green > blue > 100, "the ground of Mars, and no mosaic"
    navigation = real("perseverance|m20", "NLF_0670_0726421423_362ECM_N0320604NCAM08111_01_095J01.png", camera="NAVCAM_LEFT")
    [frame] = prepare([navigation], PLAIN)
    red, green, blue = frame[580:880, 300:900].mean(axis=(0, 1))
    assert (red / green, green / blue) == (pytest.approx(1.24, abs=0.05), pytest.approx(1.38, abs=0.07))
    clouds = real("curiosity|msl", "NRB_670586006EDR_S0871444NCAM00545M_.jpg", kind="gray", camera="NAV_RIGHT_B")
    [frame] = prepare([clouds], PLAIN)
    assert frame.shape == (1022, 1022, 3)
    assert (frame[..., 0] == frame[..., 2]).all()
