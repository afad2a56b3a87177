"""Dead letters: shown with their coordinates, and replayed as what they were."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from martian_moments.defs.sensors import requests_sensor, upload_sensor
from martian_moments.domain.errors import InputError
from martian_moments.events.dead_letters import broken_object, dead_letter
from martian_moments.events.log import INGESTION_DEAD, INGESTION_REQUESTS, UPLOADS, UPLOADS_DEAD, Message, Record
from martian_moments.events.uploads import Upload, parse_uploads, upload_event
from martian_moments.operations.dead_letters import Replay, dead_letters, find, replay
from martian_moments_tests.platforms import Platform

OBJECT = "photos/rover=spirit/source=v1/sol=00004.json.gz"


def letter(topic: str, value: bytes | None, key: str = "k") -> Message:
    return dead_letter(Record(topic, 2, 41, key, value, 1_775_044_800_123), "no known shape")


def test_letters_of_every_topic_are_listed_with_place_key_and_reason(platform: Platform) -> None:
    platform.resources.event_log.publish(
        UPLOADS_DEAD, [letter(UPLOADS, b"x", "mars/x"), broken_object(OBJECT, "etag", "cut")]
    )
    platform.resources.event_log.publish(INGESTION_DEAD, [Message("odd", b"not json"), Message("odder", b"[1]")])
    found = dead_letters(platform.resources.event_log)
    assert [(each.topic, each.partition, each.offset, each.key, each.reason) for each in found] == [
        ("minio-events-dlq", 0, 0, "mars/x", "no known shape"),
        ("minio-events-dlq", 0, 1, OBJECT, "cut"),
        ("ingestion-scheduling-dlq", 0, 0, "odd", "the letter itself cannot be read"),
        ("ingestion-scheduling-dlq", 0, 1, "odder", "the letter itself cannot be read"),
    ]
    shown = found[0].to_json()
    assert (shown["topic"], shown["partition"], shown["offset"]) == ("minio-events-dlq", 0, 0)
    assert (shown["letter"]["topic"], shown["letter"]["partition"], shown["letter"]["offset"]) == ("minio-events", 2, 41)
    assert shown["letter"]["value"] == "x"


@pytest.mark.parametrize("value", ['{"é": 1}'.encode(), b"\xff\x00 not text", b""], ids=["text", "bytes", "empty"])
@pytest.mark.parametrize(("dead", "alive"), [(UPLOADS_DEAD, UPLOADS), (INGESTION_DEAD, INGESTION_REQUESTS)])
def test_a_message_is_replayed_unchanged_to_its_topic_with_its_key(
    platform: Platform, dead: str, alive: str, value: bytes
) -> None:
    platform.resources.event_log.publish(dead, [letter(alive, value, "mars/some key")])
    done = replay(platform.resources, [find(platform.resources.event_log, dead, 0, 0)])
    assert done == Replay({alive: 1}, [])
    (record,) = platform.events(alive)
    assert (record.key, record.value) == ("mars/some key", value)
    assert len(platform.events(dead)) == 1, "the letter stays where it is"


def test_a_broken_object_is_announced_again(platform: Platform) -> None:
    platform.registered("spirit", 10)
    platform.resources.event_log.publish(UPLOADS_DEAD, [broken_object(OBJECT, "etag", "cut")])
    assert replay(platform.resources, dead_letters(platform.resources.event_log)).messages == {UPLOADS: 1}
    (record,) = platform.events(UPLOADS)
    assert parse_uploads(record.value) == (Upload("mars", OBJECT, "ObjectCreated:Put", etag="etag"),)
    (request,) = platform.tick(upload_sensor.NAME).run_requests or ()
    assert request.tags["dagster/asset_partition_range_start"] == "00004"


def test_all_letters_of_one_message_replay_it_once_so_that_poison_does_not_grow(platform: Platform) -> None:
    platform.resources.event_log.publish(INGESTION_REQUESTS, [Message("k", b"poison"), Message("k", b"venom")])
    cursor = requests_sensor.RequestsCursor().write()
    for letters in (2, 4, 6):
        cursor = platform.tick(requests_sensor.NAME, cursor).cursor or ""
        found = dead_letters(platform.resources.event_log)
        assert len(found) == letters
        assert replay(platform.resources, found) == Replay({INGESTION_REQUESTS: 2}, [])


def test_of_a_message_with_one_odd_record_only_that_one_is_replayed_and_it_does_not_grow(platform: Platform) -> None:
    platform.registered("spirit", 10)
    good = upload_event(bucket="mars", key=OBJECT, etag="e", size=1, moment=datetime.now(UTC))
    records = [*json.loads(good)["Records"], {"eventName": "ObjectSynced:Create"}]
    platform.resources.event_log.publish(UPLOADS, [Message("k", json.dumps({"Records": records}).encode())])
    tick = platform.tick(upload_sensor.NAME)
    assert len(tick.run_requests or ()) == 1
    for letters in (1, 2, 3):
        found = dead_letters(platform.resources.event_log)
        assert len(found) == letters
        assert replay(platform.resources, found) == Replay({UPLOADS: 1}, [])
        assert json.loads(platform.events(UPLOADS)[-1].value or b"") == {"Records": [{"eventName": "ObjectSynced:Create"}]}
        tick = platform.tick(upload_sensor.NAME, tick.cursor)
        assert not tick.run_requests


def test_what_cannot_be_replayed_is_named_and_does_not_hold_up_the_rest(platform: Platform) -> None:
    broken = Message("k", b'{"value_base64": "@@", "reason": "r"}')
    platform.resources.event_log.publish(
        INGESTION_DEAD, [Message("odd", b"not json"), letter(INGESTION_REQUESTS, None), broken]
    )
    platform.resources.event_log.publish(INGESTION_DEAD, [letter(INGESTION_REQUESTS, b"good")])
    done = replay(platform.resources, dead_letters(platform.resources.event_log))
    assert done.messages == {INGESTION_REQUESTS: 1}
    assert [refusal.split(" holds ")[0] for refusal in done.refused] == [f"{INGESTION_DEAD} 0 {n}" for n in range(3)]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (("minio-events", 0, 0), "no topic of dead letters; use one of minio-events-dlq, ingestion-scheduling-dlq"),
        (("minio-events-dlq", 0, 1), "there is no letter minio-events-dlq 0 1"),
        (("minio-events-dlq", 7, 0), "there is no letter minio-events-dlq 7 0"),
    ],
)
def test_a_letter_that_does_not_exist_is_refused(platform: Platform, place: tuple[str, int, int], message: str) -> None:
    platform.resources.event_log.publish(UPLOADS_DEAD, [letter(UPLOADS, b"x")])
    with pytest.raises(InputError, match=message):
        find(platform.resources.event_log, *place)


def test_a_letter_that_holds_only_the_beginning_is_not_replayed(platform: Platform) -> None:
    platform.resources.event_log.publish(UPLOADS_DEAD, [letter(UPLOADS, b"x" * 500_000)])
    done = replay(platform.resources, dead_letters(platform.resources.event_log))
    assert done.messages == {}
    (refused,) = done.refused
    assert "minio-events-dlq 0 0 holds the beginning of a message only" in refused
    assert "minio-events 2 41" in refused, "where the whole of it is"
    assert platform.events(UPLOADS) == []
