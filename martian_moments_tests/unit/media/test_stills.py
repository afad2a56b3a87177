"""Both eyes in one picture, and many directions in one strip, against scenes whose geometry is known."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from martian_moments.domain.errors import MovieError
from martian_moments.media.stills import anaglyph, panorama
from martian_moments.media.strip import PlacedPicture
from martian_moments_tests.unit.media.pictures import textured
from martian_moments_tests.unit.media.sequences import clipped, frame_input, inputs, looking

SPHERE = cv2.GaussianBlur(textured(3_600, 1_800, seed=5, mean=120, contrast=60), (0, 0), 3)
"""A landscape: tenths of a degree, from azimuth 0 to 360 and from the zenith down."""


def photographed(
    azimuth: float, elevation: float, *, fov_h: float, fov_v: float, width: int, lens: str = "rectilinear"
) -> NDArray[np.uint8]:
    """What a camera sees of the landscape: each of its pixels followed out into the world, by rotation of a ray."""
    height = round(width * fov_v / fov_h)
    x = ((np.arange(width) + 0.5) / width * 2 - 1)[None, :] * np.ones((height, 1))
    y = ((np.arange(height) + 0.5) / height * 2 - 1)[:, None] * np.ones((1, width))
    if lens == "rectilinear":
        rays = np.stack(
            [np.ones_like(x), x * math.tan(math.radians(fov_h / 2)), -y * math.tan(math.radians(fov_v / 2))], axis=-1
        )
    else:
        right, up = x * math.radians(fov_h / 2), -y * math.radians(fov_v / 2)
        angle = np.hypot(right, up)
        rays = np.stack([np.cos(angle), np.sinc(angle / np.pi) * right, np.sinc(angle / np.pi) * up], axis=-1)
    e, a = math.radians(elevation), math.radians(azimuth)
    tilt = np.array([[math.cos(e), 0, -math.sin(e)], [0, 1, 0], [math.sin(e), 0, math.cos(e)]])
    turn = np.array([[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]])
    north, east, up = np.moveaxis(rays @ (turn @ tilt).T, -1, 0)
    column = np.degrees(np.arctan2(east, north)) % 360 * 10 - 0.5
    row = (90 - np.degrees(np.arctan2(up, np.hypot(north, east)))) * 10 - 0.5
    wrapped = np.hstack([SPHERE, SPHERE[:, :10]])
    return np.asarray(cv2.remap(wrapped, np.maximum(column, 0).astype(np.float32), row.astype(np.float32), cv2.INTER_LINEAR))


def placed(
    azimuth: float,
    elevation: float,
    *,
    gain: float = 1.0,
    lens: str = "rectilinear",
    fov_h: float = 45.0,
    fov_v: float = 36.0,
) -> PlacedPicture:
    pixels = photographed(azimuth, elevation, fov_h=fov_h, fov_v=fov_v, width=640, lens=lens)
    camera = "FRONT_HAZCAM_LEFT" if lens == "equidistant" else "NAVCAM_LEFT"
    return PlacedPicture(
        frame=frame_input(clipped(pixels * gain), camera=camera),
        azimuth_deg=azimuth,
        elevation_deg=elevation,
        fov_h_deg=fov_h,
        fov_v_deg=fov_v,
    )


def truth_of(strip: Any) -> NDArray[Any]:
    """The landscape in the directions of a strip's pixels, without its labels."""
    width = round(strip.span_deg * strip.pixels_per_degree)
    height = round((strip.highest_deg - strip.lowest_deg) * strip.pixels_per_degree)
    azimuth = (strip.first_azimuth_deg + (np.arange(width) + 0.5) / strip.pixels_per_degree) % 360
    elevation = strip.highest_deg - (np.arange(height) + 0.5) / strip.pixels_per_degree
    columns, rows = np.meshgrid(azimuth * 10 - 0.5, (90 - elevation) * 10 - 0.5)
    return np.asarray(
        cv2.remap(SPHERE, np.clip(columns, 0, 3_599).astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR)
    )


@pytest.mark.parametrize("lens", ["rectilinear", "equidistant"])
@pytest.mark.parametrize(
    ("directions", "first", "span"),
    [
        ([(80, -5), (115, -5), (150, 8)], 57, 116),
        ([(340, 10), (10, -12), (45, 0)], 317, 111),
        ([(azimuth, 15) for azimuth in range(0, 360, 36)], 180, 360),
        ([(200, 30)], 169, 62),
    ],
)
def test_every_direction_shows_what_is_there(
    lens: str, directions: list[tuple[float, float]], first: float, span: float
) -> None:
    strip = panorama([placed(*direction, lens=lens) for direction in directions], width=2_000)
    truth = truth_of(strip)
    shown = strip.pixels[: len(truth), :, 0].astype(float)
    inside = np.abs(shown - 40) > 8
    assert np.abs(shown - truth)[inside].mean() < 3
    assert np.corrcoef(shown[inside], truth[inside])[0, 1] > 0.99
    assert strip.covered_share > 0.6
    assert (strip.first_azimuth_deg, strip.span_deg) == (pytest.approx(first, abs=4), pytest.approx(span, abs=6))  # type: ignore[comparison-overlap]
    assert strip.pixels.shape[1] <= 2_000


def test_pictures_of_other_exposures_agree_where_they_overlap() -> None:
    strip = panorama([placed(80, 0, gain=0.8), placed(110, 0, gain=1.2), placed(140, 0, gain=0.95)], width=1_500)
    truth = truth_of(strip)
    ratio = cv2.GaussianBlur(strip.pixels[: len(truth), :, 0].astype(np.float32), (0, 0), 9) / cv2.GaussianBlur(
        truth.astype(np.float32), (0, 0), 9
    )
    middle = ratio[len(truth) // 2 - 40 : len(truth) // 2 + 40, 40:-40].mean(axis=0)
    assert middle.std() / middle.mean() < 0.03


def test_what_no_picture_shows_stays_empty_and_is_counted() -> None:
    strip = panorama([placed(80, 0), placed(200, 0)], width=1_500)
    assert strip.span_deg == pytest.approx(165, abs=2)
    middle = strip.pixels[100:300, strip.pixels.shape[1] // 2 - 100 :][:, :200]
    assert (middle == 40).all()
    assert strip.covered_share == pytest.approx(90 / 165, abs=0.06)


def test_the_directions_and_lines_stand_below_the_strip() -> None:
    bare = panorama([placed(80, 0), placed(110, 0)], width=1_200)
    told = panorama(
        [placed(80, 0), placed(110, 0)], width=1_200, lines=("Sol 888", "placed by pointing"), credit="NASA/JPL-Caltech"
    )
    rows = len(truth_of(bare))
    assert rows < len(bare.pixels) < len(told.pixels)
    assert (bare.pixels[:rows] == told.pixels[:rows]).all()
    assert (told.pixels[rows:] > 200).sum() > 1_000


def test_a_strip_is_no_finer_than_its_pictures() -> None:
    strip = panorama([placed(80, 0)], width=9_000)
    assert strip.pixels_per_degree == pytest.approx(640 / 45, rel=0.01)


def test_nothing_and_the_zenith_make_no_panorama() -> None:
    with pytest.raises(MovieError, match="needs a picture"):
        panorama([])
    with pytest.raises(MovieError, match="look steeper"):
        panorama([placed(80, 89, fov_h=10, fov_v=8)])


def eyes(parallax: float, vertical: float, *, gain: float = 1.0) -> tuple[NDArray[Any], NDArray[Any]]:
    scene = cv2.GaussianBlur(textured(1_000, 700, seed=21, mean=110, contrast=50), (0, 0), 1)
    left = looking(scene, 100, 50, width=640, height=480)
    return left, looking(scene, 100 + parallax, 50 + vertical, width=640, height=480) * gain


@pytest.mark.parametrize(("parallax", "vertical"), [(0, 0), (24.5, 3), (90, -6.25), (-40, 10)])
def test_both_eyes_lie_on_each_other(parallax: float, vertical: float) -> None:
    left, right = inputs([clipped(eye) for eye in eyes(parallax, vertical, gain=0.8)])
    made = anaglyph(left, right)
    assert made.aligned
    assert [made.parallax_px, made.vertical_px] == pytest.approx([parallax, vertical], abs=0.5)
    red, green, blue = (made.pixels[..., channel].astype(float) for channel in range(3))
    assert (green == blue).all()
    assert np.corrcoef(red.ravel(), green.ravel())[0, 1] > 0.98
    assert red.mean() == pytest.approx(green.mean(), rel=0.03)
    assert abs(made.pixels.shape[1] - (640 - abs(parallax))) <= 2
    assert made.pixels.shape[2] == 3


def test_eyes_that_see_different_things_are_not_moved() -> None:
    left, right = inputs([textured(640, 480, seed=1), textured(640, 480, seed=2)])
    made = anaglyph(left, right, lines=("Sol 86",), credit="NASA/JPL-Caltech")
    assert (made.aligned, made.parallax_px, made.vertical_px) == (False, 0, 0)
    assert made.pixels.shape == (480, 640, 3)


def test_an_anaglyph_of_colour_pictures_has_no_colours_but_those_of_the_glasses() -> None:
    gray = textured(640, 480)
    colour = clipped(np.stack([gray * 1.3, gray * 0.9, gray * 0.5], axis=2))
    made = anaglyph(*inputs([colour, colour]), size=320)
    assert made.pixels.shape[:2] == (240, 320)
    assert np.abs(made.pixels[..., 0].astype(int) - made.pixels[..., 1]).max() <= 2
