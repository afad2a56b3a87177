"""The whole loop on the real services with two Celery workers: MinIO, Kafka, PostgreSQL, Redis; NASA is the replica."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import psycopg2
import pytest
from celery import Celery

from martian_moments.events.log import INGESTION_REQUESTS, TOPICS, UPLOADS
from martian_moments.events.messages import refresh_request
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import FaultPlan
from martian_moments.replica.running import RunningReplica, running
from martian_moments.warehouse.base import LEDGER, PublishedTable
from martian_moments.warehouse.models import published_models
from martian_moments_tests.buckets import announce_nothing
from martian_moments_tests.e2e.cluster import DeployedLoop, deployed
from martian_moments_tests.e2e.loop import Loop, wait_until
from martian_moments_tests.e2e.platform import platform
from martian_moments_tests.services import Services, kill, restart

pytestmark = [pytest.mark.e2e, pytest.mark.services, pytest.mark.xdist_group("platforms"), pytest.mark.timeout(2_400)]

SETTLE_SECONDS = 1_500
SOLS = 100
LATEST_SOLS = 5
API_KEY = "an-api-key-that-must-not-be-seen"
WEBHOOK = "http://127.0.0.1:9/a-path-that-must-not-be-seen"

EXECUTED = (dg.DagsterRunStatus.STARTED,)
UNDER_WAY = (dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED)

# A store counts ETags in its own way, and no two platforms fetch and load at the same moment.
OF_ONE_PLATFORM = {"etag", "fetched_at", "loaded_at"}


def rows_of(loop: Loop, table: PublishedTable) -> list[dict[str, Any]]:
    rows = loop.published(table.schema, table.name)
    return [{name: value for name, value in row.items() if name not in OF_ONE_PLATFORM} for row in rows]


def tables_of(loop: Loop) -> dict[str, list[dict[str, Any]]]:
    return {f"{table.schema}.{table.name}": rows_of(loop, table) for table in (LEDGER, *published_models())}


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


def test_two_workers_make_what_the_embedded_platform_makes_and_no_secret_is_seen(tmp_path: Path, services: Services) -> None:
    extra = {"MARS_V1_API_KEY": API_KEY, "MARS_ALERT_WEBHOOK_URL": WEBHOOK}
    with running(ReplicaConfig(sols=SOLS, scale=0.1)) as replica:
        with deployed(tmp_path / "deployed", services, replica, extra=extra) as loop:
            loop.rest(SETTLE_SECONDS)
            loop.assert_exactly_the_truth()
            tables = tables_of(loop)
            with Celery(broker=loop.on.broker) as app:
                executed = [sum(stats["total"].values()) for stats in app.control.inspect(timeout=5).stats().values()]
            assert len(executed) == 2
            assert min(executed) > 3, "both workers executed runs"
            seen = 0
            for name, text in texts_of(loop):
                seen += 1
                for secret in (*services.secrets, API_KEY, WEBHOOK):
                    assert secret.encode() not in text, f"a secret stands in {name}"
        assert seen > 4 * SOLS
        with platform(tmp_path / "embedded", replica) as embedded:
            embedded.rest(SETTLE_SECONDS)
            expected = tables_of(embedded)
    for name, rows in expected.items():
        assert tables[name] == rows, name
    assert len(expected["silver.fact_photos"]) > 1_000


def kill_under_way(loop: DeployedLoop, victim: str) -> None:
    """Kill -9 while runs are under way, for a worker one that is executed; then it comes back."""
    statuses = EXECUTED if victim in loop.on.worker_names else UNDER_WAY
    in_vain = f"for a run in whose midst {victim} is killed"
    wait_until(lambda: loop.runs(*statuses), lambda: f"{in_vain}\n{loop.log_tail()}", SETTLE_SECONDS, pause=0.1)
    if victim in loop.on.names:
        loop.on.kill(victim)
        time.sleep(1)
        loop.on.start(victim)
    else:
        kill(victim)
        time.sleep(3)
        restart()


def uploads_of(loop: DeployedLoop) -> int:
    """How many uploads were announced of the platform's own bucket."""
    records = loop.resources.event_log.read(UPLOADS, {}, limit=1_000_000)
    return sum(f"{loop.on.name}/" in record.key for record in records)


def ask_for_more(replica: RunningReplica, loop: DeployedLoop, *, sols: int) -> None:
    """So many withheld sols of each rover are released, and the manifests that report them asked for."""
    replica.control.release(sols=sols)
    loop.resources.event_log.publish(INGESTION_REQUESTS, [refresh_request(loop.settings.rovers, young=False)])


@pytest.mark.kills_services
def test_kill_9_of_every_part_and_a_lost_notification_rule_lose_nothing_and_count_nothing_twice(
    tmp_path: Path, services: Services
) -> None:
    victims = ["worker 1", "kafka", "objectstore", "redis", "postgres", "daemon", "code server"]
    config = ReplicaConfig(sols=SOLS, scale=0.1, late_sols=len(victims) + LATEST_SOLS, faults=FaultPlan(latency_ms=150))
    with running(config) as replica, deployed(tmp_path / "deployed", services, replica) as loop:
        for victim in victims:
            ask_for_more(replica, loop, sols=1)
            kill_under_way(loop, victim)
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()

        # Nobody announces the late photos: reconcile finds their objects.
        announce_nothing(services, loop.on.name)
        announced = uploads_of(loop)
        ask_for_more(replica, loop, sols=LATEST_SOLS)
        loop.settle(SETTLE_SECONDS)
        loop.assert_exactly_the_truth()
        assert uploads_of(loop) == announced
