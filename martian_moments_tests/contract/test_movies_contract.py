"""A moment in a folder and on S3: the same frames, pixel by pixel, whichever store has pictures and movie."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from martian_moments.lake.store import Lake
from martian_moments.pipelines.moment_files import keep_frames, kept_frames, moment_key
from martian_moments.pipelines.moments import gather
from martian_moments.pipelines.movies import made, make
from martian_moments.warehouse.published import Published
from martian_moments_tests.buckets import OwnBucket
from martian_moments_tests.moments import DRIVE, Pictures, photo, publish_photos


@pytest.fixture(params=["files", pytest.param("s3", marks=pytest.mark.services)])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Lake, Published]:
    """A lake and published tables, as the settings would have them."""
    if request.param == "files":
        return Lake((tmp_path / "a lake").as_uri()), Published((tmp_path / "published").as_uri())
    bucket: OwnBucket = request.getfixturevalue("bucket")
    return Lake(bucket.url, s3=bucket.s3), Published(f"{bucket.url}/published", s3=bucket.s3)


def choose(lake: Lake, published: Published) -> None:
    publish_photos(published, [photo(number) for number in range(6)])
    keep_frames(lake, asyncio.run(gather(published, DRIVE, Pictures(lake).ask)).choice)


def test_a_movie_has_the_same_frames_wherever_its_pictures_lie(stores: tuple[Lake, Published], tmp_path: Path) -> None:
    here = Lake((tmp_path / "here").as_uri())
    choose(here, Published((tmp_path / "published here").as_uri()))
    lake, published = stores
    choose(lake, published)
    assert kept_frames(lake, "drive") == kept_frames(here, "drive")
    there, is_new = make(lake, "drive", tmp_path / "scratch")
    assert is_new
    assert there.frame_sha256 == make(here, "drive", tmp_path / "scratch")[0].frame_sha256
    assert made(lake, "drive") == there
    assert {each.key for each in lake.list("moments")} == {
        moment_key("drive", file) for file in ("frames.json", "movie.json", *there.files)
    }
    assert make(lake, "drive", tmp_path / "scratch") == (there, False)
