"""Fail-over: one source after the other, through real ticks and runs; nothing twice, no hole, and back again."""

from __future__ import annotations

import pytest

from martian_moments.defs.assets.lake import MANIFESTS
from martian_moments.defs.sensors import gap_sensor, upload_sensor
from martian_moments.domain.documents import Kind, prefix_of
from martian_moments.domain.errors import BrokenResponse, UpstreamUnavailable
from martian_moments.operations import status as status_module
from martian_moments.operations.status import RoverStatus, status
from martian_moments_tests.platforms import Platform, failure_of
from martian_moments_tests.unit.conftest import Scripted

ROVER = "curiosity"
PHOTOS = f"lake/{ROVER}/photos"
DOWN = UpstreamUnavailable("the upstream is down")


@pytest.fixture(autouse=True)
def _no_cursors(monkeypatch: pytest.MonkeyPatch) -> None:
    """An instance in memory has no storage of ticks."""
    cursors = {upload_sensor.NAME: upload_sensor.UploadCursor().write(), gap_sensor.NAME: gap_sensor.GapCursor().write()}
    monkeypatch.setattr(status_module, "_cursor", lambda _, name: cursors.get(name))


@pytest.fixture
def both(scripted: Scripted) -> Platform:
    """The feed has one photo more on each of the sols 1 to 4 than v1, and is preferred; nobody has photos of sol 0."""
    feed, v1 = {1: 4, 2: 4, 3: 4, 4: 4}, {1: 3, 2: 3, 3: 3, 4: 3}
    return scripted(sources={"msl": feed, "v1": v1}, rovers=ROVER)


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """The gap sensor's clock runs ahead from now on, so that every delay has passed."""
    from time import time

    monkeypatch.setattr("martian_moments.defs.sensors.gap_sensor.time.time", lambda: time() + seconds)


def run_due(platform: Platform, cursor: str | None = None) -> str | None:
    """One tick of the gap sensor, and its runs; the cursor after it."""
    tick = platform.tick(gap_sensor.NAME, cursor)
    for request in tick.run_requests or ():
        platform.execute(request)
    return tick.cursor


def in_lake(platform: Platform) -> dict[tuple[str, int], int]:
    """Photos in the lake by source and sol."""
    heads = platform.resources.lake.heads(prefix_of(Kind.PHOTOS, ROVER)).values()
    return {(header.source, header.sol): header.record_count for header in heads if header.sol is not None}


def look(platform: Platform) -> RoverStatus:
    return status(platform.resources, platform.instance, running=True).rovers[ROVER]


def test_only_the_preferred_source_is_asked_while_it_has_everything(both: Platform) -> None:
    assert both.run("lake/manifests", ROVER).success
    run_due(both)
    assert both.script("msl").asked_since() == [0, 1, 2, 3, 4]
    assert both.script("v1").asked_since() == []
    assert in_lake(both) == {("msl", 0): 0, **{("msl", sol): 4 for sol in (1, 2, 3, 4)}}
    found = look(both)
    assert (found.sols_expected, found.sols_in_lake, found.photos_expected, found.photos_in_lake) == (4, 4, 16, 16)
    assert (found.fallback, found.gaps, found.short) == (0, [], [])


def test_while_a_source_is_down_the_next_one_gives_every_sol(both: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    both.run("lake/manifests", ROVER)
    both.script("msl").errors = dict.fromkeys(range(5), DOWN)
    cursor = run_due(both)
    assert both.script("msl").asked_since() == [0, 1, 2, 3, 4]
    assert both.script("v1").asked_since() == [1, 2, 3, 4]
    found = look(both)
    assert (found.sols_in_lake, found.photos_expected, found.photos_in_lake, found.fallback) == (4, 12, 12, 4)
    assert [gap.sol for gap in found.gaps] == [0], "only the feed can report that it is empty"

    both.script("msl").errors = {}
    later(monkeypatch, 100_000)
    run_due(both, run_due(both, cursor))
    assert both.script("msl").asked_since() == [0, 1, 2, 3, 4]
    assert both.script("v1").asked_since() == [], "what stands in is not asked for again"
    found = look(both)
    assert (found.sols_expected, found.photos_expected, found.photos_in_lake, found.fallback) == (4, 16, 16, 0)
    assert (found.gaps, found.short) == ([], [])


def test_a_sol_fails_only_when_no_source_responds_and_reports_why_of_each(both: Platform) -> None:
    both.run("lake/manifests", ROVER)
    both.script("msl").errors = {2: BrokenResponse("half a response", url="https://nasa/x", body=b"{"), 3: DOWN}
    both.script("v1").errors = {3: DOWN}
    result = both.run(PHOTOS, sols=(1, 4))
    message = failure_of(result)
    assert "1 of 4 sols" in message
    assert "msl: the upstream is down; v1: the upstream is down" in message
    reported = both.materialized(result)
    assert {sol: about["source"] for sol, about in reported.items()} == {"00001": "msl", "00002": "v1", "00004": "msl"}
    assert reported["00002"]["msl: error"] == "half a response"


def test_a_feeds_response_with_less_than_was_there_never_replaces_what_is_held(both: Platform) -> None:
    both.run("lake/manifests", ROVER)
    both.run(PHOTOS, sols=(1, 1))
    both.script("msl").photos_of[1] = 2
    both.run(PHOTOS, sols=(1, 1), refetch=True)
    assert in_lake(both) == {("msl", 1): 4}


def test_a_short_response_is_kept_and_the_next_source_is_asked_as_well(scripted: Scripted) -> None:
    platform = scripted(sources={"pds": {1: 5, 2: 5}, "v1": {1: 4, 2: 4}}, rovers="spirit")
    platform.script("pds").photos_of = {1: 3, 2: 5}
    platform.run("lake/manifests", "spirit")
    cursor = run_due(platform)
    assert platform.script("v1").asked_since() == [1]
    (found,) = status(platform.resources, platform.instance, running=True).rovers.values()
    assert (found.photos_expected, found.photos_in_lake, found.fallback) == (9, 9, 1), "4 of v1 stand in for 3 of 5"
    assert not platform.tick(gap_sensor.NAME, cursor).run_requests, "and the index is looked at again later"


def test_what_a_feed_has_nothing_of_is_had_from_a_source_that_promises_it_until_the_feed_has_photos(
    both: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    both.run("lake/manifests", ROVER)
    both.script("msl").photos_of[2] = 0
    cursor = run_due(both)
    assert both.script("v1").asked_since() == [2]
    found = look(both)
    assert (found.sols_in_lake, found.photos_in_lake, found.fallback) == (4, 15, 1)

    both.script("msl").photos_of[2] = 4
    both.script("msl").asked_since()
    later(monkeypatch, 100_000)
    run_due(both, cursor)
    assert both.script("msl").asked_since() == [2]
    assert both.script("v1").asked_since() == []
    found = look(both)
    assert (found.sols_in_lake, found.photos_in_lake, found.fallback) == (4, 16, 0)


def test_a_sol_that_only_a_lesser_source_reaches_is_had_from_there(both: Platform) -> None:
    both.script("v1").promised[6] = 3
    both.script("v1").photos_of[6] = 3
    both.run("lake/manifests", ROVER)
    run_due(both)
    assert in_lake(both)["v1", 6] == 3
    assert look(both).fallback == 1, "the feed lags"


@pytest.mark.parametrize("down", ["msl", "v1"])
def test_manifests_come_from_every_source_that_responds(both: Platform, down: str) -> None:
    both.script(down).manifest_error = DOWN
    result = both.run("lake/manifests", ROVER)
    assert result.success
    (reported,) = both.materialized(result).values()
    assert reported[f"{down}: error"] == str(DOWN)
    assert reported["sources"] == ({"msl", "v1"} - {down}).pop()
    run_due(both)
    assert sorted(sol for _, sol in in_lake(both)) == ([1, 2, 3, 4] if down == "msl" else [0, 1, 2, 3, 4])
    found = look(both)
    assert (found.gaps, found.short) == ([], [])
    assert found.photos_expected == found.photos_in_lake == (12 if down == "msl" else 16)


def test_a_manifest_that_a_source_did_not_give_is_asked_for_again_later_each_time(
    both: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def asks(cursor: str | None) -> tuple[str | None, bool]:
        tick = both.tick(gap_sensor.NAME, cursor)
        return tick.cursor, [MANIFESTS] in [request.asset_selection for request in tick.run_requests or ()]

    both.script("msl").manifest_error = DOWN
    both.run("lake/manifests", ROVER)
    cursor, asked = asks(None)
    assert asked
    assert not asks(cursor)[1], "not before the delay has passed"
    later(monkeypatch, 11)
    cursor, asked = asks(cursor)
    assert asked
    later(monkeypatch, 8)
    assert not asks(cursor)[1], "and a longer one the next time"
    both.script("msl").manifest_error = None
    both.run("lake/manifests", ROVER)
    later(monkeypatch, 100_000)
    assert not asks(cursor)[1]


def test_without_any_manifest_the_partition_fails(both: Platform) -> None:
    both.script("msl").manifest_error = both.script("v1").manifest_error = DOWN
    assert "manifest of curiosity could not be fetched" in failure_of(both.run("lake/manifests", ROVER))


def test_a_rover_that_one_source_denies_is_served_by_the_other(both: Platform) -> None:
    both.script("v1").status = None
    both.run("lake/manifests", ROVER)
    assert look(both).state == "served"
    run_due(both)
    assert {source for source, _ in in_lake(both)} == {"msl"}


def test_a_rover_that_no_configured_source_can_have_is_unserved_and_nothing_fails(scripted: Scripted) -> None:
    platform = scripted(sources={"pds": {1: 3}}, rovers=ROVER)
    assert platform.run("lake/manifests", ROVER).success
    assert look(platform).state == "unserved"
    assert not platform.tick(gap_sensor.NAME).run_requests


def test_a_source_that_is_no_longer_used_leaves_its_sols_to_the_others(both: Platform, scripted: Scripted) -> None:
    both.run("lake/manifests", ROVER)
    both.run(PHOTOS, sols=(1, 4))
    both.script("msl").errors = {2: DOWN}
    both.run(PHOTOS, sols=(2, 2), refetch=True)
    assert look(both).photos_in_lake == 16
    alone = scripted(sources={"v1": {1: 3, 2: 3, 3: 3, 4: 3}}, rovers=ROVER)
    found = look(alone)
    assert (found.photos_in_lake, [gap.sol for gap in found.gaps]) == (3, [1, 3, 4]), "what v1 gave stands, the rest is due"
