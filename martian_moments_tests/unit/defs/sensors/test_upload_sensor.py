"""From upload events to bronze runs: nothing lost, nothing asked for twice, and no event that stops the sensor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import dagster as dg
import pytest

from martian_moments.defs.sensors import upload_sensor
from martian_moments.defs.sensors.upload_sensor import UploadCursor
from martian_moments.domain.errors import EventLogUnavailable
from martian_moments.events.log import UPLOADS, UPLOADS_DEAD, Message
from martian_moments.events.uploads import upload_event
from martian_moments.settings import Settings
from martian_moments_tests.platforms import Platform, requests_of
from martian_moments_tests.unit.conftest import Scripted
from martian_moments_tests.unit.defs.sensors.conftest import CURIOSITY, SPIRIT, announce, asked, photos

NAME = upload_sensor.NAME


def dead(platform: Platform) -> list[dict[str, object]]:
    return [json.loads(record.value or b"") for record in platform.events(UPLOADS_DEAD)]


def test_events_become_one_run_per_rover_and_offsets_move_past_each(platform: Platform) -> None:
    platform.registered("curiosity", 1_500)
    platform.registered("spirit", 10)
    announce(platform, *photos("curiosity", 7, 3, 3, 9), *photos("spirit", 1))
    announce(platform, "manifests/rover=spirit/source=v1/manifest.json.gz", "traverse/rover=perseverance/waypoints.json.gz")
    tick = platform.tick(NAME)
    assert asked(tick) == {
        CURIOSITY: [("00003", "00009")], SPIRIT: [("00001", "00001")],
        "bronze/manifests": [("spirit",)], "bronze/traverse": [("perseverance",)],
    }  # fmt: skip
    marks = platform.resources.event_log.watermarks(UPLOADS)
    cursor = UploadCursor.read(tick.cursor)
    assert {partition: cursor.offsets.get(partition, 0) for partition in marks} == {p: m.high for p, m in marks.items()}
    assert sum(cursor.offsets.values()) == 7
    assert cursor.pending == 0
    later = platform.tick(NAME, tick.cursor)
    assert not requests_of(later)
    assert later.cursor == tick.cursor


def test_a_tick_reads_on_contiguously_however_many_events_wait(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_sensor, "EVENTS_PER_TICK", 7)
    platform.registered("curiosity", 100)
    platform.start(CURIOSITY)  # so that what is read can be counted in the cursor
    announce(platform, *photos("curiosity", *range(50)))
    cursor, before = None, 0
    while True:
        cursor = platform.tick(NAME, cursor).cursor
        now = UploadCursor.read(cursor)
        assert sum(now.offsets.values()) == now.pending
        if now.pending == before:
            break
        assert now.pending - before <= 7
        before = now.pending
    assert UploadCursor.read(cursor).sols == {"curiosity": set(range(50))}


def test_while_a_load_runs_sols_are_pending_and_then_they_are_one_wider_run(platform: Platform) -> None:
    platform.registered("curiosity", 100)
    platform.registered("spirit", 10)
    run = platform.start(CURIOSITY)
    announce(platform, *photos("curiosity", 5), *photos("spirit", 2))
    first = platform.tick(NAME)
    assert asked(first) == {SPIRIT: [("00002", "00002")]}
    announce(platform, *photos("curiosity", 20))
    second = platform.tick(NAME, first.cursor)
    assert not requests_of(second)
    assert UploadCursor.read(second.cursor).sols == {"curiosity": {5, 20}}
    platform.instance.report_run_canceled(run)
    third = platform.tick(NAME, second.cursor)
    assert asked(third) == {CURIOSITY: [("00005", "00020")]}
    assert UploadCursor.read(third.cursor).pending == 0


def test_while_a_load_waits_in_the_queue_everything_is_pending(platform: Platform) -> None:
    platform.registered("curiosity", 100)
    platform.registered("spirit", 10)
    run = platform.start(SPIRIT, status=dg.DagsterRunStatus.NOT_STARTED)
    announce(platform, *photos("curiosity", 5))
    first = platform.tick(NAME)
    announce(platform, *photos("curiosity", 20), "manifests/rover=curiosity/source=v1/manifest.json.gz")
    second = platform.tick(NAME, first.cursor)
    assert asked(first) == asked(second) == {}
    assert UploadCursor.read(second.cursor).pending == 3
    platform.instance.report_run_canceled(run)
    third = platform.tick(NAME, second.cursor)
    assert asked(third) == {CURIOSITY: [("00005", "00020")], "bronze/manifests": [("curiosity",)]}


def test_a_manifest_waits_only_for_the_load_of_its_own_rover(platform: Platform) -> None:
    platform.start("bronze/manifests", dagster__partition="curiosity")
    announce(platform, *(f"manifests/rover={rover}/source=v1/manifest.json.gz" for rover in ("curiosity", "spirit")))
    tick = platform.tick(NAME)
    assert asked(tick) == {"bronze/manifests": [("spirit",)]}
    assert UploadCursor.read(tick.cursor).rovers == {"manifests": {"curiosity"}}


def test_what_waits_of_neighbours_among_the_rovers_is_loaded_in_one_run(platform: Platform) -> None:
    assert platform.settings.rovers == ("curiosity", "perseverance", "opportunity", "spirit")
    announce(
        platform, *(f"traverse/rover={rover}/waypoints.json.gz" for rover in ("opportunity", "curiosity", "perseverance"))
    )
    announce(platform, *(f"manifests/rover={rover}/source=v1/manifest.json.gz" for rover in ("curiosity", "spirit")))
    tick = platform.tick(NAME)
    assert asked(tick) == {
        "bronze/manifests": [("curiosity",), ("spirit",)],
        "bronze/traverse": [("curiosity",), ("perseverance", "opportunity")],
    }
    assert UploadCursor.read(tick.cursor).pending == 0
    assert len({request.run_key for request in requests_of(tick)}) == 3


def test_a_load_of_several_rovers_is_waited_for_as_that_of_one(platform: Platform) -> None:
    ends = ("perseverance", "opportunity")
    platform.start(
        "bronze/traverse", dagster__asset_partition_range_start=ends[0], dagster__asset_partition_range_end=ends[1]
    )
    announce(platform, *(f"traverse/rover={rover}/waypoints.json.gz" for rover in ends))
    tick = platform.tick(NAME)
    assert asked(tick) == {}
    assert UploadCursor.read(tick.cursor).rovers == {"traverse": set(ends)}


def test_a_tick_that_is_evaluated_again_asks_for_the_same_runs_under_the_same_keys(platform: Platform) -> None:
    """Dagster evaluates from the old cursor when the daemon died before it stored the new one; equal keys run once."""
    platform.registered("curiosity", 3_000)
    announce(platform, *photos("curiosity", 5, 2_999), "manifests/rover=spirit/source=v1/manifest.json.gz")
    first, again = platform.tick(NAME), platform.tick(NAME)
    keys = [request.run_key for request in first.run_requests or ()]
    assert keys == [request.run_key for request in again.run_requests or ()]
    assert len(set(keys)) == len(keys) == 3
    announce(platform, *photos("curiosity", 5, 2_999))
    later = [request.run_key for request in platform.tick(NAME, first.cursor).run_requests or ()]
    assert len(later) == 2
    assert not set(later) & set(keys), "the same sols uploaded again are another run"


def test_what_no_loader_can_load_becomes_a_dead_letter_with_its_coordinates_and_the_rest_goes_on(platform: Platform) -> None:
    platform.registered("spirit", 10)
    beyond = "photos/rover=curiosity/source=v1/sol=99999.json.gz"
    announce(platform, "bronze/something.parquet", "photos/rover=sojourner/source=v1/sol=00001.json.gz", beyond)
    announce(platform, "photos/rover=spirit/source=v1/sol=00000.json.gz")
    platform.resources.event_log.publish(
        UPLOADS, [Message("x", b"not json"), Message("y", b"\xff\xfe"), Message("z", b"[1]")]
    )
    announce(platform, *photos("spirit", 4))
    tick = platform.tick(NAME)
    assert asked(tick) == {SPIRIT: [("00004", "00004")]}
    assert platform.instance.get_dynamic_partitions("curiosity_sols") == []
    letters = dead(platform)
    assert len(letters) == 7
    by_place = {(letter["partition"], letter["offset"]): letter for letter in letters}
    assert len(by_place) == 7
    for record in platform.events(UPLOADS):
        letter = by_place.pop((record.partition, record.offset), None)
        assert letter is None or (letter["topic"], letter["key"]) == (UPLOADS, record.key)
    assert by_place == {}
    reasons = {str(letter["key"]): str(letter["reason"]) for letter in letters}
    assert "not reached yet" in reasons[beyond]
    assert "unknown rover" in reasons["photos/rover=sojourner/source=v1/sol=00001.json.gz"]
    assert "not the key of a document" in reasons["bronze/something.parquet"]
    assert "not JSON" in reasons["x"]
    assert not platform.tick(NAME, tick.cursor).run_requests
    assert len(dead(platform)) == 7, "each becomes a dead letter once"


def three_good_and(place: int, odd: object) -> bytes:
    """A message of four records; the good ones announce the sols 4, 5 and 6 of Spirit."""
    keys = photos("spirit", 4, 5, 6)
    events = [upload_event(bucket="mars", key=key, etag="e", size=1, moment=datetime.now(UTC)) for key in keys]
    records = [json.loads(event)["Records"][0] for event in events]
    records.insert(place, odd)
    return json.dumps({"EventName": "s3:ObjectCreated:Put", "Records": records}).encode()


def announcing(key: str) -> dict[str, object]:
    return {"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "mars"}, "object": {"key": key}}}


ODD: Mapping[str, tuple[object, str]] = {
    "another type": ("a text", "no eventName"),
    "nothing": (None, "no eventName"),
    "a name that is a number": ({"eventName": 7}, "no eventName"),
    "without an object": ({"eventName": "ObjectCreated:Put"}, "names no bucket and object"),
    "an event nobody knows": ({**announcing("x"), "eventName": "ObjectSynced:Create"}, "is no event that is known"),
    "a key that is not ours": (announcing("bronze/x.parquet"), "'bronze/x.parquet' is not the key of a document"),
    "a rover nobody knows": (announcing("photos/rover=sojourner/source=v1/sol=00001.json.gz"), "unknown rover"),
    "a sol to come": (announcing("photos/rover=curiosity/source=v1/sol=99999.json.gz"), "has not reached yet"),
    "a broken escape": (announcing("%ff%fe"), "not percent-encoded UTF-8"),
}


@pytest.mark.parametrize(("place", "kind"), [(number % 4, kind) for number, kind in enumerate(ODD)])
def test_of_a_message_with_one_odd_record_only_that_one_is_a_dead_letter(platform: Platform, kind: str, place: int) -> None:
    odd, reason = ODD[kind]
    platform.registered("spirit", 10)
    platform.resources.event_log.publish(UPLOADS, [Message("mars/several", three_good_and(place, odd))])
    (record,) = platform.events(UPLOADS)
    tick = platform.tick(NAME)
    assert asked(tick) == {SPIRIT: [("00004", "00006")]}
    (letter,) = dead(platform)
    assert (letter["partition"], letter["offset"], letter["key"]) == (record.partition, record.offset, "mars/several")
    assert json.loads(str(letter["value"])) == {"Records": [odd]}
    assert str(letter["reason"]).startswith(f"1 of 4 records: record {place + 1}: ")
    assert reason in str(letter["reason"])


def test_many_odd_records_of_a_message_are_one_letter_that_holds_all_of_them_and_names_five(platform: Platform) -> None:
    platform.registered("spirit", 10)
    good = json.loads(three_good_and(3, announcing("venus")))["Records"]
    strange = [{"eventName": "ObjectSynced:Create", "number": number} for number in range(40)]
    platform.resources.event_log.publish(UPLOADS, [Message("k", json.dumps({"Records": [*strange, *good]}).encode())])
    assert asked(platform.tick(NAME)) == {SPIRIT: [("00004", "00006")]}
    (letter,) = dead(platform)
    assert json.loads(str(letter["value"])) == {"Records": [*strange, announcing("venus")]}
    reason = str(letter["reason"])
    assert reason.startswith("41 of 44 records: record 1: ")
    assert reason.endswith("; and 36 more")
    assert reason.count("record ") == 5


def test_events_of_rovers_that_are_not_kept_are_passed_over(platform: Platform) -> None:
    settings = Settings.load(home=platform.settings.home, rovers="curiosity")
    small = Platform(settings, platform.resources, platform.instance)
    small.registered("curiosity", 3)
    announce(small, *photos("spirit", 1), "traverse/rover=perseverance/traverse.json.gz", *photos("curiosity", 1))
    assert asked(small.tick(NAME)) == {CURIOSITY: [("00001", "00001")]}
    assert dead(small) == []


def test_tombstones_and_test_messages_are_passed_over(platform: Platform) -> None:
    platform.resources.event_log.publish(
        UPLOADS, [Message("t", b'{"Event": "s3:TestEvent"}'), Message("n", b'{"Records": []}')]
    )
    assert not platform.tick(NAME).run_requests
    assert dead(platform) == []


def test_an_unknown_sol_registers_every_sol_up_to_it_in_order(platform: Platform) -> None:
    platform.registered("spirit", 2)
    announce(platform, *photos("spirit", 6, 4))
    tick = platform.tick(NAME)
    assert asked(tick) == {SPIRIT: [("00004", "00006")]}
    assert platform.instance.get_dynamic_partitions("spirit_sols") == [f"{sol:05d}" for sol in range(1, 7)]


def test_a_wide_backlog_is_cut_into_spans_of_three_thousand_sols(platform: Platform) -> None:
    platform.registered("curiosity", 4_000)
    announce(platform, *photos("curiosity", *range(0, 4_000, 100)))
    assert asked(platform.tick(NAME)) == {CURIOSITY: [("01000", "03900"), ("00000", "00900")]}


def test_sols_far_from_each_other_are_loaded_apart(platform: Platform) -> None:
    """A run reports every sol that it covers."""
    platform.registered("curiosity", 3_000)
    announce(platform, *photos("curiosity", 0, 798, 999, 1_000, 2_500))
    assert asked(platform.tick(NAME)) == {
        CURIOSITY: [("02500", "02500"), ("00999", "01000"), ("00798", "00798"), ("00000", "00000")]
    }


def test_what_is_of_the_same_sols_or_of_the_same_rover_is_loaded_in_one_run(platform: Platform) -> None:
    platform.registered("curiosity", 100)
    announce(platform, *photos("curiosity", 7), "images/rover=curiosity/sol=00009.json.gz")
    announce(platform, "manifests/rover=spirit/source=v1/manifest.json.gz", "traverse/rover=spirit/waypoints.json.gz")
    tick = platform.tick(NAME)
    runs = [[each.to_user_string() for each in request.asset_selection or ()] for request in requests_of(tick)]
    assert runs == [[CURIOSITY, "bronze/curiosity/images"], ["bronze/manifests", "bronze/traverse"]]
    assert asked(tick)["bronze/curiosity/images"] == asked(tick)[CURIOSITY] == [("00007", "00009")]
    assert UploadCursor.read(tick.cursor).pending == 0


def test_of_two_kinds_only_the_one_that_is_being_loaded_waits(platform: Platform) -> None:
    platform.registered("curiosity", 100)
    platform.start(CURIOSITY)
    announce(platform, *photos("curiosity", 7), "images/rover=curiosity/sol=00009.json.gz")
    tick = platform.tick(NAME)
    assert asked(tick) == {"bronze/curiosity/images": [("00009", "00009")]}
    assert UploadCursor.read(tick.cursor).sols == {"curiosity": {7}}


def test_events_of_other_buckets_are_counted_and_nothing_else(platform: Platform) -> None:
    platform.registered("spirit", 10)
    elsewhere = upload_event(
        bucket="venus", key="photos/rover=spirit/source=v1/sol=00007.json.gz", etag="e", size=1, moment=datetime.now(UTC)
    )
    platform.resources.event_log.publish(UPLOADS, [Message("venus/x", elsewhere)] * 3)
    tick = platform.tick(NAME)
    assert not requests_of(tick)
    assert "3 events read, 0 made dead letters, 3 of other buckets than mars; lag 0" in (tick.skip_message or "")
    assert UploadCursor.read(tick.cursor).pending == 0
    assert dead(platform) == []


def test_the_lag_is_reported_by_partition(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_sensor, "EVENTS_PER_TICK", 3)
    platform.resources.event_log.publish(UPLOADS, [Message("t", b'{"Event": "s3:TestEvent"}')] * 1_003)
    (place,) = {record.partition for record in platform.events(UPLOADS)}
    tick = platform.tick(NAME)
    assert f"3 events read, 0 made dead letters; lag 1,000 (1,000 in partition {place})" in (tick.skip_message or "")


def test_while_the_log_does_not_respond_the_tick_is_skipped_with_the_reason(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.registered("spirit", 10)
    announce(platform, *photos("spirit", 4))

    def refused(topic: str) -> None:
        raise EventLogUnavailable("no broker responds")

    with monkeypatch.context() as patch:
        patch.setattr(platform.resources.event_log, "watermarks", refused)
        tick = platform.tick(NAME)
    assert (tick.run_requests, tick.cursor) == ([], None)
    assert "no broker responds" in (tick.skip_message or "")
    assert asked(platform.tick(NAME, tick.cursor)) == {SPIRIT: [("00004", "00004")]}


def test_a_cursor_is_the_same_after_it_was_stored() -> None:
    cursor = UploadCursor(offsets={0: 5, 3: 7}, sols={"spirit": {3, 1}}, rovers={"traverse": {"perseverance"}}, log="a log")
    assert UploadCursor.read(cursor.write()) == cursor
    assert cursor.pending == 3
    assert UploadCursor.read(None) == UploadCursor()


def test_an_unchanged_repoll_asks_for_no_run(scripted: Scripted) -> None:
    platform: Platform = scripted({0: 3, 1: 3})
    assert platform.run("lake/manifests", "curiosity").success
    assert platform.run("lake/curiosity/photos", sols=(0, 1)).success
    tick = platform.tick(NAME)
    assert asked(tick) == {CURIOSITY: [("00000", "00001")], "bronze/manifests": [("curiosity",)]}
    assert platform.run("lake/manifests", "curiosity").success
    assert platform.run("lake/curiosity/photos", sols=(0, 1), refetch=True).success
    assert platform.source.asked_since() == [0, 0, 1, 1]
    again = platform.tick(NAME, tick.cursor)
    assert not requests_of(again)
    assert again.cursor == tick.cursor, "not one event"
