"""A crashed run that Dagster's daemon met too early is repeated all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import dagster as dg
import pytest
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.remote_origin import InProcessCodeLocationOrigin
from dagster._core.storage.tags import WILL_RETRY_TAG
from dagster._core.test_utils import create_test_daemon_workspace_context, instance_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._core.workspace.context import IWorkspaceProcessContext
from dagster._core.workspace.load_target import InProcessWorkspaceLoadTarget
from dagster._daemon.auto_run_reexecution.event_log_consumer import EventLogConsumerDaemon

from martian_moments.dagster_runtime.retries import FAILURES_CURSOR
from martian_moments.defs.sensors import retry_sensor as module
from martian_moments.defs.sensors.retry_sensor import retry_sensor


@dg.asset
def crashing() -> None: ...


@dg.repository
def definitions() -> list[Any]:
    return [crashing, dg.define_asset_job("crashing_job", [crashing])]


class Scene:
    """An instance that repeats crashed runs, Dagster's daemon for that, and our sensor."""

    def __init__(self, workspace: IWorkspaceProcessContext[Any]) -> None:
        self.workspace = workspace
        self.instance = workspace.instance
        self.daemon = EventLogConsumerDaemon()
        self.cursor: str | None = None
        self.daemon_looks()

    def daemon_looks(self) -> None:
        for _ in self.daemon.run_iteration(self.workspace):
            pass

    def sensor_looks(self) -> str:
        context = dg.build_sensor_context(self.instance, cursor=self.cursor)
        tick = retry_sensor().evaluate_tick(context)
        self.cursor = tick.cursor
        return tick.skip_message or ""

    def started(self) -> dg.DagsterRun:
        (location,) = self.workspace.create_request_context().code_locations
        (repository,) = location.get_repositories().values()
        return self.instance.create_run_for_job(
            definitions.get_job("crashing_job"),
            remote_job_origin=repository.get_full_job("crashing_job").get_remote_origin(),
            status=dg.DagsterRunStatus.STARTED,
        )

    def repetitions(self, of: dg.DagsterRun) -> int:
        return sum(run.parent_run_id == of.run_id for run in self.instance.get_runs())


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.setattr(module, "_DAEMON_SECONDS", 0.0)
    overrides = {
        "run_retries": {"enabled": True, "max_retries": 2},
        "run_coordinator": {"module": "dagster.core.run_coordinator", "class": "QueuedRunCoordinator"},
    }
    origin = LoadableTargetOrigin(module_name=__name__, attribute="definitions")
    target = InProcessWorkspaceLoadTarget(InProcessCodeLocationOrigin(origin))
    with ExitStack() as stack:
        instance = stack.enter_context(instance_for_test(overrides=overrides))
        yield Scene(stack.enter_context(create_test_daemon_workspace_context(target, instance)))


@pytest.fixture
def overlooked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> dg.DagsterRun:
    """A run of which the daemon met the failure while the status was still to be written."""
    run, write = scene.started(), scene.instance.run_storage.handle_run_event

    def write_late(*arguments: Any) -> None:
        scene.daemon_looks()
        write(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(scene.instance.run_storage, "handle_run_event", write_late)
        scene.instance.report_run_failed(run)
    return run


def stored_tags(scene: Scene, run: dg.DagsterRun) -> Mapping[str, str]:
    found = scene.instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.tags


def test_dagster_alone_never_repeats_a_run_whose_failure_it_met_too_early(scene: Scene, overlooked: dg.DagsterRun) -> None:
    for _ in range(3):
        scene.daemon_looks()
    assert stored_tags(scene, overlooked)[WILL_RETRY_TAG] == "true"
    assert scene.repetitions(overlooked) == 0, "when this fails, Dagster has mended it, and the sensor can go"


def test_a_run_that_the_daemon_has_overlooked_is_repeated_once(scene: Scene, overlooked: dg.DagsterRun) -> None:
    assert scene.sensor_looks().startswith("1 crashed runs wait")
    for _ in range(3):
        scene.daemon_looks()
        scene.sensor_looks()
    assert scene.repetitions(overlooked) == 1
    assert scene.sensor_looks().startswith("0 crashed runs wait")
    assert json.loads(scene.cursor or "") == {}


def test_a_cursor_that_the_daemon_writes_back_at_that_moment_is_set_again(scene: Scene, overlooked: dg.DagsterRun) -> None:
    storage = scene.instance.daemon_cursor_storage
    before = storage.get_cursor_values({FAILURES_CURSOR})
    scene.sensor_looks()
    storage.set_cursor_values(before)
    scene.sensor_looks()
    scene.daemon_looks()
    assert scene.repetitions(overlooked) == 1


def test_failures_that_the_daemon_has_not_met_yet_stay_to_be_met(scene: Scene, overlooked: dg.DagsterRun) -> None:
    before = scene.instance.daemon_cursor_storage.get_cursor_values({FAILURES_CURSOR})
    later = scene.started()
    scene.instance.report_run_failed(later)
    scene.instance.add_run_tags(overlooked.run_id, {WILL_RETRY_TAG: "false"})
    assert scene.sensor_looks().startswith("1 crashed runs wait")
    assert scene.instance.daemon_cursor_storage.get_cursor_values({FAILURES_CURSOR}) == before
    scene.daemon_looks()
    assert scene.repetitions(later) == 1


def test_a_failure_of_a_moment_ago_is_left_to_the_daemon(
    scene: Scene, overlooked: dg.DagsterRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_DAEMON_SECONDS", 15.0)
    scene.sensor_looks()
    scene.daemon_looks()
    assert scene.repetitions(overlooked) == 0


def given_up(scene: Scene, error: Exception) -> dg.DagsterRun:
    """A run whose repetition failed with this error."""
    run = scene.started()
    scene.instance.report_run_failed(run)
    with pytest.MonkeyPatch.context() as patch:

        def fail(**_: object) -> None:
            raise error

        patch.setattr(scene.instance, "create_reexecuted_run", fail)
        scene.daemon_looks()
    assert stored_tags(scene, run)[WILL_RETRY_TAG] == "false"
    return run


def test_a_run_that_failed_while_no_code_server_responded_is_repeated_once(scene: Scene) -> None:
    run = given_up(scene, DagsterUserCodeUnreachableError("Could not reach user code server"))
    for _ in range(3):
        scene.daemon_looks()
    assert scene.repetitions(run) == 0, "when this fails, Dagster has mended it, and take_up_again can go"
    for _ in range(3):
        scene.sensor_looks()
        scene.daemon_looks()
    assert scene.repetitions(run) == 1


def test_a_run_that_was_given_up_for_another_reason_stays_so(scene: Scene) -> None:
    run = given_up(scene, ValueError("a job that is gone"))
    for _ in range(3):
        scene.sensor_looks()
        scene.daemon_looks()
    assert scene.repetitions(run) == 0


def test_a_run_that_dagster_cannot_repeat_is_shown_to_it_three_times(scene: Scene) -> None:
    run = scene.instance.create_run_for_job(definitions.get_job("crashing_job"), status=dg.DagsterRunStatus.STARTED)
    scene.instance.report_run_failed(run)
    for _ in range(6):
        scene.daemon_looks()
        scene.sensor_looks()
    refusals = [each for each in scene.instance.all_logs(run.run_id) if "unable to retry" in each.message]
    assert len(refusals) == 1 + 3
