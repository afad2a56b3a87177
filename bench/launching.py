"""Runs launched as a person launches them in the web interface, which Dagster does not offer to programs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg
from dagster._core.execution.submit_asset_runs import submit_asset_run
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget

from martian_moments.operations.supervisor import LOCATION


@dataclass(frozen=True, slots=True)
class Launcher:
    """Launches runs of the definitions that a code server serves."""

    instance: dg.DagsterInstance
    workspace: WorkspaceProcessContext

    def launch(self, request: dg.RunRequest) -> str:
        """Queue a run of assets; returns its id."""
        run = asyncio.run(
            submit_asset_run(
                run_id=None,
                run_request=request,
                run_request_index=0,
                instance=self.instance,
                workspace_process_context=self.workspace,
                workspace=self.workspace.create_request_context(),
                run_request_execution_data_cache={},
                debug_crash_flags={},
                logger=logging.getLogger("bench"),
            )
        )
        return run.run_id


@contextmanager
def launcher(instance: dg.DagsterInstance, grpc_port: int) -> Iterator[Launcher]:
    """A launcher for the code server on a port of 127.0.0.1."""
    target = GrpcServerTarget(host="127.0.0.1", port=grpc_port, socket=None, location_name=LOCATION)
    with WorkspaceProcessContext(instance, target) as workspace:
        yield Launcher(instance, workspace)
