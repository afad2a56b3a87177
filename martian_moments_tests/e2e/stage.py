"""A cluster with two workers and the scratch definitions, on which tests launch runs and kill what executes them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dagster import DagsterInstance, DagsterRun
from dagster._core.launcher import LaunchRunContext

from martian_moments.lake.bucket import Bucket
from martian_moments.operations.instance import set_pools
from martian_moments_tests.e2e.cluster import Cluster, cluster
from martian_moments_tests.e2e.scratch import ScratchPlatform
from martian_moments_tests.services import Services


class Stage(ScratchPlatform):
    """A cluster with two workers and the scratch definitions."""

    def __init__(self, on: Cluster, scratch: Path) -> None:
        self.on = on
        self.scratch = scratch

    @property
    def url(self) -> str:
        return self.on.url

    def order_again(self, run: str) -> None:
        """Order a run from the workers that has been ordered already."""
        with self.on.instance() as instance:
            instance.run_launcher.launch_run(LaunchRunContext(stored(instance, run), workspace=None))

    def stop_workers(self) -> None:
        for name in self.on.worker_names:
            self.on.kill(name)

    def finish_unharmed(self, run: str) -> None:
        """Let the patient run go on: it succeeds, and no other was made in its place."""
        self.let_go(run)
        assert self.wait_for_status(run, "SUCCESS", "FAILURE") == "SUCCESS"
        assert self.retries_of(run) == []

    def start_workers(self) -> None:
        """Start the workers, and wait until they take orders: one ordered before may wait for longer than a run may."""
        self.on.up()


def stored(instance: DagsterInstance, run: str) -> DagsterRun:
    found = instance.get_run_by_id(run)
    assert found is not None
    return found


@contextmanager
def staged(folder: Path, services: Services, *, start_seconds: int) -> Iterator[Stage]:
    """A stage that runs, and is gone at the end of the block.

    Args:
        start_seconds: as the cluster has it; long enough for workers that a test has to start first.
    """
    scratch = folder / "scratch"
    scratch.mkdir()
    options = {
        "module": "martian_moments_tests.e2e.scratch_defs",
        "extra": {"SCRATCH": str(scratch)},
        "start_seconds": start_seconds,
    }
    with cluster(folder, services, **options) as running:
        Bucket(running.name, running.settings.s3).create()
        with running.instance() as instance:
            set_pools(instance, {"scratch": 1})
        yield Stage(running, scratch)
