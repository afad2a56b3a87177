"""Child processes that die, and processes that do not want to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from martian_moments.dagster_runtime.processes import SUPERVISOR_VARIABLE, ProcessId, supervised_by
from martian_moments.domain.errors import PlatformFailed
from martian_moments.operations import children
from martian_moments.operations.children import Child, stop_all
from martian_moments.operations.platform import RunningPlatform, clear_state, find_running, read_state, write_state
from martian_moments_tests.waiting import wait_until


def test_a_child_that_keeps_dying_is_given_up_with_the_end_of_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(children, "MAX_QUICK_DEATHS", 2)
    child = Child("thing", arguments=["no_such_module"], environment=os.environ, log=tmp_path / "thing.log")
    child.start()
    events: list[str] = []
    with pytest.raises(PlatformFailed, match="The thing ended 2 times in a row") as caught:
        _look_after_for_ever(child, events)
    assert "No module named no_such_module" in str(caught.value)
    assert [event.split("(")[0] for event in events][1:] == ["thing restarted "]


def _look_after_for_ever(child: Child, events: list[str]) -> None:
    while True:
        child.look_after(events.append)
        time.sleep(0.01)


def test_a_child_ends_when_asked_although_its_supervisor_ignores_the_signal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does where Dagster runs in the background of a shell without job control."""
    monkeypatch.setattr(children, "STOP_SECONDS", 600.0)
    setup = "import time; print('at work', flush=True)"
    arguments = ["timeit", "-n1", "-r1", "-s", setup, "time.sleep(600)"]
    child = Child("thing", arguments=arguments, environment=os.environ, log=tmp_path / "thing.log")
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        child.start()
    finally:
        signal.signal(signal.SIGTERM, before)
    try:
        wait_until(lambda: "at work" in child.log.read_text(), "the child is at work")
        child.stop()
        wait_until(lambda: not child.alive, "the child has ended")
    finally:
        monkeypatch.setattr(children, "STOP_SECONDS", 0.0)
        child.stop()


def test_a_process_that_ignores_the_request_to_end_is_killed_and_orphans_are_found() -> None:
    pretender = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = ProcessId.of(pretender.pid)
    assert owner is not None
    # The middle process ends at once; what it started has no parent that belongs to the platform.
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    middle = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {deaf!r}])"
    process = subprocess.Popen(
        [sys.executable, "-c", middle], env={**os.environ, SUPERVISOR_VARIABLE: str(owner)}, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"deaf\n"
    process.wait()
    assert len(list(supervised_by(owner))) == 1

    stop_all(owner, patience=0.5)

    assert list(supervised_by(owner)) == []
    assert owner.alive, "the owner itself is not touched"
    process.communicate()
    pretender.communicate()


def test_an_ended_process_is_not_alive_even_while_its_parent_has_not_looked() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    identity = ProcessId.of(process.pid)
    assert identity is not None
    assert identity.alive
    assert ProcessId.parse(str(identity)) == identity
    assert not ProcessId(identity.pid, f"{identity.start}0").alive
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not identity.alive
    process.communicate()


def test_the_state_file_counts_only_while_its_supervisor_lives_and_is_ready(tmp_path: Path) -> None:
    assert find_running(tmp_path) is None
    starting = RunningPlatform(process=str(ProcessId.mine()), grpc_port=1, url=None, ready=False)
    write_state(tmp_path, starting)
    assert read_state(tmp_path) == starting
    assert find_running(tmp_path) is None

    ready = RunningPlatform(process=str(ProcessId.mine()), grpc_port=1, url="http://127.0.0.1:2", ready=True)
    write_state(tmp_path, ready)
    assert find_running(tmp_path) == ready

    write_state(tmp_path, RunningPlatform(process=f"{os.getpid()}@0", grpc_port=1, url=None, ready=True))
    assert find_running(tmp_path) is None

    (tmp_path / "platform.json").write_text('{"process": ')
    assert read_state(tmp_path) is None
    clear_state(tmp_path)
    assert list(tmp_path.iterdir()) == []
