"""The platform of docker-compose.yml: a project of its own, beside a replica, seen from this machine."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import orjson
from dotenv import dotenv_values

from martian_moments.operations.status import RoverStatus, Status
from martian_moments.replica.running import RunningReplica
from martian_moments.resources import Resources
from martian_moments_tests.compose.engine import Engine
from martian_moments_tests.compose.images import SERVICES, stand_ins
from martian_moments_tests.conftest import REPOSITORY
from martian_moments_tests.e2e.loop import Loop, settings_of
from martian_moments_tests.waiting import wait_until
from services.environment import DATABASE, HOST, NAMES, complete, free_port

PROJECT = "martian-moments-test"
WORKERS = 2
_RESTART_SECONDS = 300

# Beside the series that the services of a checkout take theirs from: they are bound minutes after they were found free.
_PORTS = {
    "MINIO_PORT": 9000,
    "KAFKA_PORT": 9092,
    "POSTGRES_PORT": 5432,
    "REDIS_PORT": 6379,
    "MARS_UI_PORT": 3000,
    "MARS_SERVE_PORT": 3001,
}

_FILES = (REPOSITORY / "docker-compose.yml", Path(__file__).with_name("docker-compose.test.yml"))


class Stack(Loop):
    """One compose project, with passwords and ports of its own.

    Attributes:
        folder: for the env file and this machine's DAGSTER_HOME.
        services: their passwords and ports.
    """

    look_seconds = 10.0
    """Each look is a process in a container: seconds of a processor."""

    def __init__(self, engine: Engine, folder: Path, replica: Mapping[str, str]) -> None:
        """The project, not started yet; ``replica`` are the variables of docker-compose.test.yml."""
        self._engine = engine
        self.folder = folder
        ports = {name: free_port(usual + 50) for name, usual in _PORTS.items()}
        (folder / ".env").write_text("".join(f"{name}={port}\n" for name, port in ports.items()))
        self.services = complete(folder / ".env")
        env_file = dotenv_values(folder / ".env", interpolate=False)
        self.ui_port, self.serve_port = ports["MARS_UI_PORT"], ports["MARS_SERVE_PORT"]
        # Compose prefers the environment to the env file: nothing of this shell's may reach the project.
        strays = (name for name in os.environ if name.startswith(("MARS_", "SNOWFLAKE_")) or name.endswith("_IMAGE"))
        self._variables = dict.fromkeys(strays, "") | {name: env_file[name] or "" for name in NAMES}
        self._variables |= {"PLATFORM_IMAGE": PROJECT, "MARS_UI_PORT": str(self.ui_port), "MARS_WORKERS": str(WORKERS)}
        self._variables |= {**replica, "MARS_SERVE_PORT": str(self.serve_port)}
        self.environment = self._environment()
        self.settings = settings_of(self.environment)
        self.resources = Resources(self.settings)

    def _environment(self) -> dict[str, str]:
        dagster_home = self.folder / "dagster"
        dagster_home.mkdir()
        shutil.copy(REPOSITORY / "deploy" / "dagster.yaml", dagster_home)
        return {
            "MARS_HOME": str(self.folder / "home"),
            "MARS_DAGSTER_HOME": str(dagster_home),
            "MARS_LAKE_URL": "s3://mars",
            "MARS_LAKE_BUCKET": "mars",
            "MARS_EVENTS_URL": f"kafka://{HOST}:{self.services.kafka_port}",
            "MARS_SERVE_PORT": str(self.serve_port),
            "MARS_BROKER_URL": f"redis://:{self.services.redis_password}@{HOST}:{self.services.redis_port}/0",
            "MARS_WORKERS": str(WORKERS),
            "AWS_ENDPOINT_URL_S3": self.services.endpoint,
            "AWS_ACCESS_KEY_ID": self.services.access_key,
            "AWS_SECRET_ACCESS_KEY": self.services.secret_key,
            "POSTGRES_HOST": HOST,
            "POSTGRES_PORT": str(self.services.postgres_port),
            "POSTGRES_USER": DATABASE,
            "POSTGRES_PASSWORD": self.services.postgres_password,
            "POSTGRES_DB": DATABASE,
        }

    @property
    def replica(self) -> RunningReplica:  # type: ignore[override] # its port is known when it runs
        """The replica, by the port that was published for it."""
        return RunningReplica(f"http://{self.compose('port', 'replica', '8000').strip()}")

    def build(self) -> None:
        """Get or build all images."""
        if not self._engine.has("compose", *self._where(), "pull", "--quiet", *SERVICES):
            report("no registry responds: stand-ins take the place of the images of others")
            self._variables |= stand_ins(self._engine, self.services)
        report("building the platform's image")
        self.compose("build", "init")

    def up(self) -> None:
        """Start what does not run, and wait until all of it is healthy."""
        try:
            self.compose("up", "--detach", "--wait", "--no-build")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_tail()}") from None

    def restart(self, service: str) -> None:
        """Restart a service, and wait until all is healthy again; a container whose program has not begun yet is not."""
        self.compose("restart", service)

        def healthy() -> bool:
            return all(map(_is_well, self.containers()))

        def unhealthy() -> str:
            states = {each["Name"]: each["Status"] for each in self.containers()}
            return f"{states}\n{self.compose('logs', '--tail', '30', service)}"

        wait_until(healthy, unhealthy, _RESTART_SECONDS, pause=2)

    def compose(self, *words: str, variables: Mapping[str, str] | None = None) -> str:
        """What ``docker compose …`` prints."""
        return self._engine.docker("compose", *self._where(), *words, variables={**self._variables, **(variables or {})})

    def _where(self) -> tuple[str, ...]:
        files = (word for file in _FILES for word in ("--file", str(file)))
        return "--project-name", PROJECT, *files, "--env-file", str(self.folder / ".env"), "--progress", "plain"

    def run(self, *words: str) -> str:
        """What a command prints in a container of the platform."""
        return self.compose("exec", "--no-TTY", "webserver", *words)

    def containers(self) -> list[dict[str, Any]]:
        """What compose says about each container, ended ones too."""
        return [orjson.loads(line) for line in self.compose("ps", "--all", "--format", "json").splitlines()]

    def leftovers(self) -> list[str]:
        """Containers, volumes and networks of the project."""
        which = ("--quiet", "--filter", f"label=com.docker.compose.project={PROJECT}")
        return [
            found
            for kind in (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
            for found in self._engine.docker(*kind, *which).splitlines()
        ]

    def down(self) -> None:
        """Remove it with all that it holds."""
        self.compose("down", "--volumes", "--remove-orphans")

    def status(self) -> Status:
        """As the platform sees itself: this machine does not have the volume with the warehouse."""
        reported = orjson.loads(self.run("martian-moments", "status", "--json"))
        rovers = {rover: RoverStatus(**each) for rover, each in reported.pop("rovers").items()}
        return Status(rovers=rovers, **reported)

    def revive(self) -> None:
        """Compose restarts by itself."""

    def log_tail(self) -> str:
        return self.compose("logs", "--tail", "15")

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        with mock.patch.dict(os.environ, self.environment), super().instance() as instance:
            yield instance


def report(line: str) -> None:
    """Progress, for whoever waits."""
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _is_well(container: Mapping[str, Any]) -> bool:
    """Whether a container runs and is healthy, or has ended as it should."""
    if container["Service"] == "init":
        return bool(container["State"] == "exited" and container["ExitCode"] == 0)
    return bool(container["State"] == "running" and container["Health"] == "healthy")
