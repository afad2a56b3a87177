"""What is written in a picture can be read on every ground, and what is not below it stays as it is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from martian_moments.domain.errors import MovieError
from martian_moments.media import overlay
from martian_moments.media.frames import PrepareOptions
from martian_moments.media.overlay import draw
from martian_moments.media.preparing import prepare
from martian_moments_tests.unit.media.pictures import textured
from martian_moments_tests.unit.media.sequences import frame_input

LINES = ("Perseverance · sol 670 · 13:03", "Left Navigation Camera", "Site 32, drive 604")
CREDIT = "NASA/JPL-Caltech"


def written(ground: NDArray[np.uint8], lines: tuple[str, ...] = LINES, credit: str = CREDIT) -> NDArray[np.uint8]:
    frame = np.repeat(ground[..., None], 3, axis=2)
    draw(frame, lines, credit=credit)
    return frame


def luminance(value: float) -> float:
    """Relative luminance of a gray, as WCAG 2 defines it."""
    share = value / 255
    return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4


@pytest.mark.parametrize("ground", ["black", "white", "noise", "gray"])
@pytest.mark.parametrize(("width", "height"), [(1280, 960), (480, 640), (320, 240)])
def test_text_has_the_contrast_that_readers_need(ground: str, width: int, height: int) -> None:
    pixels = {
        "black": np.zeros((height, width), np.uint8),
        "white": np.full((height, width), 255, np.uint8),
        "gray": np.full((height, width), 128, np.uint8),
        "noise": np.where(textured(width, height) > 120, 255, 0).astype(np.uint8),
    }[ground]
    frame = written(pixels)
    letters = written(np.zeros_like(pixels))[..., 0]
    below = (letters == 0) & (np.arange(height)[:, None] >= (letters > 0).any(axis=1).argmax())
    assert (letters == 255).sum() > 100
    contrast = (luminance(float(frame[letters == 255].min())) + 0.05) / (luminance(float(frame[below].max())) + 0.05)
    assert contrast >= 7, "level AAA of WCAG 2"


def test_most_of_the_picture_stays_as_it_is() -> None:
    ground = textured(1280, 960)
    frame = written(ground)
    assert (frame[: int(960 * 0.75)] == ground[: int(960 * 0.75), :, None]).all()


def test_long_lines_stay_in_the_picture_and_the_credit_has_its_place() -> None:
    black = np.zeros((240, 320), np.uint8)
    frame = written(black, ("word " * 60, "other " * 60), "NASA/JPL-Caltech/ASU/MSSS and others")
    assert (frame[:, -3:] == 0).all()
    rows = (frame[..., 0] > 0).any(axis=1)
    assert (np.diff(rows.astype(int)) == 1).sum() == 3, "two lines and the credit below them"
    assert (frame[-3:] == 0).all()


def test_without_text_or_overlay_nothing_is_drawn() -> None:
    ground = textured(320, 240)
    assert (written(ground, (), "") == ground[..., None]).all()
    assert (written(ground, (" ",), "") == ground[..., None]).all()
    [frame] = prepare([frame_input(ground, caption=LINES)], PrepareOptions(overlay=False, credit=CREDIT))
    assert (frame == ground[..., None]).all()


def test_each_frame_has_its_own_lines() -> None:
    ground = textured(320, 240)
    first, second, again = prepare(
        [frame_input(ground, number, caption=(text,)) for number, text in enumerate(["sol 1", "sol 2", "sol 1"])],
        PrepareOptions(credit=CREDIT),
    )
    assert (first != second).any()
    assert (first == again).all()
    assert (first[..., 0] == first[..., 2]).all()


def test_a_font_that_is_gone_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overlay, "find_spec", lambda _: None)
    with pytest.raises(MovieError, match="install matplotlib again"):
        overlay._font_file("DejaVuSans-Oblique.ttf")
