"""The movie with which the demonstration ends: asked for once, looked for until it is there, and missed where it failed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import dagster as dg
import pytest

from martian_moments.defs.assets.moments import FRAMES_KEY
from martian_moments.domain.errors import MediaMissing, PlatformFailed
from martian_moments.operations import demo_movie
from martian_moments.pipelines.moment_files import keep_frames
from martian_moments.pipelines.moments import gather
from martian_moments.pipelines.movies import make
from martian_moments_tests.moments import DRIVE, Pictures, photo, publish_photos
from martian_moments_tests.platforms import Platform


def test_its_frames_are_asked_for_as_a_person_does_in_the_web_interface(platform: Platform) -> None:
    demo_movie.ask(platform.resources, platform.instance)
    (backfill,) = platform.instance.get_backfills()
    data = backfill.get_asset_backfill_data(platform.repository.asset_graph)
    targets = {(key.asset_key, key.partition_key) for key in data.target_subset.iterate_asset_partitions()}
    assert targets == {(FRAMES_KEY, demo_movie.MOMENT)}


def test_its_line_says_what_it_has_and_where_it_lies(platform: Platform, tmp_path: Path) -> None:
    resources = platform.resources
    assert demo_movie.where(resources, platform.instance) is None
    publish_photos(resources.published, [photo(number) for number in range(4)])
    moment = DRIVE.model_copy(update={"name": demo_movie.MOMENT})
    keep_frames(resources.lake, asyncio.run(gather(resources.published, moment, Pictures(resources.lake).ask)).choice)
    assert demo_movie.where(resources, platform.instance) is None
    make(resources.lake, demo_movie.MOMENT, tmp_path / "scratch")
    line = demo_movie.where(resources, platform.instance)
    assert line is not None
    begin, _, file = line.partition(": ")
    assert begin == "a movie of 4 frames (0.4 s) from generated pictures"
    assert Path(file).is_file()
    assert Path(file).name == "movie.mp4"


def test_a_run_that_failed_ends_the_waiting(platform: Platform) -> None:
    run = platform.start("moments/frames", dg.DagsterRunStatus.FAILURE)
    with pytest.raises(PlatformFailed, match=f"no movie was made: run {run.run_id} failed"):
        demo_movie.where(platform.resources, platform.instance)


def test_without_the_extra_nothing_is_asked_for(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise MediaMissing("pictures and movies need PyAV")

    monkeypatch.setattr(demo_movie, "require_media", missing)
    with pytest.raises(MediaMissing):
        demo_movie.ask(platform.resources, platform.instance)
    assert platform.instance.get_backfills() == []
