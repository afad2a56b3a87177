"""The schedules: what is asked for again, and by which runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from martian_moments_tests.platforms import Platform
from martian_moments_tests.unit.conftest import Scripted

ALL_ARE_DUE = datetime.fromtimestamp(497_000 * 3_600 + 1_200, UTC)
"""20 minutes past an hour that is a multiple of 5, 25 and 71."""


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance on disk: a schedule opens it by reference, which one in memory has not."""
    with dg.instance_for_test() as instance:
        yield instance


@pytest.fixture
def platform(platform: Platform, instance: dg.DagsterInstance) -> Platform:
    platform.instance = instance
    return platform


@pytest.fixture
def scripted(scripted: Callable[..., Platform], instance: dg.DagsterInstance) -> Callable[..., Platform]:
    def make(*args: Any, **settings: Any) -> Platform:
        made = scripted(*args, **settings)
        made.instance = instance
        return made

    return make


def plan(platform: Platform, name: str, moment: datetime = ALL_ARE_DUE) -> list[dg.RunRequest]:
    context = dg.build_schedule_context(
        instance=platform.instance, scheduled_execution_time=moment, repository_def=platform.repository,
        resources=platform.opened,
    )  # fmt: skip
    return list(platform.repository.get_schedule_def(name).evaluate_tick(context).run_requests or ())


def test_all_schedules_run_by_default(platform: Platform) -> None:
    schedules = platform.repository.schedule_defs
    assert {each.name for each in schedules} == {
        "manifests", "traverse_maps", "pruning", *(f"{rover}_recent_sols" for rover in platform.settings.rovers),
    }  # fmt: skip
    assert {each.default_status for each in schedules} == {dg.DefaultScheduleStatus.RUNNING}


def test_pruning_is_a_run_of_its_job(platform: Platform) -> None:
    (request,) = plan(platform, "pruning")
    assert request.job_name in (None, "pruning")
    platform.run("lake/manifests", "curiosity")
    before = platform.instance.get_runs_count()
    done = platform.repository.get_job("pruning").execute_in_process(instance=platform.instance)
    assert done.success
    assert platform.instance.get_runs_count() == before + 1, "what is new stays"


def test_every_manifest_is_asked_for_and_the_keys_distinguish_hours(platform: Platform) -> None:
    now, again, later = (plan(platform, "manifests", ALL_ARE_DUE + timedelta(hours=hours)) for hours in (0, 0, 1))
    assert [each.partition_key for each in now] == list(platform.settings.rovers)
    keys = [[each.run_key for each in each_plan] for each_plan in (now, again, later)]
    assert keys[0] == keys[1]
    assert not set(keys[0]) & set(keys[2])


def test_maps_are_asked_for_only_of_rovers_that_are_served(scripted: Scripted) -> None:
    platform: Platform = scripted({1: 3})
    assert plan(platform, "traverse_maps") == []
    platform.source.status = None
    platform.run("lake/manifests", "perseverance")
    assert plan(platform, "traverse_maps") == []
    platform.source.status = "active"
    platform.run("lake/manifests", "perseverance")
    assert [each.partition_key for each in plan(platform, "traverse_maps")] == ["perseverance"]


@pytest.mark.parametrize(("hour", "sols"), [(0, list(range(941, 1_001))), (5, list(range(994, 1_001))), (6, [])])
def test_recent_sols_are_refetched_when_their_hour_comes(platform: Platform, hour: int, sols: list[int]) -> None:
    platform.manifest("curiosity", dict.fromkeys(range(900, 1_002), 3))
    platform.instance.delete_dynamic_partition("curiosity_sols", "01001")  # known, but not registered yet
    moment = ALL_ARE_DUE + timedelta(hours=hour)
    requests = plan(platform, "curiosity_recent_sols", moment)
    due = [sol for each in requests for sol in each.run_config["ops"]["lake__curiosity__photos"]["config"]["sols"]]
    assert due == sols
    assert all(each.run_config["ops"]["lake__curiosity__photos"]["config"]["refetch"] for each in requests)


def test_a_recent_sol_that_is_unchanged_writes_nothing(scripted: Scripted) -> None:
    platform: Platform = scripted({1: 3, 2: 3})
    platform.run("lake/manifests", "curiosity")
    platform.run("lake/curiosity/photos", sols=(1, 2))
    before = platform.resources.lake.list()
    platform.source.asked_since()
    (request,) = plan(platform, "curiosity_recent_sols")
    assert platform.execute(request).success
    assert platform.source.asked_since() == [1, 2]
    assert platform.resources.lake.list() == before
