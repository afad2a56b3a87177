"""Refreshes and requests of others: each done once, retried until it is done, or refused with its reason."""

from __future__ import annotations

import json

import dagster as dg
import pytest

from martian_moments.defs.sensors import requests_sensor
from martian_moments.defs.sensors.requests_sensor import REFRESH_TAG, Refresh, RequestsCursor, first_look
from martian_moments.domain.errors import EventLogUnavailable, UpstreamUnavailable
from martian_moments.events.log import INGESTION_DEAD, INGESTION_REQUESTS, Message
from martian_moments.events.messages import refresh_request, sols_request
from martian_moments_tests.platforms import Platform, Tick, requests_of
from martian_moments_tests.unit.conftest import Scripted
from martian_moments_tests.unit.defs.sensors.conftest import Clock, delete_the_log

NAME = requests_sensor.NAME
DONE = RequestsCursor().write()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.of(requests_sensor, monkeypatch)


def ask(platform: Platform, *messages: Message) -> None:
    platform.resources.event_log.publish(INGESTION_REQUESTS, messages)


def steps(tick: Tick) -> list[str]:
    """The steps of refreshes that a tick starts, without the refresh's id."""
    tags = [request.tags[REFRESH_TAG].split("/") for request in tick.run_requests or ()]
    return [f"{rover}/{step}" for rover, _, step in tags]


def have_the_maps(platform: Platform, refresh: str) -> None:
    """As if a refresh's run for the traverse maps had succeeded."""
    platform.start("lake/traverse", dg.DagsterRunStatus.SUCCESS, **{"martian-moments__refresh": f"{refresh}/traverse"})


def place(platform: Platform, offset: int) -> str:
    """What distinguishes a request from every other one of any log."""
    return f"{platform.resources.event_log.identity(INGESTION_REQUESTS)}-0-{offset}"


def done(platform: Platform) -> RequestsCursor:
    """The cursor when nothing was ever asked for, or all of it is done."""
    return RequestsCursor(offsets={0: 0}, log=platform.resources.event_log.identity(INGESTION_REQUESTS))


def dead(platform: Platform) -> list[dict[str, object]]:
    return [json.loads(record.value or b"") for record in platform.events(INGESTION_DEAD)]


def test_the_first_look_asks_for_every_manifest(platform: Platform) -> None:
    tick = platform.tick(NAME)
    assert steps(tick) == [f"{rover}/manifest" for rover in platform.settings.rovers]
    assert RequestsCursor.read(tick.cursor or "").refreshes == first_look(platform.settings.rovers).refreshes


def test_a_refresh_is_kept_until_its_runs_have_succeeded(scripted: Scripted, clock: Clock) -> None:
    platform: Platform = scripted({1: 3}, rovers="curiosity")
    first = platform.tick(NAME)
    assert steps(first) == ["curiosity/manifest"]
    run = platform.start(
        "lake/manifests", dg.DagsterRunStatus.STARTED, **{"martian-moments__refresh": "curiosity/first/manifest"}
    )
    while_running = platform.tick(NAME, first.cursor)
    assert not requests_of(while_running)
    assert RequestsCursor.read(while_running.cursor or "").refreshes
    platform.instance.report_run_failed(run)
    assert not platform.tick(NAME, first.cursor).run_requests, "it waits a little after a failure"
    clock.now += 60
    again = platform.tick(NAME, first.cursor)
    assert steps(again) == ["curiosity/manifest"]
    assert platform.execute(requests_of(again)[0]).success
    have_the_maps(platform, "curiosity/first")
    assert RequestsCursor.read(platform.tick(NAME, again.cursor).cursor or "") == done(platform)


def test_the_traverse_is_asked_for_as_soon_as_a_manifest_says_that_the_rover_is_served(
    scripted: Scripted, clock: Clock
) -> None:
    platform: Platform = scripted({1: 3}, rovers="perseverance")
    first = platform.tick(NAME)
    assert steps(first) == ["perseverance/manifest"]
    assert platform.execute(requests_of(first)[0]).success
    second = platform.tick(NAME, first.cursor)
    assert steps(second) == ["perseverance/traverse"]
    assert RequestsCursor.read(second.cursor or "").refreshes
    ask(platform, refresh_request(["perseverance"], young=False))
    assert steps(platform.tick(NAME, DONE)) == ["perseverance/manifest", "perseverance/traverse"], "both at once"


def test_an_unserved_rover_is_done_after_its_manifest_and_has_no_run_that_could_only_fail(scripted: Scripted) -> None:
    platform: Platform = scripted({1: 3}, rovers="perseverance")
    platform.source.status = None
    first = platform.tick(NAME)
    assert platform.execute(requests_of(first)[0]).success
    second = platform.tick(NAME, first.cursor)
    assert not requests_of(second)
    assert RequestsCursor.read(second.cursor or "") == done(platform)


def test_recent_sols_are_asked_for_after_the_new_manifest_and_even_those_that_are_held(
    scripted: Scripted, clock: Clock
) -> None:
    platform: Platform = scripted({1: 3, 50: 3, 100: 3}, rovers="curiosity", late_sols=60)
    platform.run("lake/manifests", "curiosity")
    platform.run("lake/curiosity/photos", sols=(0, 100))
    platform.source.asked_since()
    platform.source.promised[130] = platform.source.photos_of[130] = 2
    ask(platform, refresh_request(["curiosity"], young=True))
    first = platform.tick(NAME, DONE)
    assert steps(first) == ["curiosity/manifest", "curiosity/traverse"]
    platform.execute(requests_of(first)[0])
    have_the_maps(platform, f"curiosity/{place(platform, 0)}")
    second = platform.tick(NAME, first.cursor)
    assert steps(second) == ["curiosity/recent-100-130"], "within 60 sols of the newest that the new manifest knows"
    platform.source.errors[100] = UpstreamUnavailable("down")
    assert not platform.execute(requests_of(second)[0]).success
    assert platform.source.asked_since() == [100, 130]
    assert RequestsCursor.read(platform.tick(NAME, second.cursor).cursor or "").refreshes
    platform.source.errors.clear()
    clock.now += 600
    third = platform.tick(NAME, second.cursor)
    assert platform.execute(requests_of(third)[0]).success
    assert RequestsCursor.read(platform.tick(NAME, third.cursor).cursor or "").refreshes == {}


def test_a_new_refresh_starts_anew_and_a_wish_for_recent_sols_is_not_forgotten(platform: Platform) -> None:
    ask(platform, refresh_request(["curiosity", "spirit"], young=True))
    before = RequestsCursor.read(platform.tick(NAME, DONE).cursor or "").refreshes
    assert before["curiosity"] == before["spirit"] == Refresh(place(platform, 0), young=True)
    ask(platform, refresh_request(["curiosity"], young=False))
    cursor = RequestsCursor(offsets={0: 1}, refreshes=before)
    tick = platform.tick(NAME, cursor.write())
    assert RequestsCursor.read(tick.cursor or "").refreshes == {
        "curiosity": Refresh(place(platform, 1), young=True), "spirit": Refresh(place(platform, 0), young=True),
    }  # fmt: skip


def test_sols_are_asked_for_in_spans_under_keys_that_a_second_tick_repeats(platform: Platform) -> None:
    platform.registered("curiosity", 600)
    ask(platform, sols_request("curiosity", range(100, 501), refetch=True))
    first, again = platform.tick(NAME, DONE), platform.tick(NAME, DONE)
    found = [
        (request.tags["dagster/asset_partition_range_start"], request.tags["dagster/asset_partition_range_end"])
        for request in first.run_requests or ()
    ]
    assert found == [("00301", "00500"), ("00101", "00300"), ("00100", "00100")]
    config = requests_of(first)[2].run_config["ops"]["lake__curiosity__photos"]["config"]
    assert config == {"sols": [100], "refetch": True}
    keys = [request.run_key for request in requests_of(first)]
    assert len(set(keys)) == 3
    assert keys == [request.run_key for request in requests_of(again)]
    assert not platform.tick(NAME, first.cursor).run_requests


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"{", "message"),
        (b'{"schema": 2, "refresh": ["spirit"]}', "schema"),
        (b'{"schema": 1, "refresh": ["sojourner"]}', "no rover 'sojourner'"),
        (b'{"schema": 1, "rover": "spirit", "first_sol": 5, "last_sol": 4}', "first_sol is above last_sol"),
        (b'{"schema": 1, "rover": "spirit", "first_sol": 5, "last_sol": 50}', "known are 1-10"),
        (b'{"schema": 1, "rover": "spirit", "first_sol": 0, "last_sol": 1}', "known are 1-10"),
        (b'{"schema": 1, "rover": "opportunity", "first_sol": 1, "last_sol": 1}', "known are none"),
    ],
)
def test_what_does_not_exist_becomes_a_dead_letter_with_its_coordinates_and_the_rest_goes_on(
    platform: Platform, value: bytes, reason: str
) -> None:
    platform.registered("spirit", 10)
    ask(platform, Message("x", value), sols_request("spirit", [3], refetch=False))
    tick = platform.tick(NAME, DONE)
    assert len(tick.run_requests or ()) == 1
    (letter,) = dead(platform)
    assert (letter["topic"], letter["partition"], letter["offset"]) == (INGESTION_REQUESTS, 0, 0)
    assert reason in str(letter["reason"])
    assert letter["value"] == value.decode()
    platform.tick(NAME, tick.cursor)
    assert len(dead(platform)) == 1


def test_a_log_that_is_newer_than_the_cursor_is_read_from_its_beginning(platform: Platform) -> None:
    platform.registered("spirit", 10)
    ask(platform, sols_request("spirit", [3], refetch=False))
    first = platform.tick(NAME, RequestsCursor(offsets={0: 500}).write())
    assert not requests_of(first)
    assert len(platform.tick(NAME, first.cursor).run_requests or ()) == 1


def test_sols_that_are_asked_for_at_an_offset_of_a_deleted_log_are_asked_for_again(platform: Platform) -> None:
    platform.registered("spirit", 10)
    ask(platform, sols_request("spirit", [3], refetch=False))
    old = platform.tick(NAME, DONE)
    delete_the_log(platform)
    ask(platform, sols_request("spirit", [3], refetch=False))
    new = platform.tick(NAME, old.cursor)
    (before,), (after,) = requests_of(old), requests_of(new)
    assert (before.tags, before.run_config) == (after.tags, after.run_config)
    assert before.run_key != after.run_key, "Dagster drops a request whose key it has seen"
    assert not platform.tick(NAME, new.cursor).run_requests


def test_a_refresh_at_an_offset_of_a_deleted_log_is_not_taken_for_done(scripted: Scripted, clock: Clock) -> None:
    platform: Platform = scripted({1: 3}, rovers="curiosity")
    ask(platform, refresh_request(["curiosity"], young=False))
    first = platform.tick(NAME, DONE)
    assert platform.execute(requests_of(first)[0]).success
    have_the_maps(platform, f"curiosity/{place(platform, 0)}")
    old = platform.tick(NAME, first.cursor)
    assert RequestsCursor.read(old.cursor or "").refreshes == {}
    delete_the_log(platform)
    ask(platform, refresh_request(["curiosity"], young=False))
    assert steps(platform.tick(NAME, old.cursor)) == ["curiosity/manifest", "curiosity/traverse"]


def test_a_refresh_under_way_goes_on_when_the_log_is_deleted(platform: Platform) -> None:
    ask(platform, refresh_request(["spirit"], young=True))
    first = platform.tick(NAME, DONE)
    refreshes = RequestsCursor.read(first.cursor or "").refreshes
    delete_the_log(platform)
    assert RequestsCursor.read(platform.tick(NAME, first.cursor).cursor or "").refreshes == refreshes != {}


def test_where_no_log_reports_its_identity_the_moment_of_a_request_distinguishes_it_from_an_older_one(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.registered("spirit", 10)
    monkeypatch.setattr(platform.resources.event_log, "identity", lambda _: None)
    keys = []
    for _ in range(2):
        ask(platform, sols_request("spirit", [3], refetch=False))
        (record,) = platform.events(INGESTION_REQUESTS)
        (request,) = requests_of(platform.tick(NAME, DONE))
        assert request.run_key == f"{INGESTION_REQUESTS}-{record.timestamp_ms}-0-0-3"
        keys.append(request.run_key)
        delete_the_log(platform)
    assert len(set(keys)) == 2


def test_a_cursor_of_the_release_before_goes_on_where_it_was(platform: Platform) -> None:
    platform.registered("spirit", 10)
    ask(platform, sols_request("spirit", [3], refetch=False), sols_request("spirit", [4], refetch=False))
    tick = platform.tick(NAME, json.dumps({"offsets": {"0": 1}, "refreshes": {}}))
    assert [request.tags["dagster/asset_partition_range_start"] for request in requests_of(tick)] == ["00004"]
    assert RequestsCursor.read(tick.cursor or "").log == platform.resources.event_log.identity(INGESTION_REQUESTS)


def test_while_the_log_does_not_respond_the_tick_is_skipped_with_the_reason(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(platform, sols_request("spirit", [3], refetch=False))
    platform.registered("spirit", 10)

    def refused(topic: str) -> None:
        raise EventLogUnavailable("no broker responds")

    with monkeypatch.context() as patch:
        patch.setattr(platform.resources.event_log, "watermarks", refused)
        tick = platform.tick(NAME, DONE)
    assert not requests_of(tick)
    assert tick.cursor == DONE
    assert "no broker responds" in (tick.skip_message or "")
    assert len(platform.tick(NAME, tick.cursor).run_requests or ()) == 1


def test_a_cursor_is_the_same_after_it_was_stored() -> None:
    cursor = RequestsCursor(offsets={0: 5}, refreshes={"spirit": Refresh("0-4", young=True)}, log="a log")
    assert RequestsCursor.read(cursor.write()) == cursor


def test_a_run_that_was_requested_twice_counts_once(scripted: Scripted, clock: Clock) -> None:
    platform: Platform = scripted({1: 3}, rovers="curiosity")
    tick = platform.tick(NAME)
    (request,) = requests_of(tick)
    assert platform.execute(request).success
    platform.start("lake/manifests", dg.DagsterRunStatus.FAILURE, **{"martian-moments__refresh": request.tags[REFRESH_TAG]})
    have_the_maps(platform, "curiosity/first")
    assert RequestsCursor.read(platform.tick(NAME, tick.cursor).cursor or "") == done(platform)
