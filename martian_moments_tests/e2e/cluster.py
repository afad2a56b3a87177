"""A deployed platform of real processes on this machine: code server, daemon, web interface and Celery workers.

They share the services of ``make services-up`` with other clusters, but nothing in them: each has a database, a Redis
database and a bucket of its own, and a DAGSTER_HOME with deploy/dagster.yaml.
"""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import httpx
import psutil
import psycopg2
import redis
from celery import Celery

from martian_moments.dagster_runtime.code_server import is_serving
from martian_moments.operations.instance import open_instance
from martian_moments.operations.platform import is_running
from martian_moments.replica.running import RunningReplica
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.buckets import remove_bucket
from martian_moments_tests.conftest import REPOSITORY
from martian_moments_tests.e2e.loop import Loop, settings_of
from martian_moments_tests.services import Services
from martian_moments_tests.waiting import wait_until
from services.environment import HOST, free_port

READY_SECONDS = 120
DEPLOY = REPOSITORY / "deploy"
_TAKEN = "mars:taken"
_TAKEN_SECONDS = 3_600
"""A Redis database that was not given back is taken again after this time."""

_DEPLOYED_START = "start_timeout_seconds: 600"
START_SECONDS = 60
"""For a run that a dying worker, daemon or Redis has lost before it started, until it is given up; deployed, 10 minutes."""

_PASSED_ON = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")


@dataclass
class Cluster:
    """The processes of one platform.

    Attributes:
        folder: for MARS_HOME, DAGSTER_HOME, scratch files and logs.
        services: what it runs on.
        workers: how many Celery workers, each with one slot.
        module: with the definitions.
        extra: variables of the environment, which win.
        start_seconds: for how long a run may wait for its start after it was ordered.
    """

    folder: Path
    services: Services
    workers: int = 2
    module: str = "martian_moments.definitions"
    extra: Mapping[str, str] = field(default_factory=dict)
    start_seconds: int = START_SECONDS

    def __post_init__(self) -> None:
        self.name = f"mars-{secrets.token_hex(6)}"
        self.database = self.name.replace("-", "_")
        self.redis_database = _free_redis_database(self.services)
        # Each cluster tries a series of its own: while one has killed a server, another may be looking for ports.
        series = secrets.randbelow(100)
        self.grpc_port, self.ui_port = free_port(4_000 + series), free_port(3_000 + series)
        self.home, self.dagster_home = self.folder / "home", self.folder / "instance"
        self.logs = self.folder / "logs"
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.environment = {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            # Processes run in the cluster's folder: in the repository there may be a .env.
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONUNBUFFERED": "1",
            "MARS_HOME": str(self.home),
            "MARS_DAGSTER_HOME": str(self.dagster_home),
            "DAGSTER_HOME": str(self.dagster_home),
            "MARS_LAKE_BUCKET": self.name,
            "MARS_LAKE_URL": f"s3://{self.name}",
            "MARS_BROKER_URL": self.broker,
            "MARS_WORKERS": str(self.workers),
            "MARS_UI_PORT": str(self.ui_port),
            "MARS_SERVE": "False",
            "AWS_ENDPOINT_URL_S3": self.services.s3_endpoint,
            "AWS_ACCESS_KEY_ID": self.services.s3_access_key,
            "AWS_SECRET_ACCESS_KEY": self.services.s3_secret_key,
            "POSTGRES_HOST": self.services.postgres.host,
            "POSTGRES_PORT": str(self.services.postgres.port),
            "POSTGRES_USER": self.services.postgres.user,
            "POSTGRES_PASSWORD": self.services.postgres.password,
            "POSTGRES_DB": self.database,
            **self.extra,
        }
        self.settings: Settings = settings_of(self.environment)

    @property
    def broker(self) -> str:
        return self.services.redis_url(self.redis_database)

    @property
    def names(self) -> list[str]:
        """Of all processes."""
        return ["code server", "daemon", "web interface", *self.worker_names]

    @property
    def worker_names(self) -> list[str]:
        return [f"worker {number}" for number in range(1, self.workers + 1)]

    def prepare(self) -> None:
        """The database and the folders; what the settings name beyond that is ``martian-moments init``'s."""
        self._sql(f"create database {self.database}")
        for folder in (self.home, self.dagster_home, self.logs):
            folder.mkdir(parents=True)
        config = (DEPLOY / "dagster.yaml").read_text()
        assert _DEPLOYED_START in config, f"deploy/dagster.yaml has no {_DEPLOYED_START!r}"
        changed = config.replace(_DEPLOYED_START, f"start_timeout_seconds: {self.start_seconds}")
        (self.dagster_home / "dagster.yaml").write_text(changed)
        workspace = (DEPLOY / "workspace.yaml").read_text()
        here = workspace.replace("host: code", f"host: {HOST}").replace("port: 4000", f"port: {self.grpc_port}")
        (self.dagster_home / "workspace.yaml").write_text(here)
        # One process makes the tables: several at once fail at it, and try again.
        with self.instance():
            pass

    def up(self) -> None:
        """Start what does not run, and wait until all of it works."""
        for name in self.names:
            self.start(name)
        wait_until(lambda: is_serving(self.grpc_port), self.log_tail, READY_SECONDS)
        wait_until(self._web_interface_responds, self.log_tail, READY_SECONDS)
        wait_until(self._daemon_beats, self.log_tail, READY_SECONDS)
        wait_until(self._workers_wait, self.log_tail, READY_SECONDS)

    def start(self, name: str) -> None:
        """Start one process, unless it runs."""
        if name in self.processes and self.processes[name].poll() is None:
            return
        with (self.logs / f"{name.replace(' ', '-')}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                self._command(name), cwd=self.folder, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self, name: str) -> None:
        """``kill -9`` for a process and all of its children."""
        with suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes[name].wait()

    def lose_everything_in_redis(self) -> None:
        """What Redis held for the platform is gone; that its database is taken stays known to other clusters."""
        with redis.Redis.from_url(self.broker) as client, client.pipeline(transaction=True) as all_at_once:
            all_at_once.flushdb().set(_TAKEN, "1", ex=_TAKEN_SECONDS).execute()

    def down(self) -> None:
        """Stop everything and drop what was made in the services, each as far as the others' failures let it."""
        with ExitStack() as last_first:
            last_first.callback(remove_bucket, self.services, self.name)
            last_first.callback(redis.Redis.from_url(self.broker).flushdb)
            last_first.callback(self._sql, f"drop database if exists {self.database} with (force)")
            last_first.callback(self._stop)

    def _stop(self) -> None:
        # At once: all that they would put in order is dropped anyway.
        for name in self.processes:
            self.kill(name)

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        with mock.patch.dict(os.environ, self.environment), open_instance(self.settings) as instance:
            yield instance

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.ui_port}"

    def worker_of(self, child: int) -> str:
        """The name of the worker that forked a process."""
        parent = psutil.Process(child).ppid()
        return next(name for name in self.worker_names if self.processes[name].pid == parent)

    def log_tail(self) -> str:
        return "\n".join(f"--- {file.name}\n{file.read_text()[-1500:]}" for file in sorted(self.logs.iterdir()))

    def _command(self, name: str) -> list[str]:
        workspace = str(self.dagster_home / "workspace.yaml")
        match name.split():
            case ["code", "server"]:
                where = ["-h", HOST, "-p", str(self.grpc_port), "-m", self.module, "-a", "defs"]
                return [sys.executable, "-m", "dagster", "api", "grpc", *where, "--location-name", "martian_moments"]
            case ["daemon"]:
                return [sys.executable, "-m", "dagster._daemon", "run", "-w", workspace, "--log-level", "warning"]
            case ["web", "interface"]:
                return [sys.executable, "-m", "dagster_webserver", "-h", HOST, "-p", str(self.ui_port), "-w", workspace]
            case ["worker", number]:
                app = ["-A", "martian_moments.dagster_runtime.celery_app", "worker", "-Q", "dagster"]
                return [sys.executable, "-m", "celery", *app, "-n", f"w{number}@{self.name}", "--concurrency=1"]
        raise ValueError(name)

    def _web_interface_responds(self) -> bool:
        try:
            return httpx.get(f"{self.url}/server_info", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _daemon_beats(self) -> bool:
        with self.instance() as instance:
            return is_running(self.settings, instance)

    def _workers_wait(self) -> bool:
        # A connection that the pool has kept from before a restart of Redis fails once.
        with Celery(broker=self.broker) as app, suppress(redis.ConnectionError):
            return len(app.control.ping(timeout=2, limit=self.workers)) == self.workers
        return False

    def _sql(self, statement: str) -> None:
        connection = psycopg2.connect(self.services.postgres.url())
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


@contextmanager
def cluster(folder: Path, services: Services, **options: Any) -> Iterator[Cluster]:
    """A cluster that runs, and is gone at the end of the block."""
    running = Cluster(folder, services, **options)
    with _afterwards(running.down):
        running.prepare()
        running.up()
        yield running


class DeployedLoop(Loop):
    """The platform itself on a cluster."""

    look_seconds = 2.0
    """Longer than for an embedded one: a look opens dozens of connections to PostgreSQL, which the platform waits for."""

    def __init__(self, on: Cluster, replica: RunningReplica) -> None:
        self.on = on
        self.replica = replica
        self.environment = on.environment
        self.settings = on.settings
        self.resources = Resources(on.settings)

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        with self.on.instance() as instance:
            yield instance

    def revive(self) -> None:
        for name in self.on.names:
            self.on.start(name)

    def log_tail(self) -> str:
        return self.on.log_tail()


@contextmanager
def deployed(folder: Path, services: Services, replica: RunningReplica, **options: Any) -> Iterator[DeployedLoop]:
    """The platform on a cluster of its own, prepared by ``martian-moments init``; gone at the end of the block."""
    settings = {
        "MARS_EVENTS_URL": f"kafka://{services.kafka}",
        **{f"MARS_{name.upper()}": address for name, address in replica.addresses.items()},
        "MARS_REQUESTS_PER_MINUTE": "60000",
        "MARS_CONCURRENCY": "8",
    }
    on = Cluster(folder, services, extra=settings | options.pop("extra", {}), **options)
    with _afterwards(on.down):
        on.prepare()
        loop = DeployedLoop(on, replica)
        prepared = loop.cli("init")
        assert prepared.returncode == 0, prepared.stdout + prepared.stderr
        on.up()
        yield loop


@contextmanager
def _afterwards(clean_up: Callable[[], None]) -> Iterator[None]:
    """Cleans up at the end of the block; where the block has failed, that stays its error."""
    try:
        yield
    except BaseException as error:
        try:
            clean_up()
        except Exception as problem:  # noqa: BLE001 - whatever it is, the block's error says more
            error.add_note(f"and it was not cleaned up: {problem!r}")
        raise
    clean_up()


def _free_redis_database(services: Services) -> int:
    for number in range(1, 16):
        with redis.Redis.from_url(services.redis_url(number)) as client:
            if client.set(_TAKEN, "1", nx=True, ex=_TAKEN_SECONDS):
                return number
    raise AssertionError("all of Redis' databases are taken")
