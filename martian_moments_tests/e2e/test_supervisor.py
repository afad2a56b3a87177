"""The supervised platform under fire: every process is killed once, and nothing is lost, stuck or left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psutil
import pytest

from martian_moments.dagster_runtime.processes import ProcessId, supervised_by
from martian_moments.operations.platform import RunningPlatform, find_running
from martian_moments.operations.service import ask_service
from martian_moments_tests.conftest import REPOSITORY
from martian_moments_tests.e2e.scratch import ScratchPlatform
from martian_moments_tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("platforms")]


@dataclass
class Platform(ScratchPlatform):
    home: Path
    scratch: Path
    process: subprocess.Popen[bytes]
    state: RunningPlatform

    @classmethod
    def up(cls, folder: Path) -> Platform:
        home, scratch = folder / "home", folder / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        process = launch(home, scratch, output=folder / "up.log")

        def ready() -> RunningPlatform | None:
            assert process.poll() is None, (folder / "up.log").read_text()
            return find_running(home)

        return cls(home, scratch, process, wait_until(ready, "the platform is ready", 120))

    def child(self, argument: str) -> ProcessId:
        """The supervisor's living child with this command-line argument."""

        def find() -> ProcessId | None:
            for process in supervised_by(self.state.supervisor):
                try:
                    facts = psutil.Process(process.pid)
                    if facts.ppid() == self.process.pid and argument in facts.cmdline():
                        return process
                except psutil.NoSuchProcess:
                    continue
            return None

        return wait_until(find, f"a child with {argument}")

    @property
    def url(self) -> str:
        assert self.state.url is not None
        return self.state.url

    def pulse(self) -> int:
        file = self.scratch / "pulse"
        return len(file.read_text().split()) if file.exists() else 0


def launch(home: Path, scratch: Path, *, output: Path, module: str = "martian_moments_tests.e2e.scratch_defs") -> Any:
    with output.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "martian_moments_tests.e2e.scratch_up", str(home), module],
            env={**os.environ, "SCRATCH": str(scratch), "PYTHONPATH": str(REPOSITORY)},
            # Dagster reads a .env too.
            cwd=scratch,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # As a shell without job control starts what runs in the background.
            preexec_fn=_ignore_interrupts,  # noqa: PLW1509 - pytest runs it without threads
        )


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("platform")


@pytest.fixture(scope="module")
def platform(folder: Path) -> Iterator[Platform]:
    platform = Platform.up(folder)
    yield platform
    end(platform.process)


def test_every_process_stays_in_the_process_group_of_the_supervisor(platform: Platform) -> None:
    run, worker = platform.begin_patient_run()
    group = os.getpgid(platform.process.pid)
    members = {process.pid for process in supervised_by(platform.state.supervisor)}
    assert worker in members
    assert {os.getpgid(pid) for pid in members} == {group}
    platform.let_go(run)
    assert platform.wait_for_status(run, "SUCCESS", "FAILURE") == "SUCCESS"


def test_a_second_platform_on_the_same_home_is_refused_in_one_line_with_the_pid_of_the_first(
    platform: Platform, tmp_path: Path
) -> None:
    second = launch(platform.home, platform.scratch, output=tmp_path / "second.log")
    assert second.wait(timeout=60) == 1
    lines = (tmp_path / "second.log").read_text().splitlines()
    assert len(lines) == 1
    assert f"pid {platform.process.pid}" in lines[0]
    assert find_running(platform.home) == platform.state


def test_a_run_whose_worker_is_killed_fails_frees_its_pool_and_is_repeated(platform: Platform) -> None:
    run, worker = platform.begin_patient_run()
    os.kill(worker, signal.SIGKILL)
    assert platform.wait_for_status(run, "FAILURE", "SUCCESS") == "FAILURE"
    again = platform.retry_of(run)
    # The pool has one slot: the repetition runs only because the dead run gave it back.
    platform.let_go(run)
    assert platform.wait_for_status(again, "FAILURE", "SUCCESS") == "SUCCESS"


def test_a_run_that_fails_on_its_own_terms_is_not_repeated(platform: Platform) -> None:
    run = platform.launch("failing")
    assert platform.wait_for_status(run, "FAILURE", "SUCCESS") == "FAILURE"
    tags = "query($r: ID!) {runOrError(runId: $r) {... on Run {tags {key value}}}}"

    def decided() -> dict[str, str] | None:
        found = {tag["key"]: tag["value"] for tag in platform.graphql(tags, r=run)["runOrError"]["tags"]}
        return found if "dagster/will_retry" in found else None

    assert wait_until(decided, "Dagster decides on a retry")["dagster/will_retry"] == "false"


def test_a_run_goes_on_when_the_daemon_is_killed_and_the_next_daemon_launches_runs(platform: Platform) -> None:
    run, worker = platform.begin_patient_run()
    daemon = platform.child("martian_moments.dagster_runtime.daemon")
    daemon.send(signal.SIGKILL)
    wait_until(lambda: platform.child("martian_moments.dagster_runtime.daemon") != daemon, "a new daemon")
    quick = platform.launch("quick")
    assert platform.wait_for_status(quick, "SUCCESS", "FAILURE") == "SUCCESS"
    assert psutil.pid_exists(worker)
    assert platform.status(run) == "STARTED"
    platform.let_go(run)
    assert platform.wait_for_status(run, "SUCCESS", "FAILURE") == "SUCCESS"


def test_sensors_go_on_when_the_code_server_is_killed(platform: Platform) -> None:
    server = platform.child("api")
    server.send(signal.SIGKILL)
    wait_until(lambda: platform.child("api") != server, "a new code server")
    replacement = platform.child("api")
    wait_until(
        lambda: str(replacement.pid) in (platform.scratch / "pulse").read_text().split(), "a tick in the new code server"
    )
    run = platform.launch("quick")
    assert platform.wait_for_status(run, "SUCCESS", "FAILURE") == "SUCCESS"


def test_the_web_interface_responds_again_after_it_was_killed(platform: Platform) -> None:
    platform.child("dagster_webserver").send(signal.SIGKILL)

    def responds() -> bool:
        try:
            return httpx.get(f"{platform.state.url}/server_info", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    wait_until(lambda: not responds(), "it is down")
    wait_until(responds, "it is up")


def test_the_service_responds_at_the_same_address_after_it_was_killed(platform: Platform) -> None:
    url = platform.state.service_url
    assert url is not None
    found = ask_service(url)
    assert (found.responds, found.published_at) == (True, None)
    assert "nothing is published yet" in (found.reason or "")
    platform.child("martian_moments.serving").send(signal.SIGKILL)
    wait_until(lambda: not ask_service(url).responds, "it is down", pause=0.02)
    wait_until(lambda: ask_service(url).responds, "it is up")


def test_a_cancelled_run_ends_canceled_and_is_not_repeated(platform: Platform) -> None:
    run, worker = platform.begin_patient_run()
    executing = ProcessId.of(worker)
    assert executing is not None
    platform.terminate(run)
    assert platform.wait_for_status(run, "CANCELED", "FAILURE", "SUCCESS") == "CANCELED"
    wait_until(lambda: not executing.alive, "the worker is gone")
    assert platform.retries_of(run) == []


def test_nothing_outlives_a_killed_supervisor_and_the_next_one_settles_and_repeats_its_runs(
    platform: Platform, folder: Path
) -> None:
    run, _ = platform.begin_patient_run()
    os.kill(platform.process.pid, signal.SIGKILL)
    platform.process.wait()
    wait_until(lambda: not list(supervised_by(platform.state.supervisor)), "every process is gone", 15)
    assert find_running(platform.home) is None

    following = Platform.up(folder)
    try:
        assert following.status(run) == "FAILURE"
        again = following.retry_of(run)
        following.let_go(run)
        assert following.wait_for_status(again, "SUCCESS", "FAILURE") == "SUCCESS"

        interrupted, _ = following.begin_patient_run()
        # Ctrl-C at a terminal: the whole process group gets it.
        os.killpg(following.process.pid, signal.SIGINT)
        assert following.process.wait(timeout=20) == 0
        assert list(supervised_by(following.state.supervisor)) == []
        assert find_running(following.home) is None
        assert stored_status(following.home, interrupted) == "FAILURE"
    finally:
        end(following.process)


def stored_status(home: Path, run: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        with dg.DagsterInstance.get() as instance:
            found = instance.get_run_by_id(run)
            assert found is not None
            return found.status.value


def test_definitions_that_do_not_load_end_the_start_with_the_reason(tmp_path: Path) -> None:
    process = launch(
        tmp_path / "home", tmp_path, output=tmp_path / "up.log", module="martian_moments_tests.e2e.no_such_module"
    )
    assert process.wait(timeout=60) == 1
    text = (tmp_path / "up.log").read_text()
    assert "The code server ended with code" in text
    assert "no_such_module" in text
