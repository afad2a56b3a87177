"""A movie on a platform whose processes are killed while its pictures arrive, and its frames are prepared and encoded."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

import pytest

from martian_moments.operations import demo_movie
from martian_moments.operations.movies import Finished, make_at_once
from martian_moments.pipelines import movies
from martian_moments.pipelines.moment_files import kept_frames
from martian_moments.pipelines.moments import moments_of
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import FaultPlan
from martian_moments.replica.running import running
from martian_moments.resources import Resources
from martian_moments_tests.e2e.loop import settings_of
from martian_moments_tests.e2e.platform import Platform, platform
from martian_moments_tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(2_000), pytest.mark.chaos]

IN_FLIGHT = 8
VICTIMS = ["run worker"] * 5 + ["forge", "daemon", "code server"] + ["supervisor"] * 2
SETTLE_SECONDS = 600


def test_ten_kills_at_random_moments_of_a_movie_end_in_the_movie_of_an_undisturbed_run(tmp_path: Path) -> None:
    chance = random.Random(14)
    config = ReplicaConfig(sols=12, scale=0.2, faults=FaultPlan(latency_ms=300))
    extra = {"MARS_ROVERS": "perseverance", "MARS_IMAGES_PER_MINUTE": "100000", "MARS_CONCURRENCY": str(IN_FLIGHT)}
    with running(config) as replica, platform(tmp_path / "home", replica, **extra) as loop:
        loop.settle(SETTLE_SECONDS)
        replica.control.reset_counters()
        with loop.instance() as instance:
            demo_movie.ask(loop.resources, instance)
        killed_before_the_end = 0
        for kind in chance.sample(VICTIMS, k=len(VICTIMS)):
            time.sleep(chance.uniform(0.1, 2.0))
            killed_before_the_end += movies.made(loop.resources.lake, demo_movie.MOMENT) is None
            loop.kill_one(kind, chance)
        made = wait_until(
            lambda: movies.made(loop.resources.lake, demo_movie.MOMENT),
            lambda: f"no movie\n{loop.log_tail()}",
            SETTLE_SECONDS,
        )
        requests = replica.control.requests()["paths"].items()
        pictures = {path: count for path, count in requests if path.lower().endswith((".jpg", ".png"))}
        frames = [each["photo_key"] for each in kept_frames(loop.resources.lake, demo_movie.MOMENT).frames]
        undisturbed = _undisturbed(loop, tmp_path)
    assert killed_before_the_end > len(VICTIMS) // 2
    assert frames == [each.photo_key for each in undisturbed.choice.frames]
    assert made.frame_sha256 == undisturbed.made.frame_sha256
    assert len(set(made.frame_sha256)) > 5
    # A kill may cost the requests that were under way; every other picture came once.
    assert sum(pictures.values()) - len(pictures) <= killed_before_the_end * IN_FLIGHT
    assert len(pictures) >= len(frames)


def _undisturbed(loop: Platform, folder: Path) -> Finished:
    """The same moment of the same published tables, made at once beside an empty lake."""
    home = folder / "undisturbed"
    shutil.copytree(loop.home / "published", home / "published")
    resources = Resources(settings_of({**loop.environment, "MARS_HOME": str(home)}))
    moment = next(each for each in moments_of(resources.settings) if each.name == demo_movie.MOMENT)
    return make_at_once(resources, moment, folder / "undisturbed.mp4", lambda *_: None)
