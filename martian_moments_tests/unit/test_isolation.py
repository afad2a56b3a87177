"""What .env says of this machine's services reaches no platform of a test."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments.replica.running import RunningReplica
from martian_moments_tests.e2e import cluster
from martian_moments_tests.e2e.loop import settings_of
from martian_moments_tests.e2e.platform import Platform
from martian_moments_tests.services import Postgres, Services

NOWHERE = Services(
    s3_endpoint="http://127.0.0.1:9",
    s3_access_key="",
    s3_secret_key="",
    kafka="127.0.0.1:9",
    postgres=Postgres("127.0.0.1", 9, "", "", ""),
    redis_host="127.0.0.1",
    redis_port=9,
    redis_password="",
)

REPORTS = """
import beside
from martian_moments.settings import Settings
print(*Settings.load().rovers)
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of the tests, with an env file and a module."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / ".env").write_text("MARS_ROVERS=spirit\n")
    (folder / "beside.py").touch()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(cluster, "REPOSITORY", folder)
    return folder


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ``martian-moments`` that reports where it was run, and what lies there."""
    file = tmp_path / "bin" / "martian-moments"
    file.parent.mkdir()
    file.write_text('#!/bin/sh\necho "in $PWD: $(ls -A)"\n')
    file.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(file.with_name("python")))


class Report(cluster.Cluster):
    """A cluster whose processes report their settings."""

    def _command(self, name: str) -> list[str]:
        return [sys.executable, "-c", REPORTS]


def test_settings_are_those_of_the_environment_alone(repository: Path) -> None:
    assert settings_of({}).rovers == tuple(ROVERS)
    assert settings_of({"MARS_ROVERS": "curiosity"}).rovers == ("curiosity",)


def test_a_process_of_a_cluster_has_the_modules_of_the_repository_and_not_its_env_file(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "_free_redis_database", lambda _: 1)
    on = Report(tmp_path / "cluster", NOWHERE)
    on.logs.mkdir(parents=True)
    on.start("daemon")
    assert on.processes["daemon"].wait(60) == 0, on.log_tail()
    assert (on.logs / "daemon.log").read_text().split() == list(ROVERS)
    assert on.settings.rovers == tuple(ROVERS)


def test_the_embedded_platform_and_the_commands_run_where_no_env_file_is(
    repository: Path, tmp_path: Path, program: None
) -> None:
    home = tmp_path / "platforms" / "home"
    home.parent.mkdir()
    platform = Platform(home, RunningReplica("http://127.0.0.1:9"))
    assert platform.settings.rovers == tuple(ROVERS)
    reported = platform.cli("status").stdout
    assert reported.startswith("in /")
    assert reported.endswith(": \n")
    with pytest.raises(AssertionError, match=f"in {home.parent}: home-up.log\n"):
        platform.up()
