"""The sensors on the real Kafka: a drain in ticks, and what retention takes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from martian_moments.defs.sensors import reconcile_sensor, upload_sensor
from martian_moments.defs.sensors.upload_sensor import UploadCursor
from martian_moments.events.kafka_config import KafkaAddress
from martian_moments.events.log import UPLOADS, EventLog, Message
from martian_moments.events.open import open_log
from martian_moments.events.uploads import upload_event
from martian_moments_tests.platforms import Platform

pytestmark = pytest.mark.services


@pytest.fixture
def log(topics: str, platform: Platform) -> Iterator[EventLog]:
    """The platform's log."""
    opened = open_log(topics)
    platform.resources.__dict__["event_log"] = opened
    yield opened
    opened.close()


def forget_everything(url: str, log: EventLog) -> None:
    """What retention does at last."""
    address = KafkaAddress.parse(url)
    admin = AdminClient({"bootstrap.servers": address.brokers})
    marks = log.watermarks(UPLOADS)
    places = [TopicPartition(address.topic(UPLOADS), partition, mark.high) for partition, mark in marks.items()]
    for removal in admin.delete_records(places).values():
        removal.result()


def test_uploads_whose_events_retention_took_are_found_by_reconcile(
    topics: str, log: EventLog, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_sensor, "_EVENT_SECONDS", -1.0)
    platform.registered("curiosity", 10)
    platform.photos("curiosity", [1, 2])
    first = platform.tick(upload_sensor.NAME)
    assert len(first.run_requests or ()) == 1
    platform.photos("curiosity", [7])
    forget_everything(topics, log)
    behind = platform.tick(upload_sensor.NAME, first.cursor)
    assert not behind.run_requests
    platform.photos("curiosity", [9])
    on = platform.tick(upload_sensor.NAME, behind.cursor)
    (request,) = on.run_requests or ()
    assert request.tags["dagster/asset_partition_range_start"] == "00009", "it goes on by itself"
    for request in [*(first.run_requests or ()), *(on.run_requests or ())]:
        assert platform.execute(request).success
    (repair,) = platform.tick(reconcile_sensor.NAME).run_requests or ()
    assert repair.tags["dagster/asset_partition_range_start"] == "00007"


def test_fifty_thousand_events_are_drained_in_ticks_of_five_thousand(log: EventLog, platform: Platform) -> None:
    platform.registered("curiosity", 4_000)
    platform.start("bronze/curiosity/photos")  # so that what is read can be counted in the cursor
    keys = [f"photos/rover=curiosity/source=v1/sol={n % 4_000:05d}.json.gz" for n in range(50_000)]
    moment = datetime.now(UTC)
    log.publish(
        UPLOADS, [Message(key, upload_event(bucket="mars", key=key, etag="e", size=1, moment=moment)) for key in keys]
    )
    cursor, read = None, [0]
    while sum(read) < 50_000:
        cursor = platform.tick(upload_sensor.NAME, cursor).cursor
        read.append(sum(UploadCursor.read(cursor).offsets.values()) - sum(read))
    assert read[1:] == [5_000] * 10
    assert UploadCursor.read(cursor).pending == 4_000
