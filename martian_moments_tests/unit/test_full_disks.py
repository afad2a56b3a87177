"""Commands on a disk that is full: one line that says so, whatever library meets it first."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from martian_moments import cli
from martian_moments.dagster_runtime.processes import ProcessId
from martian_moments.domain.errors import BookkeepingError, LakeError
from martian_moments.lake.store import Lake
from martian_moments.operations.instance import INSTANCE_CONFIG, open_instance, prepare_instance
from martian_moments.operations.platform import RunningPlatform, write_state
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.disks import ext4, fill, tmpfs

COMMANDS = [
    ["status"], ["status", "--json"], ["refresh"], ["dead-letters"], ["dead-letters", "replay", "--all"], ["up"],
    ["backfill", "spirit", "1-2"],
]  # fmt: skip


@contextmanager
def ext4_with_small_blocks(parent: Path) -> Iterator[Path]:
    """Where SQLite dies of SIGBUS when there is a block left and not enough of them: ext4's own choice for a small disk."""
    with ext4(parent, megabytes=64, block_bytes=1024) as disk:
        yield disk.folder


@contextmanager
def memory(parent: Path) -> Iterator[Path]:
    with tmpfs(parent, megabytes=64) as folder:
        yield folder


@pytest.fixture(params=[(ext4_with_small_blocks, 24_000), (memory, 0)])
def full(
    request: pytest.FixtureRequest, tmp_path: Path, no_settings: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """The home of a platform that passes for running, on a disk that somebody has filled but for some bytes."""
    make, left = request.param
    with make(tmp_path) as disk:
        home = disk / "home"
        monkeypatch.setenv("MARS_HOME", str(home))
        settings = Settings.load()
        with prepare_instance(settings.instance_home, instance_config=INSTANCE_CONFIG, pools=settings.pools):
            pass
        resources = Resources(settings)
        resources.event_log.watermarks("minio-events")
        resources.event_log.close()
        resources.lake.put_bytes("photos/a", b"whole")
        write_state(home, RunningPlatform(str(ProcessId.mine()), grpc_port=1, url=None, ready=True))
        fill(disk, leave=left)
        yield home


def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *command: str) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["martian-moments", *command])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out, err = capfd.readouterr()
    return int(ended.value.code or 0), out, err


def test_every_command_ends_in_one_line_that_says_the_disk_is_full(
    full: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for command in COMMANDS:
        code, out, err = run(monkeypatch, capfd, *command)
        assert code == 1, command
        assert out == "", command
        (line,) = err.strip().splitlines()
        assert f"free at {full}" in line, command
        assert "everything goes on by itself" in line, command
    for command in (["doctor"], ["init"]):
        code, out, err = run(monkeypatch, capfd, *command)
        assert code == 1
        assert err == ""
        failed = [line for line in out.splitlines() if line.startswith("fail")]
        assert failed
        assert "Traceback" not in out
        assert f"free at {full}" in out
    # What stood there stands there, and no draft takes more room.
    lake = Lake((full / "lake").as_uri())
    with pytest.raises(LakeError, match="free space where the lake lies"):
        lake.put_bytes("photos/a", os.urandom(200_000))
    assert lake.get("photos/a") == b"whole"
    assert [each.name for each in (full / "lake" / "photos").iterdir()] == ["a"]


def test_storage_that_fills_while_it_is_open_is_one_line_as_well(tmp_path: Path, no_settings: None) -> None:
    with tmpfs(tmp_path, megabytes=64) as disk:
        settings = Settings.load(home=disk / "home")
        with prepare_instance(settings.instance_home, instance_config=INSTANCE_CONFIG, pools=settings.pools):
            pass
        with pytest.raises(BookkeepingError, match="check that its disk has space") as raised:
            fill_and_register(settings)
        assert "full" in str(raised.value) or "disk I/O" in str(raised.value)
        assert "\n" not in str(raised.value)


def fill_and_register(settings: Settings) -> None:
    with open_instance(settings) as instance:
        fill(settings.home)
        instance.add_dynamic_partitions("curiosity_sols", [f"{sol:05}" for sol in range(5_000)])
