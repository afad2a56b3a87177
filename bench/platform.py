"""A real embedded platform for a benchmark: code server, daemon, forked run workers, in a folder of its own."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dagster as dg
from dagster._core.execution.submit_asset_runs import submit_asset_run
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget

from bench.measuring import peak_memory
from martian_moments.dagster_runtime.launcher import worker_of
from martian_moments.operations.instance import INSTANCE_CONFIG
from martian_moments.operations.supervisor import LOCATION, supervise
from martian_moments.resources import Resources
from martian_moments.settings import Settings

_RUN_SECONDS: Final = 300
_LOOK_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that runs.

    Attributes:
        instance: its Dagster instance.
        resources: its parts.
        workspace: its code server, as the daemon sees it.
    """

    instance: dg.DagsterInstance
    resources: Resources
    workspace: WorkspaceProcessContext

    def launch(self, request: dg.RunRequest) -> str:
        """See :func:`submit`."""
        return submit(self.instance, self.workspace, request)

    def finish(self, run_id: str) -> float:
        """Wait for a run to succeed; returns the peak of its worker's memory in MB.

        Raises:
            RuntimeError: it failed.
        """
        worker = None
        while worker is None:
            worker = worker_of(self._run(run_id))
            time.sleep(_LOOK_SECONDS)
        deadline = time.monotonic() + _RUN_SECONDS
        with peak_memory(worker.pid) as peak:
            while not (run := self._run(run_id)).is_finished and time.monotonic() < deadline:
                time.sleep(_LOOK_SECONDS)
        if not run.is_success:
            raise RuntimeError(
                f"run {run_id} is {run.status}; {self.instance.storage_directory()}/{run_id}/worker.log says why"
            )
        return peak[0]

    def _run(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        if run is None:
            raise RuntimeError(f"run {run_id} has disappeared from Dagster's storage")
        return run


def submit(instance: dg.DagsterInstance, workspace: WorkspaceProcessContext, request: dg.RunRequest) -> str:
    """Launch a run of assets as a person does it in the web interface; returns its id as soon as it is queued."""
    run = asyncio.run(
        submit_asset_run(
            run_id=None,
            run_request=request,
            run_request_index=0,
            instance=instance,
            workspace_process_context=workspace,
            workspace=workspace.create_request_context(),
            run_request_execution_data_cache={},
            debug_crash_flags={},
            logger=logging.getLogger("bench"),
        )
    )
    return run.run_id


@contextmanager
def platform(home: Path, addresses: Mapping[str, str], *, rover: str, module: str, in_flight: int) -> Iterator[Platform]:
    """A headless platform for one rover, stopped at the end of the block."""
    environment = {
        "MARS_HOME": str(home),
        "MARS_ROVERS": rover,
        # The benchmarks compare with readers of v1.
        "MARS_SOURCES": "v1",
        **{f"MARS_{name.upper()}": address for name, address in addresses.items()},
        "MARS_REQUESTS_PER_MINUTE": "1000000",
        "MARS_CONCURRENCY": str(in_flight),
        "MARS_NASA_SLOTS": "1",
    }
    with (
        _environment(environment),
        supervise(
            home, instance_config=INSTANCE_CONFIG, module=module, port=None, pools=Settings.load().pools, on_event=_ignore
        ) as running,
        WorkspaceProcessContext(
            running.instance,
            GrpcServerTarget(host="127.0.0.1", port=running.state.grpc_port, socket=None, location_name=LOCATION),
        ) as workspace,
    ):
        yield Platform(running.instance, Resources(Settings.load()), workspace)


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ |= values
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _ignore(_event: str) -> None:
    """Nobody watches."""
