"""Young sols: by the newest sol that the source knows, the younger the more often."""

from __future__ import annotations

from martian_moments.automation.young import due_sols, young_sols
from martian_moments.coverage import Coverage, LakeView
from martian_moments.nasa.promises import Promises


def view(sols: list[int], newest: int | None) -> Coverage:
    promises = Promises("curiosity", "v1", served=True, sols=dict.fromkeys(sols, 3), newest_sol=newest)
    return Coverage("curiosity", [LakeView("curiosity", "v1", promises, {})])


def test_young_is_counted_from_the_newest_sol_that_the_source_knows_photos_or_not() -> None:
    assert young_sols(view([10, 40, 41, 100], 101), 60) == [41, 100]
    assert young_sols(view([10, 40, 41, 100], 101), 0) == []
    assert young_sols(view([10, 101], 101), 0) == [101]


def test_without_a_manifest_or_photos_nothing_is_young() -> None:
    assert young_sols(Coverage("curiosity", [LakeView("curiosity", "v1", None, {})]), 60) == []
    assert young_sols(view([], None), 60) == []


def test_each_young_sol_has_its_turns_the_younger_the_more() -> None:
    looks = dict.fromkeys(range(61), 0)
    for hour in range(495_000, 495_000 + 144):  # six days
        for sol in due_sols(view(list(range(101)), 100), 60, hour):
            looks[100 - sol] += 1
    assert looks == {age: 24 if age <= 7 else 6 if age <= 21 else 2 for age in range(61)}
