"""The upload sensor and a log that lost events, was deleted, or is another one: it reads on, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from martian_moments.defs.sensors import upload_sensor
from martian_moments.defs.sensors.upload_sensor import UploadCursor
from martian_moments.events.log import UPLOADS, Record, Watermarks
from martian_moments.events.offsets import starts
from martian_moments.events.uploads import upload_event
from martian_moments_tests.platforms import Platform, requests_of
from martian_moments_tests.unit.defs.sensors.conftest import CURIOSITY, announce, asked, delete_the_log, photos

NAME = upload_sensor.NAME


class ShortMemory:
    """A log that has forgotten what lies before offset 100 of partition 2."""

    marks: ClassVar = {0: Watermarks(0, 4), 2: Watermarks(100, 101)}

    def read(self, topic: str, offsets: Mapping[int, int], *, limit: int) -> list[Record]:
        start = starts(topic, offsets, self.marks)
        key = "photos/rover=curiosity/source=v1/sol=00003.json.gz"
        event = upload_event(bucket="mars", key=key, etag="e", size=1, moment=datetime.now(UTC))
        return [Record(topic, 2, 100, key, event, 0)] if start[2] == 100 else []

    def watermarks(self, topic: str) -> dict[int, Watermarks]:
        return self.marks

    def publish(self, topic: str, messages: object) -> None:
        assert not list(messages)  # type: ignore[call-overload]

    def identity(self, topic: str) -> str | None:
        return None


def test_after_events_were_lost_to_retention_it_reads_on_there_from_the_oldest(platform: Platform) -> None:
    platform.registered("curiosity", 10)
    platform.resources.__dict__["event_log"] = ShortMemory()
    cursor = UploadCursor(offsets={0: 4, 2: 7}, sols={"curiosity": {9}})
    platform.start(CURIOSITY)
    first = platform.tick(NAME, cursor.write())
    assert UploadCursor.read(first.cursor) == UploadCursor(offsets={0: 4, 2: 100}, sols={"curiosity": {9}})
    second = UploadCursor.read(platform.tick(NAME, first.cursor).cursor)
    assert second == UploadCursor(offsets={0: 4, 2: 101}, sols={"curiosity": {3, 9}})


def test_a_log_that_was_deleted_is_read_from_its_beginning_and_asks_under_other_keys(platform: Platform) -> None:
    """Also where the new log has come to the very offsets of the old one: Dagster would drop keys that it has seen."""
    platform.registered("curiosity", 10)
    announce(platform, *photos("curiosity", 3, 7))
    old = platform.tick(NAME)
    delete_the_log(platform)
    announce(platform, *photos("curiosity", 3, 7))
    new = platform.tick(NAME, old.cursor)
    assert UploadCursor.read(new.cursor).offsets == UploadCursor.read(old.cursor).offsets
    assert asked(new) == asked(old) == {CURIOSITY: [("00003", "00007")]}
    assert requests_of(new)[0].run_key != requests_of(old)[0].run_key
    assert not platform.tick(NAME, new.cursor).run_requests


def test_a_log_that_was_deleted_is_read_from_its_beginning_when_it_has_become_longer_than_the_old_one(
    platform: Platform,
) -> None:
    platform.registered("curiosity", 100)
    announce(platform, *photos("curiosity", *range(8)))
    old = platform.tick(NAME)
    delete_the_log(platform)
    announce(platform, *photos("curiosity", *range(50, 90)))
    assert asked(platform.tick(NAME, old.cursor)) == {CURIOSITY: [("00050", "00089")]}


def test_what_waits_for_a_run_is_kept_when_the_log_is_deleted(platform: Platform) -> None:
    platform.registered("curiosity", 100)
    platform.start(CURIOSITY)
    announce(platform, *photos("curiosity", 1, 2))
    old = platform.tick(NAME)
    delete_the_log(platform)
    announce(platform, *photos("curiosity", 9))
    assert UploadCursor.read(platform.tick(NAME, old.cursor).cursor).sols == {"curiosity": {1, 2, 9}}


def test_one_offset_beyond_the_end_reads_every_partition_again(platform: Platform) -> None:
    """A log without an identity that is known, or one that was put back to an earlier state under the same identity."""
    platform.registered("curiosity", 100)
    platform.start(CURIOSITY)
    announce(platform, *photos("curiosity", *range(40)))
    marks = platform.resources.event_log.watermarks(UPLOADS)
    beyond = UploadCursor(offsets={partition: mark.high for partition, mark in marks.items()} | {0: marks[0].high + 1})
    first = platform.tick(NAME, beyond.write())
    assert UploadCursor.read(platform.tick(NAME, first.cursor).cursor).sols == {"curiosity": set(range(40))}


def test_a_cursor_of_the_release_before_goes_on_where_it_was_and_learns_which_log_it_reads(platform: Platform) -> None:
    platform.registered("curiosity", 100)
    platform.start(CURIOSITY)
    announce(platform, *photos("curiosity", 1))
    offsets = {str(partition): mark.high for partition, mark in platform.resources.event_log.watermarks(UPLOADS).items()}
    announce(platform, *photos("curiosity", 2))
    tick = platform.tick(NAME, json.dumps({"offsets": offsets, "sols": {}, "rovers": {}}))
    cursor = UploadCursor.read(tick.cursor)
    assert cursor.sols == {"curiosity": {2}}
    assert cursor.log == platform.resources.event_log.identity(UPLOADS)
