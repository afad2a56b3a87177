"""From settings to parts."""

from __future__ import annotations

from pathlib import Path

import pytest

from martian_moments.events.log import UPLOADS
from martian_moments.events.uploads import Upload, parse_uploads
from martian_moments.nasa.pds import PDS
from martian_moments.resources import Rooms
from martian_moments.settings import Settings
from martian_moments_tests.platforms import Platform


def test_making_rooms_opens_and_creates_nothing(tmp_path: Path, no_settings: None) -> None:
    rooms = Rooms(Settings.load(home=tmp_path / "home"))
    assert rooms.requests_in_flight == 2
    assert not (tmp_path / "home").exists()


def test_the_file_lake_announces_each_document_as_an_upload(platform: Platform) -> None:
    platform.photos("curiosity", [7, 7])
    (record,) = platform.events(UPLOADS)
    (upload,) = parse_uploads(record.value)
    assert isinstance(upload, Upload)
    (info,) = platform.rooms.lake.list()
    assert (upload.bucket, upload.key, upload.etag, upload.size) == ("mars", info.key, info.etag, info.size)
    assert record.key == f"mars/{info.key}"


@pytest.mark.parametrize(
    ("lake", "events", "endpoint", "announces_itself"),
    [
        ("", "", None, False),
        ("s3://lake", "", "http://minio:9000", False),
        ("s3://lake", "kafka://broker:9092", "http://minio:9000", True),
        ("s3://lake", "kafka://broker:9092", None, False),
        ("s3://lake", "kafka://broker:9092", "https://s3.eu-central-1.amazonaws.com", False),
        ("", "kafka://broker:9092", "http://minio:9000", False),
    ],
    ids=[
        "all embedded",
        "MinIO alone",
        "MinIO and Kafka",
        "AWS, which knows no Kafka",
        "AWS by its address",
        "files and Kafka",
    ],
)
def test_the_writer_announces_what_the_store_does_not(
    no_settings: None, lake: str, events: str, endpoint: str | None, announces_itself: bool
) -> None:
    rooms = Rooms(Settings.load(lake_url=lake, events_url=events, aws_endpoint_url=endpoint))
    assert rooms.lake_announces_itself is announces_itself
    assert (rooms.lake._announce is None) is announces_itself
    assert rooms.lake_bucket == ("lake" if lake else "mars")


@pytest.mark.parametrize(("concurrency", "in_flight"), [(1, 1), (4, 2), (16, 8)])
def test_each_of_the_pools_runs_gets_an_equal_share(
    tmp_path: Path, no_settings: None, concurrency: int, in_flight: int
) -> None:
    assert Rooms(Settings.load(home=tmp_path, concurrency=concurrency)).requests_in_flight == in_flight


def test_keys_are_secrets_of_the_upstream(tmp_path: Path, no_settings: None) -> None:
    rooms = Rooms(Settings.load(home=tmp_path, v1_api_key="very-secret"))
    assert rooms.upstream.secrets == ("very-secret",)
    assert "very-secret" not in repr(rooms.upstream) + repr(rooms.settings)


async def test_a_download_is_on_its_way_under_the_home(tmp_path: Path, no_settings: None) -> None:
    rooms = Rooms(Settings.load(home=tmp_path))
    async with rooms.client() as client:
        source, _ = rooms.photo_sources(client, "spirit")
    assert isinstance(source, PDS)
    assert source._scratch == tmp_path / "scratch"


def test_everything_embedded_lies_under_the_home(platform: Platform) -> None:
    platform.photos("curiosity", [1])
    platform.rooms.warehouse.ensure()
    assert platform.rooms.published.read("bronze", "ledger") is None
    made = {path.name for path in platform.settings.home.iterdir()}
    assert {"lake", "events.db", "warehouse.duckdb", "published"} <= made


def test_the_dbt_project_is_found(platform: Platform) -> None:
    assert (platform.rooms.dbt_project / "dbt_project.yml").is_file()
