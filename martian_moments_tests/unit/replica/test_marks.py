"""What can be read out of generated pictures: their marks, also out of a movie, and by how much the camera moved."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from martian_moments.replica.archive import open_archive
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.pictures.catalogue import Catalogue
from martian_moments.replica.pictures.film import BAYER, Picture, developed, file_of
from martian_moments.replica.pictures.flaws import Taking
from martian_moments.replica.pictures.marks import EXPOSURES, Mark, draw_mark, mark_box, read_mark

Pixels = np.ndarray[Any, Any]


def pictures(rover: str, source: str, *, seed: int = 4, bad: float = 0.0) -> Iterator[Picture]:
    """The whole pictures of a rover, each in its first rendition that is no wider than 1,400 pixels."""
    archive = open_archive(ReplicaConfig(rovers=(rover,), sols=30, scale=0.4, seed=seed, bad_pictures=bad))
    catalogue: Catalogue = archive.catalogues[rover]
    for sol in archive.histories[rover].photo_ids():
        for truth in catalogue.truth(source, sol[0]).values():
            if truth["part"] == "whole" and truth["flaw"] != "missing":
                sizes = {address: each["width"] for address, each in truth["renditions"].items()}
                address = next(address for address, width in sizes.items() if width <= 1400)
                found = catalogue.find(address.removeprefix("http://pictures.replica.invalid"))
                assert found is not None
                yield found


@pytest.mark.parametrize("rover", ["curiosity", "opportunity", "perseverance", "spirit"])
def test_a_mark_is_read_back_as_it_was_drawn_at_any_size(rover: str) -> None:
    for sol, exposure in ((0, 0), (5111, 4095), (888, EXPOSURES - 1)):
        for width, height in ((320, 240), (1024, 1024), (1648, 1200)):
            box = mark_box(width, height)
            assert box is not None
            left, top, cell = box
            image = np.full((height, width), 90, np.uint8)
            mark = draw_mark(Mark(rover, sol, exposure), cell)
            image[top : top + mark.shape[0], left : left + mark.shape[1]] = mark
            assert read_mark(image) == Mark(rover, sol, exposure)


def test_what_has_no_mark_gives_none() -> None:
    assert mark_box(64, 64) is None
    for picture in islice(pictures("perseverance", "m20"), 20):
        assert read_mark(developed(picture._replace(mark=None))) is None
    assert read_mark(np.zeros((480, 640), np.uint8)) is None


@pytest.mark.parametrize(("rover", "source"), [("perseverance", "m20"), ("curiosity", "msl"), ("opportunity", "pds")])
def test_every_mark_is_read_out_of_a_movie_1280_pixels_wide(tmp_path: Path, rover: str, source: str) -> None:
    shown = list(islice(pictures(rover, source), 0, 90, 2))
    path = tmp_path / "movie.mp4"
    with av.open(str(path), "w") as movie:
        stream = movie.add_stream("libx264", rate=12, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = 1280, 960, "yuv420p"
        for picture in shown:
            pixels = cv2.resize(in_colours(picture), (1280, 960), interpolation=cv2.INTER_AREA)
            frame = av.VideoFrame.from_ndarray(pixels.astype(np.uint8), format="bgr24")
            movie.mux(stream.encode(frame))
        movie.mux(stream.encode())
    with av.open(str(path)) as movie:
        read = [read_mark(frame.to_ndarray(format="rgb24")) for frame in movie.decode(video=0)]
    assert read == [picture.mark for picture in shown]
    assert len(set(read)) == len(shown) == 45


def in_colours(picture: Picture) -> Pixels:
    image = developed(picture)
    if picture.kind == BAYER:
        return cv2.cvtColor(image, cv2.COLOR_BayerBGGR2BGR)
    return image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)


def test_everything_in_a_picture_lies_as_far_beside_its_place_as_the_truth_says() -> None:
    for picture in islice(pictures("perseverance", "m20"), 0, 40, 4):
        if picture.kind == BAYER:
            continue
        width = picture.view.size[0]
        still = moved(picture, 0.0, 0.0)
        for right, down in ((0.006, -0.003), (-0.0047, 0.0071)):
            shift = cv2.phaseCorrelate(*(gray(each) for each in (still, moved(picture, right, down))))[0]
            assert shift == pytest.approx((right * width, down * width), abs=0.3)


def moved(picture: Picture, right: float, down: float) -> Picture:
    """The picture of the same scene by a camera that moved, with other grain."""
    column, row = picture.view.axis
    width = picture.view.size[0]
    old_right, old_down = picture.taking.shift
    axis = column + (right - old_right) * width, row + (down - old_down) * width
    taken = picture.taking._replace(shift=(right, down), noise=picture.taking.noise + round(right * 1e5))
    return picture._replace(view=picture.view._replace(axis=axis), taking=taken)


def gray(picture: Picture) -> Pixels:
    image = cv2.medianBlur(developed(picture), 3).astype(np.float32)
    image = image if image.ndim == 2 else image.mean(axis=2)
    edges = np.hypot(cv2.Sobel(image, cv2.CV_32F, 1, 0), cv2.Sobel(image, cv2.CV_32F, 0, 1))
    window = cv2.createHanningWindow(image.shape[::-1], cv2.CV_32F)
    return np.asarray(cv2.GaussianBlur(edges, (0, 0), 2.0) * window)


def test_the_same_seed_gives_the_same_bytes_and_another_one_another_light() -> None:
    first, again, other = (list(islice(pictures("curiosity", "msl", seed=seed, bad=0.3), 30)) for seed in (4, 4, 5))
    assert [file_of(picture) for picture in first[::6]] == [file_of(picture) for picture in again[::6]]
    assert takings(first) == takings(again) != takings(other)


def takings(found: list[Picture]) -> list[Taking]:
    return [picture.taking for picture in found]


def test_light_differs_from_frame_to_frame_but_a_good_frame_is_no_outlier() -> None:
    means = np.array([developed(picture).mean() for picture in islice(pictures("perseverance", "m20"), 0, 120, 3)])
    assert means.std() / means.mean() > 0.05
    assert max(means.max() / np.median(means), np.median(means) / means.min()) < 1.4
