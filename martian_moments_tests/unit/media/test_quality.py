"""The numbers of one picture, and bytes that are none."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from martian_moments.domain.errors import MediaMissing, NotAPicture, PictureDamaged, PictureRefused
from martian_moments.media import extra
from martian_moments.media.quality import measure, side_by_side
from martian_moments_tests.unit.media.pictures import claiming, encoded, textured


def distance(one: str, other: str) -> int:
    return (int(one, 16) ^ int(other, 16)).bit_count()


def test_mean_spread_and_shares_are_those_of_the_pixels() -> None:
    pixels = np.full((100, 200), 100, np.uint8)
    pixels[:, :20] = 255
    pixels[:, 20:30] = 2
    quality = measure(encoded(pixels))
    assert (quality.width_px, quality.height_px, quality.mode) == (200, 100, "L")
    assert quality.mean == pytest.approx(pixels.mean(), abs=0.001)
    assert quality.spread == pytest.approx(pixels.std(), abs=0.001)
    assert (quality.saturated_share, quality.black_share) == (0.1, 0.05)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_colours_count_by_their_luma(kind: str) -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[..., 0] = 200
    quality = measure(encoded(pixels, kind, subsampling=0, quality=95))
    assert quality.mode == "RGB"
    assert quality.mean == pytest.approx(0.299 * 200, abs=1)


def test_a_blurred_picture_is_less_sharp_and_a_bayer_mosaic_no_sharper() -> None:
    scene = textured(320, 240)
    sharp = measure(encoded(scene)).sharpness
    assert measure(encoded(cv2.GaussianBlur(scene, (0, 0), 3))).sharpness < sharp / 4
    mosaic = scene.copy()
    mosaic[0::2, 0::2] = np.clip(mosaic[0::2, 0::2] * 1.2, 0, 255).astype(np.uint8)
    mosaic[1::2, 1::2] = (mosaic[1::2, 1::2] * 0.8).astype(np.uint8)
    assert measure(encoded(mosaic)).sharpness == pytest.approx(sharp, rel=0.1)


def test_the_hash_is_of_the_scene_and_not_of_size_format_or_exposure() -> None:
    scene = textured(320, 240)
    said = measure(encoded(scene)).perceptual_hash
    assert len(said) == 16
    same = [
        encoded(scene, "JPEG", quality=70),
        encoded(cv2.resize(scene, (160, 120), interpolation=cv2.INTER_AREA)),
        encoded((scene * 0.8).astype(np.uint8)),
    ]
    assert max(distance(said, measure(body).perceptual_hash) for body in same) <= 4
    others = [measure(encoded(textured(320, 240, seed=seed))).perceptual_hash for seed in range(1, 9)]
    assert min(distance(said, other) for other in others) >= 12


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_frame_of_one_value_is_a_whole_picture(value: int) -> None:
    quality = measure(encoded(np.full((64, 64), value, np.uint8), "JPEG"))
    assert (quality.mean, quality.spread, quality.sharpness) == (value, 0, 0)
    assert (quality.black_share, quality.saturated_share) == (float(value == 0), float(value == 255))


def test_an_even_sky_and_a_black_border_are_whole_pictures() -> None:
    sky = np.repeat(np.linspace(200, 90, 240)[:, None], 320, axis=1).astype(np.uint8)
    assert measure(encoded(sky)).height_px == 240
    bordered = textured(320, 240)
    bordered[200:] = 0
    assert measure(encoded(bordered)).black_share == pytest.approx(40 / 240, abs=0.01)


def test_sixteen_bits_count_by_their_upper_eight() -> None:
    quality = measure(encoded(np.full((32, 32), 100 * 256 + 7, np.uint16)))
    assert (quality.mode, quality.mean) == ("I;16", 100)


@pytest.mark.parametrize("body", [b"", b"<html>Sorry</html>", b"GIF89a" + bytes(40), b"\x89PNG", b"\xff\xd8"])
def test_what_is_neither_jpeg_nor_png_is_no_picture(body: bytes) -> None:
    with pytest.raises(NotAPicture):
        measure(body)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 0.99])
def test_a_cut_file_is_damaged(kind: str, share: float) -> None:
    body = encoded(textured(320, 240), kind)
    with pytest.raises(PictureDamaged):
        measure(body[: int(len(body) * share)])


def test_a_picture_whose_end_was_filled_in_is_damaged() -> None:
    body = encoded(textured(320, 240), "JPEG")
    closed = body[: len(body) // 2] + b"\xff\xd9"
    with pytest.raises(PictureDamaged, match=r"of 240 rows are filling|does not decode"):
        measure(closed)
    filled = textured(320, 240)
    filled[200:] = 128
    with pytest.raises(PictureDamaged, match="the last 40 of 240 rows"):
        measure(encoded(filled))


def test_changed_bytes_never_escape_as_another_error() -> None:
    random = np.random.default_rng(3)
    for body in (encoded(textured(64, 48), "JPEG"), encoded(textured(64, 48))):
        for _ in range(300):
            changed = bytearray(body)
            for place in random.integers(8, len(body), 5):
                changed[place] = random.integers(256)
            try:
                measure(bytes(changed))
            except (NotAPicture, PictureDamaged, PictureRefused):
                continue


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (8_000, 8_000), (20_000, 10), (10, 2**31 - 1)])
def test_a_picture_larger_than_any_camera_is_refused_before_it_is_unpacked(width: int, height: int) -> None:
    with pytest.raises(PictureRefused, match="larger than any camera"):
        measure(claiming(width, height))


def test_opencv_starts_no_threads_of_its_own_while_pictures_are_measured_side_by_side() -> None:
    before = cv2.getNumThreads()
    picture = encoded(textured(64, 48), "JPEG")
    alone = measure(picture)
    with side_by_side():
        assert cv2.getNumThreads() == 1
        assert measure(picture) == alone
    assert cv2.getNumThreads() == before


def test_without_the_extra_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extra, "find_spec", lambda name: None if name == "cv2" else object())
    extra.require_media.cache_clear()
    with pytest.raises(MediaMissing, match=r"OpenCV.*pip install 'martian-moments\[media\]'"):
        measure(encoded(textured(8, 8)))
    extra.require_media.cache_clear()


@pytest.mark.parametrize(
    ("name", "size", "mode", "mean"),
    [
        ("NLF_0670_0726421423_362ECM_N0320604NCAM08111_01_095J01.png", (1288, 968), "RGB", 135.4),
        ("NRB_670586006EDR_S0871444NCAM00545M_.jpg", (1022, 1022), "L", 106.6),
        ("ZL0_0038_0670307360_057ECM_N0031392ZCAM08007_1100LUJ.png", (1648, 1200), "RGB", 183.4),
    ],
)
def test_real_pictures_are_whole(real_payloads: Path, name: str, size: tuple[int, int], mode: str, mean: float) -> None:
    quality = measure((real_payloads / "images" / name).read_bytes())
    assert ((quality.width_px, quality.height_px), quality.mode) == (size, mode)
    assert quality.mean == pytest.approx(mean, abs=0.1)
    assert quality.sharpness > 50
