"""A real embedded platform for a benchmark: code server, daemon, forked run workers, in a folder of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dagster as dg

from bench.launching import Launcher, launcher
from bench.measuring import peak_memory
from martian_moments.dagster_runtime.launcher import worker_of
from martian_moments.operations.instance import INSTANCE_CONFIG
from martian_moments.operations.supervisor import supervise
from martian_moments.resources import Resources
from martian_moments.settings import Settings

_RUN_SECONDS: Final = 300
_LOOK_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform that runs.

    Attributes:
        instance: its Dagster instance.
        resources: what it reads and writes.
        launcher: launches runs on it.
    """

    instance: dg.DagsterInstance
    resources: Resources
    launcher: Launcher

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
        launcher(running.instance, running.state.grpc_port) as launching,
    ):
        yield Platform(running.instance, Resources(Settings.load()), launching)


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
