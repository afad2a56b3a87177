"""A deployed platform as the commands see it: by the heartbeats of its daemon, and never by a folder of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from martian_moments.dagster_runtime.processes import ProcessId
from martian_moments.domain.errors import BookkeepingError, PlatformDown, SettingsError
from martian_moments.operations.instance import INSTANCE_CONFIG, open_instance, prepare_instance
from martian_moments.operations.platform import (
    FRESH_SECONDS,
    RunningPlatform,
    find_running,
    is_running,
    require_running,
    write_state,
)
from martian_moments.settings import Settings


@pytest.fixture
def deployed(no_settings: None, tmp_path: Path) -> Settings:
    return Settings.load(home=tmp_path / "home", dagster_home=tmp_path / "deployed")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as instance:
        yield instance


def beat(instance: dg.DagsterInstance, *, seconds_ago: float, but: str = "") -> None:
    for name in instance.get_required_daemon_types():
        if name != but:
            instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - seconds_ago, name, "daemon", errors=[]))


def test_a_deployed_platform_runs_while_every_daemon_that_it_needs_beats(
    deployed: Settings, instance: dg.DagsterInstance
) -> None:
    assert not is_running(deployed, instance)
    beat(instance, seconds_ago=0, but="SENSOR")
    assert not is_running(deployed, instance)
    beat(instance, seconds_ago=FRESH_SECONDS / 2)
    assert is_running(deployed, instance)
    beat(instance, seconds_ago=FRESH_SECONDS + 1)
    with pytest.raises(PlatformDown, match="no heartbeat of its daemon"):
        require_running(deployed, instance)


def test_a_home_without_a_dagster_yaml_is_refused_instead_of_filled(deployed: Settings) -> None:
    with pytest.raises(SettingsError, match=r"has no dagster\.yaml"), open_instance(deployed):
        pass
    assert not deployed.instance_home.exists()


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\xff\x00\xfe", b"[]", b"null", b"5", b'"running"', b"{}", b'{"process": 7}',
        b'{"process": 7, "grpc_port": 1, "url": null, "ready": true}',
        b'{"process": "x@y", "grpc_port": 1, "url": null, "ready": true}',
        b'{"process": "1@2", "grpc_port": "1", "url": null, "ready": true}',
        b'{"process": "1@2", "grpc_port": 1, "url": [], "ready": true}',
        b'{"process": "1@2", "grpc_port": 1, "url": null, "ready": "yes"}',
        None,
    ],
)  # fmt: skip
def test_an_odd_state_file_counts_as_absent_and_is_said_in_a_line(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "platform.json"
    if content is None:
        file.mkdir()
    else:
        file.write_bytes(content)
    assert find_running(tmp_path) is None
    (record,) = caplog.records
    assert record.getMessage().startswith(f"{file} counts as absent: ")
    assert "\n" not in record.getMessage()


def test_the_state_that_a_platform_writes_is_read_again(tmp_path: Path) -> None:
    for url in ("http://127.0.0.1:3000", None):
        state = RunningPlatform(str(ProcessId.mine()), grpc_port=1, url=url, ready=True)
        write_state(tmp_path, state)
        assert find_running(tmp_path) == state


@pytest.mark.parametrize(
    "damage", [lambda _: b"garbage" * 4_000, lambda body: body[:4_096] + b"garbage" * 4_000], ids=["no database", "pages"]
)
def test_a_damaged_storage_says_what_to_delete(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    settings = Settings.load(home=tmp_path)
    home = settings.instance_home
    with prepare_instance(home, instance_config=INSTANCE_CONFIG, pools=settings.pools):
        pass
    file = home / "schedules" / "schedules.db"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(BookkeepingError, match=f"it is damaged: stop the platform, delete {home} and start again"):  # noqa: SIM117
        with open_instance(settings) as instance:
            instance.all_instigator_state()
