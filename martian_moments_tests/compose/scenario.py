"""docker-compose.yml for real (``make test-compose``): each test goes on where the one before it ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import httpx
import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments_tests.compose.engine import engine
from martian_moments_tests.compose.stack import WORKERS, Stack, report
from services.environment import HOST

SERVICES = ("objectstore", "kafka", "postgres", "redis", "init", "code", "webserver", "daemon", "worker", "api")
SOLS = 10
SETTLE_SECONDS = 1200


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The project. A sol is withheld for every service that will be restarted."""
    folder: Path = tmp_path_factory.mktemp("compose")
    replica = {"REPLICA_SOLS": str(SOLS + len(SERVICES)), "REPLICA_LATE_SOLS": str(len(SERVICES))}
    with engine() as running:
        project = Stack(running, folder, replica)
        # Of an earlier test that was killed.
        project.down()
        try:
            yield project
        finally:
            project.down()


def test_nothing_starts_without_passwords(stack: Stack) -> None:
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        with pytest.raises(AssertionError, match=f"{name}.*make services-up"):
            stack.compose("up", "--detach", variables={name: ""})
    assert stack.leftovers() == []


def test_every_service_becomes_healthy(stack: Stack) -> None:
    stack.build()
    began = time.monotonic()
    stack.up()
    report(f"all services are healthy after {time.monotonic() - began:.0f} s")
    found = stack.containers()
    ended = [each for each in found if each["State"] != "running"]
    assert [(each["Service"], each["ExitCode"]) for each in ended] == [("init", 0)]
    assert {each["Health"] for each in found if each not in ended} == {"healthy"}
    assert [each["Service"] for each in found].count("worker") == WORKERS
    assert {each["Service"] for each in found} == {*SERVICES, "replica"}
    assert stack.run("id", "--user", "--name") == "mars\n"


def test_the_service_responds_in_all_of_its_containers_and_every_container_finds_it(stack: Stack) -> None:
    assert httpx.get(f"http://{HOST}:{stack.serve_port}/health", trust_env=False).is_success
    assert "http://api:3001, " in stack.run("martian-moments", "status")


def test_every_port_is_published_on_loopback_only(stack: Stack) -> None:
    published = [port for each in stack.containers() for port in each["Publishers"] if port["PublishedPort"]]
    assert {port["URL"] for port in published} == {HOST}
    assert httpx.get(f"http://{HOST}:{stack.ui_port}/server_info", trust_env=False).is_success


def test_ten_sols_of_four_rovers_arrive_exactly(stack: Stack) -> None:
    stack.run("martian-moments", "refresh")
    settle(stack)
    stack.assert_exactly_the_truth()
    truth = stack.replica.control.truth()["rovers"]
    assert {rover: len(each["sols"]) for rover, each in truth.items()} == dict.fromkeys(truth, SOLS)
    assert len(truth) == 4


@pytest.mark.parametrize(("service", "rover"), zip(SERVICES, cycle(ROVERS), strict=False))
def test_a_sol_that_appears_while_a_service_restarts_arrives(stack: Stack, service: str, rover: str) -> None:
    stack.replica.control.release(sols=1)
    stack.run("martian-moments", "refresh", rover)
    report(f"restarting {service}")
    stack.restart(service)
    settle(stack)
    expected, found = stack.expected(rover), stack.status().rovers[rover]
    assert found.sols_in_lake == found.sols_in_bronze == len(expected)
    photos = sum(map(len, expected.values()))
    assert found.photos_in_lake == found.photos_in_bronze == found.photos_in_silver == photos


def test_in_the_end_every_sol_of_every_rover_has_arrived_exactly(stack: Stack) -> None:
    stack.run("martian-moments", "refresh")
    settle(stack)
    stack.assert_exactly_the_truth()
    assert {each.sols_in_bronze for each in stack.status().rovers.values()} == {SOLS + len(SERVICES)}


def test_no_password_is_in_a_log(stack: Stack) -> None:
    logs = stack.compose("logs", "--no-color")
    services = stack.services
    assert "worker" in logs
    assert [
        each for each in (services.secret_key, services.postgres_password, services.redis_password) if each in logs
    ] == []


def test_nothing_is_left_behind(stack: Stack) -> None:
    stack.down()
    assert stack.leftovers() == []


def settle(stack: Stack) -> None:
    """Wait until nothing is left to do."""
    began = time.monotonic()
    rovers = stack.settle(SETTLE_SECONDS).rovers.values()
    known = [each.photos_in_silver for each in rovers if each.photos_in_silver is not None]
    assert len(known) == len(rovers)
    report(f"settled after {time.monotonic() - began:.0f} s with {sum(known):,} photos")
