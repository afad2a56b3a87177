"""Runs on Celery workers under fire: workers and runs' processes die, and no run is lost, stuck or executed twice."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from typing import Any
from unittest import mock

import psutil
import pytest
from dagster import DagsterEventType
from dagster._daemon.auto_run_reexecution.event_log_consumer import _INTERVAL_SECONDS as DAEMON_SECONDS

from martian_moments.dagster_runtime.processes import ProcessId
from martian_moments.dagster_runtime.worker import WORKER_TAG
from martian_moments.resources import Resources
from martian_moments_tests.e2e.stage import Stage, staged, stored
from martian_moments_tests.services import Services
from martian_moments_tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.services]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, services: Services) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("cluster"), services, start_seconds=60) as running:
        yield running


def test_the_output_of_a_run_is_kept_beside_the_lake(stage: Stage) -> None:
    run = stage.launch("quick")
    assert stage.wait_for_status(run, "SUCCESS", "FAILURE") == "SUCCESS"
    lake = Resources(stage.on.settings).lake
    outputs = [each.key for each in lake.list("compute-logs/") if run in each.key and each.key.endswith(".out")]
    assert [lake.get(key) for key in outputs] == [b"quick was here\n"]


def test_a_run_whose_process_is_killed_fails_frees_its_pool_and_is_repeated(stage: Stage, patient: tuple[str, int]) -> None:
    run, child = patient
    os.kill(child, signal.SIGKILL)
    assert stage.wait_for_status(run, "FAILURE", "SUCCESS") == "FAILURE"
    stage.let_go(run)
    # The pool has one slot: the repetition runs only because the dead run gave it back.
    assert stage.wait_for_status(stage.retry_of(run), "FAILURE", "SUCCESS") == "SUCCESS"


def test_a_run_whose_worker_is_killed_is_repeated_by_another_one(stage: Stage, patient: tuple[str, int]) -> None:
    run, child = patient
    stage.on.kill(stage.on.worker_of(child))
    assert stage.wait_for_status(run, "FAILURE", "SUCCESS") == "FAILURE"
    stage.let_go(run)
    assert stage.wait_for_status(stage.retry_of(run), "FAILURE", "SUCCESS") == "SUCCESS"


def test_a_run_whose_failure_the_daemon_met_before_its_status_is_repeated(stage: Stage, patient: tuple[str, int]) -> None:
    run, child = patient
    os.kill(child, signal.SIGSTOP)
    with stage.on.instance() as instance:
        write = instance.run_storage.handle_run_event

        def write_late(*arguments: Any) -> None:
            time.sleep(3 * DAEMON_SECONDS)
            write(*arguments)

        with mock.patch.object(instance.run_storage, "handle_run_event", write_late):
            instance.report_run_failed(stored(instance, run))
    os.kill(child, signal.SIGKILL)
    stage.let_go(run)
    assert stage.wait_for_status(stage.retry_of(run), "FAILURE", "SUCCESS") == "SUCCESS"


def test_a_run_whose_worker_was_killed_before_it_started_is_repeated_when_that_worker_is_back(stage: Stage) -> None:
    before = stage.launch("quick")
    assert stage.wait_for_status(before, "SUCCESS", "FAILURE") == "SUCCESS"
    stage.stop_workers()
    run = stage.launch("quick")
    stage.wait_for_status(run, "STARTING")
    # As if the worker had been killed with the order in its hands.
    with stage.on.instance() as instance:
        instance.add_run_tags(run, {WORKER_TAG: stored(instance, before).tags[WORKER_TAG]})
    stage.on.lose_everything_in_redis()
    stage.start_workers()
    assert stage.wait_for_status(run, "FAILURE", "SUCCESS") == "FAILURE"
    with stage.on.instance() as instance:
        assert any("killed before the run had started" in event.message for event in instance.all_logs(run))
    assert stage.wait_for_status(stage.retry_of(run), "FAILURE", "SUCCESS") == "SUCCESS"


def test_no_process_outlives_the_worker_that_forked_it(stage: Stage, patient: tuple[str, int]) -> None:
    _, child = patient
    executing, name = ProcessId.of(child), stage.on.worker_of(child)
    assert executing is not None
    os.kill(stage.on.processes[name].pid, signal.SIGKILL)
    stage.on.processes[name].wait()
    wait_until(lambda: not executing.alive, "the process is gone")


def test_a_cancelled_run_ends_canceled_and_is_not_repeated(stage: Stage, patient: tuple[str, int]) -> None:
    run, child = patient
    executing = ProcessId.of(child)
    assert executing is not None
    stage.terminate(run)
    assert stage.wait_for_status(run, "CANCELED", "FAILURE", "SUCCESS") == "CANCELED"
    wait_until(lambda: not executing.alive, "the process is gone")
    following = stage.launch("quick")
    assert stage.wait_for_status(following, "SUCCESS", "FAILURE") == "SUCCESS"
    assert stage.retries_of(run) == []


# Where the workers stop before a run is ordered, that run is of no pool: a repetition of a run that an earlier test has cut
# off may have its pool's one slot by then, and keeps it for as long as no worker takes it.
def test_a_run_that_is_cancelled_before_a_worker_takes_it_is_never_executed(stage: Stage) -> None:
    stage.stop_workers()
    run = stage.launch("stubborn")
    stage.wait_for_status(run, "STARTING")
    # What Dagster offers for a run that waits for its worker.
    stage.terminate(run, "MARK_AS_CANCELED_IMMEDIATELY")
    assert stage.wait_for_status(run, "CANCELED", "FAILURE", "SUCCESS") == "CANCELED"
    stage.start_workers()
    following = stage.launch("quick")
    assert stage.wait_for_status(following, "SUCCESS", "FAILURE") == "SUCCESS"
    assert stage.status(run) == "CANCELED"
    with stage.on.instance() as instance:
        assert not instance.all_logs(run, of_type=DagsterEventType.RUN_START)


def test_a_run_that_is_ordered_twice_is_executed_once(stage: Stage) -> None:
    stage.stop_workers()
    run = stage.launch("stubborn")
    stage.wait_for_status(run, "STARTING")
    stage.order_again(run)
    stage.start_workers()
    stage.wait_for_execution(run)
    # Both workers are free for an order: the second one has been met when a third is done.
    stage.order_again(run)
    quick = stage.launch("quick")
    assert stage.wait_for_status(quick, "SUCCESS", "FAILURE") == "SUCCESS"
    stage.let_go(run)
    assert stage.wait_for_status(run, "SUCCESS", "FAILURE") == "SUCCESS"
    assert len(stage.executions_of(run)) == 1


def test_a_pool_of_one_is_kept_across_workers_also_when_one_is_killed(stage: Stage) -> None:
    runs = [stage.launch("alone") for _ in range(4)]
    lock = stage.scratch / "alone.lock"
    wait_until(lock.exists, "the first has begun")
    stage.on.kill(stage.on.worker_of(int(lock.read_text())))
    stage.start_workers()
    for run in runs:
        if stage.wait_for_status(run, "SUCCESS", "FAILURE") == "FAILURE":
            assert stage.wait_for_status(stage.retry_of(run), "SUCCESS", "FAILURE") == "SUCCESS"


def test_no_password_is_in_logs_tags_events_or_the_arguments_of_a_process(stage: Stage, services: Services) -> None:
    with stage.on.instance() as instance:
        runs = instance.get_runs()
        texts = [str(run.tags) + str(instance.all_logs(run.run_id)) for run in runs]
    texts += [file.read_text() for file in stage.on.logs.iterdir()]
    texts += [" ".join(psutil.Process(each.pid).cmdline()) for each in stage.on.processes.values() if each.poll() is None]
    assert len(texts) > len(runs) + len(stage.on.processes)
    assert [secret for secret in services.secrets for text in texts if secret in text] == []
