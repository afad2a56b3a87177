"""The pictures' closed loop: what is wanted is asked for until it is held, recorded, and back from the lake."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from martian_moments.defs.sensors import images_sensor
from martian_moments.domain.documents import Coordinates, Kind, decode, object_key
from martian_moments.domain.errors import MediaMissing
from martian_moments.domain.pictures import document_of, records_of
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.picture_server import PictureServer, jpeg, picture_server
from martian_moments_tests.platforms import Platform, build, failure_of, requests_of
from martian_moments_tests.published_tables import publish_file
from martian_moments_tests.unit.defs.sensors.conftest import Clock

NAME = images_sensor.NAME
ASSET = "lake/curiosity/images"

Make = Callable[..., Platform]


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as served:
        yield served


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.of(images_sensor, monkeypatch)


@pytest.fixture
def make(tmp_path: Path, no_settings: None) -> Make:
    def made(images: str = "", **settings: Any) -> Platform:
        loaded = Settings.load(home=tmp_path / "home", sources="v1", images=images, images_per_minute=1_000_000, **settings)
        platform = Platform(loaded, Resources(loaded))
        platform.registered("curiosity", 12)
        return platform

    return made


def publish(platform: Platform, server: PictureServer, tmp_path: Path, *rows: dict[str, Any]) -> None:
    """silver.fact_photos with these photos, one picture each on the server."""
    table = []
    for row in rows:
        path = f"/raw/{row['photo_key']}.JPG"
        server.files[path] = jpeg(len(server.files))
        table.append(
            {
                "rover": "curiosity",
                "camera": "NAV_LEFT_B",
                "source_camera": "NAVCAM",
                "is_thumbnail": False,
                "color_kind": "gray",
                "image_url": server.url + path,
                "image_url_small": None,
                "image_url_full": None,
            }
            | row
        )
    schema = pa.schema(
        [(name, pa.string()) for name in ("photo_key", "rover", "camera", "source_camera", "color_kind")]
        + [("sol", pa.int32()), ("is_thumbnail", pa.bool_())]
        + [(name, pa.string()) for name in ("image_url", "image_url_small", "image_url_full")]
    )
    ordered = sorted(table, key=lambda row: (row["rover"], row["sol"], row["photo_key"]))
    file = tmp_path / "fact_photos.parquet"
    pq.write_table(pa.Table.from_pylist(ordered, schema), file, row_group_size=2)
    publish_file(platform.resources.published, "silver", "fact_photos", file)


def some(*sols: int) -> list[dict[str, Any]]:
    return [{"photo_key": f"{sol}-{number}", "sol": sol} for sol in sols for number in range(2)]


def held(platform: Platform, sol: int) -> dict[str, str | None]:
    """By photo, null or why it is not held; the pictures that are held are whole."""
    lake = platform.resources.lake
    key = object_key(Coordinates(Kind.IMAGES, "curiosity", None, sol))
    return {name: record.error for name, record in sorted(records_of(decode(key, lake.get(key))).items())}


def asked(requests: Sequence[Any]) -> list[list[int]]:
    return [op["config"]["sols"] for request in requests for op in request.run_config["ops"].values()]


def test_without_a_subscription_nothing_is_ever_asked_for(make: Make, server: PictureServer, tmp_path: Path) -> None:
    platform = make()
    publish(platform, server, tmp_path, *some(1, 2))
    assert platform.tick(NAME).skip_message == "MARS_IMAGES names no pictures"
    assert "name cameras in the launchpad, or subscribe" in failure_of(platform.run(ASSET, "00001"))
    assert server.requests == []


def test_what_is_subscribed_to_is_held_and_the_loop_ends(
    make: Make, server: PictureServer, tmp_path: Path, clock: Clock
) -> None:
    platform = make("curiosity NAV_LEFT_B 2-9")
    others = [
        {"photo_key": "thumb", "sol": 3, "is_thumbnail": True},
        {"photo_key": "other", "sol": 3, "camera": "MAST", "source_camera": "MAST"},
        {"photo_key": "spirits", "sol": 3, "rover": "spirit"},
        {"photo_key": "no address", "sol": 3, "image_url": None},
    ]
    publish(platform, server, tmp_path, *some(1, 3, 5), *others)
    tick = platform.tick(NAME)
    (request,) = requests_of(tick)
    assert asked([request]) == [[3, 5]]
    assert platform.execute(request).success
    assert [held(platform, sol) for sol in (3, 5)] == [{"3-0": None, "3-1": None}, {"5-0": None, "5-1": None}]
    assert len(server.requests) == 4
    clock.now += 3_600
    # Nothing of it is published yet: the lake's documents are what counts.
    after = platform.tick(NAME, tick.cursor)
    assert not after.run_requests
    assert after.skip_message is not None
    assert after.skip_message.startswith("nothing is due")


def test_the_last_sols_are_those_that_have_such_photos(make: Make, server: PictureServer, tmp_path: Path) -> None:
    platform = make("curiosity NAVCAM last 2 gray")
    publish(platform, server, tmp_path, *some(1, 3, 5, 7), {"photo_key": "9", "sol": 9, "color_kind": "rgb"})
    assert asked(requests_of(platform.tick(NAME))) == [[5, 7]]
    result = platform.run(ASSET, sols=(3, 5))
    assert result.success
    assert {path for path, _ in server.requests} == {"/raw/5-0.JPG", "/raw/5-1.JPG"}


def test_what_fails_is_asked_for_later_each_time_and_the_rest_is_kept(
    make: Make, server: PictureServer, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make("curiosity NAV_LEFT_B all")
    publish(platform, server, tmp_path, *some(2, 3, 4, 5))
    assert platform.run(ASSET, "00004").success
    server.faults["/raw/3-0.JPG"] = ["html"] * 4
    monkeypatch.setattr("martian_moments.nasa.http._LONGEST_BACKOFF_S", 0.0)
    monkeypatch.setattr(images_sensor, "PICTURES_PER_RUN", 4)
    tick = platform.tick(NAME)
    result = platform.execute(requests_of(tick)[0])
    assert "pictures of 1 of 2 sols of curiosity could not be had" in failure_of(result)
    assert held(platform, 3) == {"3-0": "failed", "3-1": None}
    assert platform.materialized(result).keys() == {"00004", "00005"}, "and sol 4, which is held and lies between them"
    tick = platform.tick(NAME, tick.cursor)
    assert asked(requests_of(tick)) == [[2]]
    assert platform.execute(requests_of(tick)[0]).success
    assert not platform.tick(NAME, tick.cursor).run_requests, "not at once"
    clock.now += 60
    (again,) = requests_of(platform.tick(NAME, tick.cursor))
    assert asked([again]) == [[3]]
    assert platform.execute(again).success
    assert held(platform, 3) == {"3-0": None, "3-1": None}


def test_what_a_server_does_not_have_settles_a_sol_for_a_week(
    make: Make, server: PictureServer, tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make("curiosity NAV_LEFT_B all")
    publish(platform, server, tmp_path, *some(3))
    server.faults["/raw/3-0.JPG"] = ["404"] * 3
    monkeypatch.setattr("martian_moments.nasa.http._LONGEST_BACKOFF_S", 0.0)
    tick = platform.tick(NAME)
    result = platform.execute(requests_of(tick)[0])
    assert result.success
    assert platform.materialized(result)["00003"] | {"seconds": 0, "bytes": 0} == {
        "wanted": 2,
        "fetched": 1,
        "failed": 1,
        "missing": 1,
        "pictures": 1,
        "bytes": 0,
        "object key": "images/rover=curiosity/sol=00003.json.gz",
        "seconds": 0,
    }
    clock.now += 86_400
    assert not platform.tick(NAME, tick.cursor).run_requests
    lake = platform.resources.lake
    key = object_key(Coordinates(Kind.IMAGES, "curiosity", None, 3))
    records = records_of(decode(key, lake.get(key))).values()
    lake.put_now(
        document_of(
            "curiosity", 3, [replace(each, fetched_at=each.fetched_at - timedelta(8)) for each in records], synthetic=False
        )
    )
    assert asked(requests_of(platform.tick(NAME, tick.cursor))) == [[3]]


def test_a_run_asks_for_about_five_hundred_pictures_and_a_rover_has_one_run(
    make: Make, server: PictureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images_sensor, "PICTURES_PER_RUN", 5)
    platform = make("curiosity NAV_LEFT_B all")
    publish(platform, server, tmp_path, *some(1, 3, 5, 7))
    assert asked(requests_of(platform.tick(NAME))) == [[5, 7]]
    run = platform.start(ASSET)
    assert platform.tick(NAME).skip_message == "curiosity: a run is under way"
    platform.instance.report_run_canceled(run)


def test_a_full_lake_says_so_and_asks_nobody(make: Make, server: PictureServer, tmp_path: Path) -> None:
    platform = make("curiosity NAV_LEFT_B all", images_max_gb=0)
    publish(platform, server, tmp_path, *some(3))
    assert "MARS_IMAGES_MAX_GB" in failure_of(platform.run(ASSET, "00003"))
    tick = platform.tick(NAME)
    assert not tick.run_requests
    assert server.requests == []
    assert "MARS_IMAGES_MAX_GB" in (tick.skip_message or "")


def test_without_the_extra_nothing_is_asked_for(
    make: Make, server: PictureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing() -> None:
        raise MediaMissing("pip install 'martian-moments[media]'")

    monkeypatch.setattr("martian_moments.defs.assets.images.require_media", missing)
    platform = make("curiosity NAV_LEFT_B all")
    publish(platform, server, tmp_path, *some(3))
    assert "martian-moments[media]" in failure_of(platform.run(ASSET, "00003"))
    assert server.requests == []


def test_a_subscription_without_photos_says_so(make: Make, server: PictureServer, tmp_path: Path) -> None:
    platform = make("curiosity NAV_LEFTT 1-5 small")
    publish(platform, server, tmp_path, *some(1))
    assert platform.tick(NAME).skip_message == "curiosity: no photo is known of curiosity NAV_LEFTT 1-5 small"


def test_the_launchpad_names_cameras_and_a_rendition_and_a_subscription_leaves_it(
    make: Make, server: PictureServer, tmp_path: Path
) -> None:
    platform = make("curiosity NAV_LEFT_B all")
    small = {"image_url_small": f"{server.url}/small.jpg"}
    publish(platform, server, tmp_path, {"photo_key": "a", "sol": 3} | small)
    server.files["/small.jpg"] = jpeg(77)
    assert platform.run(ASSET, "00003", cameras=["NAVCAM"], rendition="small").success
    assert [path for path, _ in server.requests] == ["/small.jpg"]
    assert not platform.tick(NAME).run_requests
    assert platform.run(ASSET, "00003").success
    assert [path for path, _ in server.requests] == ["/small.jpg"], "it is held, in that rendition"
    assert platform.run(ASSET, "00005", cameras=["NAVCAM"]).success, "a sol without such photos is nothing wrong"
    wrong = failure_of(platform.run(ASSET, "00003", cameras=["NAVCAMM"]))
    assert "no photo is known of curiosity NAVCAMM all standard; name cameras as silver.fact_photos does" in wrong
    assert "green is no color kind" in failure_of(platform.run(ASSET, "00003", cameras=["MAST"], kinds=["green"]))


def test_everything_of_pictures_is_in_the_tables_and_comes_back_from_the_lake(
    make: Make, server: PictureServer, tmp_path: Path
) -> None:
    """From the servers to published tables by what the sensors ask for, and once more after the warehouse was deleted."""
    platform = make("curiosity NAV_LEFT_B all")
    publish(platform, server, tmp_path, *some(7), {"photo_key": "gone", "sol": 7})
    del server.files["/raw/gone.JPG"]
    assert platform.execute(requests_of(platform.tick(NAME))[0]).success
    tick = platform.tick("upload_events")
    assert [request.asset_selection for request in requests_of(tick)] == [[dg.AssetKey(["bronze", "curiosity", "images"])]]
    assert platform.execute(requests_of(tick)[0]).success
    assert build(platform).success
    before = _images(platform)
    assert [(row["photo_key"], row["error"]) for row in before] == [("7-0", None), ("7-1", None), ("gone", "missing")]
    for row in before[:2]:
        assert hashlib.sha256(platform.resources.lake.get(row["picture_key"])).hexdigest() == row["sha256"]
    publish(platform, server, tmp_path, *some(7))
    assert not platform.tick(NAME).run_requests
    (platform.settings.home / "warehouse.duckdb").unlink()
    _age_of_uploads(platform)
    requests = requests_of(platform.tick("reconcile"))
    assert {key.to_user_string() for request in requests for key in request.asset_selection or ()} == {
        "bronze/curiosity/images"
    }
    assert all(platform.execute(request).success for request in requests)
    assert build(platform).success
    assert _images(platform) == before
    assert len(server.requests) == 2 + 3, "the pictures were asked for once; the one that is missing three times in a row"


def _age_of_uploads(platform: Platform) -> None:
    """Make the lake's documents old enough for reconcile, which leaves new ones to their events."""
    then = datetime.now(UTC).timestamp() - 3_600
    for file in (platform.settings.home / "lake").rglob("*.json.gz"):
        os.utime(file, (then, then))


def _images(platform: Platform) -> list[dict[str, Any]]:
    table = platform.resources.published.read("silver", "fact_images")
    assert table is not None
    return sorted(table.to_pylist(), key=lambda row: row["photo_key"])
