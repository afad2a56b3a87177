"""Runs in real processes, without a daemon: what starts them, what is noticed when they die, what they never outlive."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.definitions.reconstruct import ReconstructableJob, ReconstructableRepository
from dagster._core.instance.config import PoolGranularity
from dagster._core.launcher import WorkerStatus

from martian_moments.dagster_runtime import launcher as launcher_module
from martian_moments.dagster_runtime.launcher import ForkServer, WatchedRunLauncher, worker_of
from martian_moments.dagster_runtime.processes import SUPERVISOR_VARIABLE, ProcessId, supervised_by
from martian_moments.dagster_runtime.worker import WORKER_TAG
from martian_moments.domain.errors import PlatformFailed
from martian_moments_tests.conftest import REPOSITORY
from martian_moments_tests.waiting import wait_until


@dataclass
class Stage:
    """An instance with the repository's dagster.yaml, and the scratch definitions."""

    instance: dg.DagsterInstance
    scratch: Path

    @property
    def launcher(self) -> WatchedRunLauncher:
        assert isinstance(self.instance.run_launcher, WatchedRunLauncher)
        return self.instance.run_launcher

    def create(self, asset: str, module: str = "martian_moments_tests.e2e.scratch_defs") -> dg.DagsterRun:
        pointer = ModuleCodePointer(module, "defs", working_directory=str(self.scratch))
        repository = ReconstructableRepository(pointer, executable_path=sys.executable, entry_point=["dagster"])
        job = ReconstructableJob(repository, f"{asset}_job")
        return self.instance.create_run_for_job(job.get_definition(), job_code_origin=job.get_python_origin())

    def launch(self, asset: str, module: str = "martian_moments_tests.e2e.scratch_defs") -> str:
        run = self.create(asset, module)
        no_workspace: Any = None  # this launcher needs none
        self.instance.launch_run(run.run_id, workspace=no_workspace)
        return run.run_id

    def run(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def ended(self, run_id: str) -> dg.DagsterRun:
        wait_until(lambda: self.run(run_id).is_finished, f"run {run_id} ends")
        return self.run(run_id)

    def began(self, asset: str) -> tuple[str, ProcessId]:
        """A run in the middle of its asset, and its worker."""
        run_id = self.launch(asset)
        wait_until((self.scratch / f"{run_id}.started").exists, f"{asset} has begun")
        worker = worker_of(self.run(run_id))
        assert worker is not None
        return run_id, worker

    def metadata(self, asset: str) -> dict[str, Any]:
        """What the asset's last materialization reports."""
        event = self.instance.get_latest_materialization_event(dg.AssetKey(asset))
        assert event is not None
        assert event.asset_materialization is not None
        return {name: each.value for name, each in event.asset_materialization.metadata.items()}

    def messages(self, run_id: str) -> str:
        return "\n".join(entry.user_message or entry.message for entry in self.instance.all_logs(run_id))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    home, scratch = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("scratch")
    shutil.copyfile(REPOSITORY / "dagster.yaml", home / "dagster.yaml")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home))
        patch.setenv("SCRATCH", str(scratch))
        with dg.DagsterInstance.get() as instance:
            yield Stage(instance, scratch)


def test_the_instance_of_the_embedded_platform_repeats_crashes_only_and_keeps_pools_in_the_queue(stage: Stage) -> None:
    concurrency = stage.instance.get_concurrency_config()
    assert concurrency.pool_config.pool_granularity is PoolGranularity.RUN
    assert concurrency.pool_config.default_pool_limit == 1
    assert stage.instance.run_monitoring_enabled
    assert stage.launcher.supports_check_run_worker_health
    assert stage.instance.run_retries_max_retries == 2
    assert not stage.instance.run_retries_retry_on_asset_or_op_failure
    assert not stage.instance.telemetry_enabled


def test_a_run_is_executed_by_a_process_of_its_own_whose_output_is_kept(stage: Stage) -> None:
    run = stage.ended(stage.launch("quick"))
    assert run.status is dg.DagsterRunStatus.SUCCESS
    worker = worker_of(run)
    assert worker is not None
    assert worker.pid != os.getpid()
    wait_until(lambda: not worker.alive, "the worker is gone")  # its last line comes after the run's last event
    log = stage.launcher.get_run_worker_debug_info(run)
    assert log is not None
    assert "RUN_SUCCESS" in Path(log.removeprefix("The output of its worker is in ").removesuffix(".")).read_text()


def test_a_worker_executes_the_code_that_is_on_disk_now(stage: Stage) -> None:
    module = stage.scratch / "changing.py"
    code = (
        "import dagster as dg\n"
        "@dg.asset\n"
        "def changing() -> dg.MaterializeResult:\n"
        "    return dg.MaterializeResult(metadata={{'version': {version}}})\n"
        "defs = dg.Definitions([changing], jobs=[dg.define_asset_job('changing_job')], executor=dg.in_process_executor)\n"
    )
    seen = []
    for version in (1, 23):  # of different length: Python's bytecode cache looks at size and second
        module.write_text(code.format(version=version))
        assert stage.ended(stage.launch("changing", "changing")).is_success
        seen.append(stage.metadata("changing"))
    assert seen == [{"version": 1}, {"version": 23}]


def test_a_worker_does_without_pandas_which_duckdb_would_import(stage: Stage) -> None:
    (stage.scratch / "asking.py").write_text(
        "import sys\n"
        "import dagster as dg, duckdb\n"
        "@dg.asset\n"
        "def asking() -> dg.MaterializeResult:\n"
        "    (found,) = duckdb.execute('select ?', [7]).fetchone()\n"
        "    return dg.MaterializeResult(metadata={'found': found, 'pandas': 'pandas' in sys.modules})\n"
        "defs = dg.Definitions([asking], jobs=[dg.define_asset_job('asking_job')], executor=dg.in_process_executor)\n"
    )
    assert stage.ended(stage.launch("asking", "asking")).is_success
    assert stage.metadata("asking") == {"found": 7, "pandas": False}


def test_a_killed_worker_fails_its_run_at_once_and_the_message_says_how_it_died(stage: Stage) -> None:
    run_id, worker = stage.began("patient")
    worker.send(signal.SIGKILL)
    assert stage.ended(run_id).status is dg.DagsterRunStatus.FAILURE
    assert "SIGKILL" in stage.messages(run_id)
    assert "worker.log" in stage.messages(run_id)


def test_health_is_about_the_very_process_and_not_about_its_number(stage: Stage) -> None:
    run_id, worker = stage.began("patient")
    run = stage.run(run_id)
    assert stage.launcher.check_run_worker_health(run).status is WorkerStatus.RUNNING

    reused = run.with_tags({**run.tags, WORKER_TAG: f"{os.getpid()}@{worker.start}"})
    assert stage.launcher.check_run_worker_health(reused).status is WorkerStatus.FAILED
    assert stage.launcher.check_run_worker_health(run.with_tags({})).status is WorkerStatus.NOT_FOUND

    worker.send(signal.SIGKILL)
    wait_until(lambda: not worker.alive, "the worker is gone")
    assert stage.launcher.check_run_worker_health(run).status is WorkerStatus.FAILED
    stage.ended(run_id)


def test_a_cancelled_run_ends_canceled(stage: Stage) -> None:
    run_id, worker = stage.began("patient")
    assert stage.launcher.terminate(run_id)
    assert stage.ended(run_id).status is dg.DagsterRunStatus.CANCELED
    wait_until(lambda: not worker.alive, "the worker is gone")
    assert not stage.launcher.terminate(run_id)


def test_a_worker_that_does_not_listen_is_killed_and_its_run_is_canceled(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launcher_module, "TERMINATE_SECONDS", 0.5)
    run_id, worker = stage.began("stubborn")
    assert stage.launcher.terminate(run_id)
    assert stage.ended(run_id).status is dg.DagsterRunStatus.CANCELED
    assert not worker.alive


def test_cancelling_a_run_whose_worker_never_came_ends_it(stage: Stage) -> None:
    run = stage.create("patient")
    assert stage.launcher.terminate(run.run_id)
    assert stage.run(run.run_id).status is dg.DagsterRunStatus.CANCELED


def test_a_worker_that_cannot_be_started_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher_module, "_FORK_SERVER_MODULE", "martian_moments.no_such_module")
    with pytest.raises(PlatformFailed, match="starts run workers"):
        ForkServer().order(run="{}", log=tmp_path / "worker.log")


def test_the_process_that_forks_has_one_thread(stage: Stage) -> None:
    """A lock that another thread holds at the moment of a fork stays locked in the child for ever."""
    run_id, worker = stage.began("patient")
    assert psutil.Process(psutil.Process(worker.pid).ppid()).num_threads() == 1
    assert stage.launcher.terminate(run_id)
    stage.ended(run_id)


def test_a_dead_fork_server_is_replaced_and_its_workers_go_on(stage: Stage) -> None:
    run_id, worker = stage.began("patient")
    os.kill(psutil.Process(worker.pid).ppid(), signal.SIGKILL)
    assert stage.ended(stage.launch("quick")).is_success
    assert worker.alive
    (stage.scratch / f"{run_id}.go").touch()
    assert stage.ended(run_id).is_success


def test_no_worker_outlives_the_supervisor_even_without_its_fork_server(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretender = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    supervisor = ProcessId.of(pretender.pid)
    assert supervisor is not None
    monkeypatch.setenv(SUPERVISOR_VARIABLE, str(supervisor))
    monkeypatch.setattr(stage.launcher, "_fork_server", ForkServer())
    _, worker = stage.began("stubborn")
    os.kill(psutil.Process(worker.pid).ppid(), signal.SIGKILL)
    assert worker in set(supervised_by(supervisor))
    pretender.kill()
    # Not waited for: a supervisor that has ended counts as gone although its parent has not looked.
    wait_until(lambda: not list(supervised_by(supervisor)), "the worker is gone")
    assert not worker.alive
    pretender.communicate()
