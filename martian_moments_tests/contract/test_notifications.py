"""From a PUT on the real object store over the real Kafka to bronze, and what happens when nothing is announced."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest

from martian_moments.defs.partitions import RANGE_END, RANGE_START
from martian_moments.defs.sensors import reconcile_sensor, upload_sensor
from martian_moments.defs.sensors.upload_sensor import UploadCursor
from martian_moments.events.log import UPLOADS
from martian_moments.operations import doctor
from martian_moments.operations.doctor import check_up
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.buckets import OwnBucket
from martian_moments_tests.platforms import Platform
from martian_moments_tests.services import Services

pytestmark = pytest.mark.services

PATIENCE_SECONDS = 60


@pytest.fixture
def platform(bucket: OwnBucket, services: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """A platform on S3 and Kafka; the topics are those that the object store really sends to, shared with whoever runs."""
    for name in [name for name in os.environ if name.startswith(("MARS_", "DAGSTER_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    settings = Settings.load(
        home=tmp_path / "home",
        lake_url=bucket.url,
        events_url=f"kafka://{services.kafka}",
        s3=bucket.s3,
    )
    platform = Platform(settings, Resources(settings))
    platform.resources.event_log.ensure()
    bucket.admin.announce()
    yield platform
    platform.resources.event_log.close()


class Uploads:
    """The upload sensor with its cursor, from the end of the topic on."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._cursor = UploadCursor(
            offsets={p: mark.high for p, mark in platform.resources.event_log.watermarks(UPLOADS).items()}
        ).write()

    def requests(self, count: int) -> list[dg.RunRequest]:
        """Tick until that many runs were asked for."""
        found: list[dg.RunRequest] = []
        until = time.monotonic() + PATIENCE_SECONDS
        while len(found) < count:
            assert time.monotonic() < until, f"only {found} after {PATIENCE_SECONDS} s"
            tick = self._platform.tick(upload_sensor.NAME, self._cursor)
            assert tick.cursor is not None
            self._cursor = tick.cursor
            found += tick.run_requests or ()
        return found


def asked(requests: list[dg.RunRequest]) -> set[tuple[str, str]]:
    """Each request's asset, and its partition or range of them."""
    spans = {id(each): each.partition_key or f"{each.tags[RANGE_START]}-{each.tags[RANGE_END]}" for each in requests}
    return {((each.asset_selection or ())[0].to_user_string(), spans[id(each)]) for each in requests}


def in_bronze(platform: Platform) -> dict[str, str]:
    ledger = platform.resources.warehouse.ledger()
    return dict(zip(ledger["object_key"].to_pylist(), ledger["etag"].to_pylist(), strict=True))


def in_lake(platform: Platform) -> dict[str, str]:
    return {each.key: each.etag for prefix in ("manifests", "photos") for each in platform.resources.lake.list(prefix)}


def test_an_upload_is_loaded_by_its_event_and_without_one_by_reconcile(
    platform: Platform, bucket: OwnBucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads = Uploads(platform)
    platform.manifest("curiosity", {1: 3, 2: 3, 3: 3})
    platform.photos("curiosity", [1])
    requests = uploads.requests(2)
    assert asked(requests) == {("bronze/manifests", "curiosity"), ("bronze/curiosity/photos", "00001-00001")}
    assert all(platform.execute(each).success for each in requests)
    assert in_bronze(platform) == in_lake(platform)
    assert len(in_lake(platform)) == 2

    # Without the rules nobody reports sol 2; the event of sol 3, which comes later, shows that it would have come by now.
    bucket.client.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration={})
    platform.photos("curiosity", [2])
    bucket.admin.announce()
    platform.photos("curiosity", [3])
    assert asked(uploads.requests(1)) == {("bronze/curiosity/photos", "00003-00003")}

    monkeypatch.setattr(reconcile_sensor, "_EVENT_SECONDS", -60)
    requests = list(platform.tick(reconcile_sensor.NAME).run_requests or ())
    assert asked(requests) == {("bronze/curiosity/photos", "00002-00003")}
    assert all(platform.execute(each).success for each in requests)
    assert in_bronze(platform) == in_lake(platform)
    assert len(in_lake(platform)) == 4
    assert not platform.tick(reconcile_sensor.NAME).run_requests


def test_published_tables_and_quarantine_are_not_announced(platform: Platform) -> None:
    marks = platform.resources.event_log.watermarks(UPLOADS)
    uploads = Uploads(platform)
    for key in ("published/bronze/ledger/ledger.parquet", "quarantine/photos/x.json.gz", "index/x", "doctor/probe"):
        platform.resources.lake.put_bytes(key, b"x")
    platform.photos("curiosity", [1])
    uploads.requests(1)
    records = platform.resources.event_log.read(UPLOADS, {p: mark.high for p, mark in marks.items()}, limit=10_000)
    mine = [each.key for each in records if each.key.startswith(platform.resources.settings.lake_bucket)]
    assert mine == [f"{platform.resources.settings.lake_bucket}/photos/rover=curiosity/source=v1/sol=00001.json.gz"]


def test_the_check_up_notices_that_uploads_are_not_announced(
    platform: Platform, bucket: OwnBucket, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.admin.expire_versions()
    uploads = Uploads(platform)
    platform.photos("curiosity", [1])
    uploads.requests(1)
    monkeypatch.setattr(doctor, "_EVENT_DELAY", timedelta(0))
    healthy = list(check_up(platform.resources))
    assert [each for each in healthy if not each.ok] == []
    bucket.client.put_bucket_notification_configuration(Bucket=bucket.name, NotificationConfiguration={})
    platform.photos("curiosity", [2])
    found = {each.what: each.detail for each in check_up(platform.resources) if not each.ok}
    assert set(found) == {"notifications", "upload events"}
    assert "no upload to manifests/, photos/, traverse/, images/; martian-moments init" in found["notifications"]
    assert "sol=00002.json.gz was written at" in found["upload events"]
    assert not any(secret in str([*healthy, found]) for secret in services.secrets)
