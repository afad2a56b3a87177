"""Real pictures among others of their scene: what is wrong with each is found, and nothing where nothing is."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from martian_moments.media.decoding import decode
from martian_moments.media.quality import measure
from martian_moments_tests.unit.media.pictures import encoded
from martian_moments_tests.unit.media.test_choosing import Tables, photo, reasons, tables

__all__ = ["tables"]

PICTURES = {
    "NLF_0670_0726421423_362ECM_N0320604NCAM08111_01_095J01.png": "ground",
    "NRB_670586006EDR_S0871444NCAM00545M_.jpg": "sky",
    "ZL0_0038_0670307360_057ECM_N0031392ZCAM08007_1100LUJ.png": "hill",
}

WRONG = {
    3: "underexposed",
    5: "overexposed",
    8: "exposure_outlier",
    11: "exposure_outlier",
    13: "blurred",
    16: "repeated",
}
"""By the number of the picture."""


def lit(pixels: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    return np.asarray(np.clip(pixels * factor, 0, 255).round(), np.uint8)


def series(pixels: NDArray[np.uint8]) -> list[bytes]:
    """Twenty pictures of a scene: the rover moves a little, the light changes by some percent, and six are not good."""
    draw = np.random.default_rng(5)
    files: list[bytes] = []
    for number in range(20):
        down, right = draw.integers(0, 13, 2)
        moved = pixels[down : down + pixels.shape[0] - 12, right : right + pixels.shape[1] - 12]
        kind = WRONG.get(number, "")
        usual = float(draw.uniform(0.9, 1.1))
        factors = {"underexposed": 0.02, "overexposed": 9.0, "exposure_outlier": 0.4 if number == 8 else 1.8}
        shown = lit(moved, factors.get(kind, usual))
        if kind == "blurred":
            shown = np.asarray(cv2.GaussianBlur(shown, (0, 0), 4), np.uint8)
        files.append(files[-1] if kind == "repeated" else encoded(shown, "JPEG", quality=92))
    return files


def measured(number: int, body: bytes) -> SimpleNamespace:
    quality = measure(body)
    held = {name: getattr(quality, name) for name in type(quality).__annotations__}
    sha256 = hashlib.sha256(body).hexdigest()
    return SimpleNamespace(
        photo_key=f"perseverance|m20|{number:04}",
        source_url=None,
        picture_key=f"{number}",
        bytes=len(body),
        sha256=sha256,
        error=None,
        **held,
    )


@pytest.mark.parametrize("name", PICTURES)
def test_what_is_wrong_with_a_picture_of_a_real_scene_is_found_and_nothing_else(
    tables: Tables, real_payloads: Path, name: str
) -> None:
    pixels = decode((real_payloads / "images" / name).read_bytes()).pixels
    # Its own light in the middle, so that more of it is not yet white: the real exposures have bright rocks and a sunset.
    pixels = lit(cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), 100 / pixels.mean())  # type: ignore[arg-type]
    found = reasons(
        tables.choose(
            [photo(number) for number in range(20)],
            [measured(number, body) for number, body in enumerate(series(pixels))],
        )
    )
    assert found == {number: WRONG.get(number) for number in range(20)}
