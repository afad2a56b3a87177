"""From settings to resources."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest
from pydantic import SecretStr

from martian_moments.definitions import resource_definitions
from martian_moments.events.log import UPLOADS
from martian_moments.events.uploads import Upload, parse_uploads
from martian_moments.infrastructure.s3 import S3Options
from martian_moments.nasa.pds import PDS
from martian_moments.nasa.upstream import Upstream
from martian_moments.resources import DESCRIPTIONS, Resources
from martian_moments.settings import Settings
from martian_moments_dbt import PROJECT
from martian_moments_tests.platforms import Platform


def test_making_resources_opens_and_creates_nothing(tmp_path: Path, no_settings: None) -> None:
    resources = Resources(Settings.load(home=tmp_path / "home"))
    assert resource_definitions(resources).keys() == DESCRIPTIONS.keys()
    assert not (tmp_path / "home").exists()


def test_the_file_lake_announces_each_document_as_an_upload(platform: Platform) -> None:
    platform.photos("curiosity", [7, 7])
    (record,) = platform.events(UPLOADS)
    (upload,) = parse_uploads(record.value)
    assert isinstance(upload, Upload)
    (info,) = platform.resources.lake.list()
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
    resources = Resources(Settings.load(lake_url=lake, events_url=events, s3=S3Options(endpoint=endpoint)))
    assert resources.settings.lake_announces_itself is announces_itself
    assert (resources.lake._announce is None) is announces_itself
    assert resources.settings.lake_bucket == ("lake" if lake else "mars")


@pytest.mark.parametrize(("concurrency", "in_flight"), [(1, 1), (4, 2), (16, 8)])
def test_each_of_the_pools_runs_gets_an_equal_share(
    tmp_path: Path, no_settings: None, concurrency: int, in_flight: int
) -> None:
    assert Resources(Settings.load(home=tmp_path, concurrency=concurrency)).nasa.requests_in_flight == in_flight


def test_keys_are_secrets_of_the_upstream(tmp_path: Path, no_settings: None) -> None:
    resources = Resources(Settings.load(home=tmp_path, upstream=Upstream(v1_api_key=SecretStr("very-secret"))))
    assert resources.settings.upstream.secrets == ("very-secret",)
    assert "very-secret" not in repr(resources.settings.upstream) + repr(resources.settings)


async def test_a_download_is_on_its_way_under_the_home(tmp_path: Path, no_settings: None) -> None:
    resources = Resources(Settings.load(home=tmp_path))
    async with resources.nasa.client() as client:
        source, *_ = resources.nasa.photo_sources(client, "spirit")
    assert isinstance(source, PDS)
    assert source._scratch == tmp_path / "scratch"


def test_everything_embedded_lies_under_the_home(platform: Platform) -> None:
    platform.photos("curiosity", [1])
    platform.resources.warehouse.ensure()
    assert platform.resources.published.read("bronze", "ledger") is None
    made = {path.name for path in platform.settings.home.iterdir()}
    assert {"lake", "events.db", "warehouse.duckdb", "published"} <= made


def test_the_dbt_project_is_found(platform: Platform) -> None:
    assert (PROJECT / "dbt_project.yml").is_file()


MAY_TOUCH = {
    "lake": {"nasa", "lake"},
    "images": {"nasa", "lake", "published"},
    "bronze": {"lake", "warehouse", "published", "event_log"},
    "silver": {"lake", "warehouse", "published"},
    "gold": {"lake", "warehouse", "published"},
    "open_formats": {"published"},
    "moments/frames": {"published", "lake", "nasa"},
    "moments/movie": {"lake"},
}
"""By the first part of an asset's name, or by the whole of it."""


def test_lake_assets_never_get_the_warehouse_and_the_others_never_nasa(platform: Platform) -> None:
    assets = platform.definitions.resolve_all_asset_specs()
    names = {spec.key: next(name for name in _names(spec.key) if name in MAY_TOUCH) for spec in assets}
    assert set(names.values()) == MAY_TOUCH.keys()
    graph = platform.definitions.resolve_asset_graph()
    for spec in assets:
        needed = graph.get(spec.key).assets_def.required_resource_keys - {"io_manager"}
        assert needed == MAY_TOUCH[names[spec.key]], spec.key


def _names(key: dg.AssetKey) -> tuple[str, str]:
    return key.to_user_string(), "images" if key.path[0] == "lake" and key.path[-1] == "images" else key.path[0]


SENSORS_MAY_TOUCH: dict[str, set[str]] = {
    "upload_events": {"event_log"},
    "gaps": {"lake"},
    "images": {"lake", "published"},
    "ingestion_requests": {"event_log", "lake"},
    "reconcile": {"lake", "warehouse", "published"},
    "retries": set(),
    "automation": set(),
    "open_formats": set(),
    "moments": set(),
    "movies": set(),
}


def test_every_sensor_gets_what_it_names_and_never_nasa(platform: Platform) -> None:
    needed = {each.name: each.required_resource_keys for each in platform.repository.sensor_defs}
    assert needed == SENSORS_MAY_TOUCH, "a new sensor joins SENSORS_MAY_TOUCH, with the resources of its signature"


def test_schedules_get_what_they_name_and_never_nasa(platform: Platform) -> None:
    needed = {each.name: each.required_resource_keys for each in platform.repository.schedule_defs}
    assert {name: keys for name, keys in needed.items() if keys and not name.endswith("_recent_sols")} == {
        "traverse_maps": {"lake"},
    }
    assert [keys for name, keys in needed.items() if name.endswith("_recent_sols")] == [{"lake"}] * 4
