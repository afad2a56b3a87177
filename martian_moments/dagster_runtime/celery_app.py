"""The Celery application of the workers.

Start one with ``celery -A martian_moments.dagster_runtime.celery_app worker -Q dagster -n w1@%h --concurrency=1``. Redis
carries orders to execute runs and nothing else. What is known of a run is in Dagster's storage: a worker takes the run's
lease (lease.py), and no result is stored in Redis.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Task
from celery.signals import worker_ready
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import unpack_value
from dagster._utils.interrupts import capture_interrupts
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.make_app import make_app

from martian_moments.dagster_runtime.celery_config import CONFIG, QUEUE
from martian_moments.dagster_runtime.lease import is_leased, lease
from martian_moments.dagster_runtime.processes import ProcessId, die_with
from martian_moments.dagster_runtime.worker import WORKER_TAG, end_run, execute
from martian_moments.domain.errors import SettingsError
from martian_moments.infrastructure.without_pandas import do_without_pandas
from martian_moments.settings import Settings


def _broker() -> str:
    address = Settings.load().broker_url
    if address is None:
        raise SettingsError("MARS_BROKER_URL is not set; it names the workers' Redis: redis://:password@host:port/0")
    return address.get_secret_value()


app = make_app({"broker": _broker(), "config_source": CONFIG, "task_default_queue": QUEUE})  # type: ignore[no-untyped-call]


@app.task(name=TASK_EXECUTE_JOB_NAME, bind=True)  # type: ignore[untyped-decorator] # Celery has no annotations
def execute_run(self: Task, execute_job_args_packed: Any) -> None:
    """Execute a run, unless another process does; in a child process of the worker, which never outlives it."""
    do_without_pandas()
    worker = ProcessId.of(os.getppid())
    if worker is not None:
        die_with(worker)
    args = unpack_value(execute_job_args_packed, as_type=ExecuteRunArgs)
    with capture_interrupts(), DagsterInstance.get() as instance, lease(instance, args.run_id) as granted:
        if granted:
            instance.add_run_tags(args.run_id, {WORKER_TAG: self.request.hostname})
            execute(instance, args.run_id)


@worker_ready.connect  # type: ignore[untyped-decorator] # Celery has no annotations
def end_what_never_started(sender: Any, **_: object) -> None:
    """End the runs that this worker had taken when it was killed, and that had not started yet.

    Dagster's monitor asks after the workers of started runs only; these would wait for ``start_timeout_seconds``.
    """
    taken = RunsFilter(statuses=[DagsterRunStatus.STARTING], tags={WORKER_TAG: sender.hostname})
    with DagsterInstance.get() as instance:
        for run in instance.get_runs(taken):
            if not is_leased(instance, run.run_id):
                end_run(instance, run, f"The run's worker ({sender.hostname}) was killed before the run had started.")
