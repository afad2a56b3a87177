"""Poster, preview and captions of a movie."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from martian_moments.domain.errors import MovieError
from martian_moments.media.encoding import encode
from martian_moments.media.outputs import captions, poster, preview
from martian_moments_tests.unit.media.marked import frames, number_of


@pytest.mark.parametrize(("count", "middle"), [(1, 0), (2, 1), (151, 75)])
def test_the_poster_is_the_frame_in_the_middle(tmp_path: Path, count: int, middle: int) -> None:
    movie = encode(frames(count), tmp_path / "movie.mp4")
    poster(movie.path, tmp_path / "poster.jpg")
    with Image.open(tmp_path / "poster.jpg") as image:
        assert (image.format, image.size) == ("JPEG", (320, 240))
        assert number_of(np.asarray(image)) == middle


@pytest.mark.parametrize("name", ["movie.mp4", "movie.webm"])
def test_the_preview_shows_frames_from_the_whole_movie(tmp_path: Path, name: str) -> None:
    movie = encode(frames(96, width=640, height=480), tmp_path / name, codec="vp9" if name.endswith("webm") else "h264")
    preview(movie.path, tmp_path / "preview.webp")
    with Image.open(tmp_path / "preview.webp") as image:
        assert (image.format, getattr(image, "n_frames", 1), image.size) == ("WEBP", 24, (320, 240))
        assert image.info["loop"] == 0
        shown = []
        for index in range(24):
            image.seek(index)
            shown.append(number_of(np.asarray(image.convert("RGB").resize((640, 480)))))
    assert shown == [2 + 4 * part for part in range(24)]


def test_what_is_no_movie_has_no_poster(tmp_path: Path) -> None:
    (tmp_path / "movie.mp4").write_bytes(b"<html>")
    with pytest.raises(MovieError, match=r"movie.mp4 cannot be read as a movie"):
        poster(tmp_path / "movie.mp4", tmp_path / "poster.jpg")
    assert not (tmp_path / "poster.jpg").exists()


def test_captions_have_a_cue_for_each_change(tmp_path: Path) -> None:
    texts = [("Sol 7", "a < b & c"), ("Sol 7", "a < b & c"), ("Sol 8\n\nnoon", ""), (), ("Sol 9",)]
    captions(texts, tmp_path / "captions.vtt", fps=Fraction(3, 2))
    assert (tmp_path / "captions.vtt").read_text(encoding="utf-8").split("\n\n") == [
        "WEBVTT",
        "00:00:00.000 --> 00:00:01.333\nSol 7\na &lt; b &amp; c",
        "00:00:01.333 --> 00:00:02.000\nSol 8 noon",
        "00:00:02.667 --> 00:00:03.333\nSol 9\n",
    ]


def test_times_of_captions_go_beyond_an_hour(tmp_path: Path) -> None:
    captions([("a",)] * 3_700 + [("b",)], tmp_path / "captions.vtt", fps=Fraction(1))
    assert "01:01:40.000 --> 01:01:41.000\nb" in (tmp_path / "captions.vtt").read_text(encoding="utf-8")
