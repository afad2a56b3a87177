"""The frames and the movie of a moment as assets: reported, checked, and made again only when the frames have changed."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.data_version import DATA_VERSION_TAG

from martian_moments.defs.assets import moments as assets
from martian_moments.defs.assets.moments import FRAMES_KEY, MOVIE_KEY
from martian_moments.domain.errors import DiskFull
from martian_moments.domain.pictures import Fault
from martian_moments.lake import store
from martian_moments.pipelines import movies
from martian_moments.pipelines.moment_files import keep_frames, moment_key
from martian_moments.pipelines.moments import Ask
from martian_moments.pipelines.movies import Made
from martian_moments_tests.moments import Pictures, photo, publish_photos
from martian_moments_tests.platforms import Platform, failure_of, requests_of

FILE = """
[drive]
title = "A drive"
rover = "perseverance"
cameras = ["FRONT_HAZCAM_LEFT_A"]
kind = "drive"
sols = "all"
fps = 10

[none]
rover = "spirit"
cameras = ["PANCAM"]
kind = "all"
sols = "1-9"
"""


class Moments:
    """A platform with moments of its own, and the server of their pictures."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.pictures = Pictures(platform.resources.lake)
        self.publish(6)
        self.register()

    def publish(self, count: int) -> None:
        publish_photos(self.platform.resources.published, [photo(number) for number in range(count)])

    def register(self) -> None:
        """What the sensor asks for, done."""
        tick = self.platform.tick("moments")
        for request in tick.dynamic_partitions_requests or ():
            if isinstance(request, dg.AddDynamicPartitionsRequest):
                self.platform.instance.add_dynamic_partitions(request.partitions_def_name, list(request.partition_keys))
            else:
                for key in request.partition_keys:
                    self.platform.instance.delete_dynamic_partition(request.partitions_def_name, key)

    def last(self, key: dg.AssetKey) -> dg.AssetMaterialization:
        event = self.platform.instance.get_latest_materialization_event(key)
        assert event is not None
        assert event.asset_materialization is not None
        return event.asset_materialization

    def metadata(self, key: dg.AssetKey) -> dict[str, Any]:
        return {name: value.value for name, value in self.last(key).metadata.items()}


@pytest.fixture
def moments(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Moments:
    file = platform.settings.home / "moments.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(FILE)
    platform.settings = platform.settings.model_copy(update={"moments": file})
    made = Moments(platform)

    @asynccontextmanager
    async def asking(*_: object, **__: object) -> AsyncIterator[Ask]:
        yield made.pictures.ask

    monkeypatch.setattr(assets, "asking", asking)
    return made


def test_the_frames_say_what_became_of_every_candidate_and_carry_the_version_of_what_the_movie_is_made_of(
    moments: Moments,
) -> None:
    moments.pictures.means = {2: 0.0}
    assert moments.platform.run("moments/frames", "drive").success
    metadata = moments.metadata(FRAMES_KEY)
    assert (metadata["candidates"], metadata["frames"], metadata["pictures asked for"]) == (6, 5, 6)
    assert "| `underexposed` | 1 | nearly all of it is black |" in metadata["left out"]
    version = (moments.last(FRAMES_KEY).tags or {})[DATA_VERSION_TAG]
    moments.publish(7)
    assert moments.platform.run("moments/frames", "drive").success
    assert (moments.last(FRAMES_KEY).tags or {})[DATA_VERSION_TAG] != version


def test_pictures_that_could_not_be_had_fail_the_run_and_what_is_there_is_chosen(moments: Moments) -> None:
    moments.pictures.faults = {3: Fault.FAILED}
    result = moments.platform.run("moments/frames", "drive")
    assert "the pictures of 1 of 1 moments are not all there" in failure_of(result)
    assert "https://mars.example/3.jpg: failed" in failure_of(result)
    assert moments.metadata(FRAMES_KEY)["frames"] == 5


def test_the_movies_page_has_poster_preview_and_numbers_and_every_check_passes(moments: Moments) -> None:
    assert moments.platform.run("moments/frames", "drive").success
    result = moments.platform.run("moments/movie", "drive")
    assert result.success
    metadata = moments.metadata(MOVIE_KEY)
    assert (metadata["frames"], metadata["seconds"], metadata["size"], metadata["made anew"]) == (6, 0.6, "320x240", True)
    assert metadata["credits"] == "Pictures: NASA/JPL-Caltech"
    for name, kind, beginning in (("poster", "jpeg", b"\xff\xd8\xff"), ("preview", "webp", b"RIFF")):
        address = metadata[name].removeprefix("![drive](").removesuffix(")")
        assert address.startswith(f"data:image/{kind};base64,")
        assert base64.b64decode(address.partition(",")[2]).startswith(beginning)
    checks = {each.check_name: each.passed for each in result.get_asset_check_evaluations()}
    assert checks == {
        "frame_count": True,
        "no_duplicate_frame": True,
        "no_black_frame": True,
        "constant_size": True,
        "duration": True,
    }


def test_a_movie_whose_frames_are_the_same_is_not_made_again(moments: Moments) -> None:
    moments.platform.run("moments/frames", "drive")
    moments.platform.run("moments/movie", "drive")
    lake = moments.platform.resources.lake
    before = lake.head(moment_key("drive", "movie.mp4"))
    assert moments.platform.run("moments/movie", "drive").success
    assert moments.metadata(MOVIE_KEY)["made anew"] is False
    assert lake.head(moment_key("drive", "movie.mp4")) == before
    assert moments.platform.run("moments/movie", "drive", anew=True).success
    assert moments.metadata(MOVIE_KEY)["made anew"] is True


def test_a_movie_larger_than_any_document_is_looked_at_all_the_same(
    moments: Moments, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = movies.make

    def make(*given: Any, **options: Any) -> tuple[Made, bool]:
        movie, is_new = real(*given, **options)
        monkeypatch.setattr(store, "MAX_OBJECT_BYTES", movie.files[movie.movie][0] - 1)
        return movie, is_new

    monkeypatch.setattr(assets, "make", make)
    moments.platform.run("moments/frames", "drive")
    assert moments.platform.run("moments/movie", "drive").success
    assert moments.metadata(MOVIE_KEY)["frames"] == 6


def test_a_movie_that_is_not_what_was_made_fails_its_checks(moments: Moments, tmp_path: Path) -> None:
    moments.platform.run("moments/frames", "drive")
    moments.platform.run("moments/movie", "drive")
    lake = moments.platform.resources.lake
    whole = lake.get(moment_key("drive", "movie.mp4"))
    moments.publish(3)
    moments.platform.run("moments/frames", "drive")
    moments.platform.run("moments/movie", "drive")
    size = lake.head(moment_key("drive", "movie.mp4")).size  # type: ignore[union-attr]
    # The movie of before, under the name and with the size of the new one.
    document = lake.get(moment_key("drive", "movie.json"))
    document = document.replace(f'"bytes": {size}'.encode(), f'"bytes": {len(whole)}'.encode())
    lake.put_bytes(moment_key("drive", "movie.json"), document)
    lake.put_bytes(moment_key("drive", "movie.mp4"), whole)
    result = moments.platform.run("moments/movie", "drive")
    failed = {each.check_name for each in result.get_asset_check_evaluations() if not each.passed}
    assert failed == {"frame_count", "duration"}


def test_a_moment_of_which_nothing_is_there_has_no_movie_and_the_checks_say_why(moments: Moments) -> None:
    assert moments.platform.run("moments/frames", "none").success
    assert moments.metadata(FRAMES_KEY)["frames"] == 0
    result = moments.platform.run("moments/movie", "none")
    assert result.success
    found = {(each.passed, each.severity, each.description) for each in result.get_asset_check_evaluations()}
    why = "none has 0 frames, and a movie needs 2: none is made"
    assert found == {(False, dg.AssetCheckSeverity.WARN, why)}
    assert moments.platform.instance.get_latest_materialization_event(MOVIE_KEY) is None


def test_the_sensor_registers_what_is_written_down_and_removes_what_is_not_any_more(moments: Moments) -> None:
    instance, settings = moments.platform.instance, moments.platform.settings
    assert set(instance.get_dynamic_partitions("moments")) == {"drive", "none"}
    assert not moments.platform.tick("moments").dynamic_partitions_requests
    assert settings.moments is not None
    settings.moments.write_text(FILE.replace("[none]", "[other]"))
    moments.register()
    assert set(instance.get_dynamic_partitions("moments")) == {"drive", "other"}


def test_a_wrong_file_fails_the_tick_with_its_line(moments: Moments) -> None:
    assert moments.platform.settings.moments is not None
    moments.platform.settings.moments.write_text(FILE.replace("fps = 10", "fps = 0"))
    with pytest.raises(Exception, match="moment drive: fps = 0 is not accepted"):
        moments.platform.tick("moments")


def evaluate(platform: Platform, cursor: Any = None, moment: datetime | None = None) -> Any:
    """One look of the automation at the moments' assets."""
    return dg.evaluate_automation_conditions(
        platform.definitions,
        instance=platform.instance,
        asset_selection=dg.AssetSelection.assets(FRAMES_KEY, MOVIE_KEY),
        cursor=cursor,
        evaluation_time=moment,
    )


def touched(platform: Platform, table: str) -> None:
    platform.instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey(["silver", table])))


def asked(result: Any, key: dg.AssetKey) -> set[str]:
    return set(result.get_requested_partitions(key))


def test_only_a_moment_that_somebody_asked_for_is_chosen_again_and_only_changed_frames_make_a_movie(
    moments: Moments,
) -> None:
    platform = moments.platform
    look = evaluate(platform)
    touched(platform, "fact_photos")
    look = evaluate(platform, look.cursor)
    assert asked(look, FRAMES_KEY) == set()
    platform.run("moments/frames", "drive")
    # Not once more: the photos that have changed since the first look are those that they were chosen from.
    look = evaluate(platform, look.cursor)
    assert (asked(look, FRAMES_KEY), asked(look, MOVIE_KEY)) == (set(), {"drive"})
    platform.run("moments/movie", "drive")
    touched(platform, "fact_photos")
    look = evaluate(platform, look.cursor)
    assert (asked(look, FRAMES_KEY), asked(look, MOVIE_KEY)) == ({"drive"}, set())
    platform.run("moments/frames", "drive")
    look = evaluate(platform, look.cursor)
    assert (asked(look, FRAMES_KEY), asked(look, MOVIE_KEY)) == (set(), set())
    moments.publish(7)
    touched(platform, "fact_images")
    look = evaluate(platform, look.cursor)
    assert asked(look, FRAMES_KEY) == {"drive"}
    platform.run("moments/frames", "drive")
    look = evaluate(platform, look.cursor)
    assert asked(look, MOVIE_KEY) == {"drive"}
    assert requests_of(platform.tick("moments")) == []


def test_photos_that_change_while_frames_are_chosen_are_chosen_from_again(
    moments: Moments, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = moments.platform
    look = evaluate(platform)

    def keep_late(*arguments: Any) -> None:
        touched(platform, "fact_images")
        keep_frames(*arguments)

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(assets, "keep_frames", keep_late)
        assert platform.run("moments/frames", "drive").success
    look = evaluate(platform, look.cursor)
    assert (asked(look, FRAMES_KEY), asked(look, MOVIE_KEY)) == ({"drive"}, set())
    assert platform.run("moments/frames", "drive").success
    look = evaluate(platform, look.cursor)
    assert (asked(look, FRAMES_KEY), asked(look, MOVIE_KEY)) == (set(), {"drive"})


def test_pictures_that_could_not_be_had_are_asked_for_again_within_six_hours_and_a_movie_that_failed_within_one(
    moments: Moments, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = moments.platform
    moments.pictures.faults = {3: Fault.FAILED}
    assert not platform.run("moments/frames", "drive").success

    def full(*_: object, **__: object) -> None:
        raise DiskFull("no room")

    monkeypatch.setattr(assets, "make", full)
    assert not platform.run("moments/movie", "drive").success
    # Between two of the six-hourly looks, whenever the test runs.
    now = (datetime.now(UTC) + timedelta(days=1)).replace(hour=12, minute=30)
    look = evaluate(platform, moment=now)
    look = evaluate(platform, look.cursor, now + timedelta(hours=1))
    assert asked(look, MOVIE_KEY) == {"drive"}
    look = evaluate(platform, look.cursor, now + timedelta(hours=6))
    assert asked(look, FRAMES_KEY) == {"drive"}
