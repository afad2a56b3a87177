"""Recent sols: by the newest sol that the source knows, the newer the more often."""

from __future__ import annotations

from martian_moments.defs.recent_sols import due_sols, recent_sols
from martian_moments.domain.coverage import Coverage, LakeView
from martian_moments.domain.promises import Promises


def view(sols: list[int], newest: int | None) -> Coverage:
    promises = Promises("curiosity", "v1", served=True, sols=dict.fromkeys(sols, 3), newest_sol=newest)
    return Coverage("curiosity", [LakeView("curiosity", "v1", promises, {})])


def test_age_is_counted_from_the_newest_sol_that_the_source_knows_photos_or_not() -> None:
    assert recent_sols(view([10, 40, 41, 100], 101), 60) == [41, 100]
    assert recent_sols(view([10, 40, 41, 100], 101), 0) == []
    assert recent_sols(view([10, 101], 101), 0) == [101]


def test_without_a_manifest_or_photos_nothing_is_recent() -> None:
    assert recent_sols(Coverage("curiosity", [LakeView("curiosity", "v1", None, {})]), 60) == []
    assert recent_sols(view([], None), 60) == []


def test_each_recent_sol_has_its_turns_the_newer_the_more() -> None:
    looks = dict.fromkeys(range(61), 0)
    for hour in range(495_000, 495_000 + 25 * 71):
        for sol in due_sols(view(list(range(101)), 100), 60, hour):
            looks[100 - sol] += 1
    assert looks == {age: 355 if age <= 7 else 71 if age <= 21 else 25 for age in range(61)}


def test_a_platform_that_runs_only_in_the_daytime_looks_at_every_recent_sol() -> None:
    for first in range(495_000, 495_240, 24):
        daytime = (day + hour for day in range(first, first + 24 * 24, 24) for hour in range(6, 20))
        seen = {sol for hour in daytime for sol in due_sols(view(list(range(101)), 100), 60, hour)}
        assert seen == set(range(40, 101)), "within 24 days"
