"""The run launcher of the embedded platform: every run in a process of its own, whose death is noticed."""

from __future__ import annotations

import json
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final

from dagster import DagsterInstance, DagsterRun
from dagster._config import UserConfigSchema
from dagster._core.launcher import CheckRunHealthResult, LaunchRunContext, RunLauncher, WorkerStatus
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value

from martian_moments.dagster_runtime.processes import ProcessId
from martian_moments.dagster_runtime.worker import WORKER_TAG, end_run
from martian_moments.domain.errors import PlatformFailed

_FORK_SERVER_MODULE: Final = "martian_moments.dagster_runtime.worker"
_RESPONSE_SECONDS: Final = 60.0
"""A new fork server responds after it imported Dagster: 2 s on an idle machine."""

TERMINATE_SECONDS: Final = 10.0
"""How long a worker may take to end a run that was cancelled, before it is killed."""


class ForkServer:
    """The process that forks run workers, and the conversation with it. Started by the first order; safe between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def order(self, *, run: str, log: Path) -> None:
        """Has a worker forked.

        Args:
            run: Dagster's serialized ExecuteRunArgs.
            log: the file that takes the worker's output.

        Raises:
            PlatformFailed: no worker was started, or nobody knows whether one was.
        """
        line = json.dumps({"run": run, "log": str(log)}).encode() + b"\n"
        with self._lock:
            process = self._running()
            try:
                _pipe(process.stdin).write(line)
                _pipe(process.stdin).flush()
                response = self._response_of(process)
            except OSError as error:
                raise PlatformFailed(f"The process that starts run workers went away ({error}).") from error
        if "error" in response:
            raise PlatformFailed(f"The run's worker did not start: {response['error']}.")

    def start(self) -> None:
        """Have it import what runs need, before the first order."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """No more orders. The fork server leaves when its last worker has ended."""
        with self._lock:
            if self._process is not None:
                _pipe(self._process.stdin).close()
                _pipe(self._process.stdout).close()
                self._process = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            # No session of its own: all that the platform starts stays in its process group.
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                [sys.executable, "-m", _FORK_SERVER_MODULE], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        return self._process

    def _response_of(self, process: subprocess.Popen[bytes]) -> dict[str, Any]:
        responses = _pipe(process.stdout)
        ready, _, _ = select.select([responses], [], [], _RESPONSE_SECONDS)
        line = responses.readline() if ready else b""
        if not line:
            process.kill()
            raise PlatformFailed(
                f"The process that starts run workers ended or gave no response within {_RESPONSE_SECONDS:.0f} s; "
                "its output is in the daemon's log."
            )
        response: dict[str, Any] = json.loads(line)
        return response


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise ValueError("the fork server was started without pipes")
    return stream


class WatchedRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Runs are processes of this machine, forked for the daemon that launches them, and go on when it restarts.

    Dagster's own default launcher makes them children of the code server and cannot say afterwards whether they live.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        self._fork_server = ForkServer()
        super().__init__()  # type: ignore[no-untyped-call]

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """How the instance's configuration names this launcher."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """It has no options."""
        return {}

    @classmethod
    def from_config_value(cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]) -> WatchedRunLauncher:
        """Dagster's constructor."""
        return cls(inst_data=inst_data, **config_value)

    def prepare(self) -> None:
        """Start the process that forks workers: it imports for two seconds what they need."""
        self._fork_server.start()

    def launch_run(self, context: LaunchRunContext) -> None:
        """Starts the run's worker.

        Raises:
            PlatformFailed: it did not start; the queue's daemon fails the run with this message.
        """
        run = context.dagster_run
        if run.job_code_origin is None:
            raise PlatformFailed(f"Run {run.run_id} does not say which code it executes; launch it again.")
        args = ExecuteRunArgs(
            job_origin=run.job_code_origin,
            run_id=run.run_id,
            instance_ref=self._instance.get_ref(),
            set_exit_code_on_failure=True,
        )
        log = self._log_of(run)
        # Before the order: an error after it would fail a run whose worker has begun.
        self._instance.report_engine_event(f"Starting the run's worker; its output goes to {log}.", run)
        self._fork_server.order(run=serialize_value(args), log=log)

    def terminate(self, run_id: str) -> bool:
        """Asks the worker to end the run, and kills it when it has not after :data:`TERMINATE_SECONDS`."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        worker = worker_of(run)
        if worker is None or not worker.alive:
            canceling = self._instance.get_run_by_id(run_id)
            if canceling is not None:
                end_run(self._instance, canceling, "The run's worker was gone already.")
            return True
        worker.send(signal.SIGTERM)
        # The fork server gives a run whose worker had to be killed its final status.
        threading.Thread(target=_kill_later, args=(worker,), name=f"terminate-{run_id}", daemon=True).start()
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring may ask."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Whether the worker lives.

        A worker that ended as it should looks like a dead one; the monitor reads the run's status again before it judges.
        """
        worker = worker_of(run)
        if worker is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, "The run names no worker process.")
        if worker.alive:
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(worker))
        return CheckRunHealthResult(
            WorkerStatus.FAILED, f"The run's worker (pid {worker.pid}) is gone.", run_worker_id=str(worker)
        )

    def get_run_worker_debug_info(self, run: DagsterRun, include_container_logs: bool | None = True) -> str | None:  # noqa: ARG002, FBT001, FBT002 - Dagster's signature
        """Where the worker's output is."""
        log = self._log_of(run)
        return f"The output of its worker is in {log}." if log.exists() else None

    def dispose(self) -> None:
        """Leaves the workers running."""
        self._fork_server.close()

    def _log_of(self, run: DagsterRun) -> Path:
        return Path(self._instance.storage_directory()) / run.run_id / "worker.log"


def worker_of(run: DagsterRun) -> ProcessId | None:
    """The process that executes a run, or None when none has begun to."""
    text = run.tags.get(WORKER_TAG)
    return ProcessId.parse(text) if text else None


def _kill_later(worker: ProcessId) -> None:
    deadline = time.monotonic() + TERMINATE_SECONDS
    while worker.alive and time.monotonic() < deadline:
        time.sleep(0.1)
    worker.send(signal.SIGKILL)
