"""A movie of the replica's pictures: every frame once and in order, steady, and without flicker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from martian_moments.media.encoding import encode
from martian_moments.media.frames import FrameInput, PrepareOptions
from martian_moments.media.preparing import prepare
from martian_moments.replica.archive import open_archive
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.file_names import PICTURES
from martian_moments.replica.histories import GeneratedHistory
from martian_moments.replica.pictures.film import file_of
from martian_moments.replica.pictures.marks import read_mark

CAMERA = "FRONT_HAZCAM_LEFT_A"
WIDTH = 800
FRAMES = 40

Pixels = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Shown:
    """One picture: its place, its file, and what is true of it."""

    place: tuple[int, int]
    clock: int
    photo_key: str
    file: bytes
    mark: tuple[Any, ...]
    shift_px: tuple[float, float]


@pytest.fixture(scope="module")
def taken() -> list[Shown]:
    """What a hazard camera took, in order, 800 pixels wide."""
    archive = open_archive(ReplicaConfig(rovers=("perseverance",), sols=14, scale=0.5, seed=3, bad_pictures=0.0))
    history, catalogue = archive.histories["perseverance"], archive.catalogues["perseverance"]
    assert isinstance(history, GeneratedHistory)
    found = []
    for sol in history.sols:
        shots = {photo.shot.number: photo.shot for photo in history.visible(sol)}
        for key, truth in catalogue.truth("m20", sol).items():
            if truth["part"] != "whole" or shots[truth["mark"][2]].look.camera != CAMERA:
                continue
            shot = shots[truth["mark"][2]]
            address, facts = next(pair for pair in truth["renditions"].items() if pair[1]["width"] == WIDTH)
            picture = catalogue.find(address.removeprefix(PICTURES))
            assert picture is not None
            mark, shift = tuple(truth["mark"]), (facts["shift_px"][0], facts["shift_px"][1])
            found.append(Shown((shot.site, shot.drive), shot.clock, key, file_of(picture), mark, shift))
    return sorted(found, key=lambda each: each.clock)


@pytest.fixture(scope="module")
def still(taken: list[Shown]) -> list[Shown]:
    """The pictures of one view: from the place at which most were taken."""
    ((place, count),) = Counter(each.place for each in taken).most_common(1)
    assert count >= FRAMES
    return [each for each in taken if each.place == place][:FRAMES]


def prepared(pictures: Sequence[Shown], kind: str) -> list[Pixels]:
    inputs = [
        FrameInput(photo_key=each.photo_key, read=partial(bytes, each.file), camera=CAMERA, caption=("Sol 1",))
        for each in pictures
    ]
    return list(prepare(inputs, PrepareOptions(kind=kind, credit="martian-moments replica")))


def as_they_came(pictures: Sequence[Shown]) -> list[Pixels]:
    return [np.asarray(cv2.imdecode(np.frombuffer(each.file, np.uint8), cv2.IMREAD_COLOR)) for each in pictures]


def flicker(frames: Sequence[Pixels]) -> float:
    return float(np.std(np.diff([frame.mean() for frame in frames])))


def places_of_marks(frames: Sequence[Pixels]) -> Pixels:
    """Where the mark is in each frame, by the corners of its markers."""
    found = []
    for frame in frames:
        corners, numbers, _ = cv2.aruco.ArucoDetector(
            cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000), _REFINED
        ).detectMarkers(frame.mean(axis=2).astype(np.uint8))
        assert numbers is not None
        found.append(np.mean([corner[0].mean(axis=0) for corner in corners], axis=0))
    return np.array(found)


_REFINED = cv2.aruco.DetectorParameters()
_REFINED.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX


def test_a_movie_decoded_again_has_every_frame_once_and_in_order(taken: list[Shown], tmp_path: Path) -> None:
    pictures = taken[::3][:50]
    frames = prepared(pictures, "drive")
    path = tmp_path / "movie.mp4"
    encode(frames, path, fps=8)
    with av.open(str(path)) as movie:
        decoded = [frame.to_ndarray(format="rgb24") for frame in movie.decode(video=0)]
    assert [read_mark(frame) for frame in decoded] == [each.mark for each in pictures]
    assert len({frame.shape for frame in decoded}) == 1


def test_the_flicker_of_exposures_falls_fivefold(still: list[Shown]) -> None:
    assert flicker(prepared(still, "view")) < flicker(as_they_came(still)) / 5


def test_a_camera_that_moved_is_held_still_to_half_a_pixel_and_in_a_sky_movie_not_at_all(still: list[Shown]) -> None:
    shifts = np.array([each.shift_px for each in still])
    before, steady, sky = (
        places_of_marks(frames) for frames in (as_they_came(still), prepared(still, "view"), prepared(still, "sky"))
    )
    assert np.ptp(shifts, axis=0).min() > 8
    assert np.abs((before - np.median(before, axis=0)) - (shifts - np.median(shifts, axis=0))).max() < 0.5
    assert np.abs(steady - np.median(steady, axis=0)).max() < 0.5
    assert np.abs((sky - sky[0]) - (before - before[0])).max() < 0.5
