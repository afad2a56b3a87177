"""The whole loop on a deployed platform: MinIO, Kafka, PostgreSQL, Redis and two Celery workers; NASA is the replica.

One platform for all tests, which meet it at rest and in this order.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psycopg2
import pytest
from celery import Celery

from martian_moments.defs.assets.moments import FRAMES_KEY, MOVIE_KEY
from martian_moments.defs.partitions import MOMENTS
from martian_moments.defs.sensors import gap_sensor, requests_sensor, upload_sensor
from martian_moments.events.log import TOPICS
from martian_moments.operations import demo_movie
from martian_moments.operations.baking import bake
from martian_moments.operations.demo import environment
from martian_moments.pipelines import movies
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.running import RunningReplica, running
from martian_moments.resources import Resources
from martian_moments.warehouse.base import LEDGER, PublishedTable
from martian_moments.warehouse.models import published_models
from martian_moments_tests.e2e.cluster import DeployedLoop, deployed
from martian_moments_tests.e2e.loop import settings_of
from martian_moments_tests.platforms import Platform, build, requests_of
from martian_moments_tests.services import Services
from martian_moments_tests.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.services, pytest.mark.xdist_group("platforms"), pytest.mark.timeout(2_400)]

SETTLE_SECONDS = 1_500
SOLS = 12
API_KEY = "an-api-key-that-must-not-be-seen"
WEBHOOK = "http://127.0.0.1:9/a-path-that-must-not-be-seen"

# A store counts ETags in its own way, and no two platforms fetch, load and build at the same moment.
OF_ONE_PLATFORM = {"etag", "version", "fetched_at", "loaded_at", "changed_at", "appeared_at", "history_since"}

Tables = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Deployed:
    """A deployed platform that has come to rest, and what the parts of an embedded one have made of the same NASA.

    Attributes:
        tables: everything that the deployed one has published.
        embedded: the embedded parts, with what they have made.
        expected: everything that these have published.
    """

    loop: DeployedLoop
    tables: Tables
    embedded: Platform
    expected: Tables


def rows_of(resources: Resources, table: PublishedTable) -> list[dict[str, Any]]:
    rows = resources.published.read(table.schema, table.name)
    assert rows is not None, f"{table.schema}.{table.name} is not published"
    return [{name: value for name, value in row.items() if name not in OF_ONE_PLATFORM} for row in rows.to_pylist()]


def tables_of(resources: Resources) -> Tables:
    return {f"{table.schema}.{table.name}": rows_of(resources, table) for table in (LEDGER, *published_models())}


def made_in_this_process(home: Path, replica: RunningReplica) -> Platform:
    """Files, SQLite and DuckDB after every run that the sensors ask for, one after the other; a build of the models is last.

    test_platform.py holds the same against the truth when daemon, code server and workers drive it.
    """
    bake()
    settings = settings_of(environment(home, replica.addresses))
    platform = Platform(settings, Resources(settings))
    cursors: dict[str, str | None] = {}

    def asked() -> list[dg.RunRequest]:
        requests = []
        for sensor in (requests_sensor.NAME, gap_sensor.NAME, upload_sensor.NAME):
            tick = platform.tick(sensor, cursors.get(sensor))
            cursors[sensor] = tick.cursor
            requests += requests_of(tick)
        return requests

    while requests := asked():
        assert all(platform.execute(request).success for request in requests)
    assert build(platform).success
    return platform


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, services: Services) -> Iterator[Deployed]:
    folder = tmp_path_factory.mktemp("loop")
    extra = {"MARS_V1_API_KEY": API_KEY, "MARS_ALERT_WEBHOOK_URL": WEBHOOK}
    with (
        running(ReplicaConfig(sols=SOLS, scale=0.1)) as replica,
        deployed(folder / "deployed", services, replica, extra=extra) as loop,
    ):
        embedded = made_in_this_process(folder / "embedded", replica)
        expected = tables_of(embedded.resources)
        loop.rest(SETTLE_SECONDS)
        yield Deployed(loop, tables_of(loop.resources), embedded, expected)


def test_two_workers_make_what_the_embedded_platform_makes(made: Deployed) -> None:
    made.loop.assert_exactly_the_truth()
    with Celery(broker=made.loop.on.broker) as app:
        executed = [sum(stats["total"].values()) for stats in app.control.inspect(timeout=5).stats().values()]
    assert len(executed) == 2
    assert min(executed) > 3, "both workers executed runs"
    for name, rows in made.expected.items():
        assert made.tables[name] == rows, name
    assert len(made.expected["silver.fact_photos"]) > 1_000


def test_the_commands_drive_a_deployed_platform(made: Deployed) -> None:
    loop = made.loop
    shown = loop.cli("status", "--json")
    assert json.loads(shown.stdout)["settled"] is True
    refused = loop.cli("up")
    assert refused.returncode == 1
    assert "names a deployed platform" in refused.stderr
    refreshed = loop.cli("refresh")
    assert refreshed.returncode == 0, refreshed.stderr
    sols = sorted(int(sol) for sol in loop.replica.control.truth()["rovers"]["spirit"]["sols"])
    filled = loop.cli("backfill", "spirit", f"{sols[0]}-{sols[1]}")
    assert filled.returncode == 0, filled.stdout + filled.stderr
    loop.settle(SETTLE_SECONDS)
    loop.assert_exactly_the_truth()


def test_a_movie_of_the_workers_has_the_frames_of_the_embedded_platform(made: Deployed) -> None:
    loop, here = made.loop, made.embedded
    with loop.instance() as instance:
        demo_movie.ask(loop.resources, instance)
        wait_until(
            lambda: movies.made(loop.resources.lake, demo_movie.MOMENT),
            lambda: f"no movie\n{loop.log_tail()}",
            SETTLE_SECONDS,
        )
    here.instance.add_dynamic_partitions(MOMENTS, [demo_movie.MOMENT])
    for asset in (FRAMES_KEY, MOVIE_KEY):
        assert here.run(asset.to_user_string(), demo_movie.MOMENT).success
    movie, expected = (movies.made(each.resources.lake, demo_movie.MOMENT) for each in (loop, here))
    assert movie is not None
    assert expected is not None
    assert movie.frame_sha256 == expected.frame_sha256
    assert len(set(movie.frame_sha256)) > 5


def texts_of(loop: DeployedLoop) -> Iterator[tuple[str, bytes]]:
    """Everything that the platform has written down, and what its web interface shows: a name and the bytes of each."""
    for file in loop.on.folder.rglob("*"):
        if file.is_file():
            yield str(file.relative_to(loop.on.folder)), file.read_bytes()
    for each in loop.resources.lake.list():
        body = loop.resources.lake.get(each.key)
        yield each.key, gzip.decompress(body) if each.key.endswith(".gz") else body
    for topic in TOPICS:
        for record in loop.resources.event_log.read(topic, {}, limit=1_000_000):
            yield f"{topic}[{record.partition}]@{record.offset}", (record.value or b"") + record.key.encode()
    with psycopg2.connect(loop.on.services.postgres.url(loop.on.database)) as connection, connection.cursor() as cursor:
        for table in ("runs", "run_tags", "event_logs", "instigators", "job_ticks", "kvs", "daemon_heartbeats"):
            cursor.execute(f"select t::text from {table} as t")
            yield f"table {table}", "\n".join(row[0] for row in cursor.fetchall()).encode()
    for query in (
        "{ instance { info runLauncher { name } } }",
        "{ runsOrError { ... on Runs { results { tags { key value } runConfigYaml } } } }",
        "{ workspaceOrError { ... on Workspace { locationEntries { displayMetadata { key value } } } } }",
    ):
        response = httpx.post(f"{loop.on.url}/graphql", json={"query": query}, trust_env=False, timeout=60)
        assert "errors" not in response.json(), response.text[:500]
        yield query, response.content


def test_no_secret_is_seen(made: Deployed, services: Services) -> None:
    seen = 0
    for name, text in texts_of(made.loop):
        seen += 1
        for secret in (*services.secrets, API_KEY, WEBHOOK):
            assert secret.encode() not in text, f"a secret stands in {name}"
    assert seen > 4 * SOLS
