"""docker-compose.yml says what the code does, as far as that can be checked without an engine."""

from __future__ import annotations

import re

import yaml

from martian_moments.serving.addresses import service_address
from martian_moments.settings import Settings
from martian_moments.settings.groups import S3Settings, SnowflakeSettings, UpstreamSettings, environment_name
from martian_moments_tests.conftest import REPOSITORY

PROJECT = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())

# Folders and addresses that the image and the project fix, and what the project's own services do not need.
NOT_HANDED_ON = {"MARS_HOME", "MARS_DAGSTER_HOME", "MARS_UI_PORT", "MARS_KAFKA", "AWS_SESSION_TOKEN"} | {
    "MARS_SERVE_ALLOWED_HOSTS"  # of the service alone
}


def test_every_setting_reaches_the_containers() -> None:
    groups = (Settings, S3Settings, SnowflakeSettings, UpstreamSettings)
    read = {environment_name(group, field) for group in groups for field in group.model_fields}
    names = {name for name in read if name.isidentifier()}
    assert names - set(PROJECT["x-platform"]["environment"]) == NOT_HANDED_ON


def test_every_variable_of_the_instance_is_set() -> None:
    wanted = re.findall(r"\{env: (\w+)\}", (REPOSITORY / "deploy" / "dagster.yaml").read_text())
    assert {name for name in wanted if not PROJECT["x-platform"]["environment"].get(name)} == set()


def test_the_service_keeps_nothing_and_is_found_by_the_other_containers() -> None:
    api, others = PROJECT["services"]["api"], PROJECT["x-platform"]["environment"]
    assert api["command"] == "martian-moments serve"
    assert "api" in api["environment"]["MARS_SERVE_ALLOWED_HOSTS"].split(",")
    changed = {name for name, value in api["environment"].items() if others.get(name) != value}
    assert changed == {"MARS_SERVE_HOST", "MARS_SERVE_ALLOWED_HOSTS"}
    assert service_address(others["MARS_SERVE_HOST"], int(others["MARS_SERVE_PORT"])) == "http://api:3001"
    assert api["ports"] == ["127.0.0.1:${MARS_SERVE_PORT:-3001}:3001"]


def test_every_port_is_published_on_loopback() -> None:
    ports = [port for service in PROJECT["services"].values() for port in service.get("ports", [])]
    assert len(ports) == 6
    assert [port for port in ports if not port.startswith("127.0.0.1:")] == []


def test_every_image_of_others_names_a_version_and_can_be_replaced() -> None:
    images = [service["image"] for service in PROJECT["services"].values() if "build" not in service]
    assert len(images) == 4
    for image in images:
        assert re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[a-z/]+:[\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?\}", image), image


def test_the_image_installs_what_the_tests_have_run_with() -> None:
    installed, tested = (
        set(re.findall(r"^\S+==\S+", (REPOSITORY / lock).read_text(), flags=re.MULTILINE))
        for lock in ("deploy/requirements.lock", "requirements.lock")
    )
    assert len(installed) > 100
    assert installed <= tested
