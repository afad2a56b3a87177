"""dbt in a forked process is the dbt that a new interpreter would be, and no process is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent, indent

import psutil
import pytest

from martian_moments.dagster_runtime.warm_dbt import start_dbt
from martian_moments_dbt import PROJECT
from martian_moments_tests.waiting import wait_until

WORKER = """
    import os, signal, sys
    from pathlib import Path
    import psutil
    from martian_moments.dagster_runtime.warm_dbt import ForkedDbt, dbt_waiting, start_dbt

    def start(*arguments):
        dbt = start_dbt(arguments, environment=os.environ, folder=Path(sys.argv[1]))
        assert isinstance(dbt, ForkedDbt)
        return dbt

    with dbt_waiting():
"""
"""The beginning of what a worker does, which has no other thread; its argument is the folder in which dbt runs."""

PARSING = ("parse", "--no-partial-parse", "--target-path")


def worker(body: str, folder: Path, afterwards: str = "") -> subprocess.CompletedProcess[str]:
    code = dedent(WORKER) + indent(dedent(body), "    ") + afterwards
    return subprocess.run([sys.executable, "-c", code, str(folder)], check=False, capture_output=True, text=True)


def events_in(lines: str) -> list[str]:
    return [json.loads(line)["info"]["name"] for line in lines.splitlines()]


@pytest.mark.parametrize("arguments", [["--help"], ["build", "--no-such-option"]])
def test_it_writes_and_ends_as_dbt_does(arguments: list[str], tmp_path: Path) -> None:
    plain = start_dbt(arguments, environment=os.environ, folder=tmp_path)
    assert isinstance(plain, subprocess.Popen)
    written = plain.communicate()[0].decode()
    forked = worker(
        f"""
            dbt = start(*{arguments})
            print(dbt.stdout.read().decode(), end="")
            sys.exit(dbt.wait())
        """,
        tmp_path,
    )
    assert "Usage:" in written
    assert (forked.stdout, forked.returncode) == (written, plain.returncode)


@pytest.mark.parametrize("level", ["info", "debug"])
def test_it_writes_every_event_of_the_level_that_is_asked_for(level: str, tmp_path: Path) -> None:
    for name in ("dbt_project.yml", "profiles.yml"):
        text = "name: given\nprofile: given\n" if name == "dbt_project.yml" else "given: {outputs: {}}\n"
        (tmp_path / name).write_text(text)
    given = {"DBT_PROFILES_DIR": str(tmp_path), "DBT_LOG_FORMAT": "json", "DBT_LOG_LEVEL": level}
    given |= {"DBT_LOG_LEVEL_FILE": level, "DBT_LOG_PATH": str(tmp_path / "log")}
    plain = start_dbt(["clean"], environment=given, folder=tmp_path)
    assert isinstance(plain, subprocess.Popen)
    written = plain.communicate()[0].decode()
    log = tmp_path / "log" / "dbt.log"
    logged = events_in(log.read_text())
    log.unlink()
    forked = worker(
        f"""
            dbt = start_dbt(["clean"], environment={given}, folder=Path(sys.argv[1]))
            print(dbt.stdout.read().decode(), end="")
        """,
        tmp_path,
    )
    assert ("MainReportArgs" in logged) == (level == "debug")
    assert "MainReportVersion" in logged
    assert events_in(forked.stdout) == events_in(written)
    assert events_in(log.read_text()) == logged


def test_it_has_the_folder_and_the_environment_that_it_is_given_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "dbt_project.yml").write_text(
        "name: given\nprofile: \"{{ env_var('GIVEN') }}{{ env_var('ONLY_THE_WORKER_HAS_IT') }}\"\n"
    )
    done = worker(
        """
            os.environ["ONLY_THE_WORKER_HAS_IT"] = "value"
            given = {"GIVEN": "value", "DBT_PROFILES_DIR": sys.argv[1]}
            dbt = start_dbt(["parse"], environment=given, folder=Path(sys.argv[1]))
            print(dbt.stdout.read().decode())
        """,
        tmp_path,
    )
    assert "Env var required but not provided: 'ONLY_THE_WORKER_HAS_IT'" in done.stdout
    assert done.stderr == ""


def test_one_that_no_run_needed_is_gone_with_the_block(tmp_path: Path) -> None:
    done = worker(
        "(waiting,) = psutil.Process().children()\n",
        tmp_path,
        afterwards="assert not waiting.is_running()\n",
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_an_interrupt_ends_it_as_it_ends_dbt(tmp_path: Path) -> None:
    done = worker(
        f"""
            dbt = start(*{PARSING}, {str(tmp_path)!r})
            assert b"Running with dbt" in dbt.stdout.readline()
            dbt.send_signal(signal.SIGINT)
            dbt.stdout.read()
            assert dbt.wait(timeout=60) != 0
        """,
        PROJECT,
    )
    assert (done.stderr, done.returncode) == ("", 0)


def test_it_does_not_outlive_a_worker_that_is_killed(tmp_path: Path) -> None:
    killed = worker(
        f"""
            dbt = start(*{PARSING}, {str(tmp_path)!r})
            assert b"Running with dbt" in dbt.stdout.readline()
            print(*(child.pid for child in psutil.Process().children()), flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        PROJECT,
    )
    assert killed.returncode == -signal.SIGKILL
    (pid,) = map(int, killed.stdout.split())
    wait_until(lambda: not psutil.pid_exists(pid), "dbt has ended with the worker")
