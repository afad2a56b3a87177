"""What ``status`` and ``doctor`` say of the service: of the one that belongs to this platform, and only of that."""

from __future__ import annotations

from pathlib import Path

import pytest

from martian_moments.dagster_runtime.processes import ProcessId
from martian_moments.operations.doctor import check_up
from martian_moments.operations.platform import RunningPlatform, write_state
from martian_moments.operations.service import ServiceStatus, ask_service, service_status, service_url
from martian_moments.operations.status import RoverStatus, Status
from martian_moments.resources import Resources
from martian_moments.serving.addresses import names_of, service_address
from martian_moments.serving.app import create_app
from martian_moments.serving.snapshots import Snapshots
from martian_moments.settings import Settings
from martian_moments.terminal import OUT, print_status
from martian_moments_tests.platforms import Platform
from martian_moments_tests.serving.home import running

NOWHERE = "http://127.0.0.1:9"


def runs(home: Path, service: str | None) -> None:
    """This process passes for a running platform with this service."""
    home.mkdir(parents=True, exist_ok=True)
    write_state(home, RunningPlatform(str(ProcessId.mine()), grpc_port=1, url=None, ready=True, service_url=service))


def doctor_says(platform: Platform) -> tuple[bool, str]:
    (found,) = (each for each in check_up(platform.resources) if each.what == "service")
    return found.ok, found.detail


def test_without_a_running_platform_there_is_no_service_and_that_is_no_fault(platform: Platform) -> None:
    assert service_status(platform.settings) is None
    ok, detail = doctor_says(platform)
    assert ok
    assert "martian-moments serve" in detail


def test_a_service_that_does_not_respond_is_a_fault(platform: Platform) -> None:
    runs(platform.settings.home, NOWHERE)
    assert service_status(platform.settings) == ServiceStatus(NOWHERE, responds=False)
    ok, detail = doctor_says(platform)
    assert not ok
    assert f"{NOWHERE} does not respond; see its log" in detail


def test_a_service_without_tables_says_why_it_has_none(platform: Platform) -> None:
    resources: Resources = platform.resources
    app = create_app(Snapshots(resources.published), lake=resources.lake, published=resources.published)
    with running(app) as address:
        runs(platform.settings.home, address)
        found = ask_service(address)
        ok, detail = doctor_says(platform)
    with OUT.capture() as shown:
        print_status(Status({"spirit": RoverStatus()}, 0, {}, settled=True, waiting_for=[], service=found))
    assert (found.responds, found.published_at) == (True, None)
    assert ok
    assert "nothing is published yet" in detail
    assert f"service: {address}, no tables yet (nothing is published yet" in shown.get()


def test_where_a_deployed_service_is_the_settings_say(tmp_path: Path, no_settings: None) -> None:
    deployed = Settings.load(home=tmp_path, dagster_home=tmp_path / "deployed", serve_host="api")
    assert service_url(deployed) == "http://api:3001"
    assert service_url(Settings.load(home=tmp_path, dagster_home=tmp_path / "deployed", serve=False)) is None


@pytest.mark.parametrize(
    ("host", "address", "names"),
    [
        ("127.0.0.1", "http://127.0.0.1:3001", ("127.0.0.1",)),
        ("0.0.0.0", "http://127.0.0.1:3001", ()),
        ("::", "http://[::1]:3001", ()),
        ("fd00::1", "http://[fd00::1]:3001", ("fd00::1",)),
        ("mars.example", "http://mars.example:3001", ("mars.example",)),
    ],
)
def test_people_are_told_an_address_that_leads_to_the_service(host: str, address: str, names: tuple[str, ...]) -> None:
    assert service_address(host, 3001) == address
    assert names_of(host) == names
