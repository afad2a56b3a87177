"""A deployed platform as the commands see it: by the heartbeats of its daemon, and never by a folder of this machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from martian_moments.errors import PlatformDown, SettingsError
from martian_moments.operations.instance import open_instance
from martian_moments.operations.platform import FRESH_SECONDS, is_running, require_running
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
