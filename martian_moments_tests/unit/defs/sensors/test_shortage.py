"""While a disk is short of room nothing begins, nothing is forgotten, and nobody is asked in vain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import dagster as dg
import pytest
from dagster._core.definitions.schedule_definition import ScheduleExecutionData

from martian_moments.defs import schedules
from martian_moments.defs.sensors import gap_sensor, reconcile_sensor, requests_sensor, upload_sensor
from martian_moments.events.log import INGESTION_REQUESTS
from martian_moments.events.messages import refresh_request
from martian_moments.infrastructure import space
from martian_moments.operations import status as status_module
from martian_moments.operations.status import status
from martian_moments_tests.platforms import Platform, failure_of

SHORT = "3.0 MB free at /disk, less than the 8.0 MB kept in reserve; free space there, and everything goes on by itself"


class Disk:
    """A disk that is short of room from the n-th look on."""

    def __init__(self) -> None:
        self.looks_left = 1_000_000

    def shortage(self, folders: object) -> str | None:
        self.looks_left -= 1
        return SHORT if self.looks_left < 0 else None


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk()
    monkeypatch.setattr(space, "shortage", disk.shortage)
    for module in (gap_sensor, upload_sensor, requests_sensor, reconcile_sensor, schedules, status_module):
        monkeypatch.setattr(module, "shortage", disk.shortage)
    return disk


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """An instance on disk: the one in memory keeps no schedules."""
    with dg.instance_for_test() as instance:
        yield instance


@pytest.mark.parametrize("sensor", [each.NAME for each in (gap_sensor, upload_sensor, requests_sensor, reconcile_sensor)])
def test_a_sensor_says_why_it_asks_for_nothing_and_asks_when_there_is_room(
    platform: Platform, disk: Disk, sensor: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile_sensor, "_EVENT_SECONDS", 0.0)
    platform.manifest("curiosity", {1: 3, 2: 3})
    platform.photos("curiosity", [1])
    platform.resources.event_log.publish(INGESTION_REQUESTS, [refresh_request(["spirit"], young=False)])
    disk.looks_left = 0
    tick = platform.tick(sensor)
    assert not tick.run_requests
    assert tick.skip_message == SHORT
    assert tick.cursor is None
    disk.looks_left = 100
    assert platform.tick(sensor, tick.cursor).run_requests


@pytest.mark.parametrize("schedule", ["manifests", "traverse_maps", "curiosity_recent_sols"])
def test_a_schedule_says_why_it_asks_for_nothing(
    scripted: Callable[..., Platform], instance: dg.DagsterInstance, disk: Disk, schedule: str
) -> None:
    platform = scripted({1: 3})
    platform.instance = instance
    platform.run("lake/manifests", "curiosity")
    platform.photos("curiosity", [1])
    midnight = datetime(2026, 4, 1, tzinfo=UTC)

    def plan() -> list[ScheduleExecutionData]:
        return [
            platform.repository.get_schedule_def(schedule).evaluate_tick(
                dg.build_schedule_context(
                    instance=platform.instance,
                    scheduled_execution_time=midnight.replace(hour=hour),
                    repository_def=platform.repository,
                    resources=platform.opened,
                )
            )
            for hour in range(6)
        ]

    assert any(each.run_requests for each in plan())
    disk.looks_left = 0
    skipped = plan()
    assert not any(each.run_requests for each in skipped)
    assert {each.skip_message for each in skipped} == {SHORT}


@pytest.mark.parametrize("asset", ["lake/manifests", "lake/traverse", "bronze/manifests", "bronze/traverse"])
def test_a_run_does_not_start(scripted: Callable[..., Platform], disk: Disk, asset: str) -> None:
    platform = scripted({1: 3})
    disk.looks_left = 0
    assert SHORT in failure_of(platform.run(asset, "curiosity"))
    assert platform.resources.lake.list() == []
    assert not platform.resources.published.read("bronze", "ledger")


def test_a_run_under_way_keeps_what_it_has_and_asks_for_no_further_sol(
    scripted: Callable[..., Platform], disk: Disk
) -> None:
    platform = scripted(dict.fromkeys(range(1, 7), 3))
    platform.run("lake/manifests", "curiosity")
    disk.looks_left = 1 + 2  # its start, and two sols
    result = platform.run("lake/curiosity/photos", sols=(1, 6))
    failure = failure_of(result)
    assert "4 of 6 sols of curiosity failed" in failure
    assert SHORT in failure
    assert platform.source.asked_since() == [5, 6]
    assert platform.lake_sols("curiosity") == [5, 6]
    assert set(platform.materialized(result)) == {"00005", "00006"}
    # There is room again: the gap sensor asks for exactly the rest.
    disk.looks_left = 1_000
    (request,) = (each for each in platform.tick(gap_sensor.NAME).run_requests or () if "curiosity" in str(each))
    (op,) = request.run_config["ops"].values()
    assert op["config"]["sols"] == [1, 2, 3, 4]


def test_the_status_waits_for_room_and_is_not_settled(platform: Platform, instance: dg.DagsterInstance, disk: Disk) -> None:
    platform.instance = instance
    assert SHORT not in status(platform.resources, platform.instance, running=True).waiting_for
    disk.looks_left = 0
    now = status(platform.resources, platform.instance, running=True)
    assert now.waiting_for[0] == SHORT
    assert not now.settled
