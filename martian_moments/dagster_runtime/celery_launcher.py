"""The run launcher of a deployed platform: Celery workers execute the runs, and a dead one is noticed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from dagster import DagsterRun, Field, StringSource
from dagster._config import UserConfigSchema
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClassData, pack_value
from dagster_celery.config import TASK_EXECUTE_JOB_NAME
from dagster_celery.launcher import CeleryRunLauncher
from kombu.exceptions import OperationalError

from martian_moments.dagster_runtime.celery_config import CONFIG, QUEUE
from martian_moments.dagster_runtime.lease import is_leased
from martian_moments.dagster_runtime.worker import WORKER_TAG, end_run
from martian_moments.domain.errors import PlatformFailed

PATIENCE_SECONDS: Final = 10.0
"""For how long a run may be without its lease. A worker takes it anew within 6 s of a restart of PostgreSQL."""


class LeasedCeleryRunLauncher(CeleryRunLauncher):
    """Dagster's launcher for Celery, which asks the lease of a run whether its worker lives, and cancels by it.

    The stock class asks Celery's result store: it does not notice a dead worker, takes live runs for dead when Redis has
    lost its data, and lets a cancelled run end as a failed one, which is repeated.
    """

    def __init__(self, broker: str, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(default_queue=QUEUE, broker=broker, config_source=CONFIG, inst_data=inst_data)
        self._missing_since: dict[str, float] = {}

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """``broker``: the workers' Redis."""
        return {"broker": Field(StringSource)}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> LeasedCeleryRunLauncher:
        """Dagster's constructor."""
        return cls(inst_data=inst_data, **config_value)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Order the run from the workers.

        Raises:
            PlatformFailed: the run does not say which code it executes.
            DagsterUserCodeUnreachableError: Redis did not take the order. It is the one error that returns a run to the
                queue; a run that was ordered nevertheless, and then again, is executed once.
        """
        run = context.dagster_run
        if run.job_code_origin is None:
            raise PlatformFailed(f"Run {run.run_id} does not say which code it executes; launch it again.")
        # A worker opens the instance of its own DAGSTER_HOME.
        args = ExecuteRunArgs(run.job_code_origin, run.run_id, instance_ref=None)
        # By name: the stock class registers its task anew with every launch, and Celery warns of that.
        order = self.celery.signature(TASK_EXECUTE_JOB_NAME, kwargs={"execute_job_args_packed": pack_value(args)})
        try:
            self._launch_celery_task_run(run, order, TASK_EXECUTE_JOB_NAME)
        except OperationalError as error:
            raise DagsterUserCodeUnreachableError(f"The workers' queue in Redis did not take the run: {error}") from error

    def terminate(self, run_id: str) -> bool:
        """Cancel a run. Its worker sees that within two seconds; a worker that does not end it in time is ended by force."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        if not is_leased(self._instance, run_id):
            canceling = self._instance.get_run_by_id(run_id)
            if canceling is not None:
                # Should its order still arrive at a worker, Dagster ignores it.
                end_run(self._instance, canceling, "No worker had begun the run, or the one that had is gone.")
        return True

    @property
    def supports_resume_run(self) -> bool:
        """A crashed run is repeated as a new one."""
        return False

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether a worker executes a run that has started.

        A worker that ended as it should looks like a dead one; the monitor reads the run's status again before it judges.
        """
        now = time.monotonic()
        if is_leased(self._instance, run.run_id):
            self._missing_since.pop(run.run_id, None)
        elif now - self._missing_since.setdefault(run.run_id, now) >= PATIENCE_SECONDS:
            del self._missing_since[run.run_id]
            return CheckRunHealthResult(WorkerStatus.FAILED, f"The run's worker ({_worker(run)}) is gone.")
        return CheckRunHealthResult(WorkerStatus.RUNNING)

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:  # noqa: ARG002, FBT001, FBT002 - Dagster's signature
        """Which worker it is."""
        return f"Its worker was {_worker(run)}; see that one's log." if WORKER_TAG in run.tags else "No worker had begun it."


def _worker(run: DagsterRun) -> str:
    return run.tags.get(WORKER_TAG, "not known")
