"""The closed loop: what is promised and not held is asked for, newest first, until nothing is missing."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

from martian_moments.defs.sensors import gap_sensor
from martian_moments.defs.sensors.gap_sensor import GapCursor
from martian_moments.domain.errors import UpstreamUnavailable
from martian_moments.operations import backfill
from martian_moments_tests.platforms import Platform, ScriptedSource, Tick, requests_of
from martian_moments_tests.unit.conftest import Scripted
from martian_moments_tests.unit.defs.sensors.conftest import Clock

NAME = gap_sensor.NAME
CURIOSITY = "lake/curiosity/photos"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock.of(gap_sensor, monkeypatch)


def asked(tick: Tick) -> list[tuple[str, int, int, list[int]]]:
    """Rover, ends of the range and the sols that are due, of each run that a tick asks for."""
    found = []
    for request in tick.run_requests or ():
        (asset,) = request.asset_selection or ()
        (op,) = request.run_config["ops"].values()
        assert op["config"]["refetch"] is False
        first, last = (int(request.tags[f"dagster/asset_partition_range_{end}"]) for end in ("start", "end"))
        found.append((asset.path[1], first, last, op["config"]["sols"]))
    return found


def test_without_a_manifest_nothing_is_asked_for(platform: Platform) -> None:
    assert not platform.tick(NAME).run_requests


def test_the_newest_gaps_come_first_at_most_200_sols_wide_and_only_what_is_lacking(platform: Platform) -> None:
    platform.manifest("curiosity", dict.fromkeys([*range(90), *range(500, 1_000, 3)], 3))
    platform.photos("curiosity", [998, 995, 800])
    ((rover, first, last, sols),) = asked(platform.tick(NAME))
    assert rover == "curiosity"
    assert sols == [sol for sol in range(500, 1_000, 3) if 992 - 200 < sol <= 992 and sol != 800]
    assert (first, last) == (sols[0], sols[-1])
    assert last - first < 200


def test_each_rover_has_one_run_at_a_time(platform: Platform) -> None:
    platform.manifest("curiosity", {1: 3})
    platform.manifest("spirit", {1: 3, 2: 3})
    run = platform.start(CURIOSITY)
    tick = platform.tick(NAME)
    assert asked(tick) == [("spirit", 1, 2, [1, 2])]
    platform.instance.report_run_canceled(run)
    assert asked(platform.tick(NAME, tick.cursor)) == [("curiosity", 1, 1, [1])], "and Spirit waits for its next attempt"


def test_sols_that_a_backfill_will_still_launch_are_left_to_it(platform: Platform) -> None:
    platform.manifest("curiosity", dict.fromkeys(range(10), 3))
    backfill.launch(platform.instance, platform.definitions, "curiosity", range(4, 8))
    ((_, first, last, sols),) = asked(platform.tick(NAME))
    assert (first, last, sols) == (0, 9, [0, 1, 2, 3, 8, 9])


def test_sols_that_are_not_registered_yet_wait(platform: Platform) -> None:
    platform.manifest("curiosity", {1: 3, 2: 3})
    grown = ScriptedSource({1: 3, 2: 3, 90: 3})
    platform.put(asyncio.run(grown.manifest("curiosity")))
    assert asked(platform.tick(NAME)) == [("curiosity", 1, 2, [1, 2])]


def test_the_loop_closes_and_asks_only_for_what_is_lacking(scripted: Scripted, clock: Clock) -> None:
    platform: Platform = scripted(dict.fromkeys(range(0, 500, 2), 2), rovers="curiosity")
    platform.run("lake/manifests", "curiosity")
    cursor, runs = None, []
    while (tick := platform.tick(NAME, cursor)).run_requests:
        (request,) = requests_of(tick)
        assert platform.execute(request).success
        runs.append(platform.source.asked_since())
        cursor = tick.cursor
    assert [(run[0], run[-1], len(run)) for run in runs] == [(300, 498, 100), (100, 298, 100), (0, 98, 50)]
    assert platform.lake_sols("curiosity") == list(range(0, 500, 2))
    assert not platform.tick(NAME, cursor).run_requests


def test_what_fails_is_asked_for_again_later_and_later_and_nothing_else_is(scripted: Scripted, clock: Clock) -> None:
    platform: Platform = scripted({1: 2, 2: 2, 3: 2}, rovers="curiosity")
    platform.run("lake/manifests", "curiosity")
    platform.source.errors[2] = UpstreamUnavailable("down")
    cursor, asked_at = None, []
    for _ in range(6):
        while not (tick := platform.tick(NAME, cursor)).run_requests:
            cursor = tick.cursor
            clock.now += 1
        asked_at.append(clock.now)
        platform.execute(requests_of(tick)[0])
        cursor = tick.cursor
    waits = [round(later - earlier) for earlier, later in pairwise(asked_at)]
    assert waits == [10, 20, 40, 80, 160]
    assert platform.source.asked_since() == [1, 2, 2, 2, 2, 2, 2, 3]
    assert GapCursor.read(cursor).of("curiosity").attempts[2][0] == 6
    platform.source.errors.clear()
    clock.now += 600
    tick = platform.tick(NAME, cursor)
    assert platform.execute(requests_of(tick)[0]).success
    assert platform.source.asked_since() == [2]


def test_a_short_sol_is_asked_for_again_with_a_longer_delay(scripted: Scripted, clock: Clock) -> None:
    platform: Platform = scripted({1: 2}, rovers="curiosity")
    platform.run("lake/manifests", "curiosity")
    platform.source.photos_of[1] = 0  # a well-formed empty response
    tick = platform.tick(NAME)
    assert platform.execute(requests_of(tick)[0]).success, "a short response is no failure"
    assert platform.lake_sols("curiosity") == [1]
    cursor, waits = tick.cursor, []
    for _ in range(4):
        since = clock.now
        while not (tick := platform.tick(NAME, cursor)).run_requests:
            cursor = tick.cursor
            clock.now += 5
        waits.append(clock.now - since)
        platform.execute(requests_of(tick)[0])
        cursor = tick.cursor
    assert waits == sorted(waits)
    assert waits[-1] > waits[0]
    platform.source.photos_of[1] = 2
    clock.now += 86_400
    tick = platform.tick(NAME, cursor)
    platform.execute(requests_of(tick)[0])
    clock.now += 86_400
    assert not platform.tick(NAME, tick.cursor).run_requests, "closed"


def test_photos_that_arrive_late_make_a_whole_sol_due_again(scripted: Scripted, clock: Clock) -> None:
    platform: Platform = scripted({1: 2, 2: 2}, rovers="curiosity")
    platform.run("lake/manifests", "curiosity")
    tick = platform.tick(NAME)
    platform.execute(requests_of(tick)[0])
    clock.now += 3_600
    assert not platform.tick(NAME, tick.cursor).run_requests
    platform.source.promised[2] = platform.source.photos_of[2] = 5
    platform.run("lake/manifests", "curiosity")
    platform.source.asked_since()
    again = platform.tick(NAME, tick.cursor)
    assert asked(again) == [("curiosity", 2, 2, [2])]
    platform.execute(requests_of(again)[0])
    assert platform.source.asked_since() == [2]
    assert platform.run("lake/curiosity/photos", sols=(2, 2)).success
    assert platform.source.asked_since() == [], "whole again"


def test_in_an_outage_the_rover_waits_instead_of_trying_all_its_sols_once(scripted: Scripted, clock: Clock) -> None:
    platform: Platform = scripted(dict.fromkeys(range(1_000), 2), rovers="curiosity")
    platform.run("lake/manifests", "curiosity")
    platform.source.errors = dict.fromkeys(range(1_000), UpstreamUnavailable("down"))
    cursor, runs, start = None, 0, clock.now
    while clock.now < start + 100:
        tick = platform.tick(NAME, cursor)
        cursor = tick.cursor
        runs += len(tick.run_requests or ())
        clock.now += 5
    assert runs == 4, "after 0, 10, 30 and 70 seconds"
    platform.source.errors.clear()
    while not (tick := platform.tick(NAME, cursor)).run_requests:
        cursor = tick.cursor
        clock.now += 5
    assert clock.now < start + 400, "recovery needs no hand"


def test_an_unserved_rover_has_no_gaps(scripted: Scripted) -> None:
    platform: Platform = scripted(rovers="curiosity")
    platform.source.status = None
    assert platform.run("lake/manifests", "curiosity").success
    assert not platform.tick(NAME).run_requests
