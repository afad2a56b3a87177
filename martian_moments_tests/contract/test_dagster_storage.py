"""Dagster's storage in PostgreSQL keeps its connections, whatever happens to them."""

import os
from collections.abc import Iterator

import dagster as dg
import psycopg2
import pytest
from dagster_postgres.run_storage import PostgresRunStorage
from sqlalchemy import text

from martian_moments.dagster_runtime.lease import is_leased, lease
from martian_moments_tests.services import Services
from martian_moments_tests.waiting import wait_until

pytestmark = pytest.mark.services


@pytest.fixture
def instance(services: Services, database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dg.DagsterInstance]:
    storage = {
        "module": "martian_moments.dagster_runtime.postgres_storage",
        "class": "BatchingPostgresStorage",
        "config": {"postgres_url": services.postgres.url(database)},
    }
    home = tmp_path_factory.mktemp("dagster")
    with dg.instance_for_test(temp_dir=str(home), overrides={"storage": {"custom": storage}}) as made:
        yield made


def backend(instance: dg.DagsterInstance) -> int:
    """The server's process that serves the next query."""
    storage = instance.run_storage
    assert isinstance(storage, PostgresRunStorage)
    with storage.connect() as connection:
        return int(connection.execute(text("select pg_backend_pid()")).scalar_one())


def sessions(services: Services, database: str) -> set[int]:
    with psycopg2.connect(services.postgres.url()) as connection, connection.cursor() as cursor:
        cursor.execute("select pid from pg_stat_activity where datname = %s", (database,))
        return {pid for (pid,) in cursor.fetchall()}


def test_all_storages_of_an_instance_share_one_connection(
    instance: dg.DagsterInstance, services: Services, database: str
) -> None:
    served_by = backend(instance)
    for _ in range(20):
        instance.get_runs()
        instance.all_asset_keys()
        instance.all_instigator_state()
    assert backend(instance) == served_by
    assert sessions(services, database) == {served_by}


def test_a_connection_that_postgresql_has_ended_is_replaced_unseen(instance: dg.DagsterInstance, services: Services) -> None:
    ended = backend(instance)
    with psycopg2.connect(services.postgres.url()) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 10000)", (ended,))
        assert cursor.fetchone() == (True,)
    assert instance.get_runs() == []
    assert backend(instance) != ended


def test_a_forked_process_has_a_connection_of_its_own(instance: dg.DagsterInstance) -> None:
    served_by = backend(instance)
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        # Leaves without pytest's own end, whatever happens.
        try:
            os.write(writing, str(backend(instance)).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as pipe:
        assert int(pipe.read()) != served_by
    assert backend(instance) == served_by


def test_the_connections_are_closed_with_the_instance(
    instance: dg.DagsterInstance, services: Services, database: str
) -> None:
    backend(instance)
    instance.dispose()
    wait_until(lambda: not sessions(services, database), "PostgreSQL has ended the sessions")


def test_a_lease_that_is_over_leaves_no_lock_behind_in_a_connection_that_is_kept(instance: dg.DagsterInstance) -> None:
    run = instance.run_storage.add_run(dg.DagsterRun("job", status=dg.DagsterRunStatus.STARTED))
    with lease(instance, run.run_id) as granted:
        assert granted
        assert is_leased(instance, run.run_id)
    # PostgreSQL drops the lock when it reads that the connection has ended, a moment after that was closed here.
    wait_until(lambda: not is_leased(instance, run.run_id), "the lock is gone", 10)
