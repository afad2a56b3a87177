"""The launcher and the instance of a deployed platform, without services: what they decide and how they are configured."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.instance.config import PoolGranularity
from dagster._core.instance.ref import InstanceRef
from dagster._core.launcher import LaunchRunContext, WorkerStatus

from martian_moments.dagster_runtime import celery_launcher
from martian_moments.dagster_runtime.celery_config import CONFIG
from martian_moments.dagster_runtime.celery_launcher import PATIENCE_SECONDS, LeasedCeleryRunLauncher
from martian_moments.dagster_runtime.lease import is_leased
from martian_moments.dagster_runtime.run_queue import WorkersRunQueue
from martian_moments_tests.conftest import REPOSITORY

SHARED = ("run_retries", "sensors", "schedules", "backfills", "retention", "telemetry", "nux")
VARIABLES = {
    "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD",
    "MARS_BROKER_URL", "MARS_LAKE_BUCKET", "MARS_WORKERS",
}  # fmt: skip


def config(path: str) -> dict[str, Any]:
    return dict(yaml.safe_load((REPOSITORY / path).read_text()))


def variables_of(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if set(value) == {"env"}:
            yield value["env"]
        for each in value.values():
            yield from variables_of(each)


@pytest.fixture
def launcher() -> LeasedCeleryRunLauncher:
    return LeasedCeleryRunLauncher("redis://:hidden@127.0.0.1:9/0")


@pytest.fixture
def stage(launcher: LeasedCeleryRunLauncher) -> Iterator[tuple[dg.DagsterInstance, dg.DagsterRun]]:
    """An instance that the launcher belongs to, and a run."""
    pointer = ModuleCodePointer("martian_moments_tests.unit.dagster_runtime.test_celery_launcher", "defs")
    job = ReconstructableJob(ReconstructableRepository(pointer), "nothing_job")
    with dg.DagsterInstance.ephemeral() as instance:
        launcher.register_instance(instance)
        yield instance, instance.create_run_for_job(job.get_definition(), job_code_origin=job.get_python_origin())


@dg.asset
def nothing() -> None:
    """Nothing."""


defs = dg.Definitions([nothing], jobs=[dg.define_asset_job("nothing_job")])


def test_a_deployed_platform_waits_repeats_and_forgets_as_the_embedded_one_does() -> None:
    embedded, deployed = config("dagster.yaml"), config("deploy/dagster.yaml")
    assert {name: deployed[name] for name in SHARED} == {name: embedded[name] for name in SHARED}
    assert deployed["concurrency"]["pools"] == embedded["concurrency"]["pools"]
    watched = "enabled", "poll_interval_seconds", "cancel_timeout_seconds", "max_resume_run_attempts"
    assert [deployed["run_monitoring"][name] for name in watched] == [embedded["run_monitoring"][name] for name in watched]


def test_what_differs_between_machines_comes_from_the_environment_and_nothing_else_does() -> None:
    assert set(variables_of(config("deploy/dagster.yaml"))) == VARIABLES


def test_dagster_accepts_the_instance_and_takes_the_number_of_runs_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copyfile(REPOSITORY / "deploy" / "dagster.yaml", tmp_path / "dagster.yaml")
    for name in VARIABLES:
        monkeypatch.setenv(name, "7")
    ref = InstanceRef.from_dir(str(tmp_path))
    queue = ref.run_coordinator
    assert isinstance(queue, WorkersRunQueue)
    assert queue.get_run_queue_config().max_concurrent_runs == 7
    assert isinstance(ref.run_launcher, LeasedCeleryRunLauncher)
    concurrency = ref.settings["concurrency"]
    assert isinstance(concurrency, dict)
    assert concurrency["pools"]["granularity"] == PoolGranularity.RUN.value


def test_workers_fork_from_third_party_modules_only() -> None:
    assert CONFIG["imports"]
    assert not [name for name in CONFIG["imports"] if name.startswith("martian_moments")]


def test_a_run_returns_to_the_queue_while_redis_is_away_and_the_message_has_no_password(
    launcher: LeasedCeleryRunLauncher, stage: tuple[dg.DagsterInstance, dg.DagsterRun]
) -> None:
    with pytest.raises(DagsterUserCodeUnreachableError) as refused:
        launcher.launch_run(LaunchRunContext(stage[1], workspace=None))
    assert "did not take the run" in str(refused.value)
    assert "hidden" not in str(refused.value)


def test_a_run_is_given_up_when_its_lease_has_been_free_for_a_while_without_a_break(
    launcher: LeasedCeleryRunLauncher,
    stage: tuple[dg.DagsterInstance, dg.DagsterRun],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, leased = [0.0], [False]
    monkeypatch.setattr("martian_moments.dagster_runtime.celery_launcher.time.monotonic", lambda: clock[0])
    monkeypatch.setattr(celery_launcher, "is_leased", lambda *_: leased[0])

    def health(*, at: float, held: bool) -> WorkerStatus:
        clock[0], leased[0] = at, held
        return launcher.check_run_worker_health(stage[1]).status

    assert health(at=0, held=True) is WorkerStatus.RUNNING
    assert health(at=5, held=False) is WorkerStatus.RUNNING
    assert health(at=5 + PATIENCE_SECONDS - 1, held=False) is WorkerStatus.RUNNING
    assert health(at=5 + PATIENCE_SECONDS, held=True) is WorkerStatus.RUNNING
    assert health(at=30, held=False) is WorkerStatus.RUNNING
    assert health(at=30 + PATIENCE_SECONDS, held=False) is WorkerStatus.FAILED


def test_leases_need_postgresql(stage: tuple[dg.DagsterInstance, dg.DagsterRun]) -> None:
    with pytest.raises(TypeError, match="PostgreSQL"):
        is_leased(stage[0], stage[1].run_id)
