"""Frames chosen among the replica's pictures of every dialect and kind of pixels, beside what the replica knows of each.

The front hazard camera and the sky of Perseverance are looked at in test_chosen_frames.py.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import httpx
import pytest

from martian_moments.domain.documents import decode_text, encode
from martian_moments.domain.errors import PictureError
from martian_moments.domain.moments import Moment, MomentKind, Sols
from martian_moments.domain.pictures import Fault, Picture, held
from martian_moments.lake.store import Lake
from martian_moments.media.choosing import Candidate, Choice, choose, published_tables
from martian_moments.media.quality import measure
from martian_moments.pipelines.moment_files import keep_frames, kept_frames, moment_key
from martian_moments.pipelines.movies import make
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.pictures.marks import read_mark
from martian_moments.replica.running import RunningReplica, running
from martian_moments.warehouse.base import BronzeObject
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments_tests.unit.dbt.conftest import FETCHED_AT, Project
from martian_moments_tests.unit.dbt.test_generated_pictures import ROVERS, documents

CONFIG = ReplicaConfig(rovers=tuple(ROVERS.values()), sols=14, scale=0.25, seed=5, bad_pictures=0.3)

CAMERAS = (
    ("perseverance", "NAVCAM_LEFT"),
    ("perseverance", "MCZ_LEFT"),
    ("curiosity", "FHAZ_LEFT_B"),
    ("curiosity", "RHAZ_LEFT_B"),
    ("opportunity", "FRONT_HAZCAM_LEFT"),
)

Truth = dict[str, Any]


def asked(client: httpx.Client, lake: Lake, each: Candidate) -> Picture:
    """The record of a picture that is wanted, which is kept in the lake where it is good."""
    assert each.address is not None
    response = client.get(each.address)
    if response.status_code == 404:
        return Picture(each.photo_key, each.address, FETCHED_AT, error=Fault.MISSING)
    body = response.raise_for_status().content
    try:
        quality = measure(body)
    except PictureError:
        return Picture(each.photo_key, each.address, FETCHED_AT, error=Fault.DAMAGED)
    key = f"pictures/{hashlib.sha256(each.address.encode()).hexdigest()}"
    lake.put_bytes(key, body)
    return held(each.photo_key, each.address, key, body, quality)


class Frames:
    """What is chosen of each camera after all that is wanted was asked for, and the truth by photo."""

    def __init__(self, photos: Path, replica: RunningReplica, lake: Lake) -> None:
        self._photos = photos
        self.lake = lake
        self.records: dict[str, Picture] = {}
        self.truth: Truth = {}
        for source, rover in ROVERS.items():
            for sol in replica.control.ids(source, rover):
                self.truth |= replica.control.pictures(source, rover, sol)
        with httpx.Client(timeout=60, trust_env=False) as client:
            for rover, camera in CAMERAS:
                while wanted := self.choose(rover, camera).wanted:
                    self.records |= {each.photo_key: asked(client, lake, each) for each in wanted}

    def choose(self, rover: str, camera: str, kind: MomentKind = MomentKind.ALL) -> Choice:
        moment = Moment(name="generated", rover=rover, cameras=(camera,), kind=kind, sols=Sols(), limit=10_000)
        with published_tables(self._photos, None, self.records.values()) as tables:
            return choose(moment, tables)


@pytest.fixture(scope="module")
async def frames(
    project: Callable[[], Project], tmp_path_factory: pytest.TempPathFactory, monkeypatch_module: pytest.MonkeyPatch
) -> Frames:
    made, folder = project(), tmp_path_factory.mktemp("frames")
    with running(CONFIG) as replica:
        monkeypatch_module.setenv("MARS_DBT_ARCHIVE_URL", replica.pds_url.rstrip("/"))
        loaded = await documents(replica, folder)
        objects = [(each.header, each.header.fingerprint, decode_text("", encode(each))) for each in loaded]
        made.warehouse.load([BronzeObject(header.key, etag, header, text) for header, etag, text in objects])
        made.build("--select", "+fact_photos", "--exclude", "resource_type:unit_test", "resource_type:test")
        published = Published((folder / "published").as_uri())
        made.warehouse.publish(published, [table for table in published_models() if table.name == "fact_photos"])
        published.fetch("silver", "fact_photos", folder / "photos")
        return Frames(folder / "photos", replica, Lake((folder / "lake").as_uri()))


@pytest.fixture(scope="module")
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_every_generated_picture_is_in_or_out_for_the_reason_that_the_truth_has(frames: Frames) -> None:
    seen = Counter[str | None]()
    for rover, camera in CAMERAS:
        candidates = frames.choose(rover, camera).candidates
        assert {each.photo_key: each.reason for each in candidates} == {
            each.photo_key: frames.truth[each.photo_key]["reason"] for each in candidates
        }
        seen.update(each.reason for each in candidates)
    assert len(frames.records) >= 350
    assert set(seen) == {
        *(None, "thumbnail", "tile", "missing", "damaged"),
        *("underexposed", "overexposed", "exposure_outlier", "blurred", "repeated"),
    }
    assert min(seen.values()) >= 3


def test_a_drive_has_one_good_frame_of_each_stop_that_has_any(frames: Frames) -> None:
    for rover, camera in CAMERAS:
        choice = frames.choose(rover, camera, MomentKind.DRIVE)
        good = {
            (each.site, each.drive) for each in choice.candidates if frames.truth[each.photo_key]["good"] and each.address
        }
        assert [(each.site, each.drive) for each in choice.frames] == sorted(good)
        assert all(frames.truth[each.photo_key]["good"] for each in choice.frames)


def test_a_movie_that_another_decoder_reads_has_the_frames_that_were_chosen_in_order_each_once(
    frames: Frames, tmp_path: Path
) -> None:
    choice = frames.choose("curiosity", "RHAZ_LEFT_B", MomentKind.DRIVE)
    keep_frames(frames.lake, replace(choice, moment=choice.moment.model_copy(update={"size": 720, "fps": 8})))
    movie, _ = make(frames.lake, "generated", tmp_path / "scratch")
    file = tmp_path / "movie.mp4"
    file.write_bytes(frames.lake.get(moment_key("generated", movie.movie)))
    # OpenCV brings an FFmpeg of its own.
    capture, marks, sizes = cv2.VideoCapture(str(file)), [], set()
    while (read := capture.read())[0]:
        sizes.add(read[1].shape)
        marks.append(list(read_mark(read[1]) or ()))
    assert (capture.get(cv2.CAP_PROP_FPS), sizes) == (8, {(movie.height_px, movie.width_px, 3)})
    chosen = kept_frames(frames.lake, "generated").frames
    assert marks == [frames.truth[each["photo_key"]]["mark"] for each in chosen]
    assert len(marks) == len(choice.frames) >= 4
