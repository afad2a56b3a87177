import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from textwrap import dedent
from typing import Any

import dagster as dg
import pytest
from dagster._core.instance import InstanceRef
from dagster._core.storage.partition_status_cache import AssetPartitionStatus
from dagster._serdes import deserialize_value, serialize_value

from martian_moments.dagster_runtime.bookkeeping import MaterializationLog, materializations
from martian_moments.dagster_runtime.storage import BatchingSqliteEventLogStorage
from martian_moments.domain.errors import BookkeepingError

SOLS = dg.DynamicPartitionsDefinition(name="sols")
PHOTOS = dg.AssetKey(["lake", "photos"])

Body = Callable[[dg.AssetExecutionContext], None]


def photos_asset(body: Body) -> dg.AssetsDefinition:
    @dg.asset(key=PHOTOS, partitions_def=SOLS, backfill_policy=dg.BackfillPolicy.multi_run(500), output_required=False)
    def photos(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
        body(context)
        yield from ()

    return photos


@dg.asset_check(asset=PHOTOS)
def photos_check() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


def materialization(key: str) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        PHOTOS,
        partition=key,
        description="described" if key.endswith("7") else None,
        metadata={"records": int(key), "object": dg.MetadataValue.path(f"photos/sol={key}"), "seconds": 0.25},
        tags={"dagster/data_version": f"fingerprint-{key}"},
    )


def log_each(context: dg.AssetExecutionContext) -> None:
    for key in context.partition_keys:
        context.log_event(materialization(key))


def log_in_batches(context: dg.AssetExecutionContext) -> None:
    with materializations(context) as log:
        for key in context.partition_keys:
            log.add(materialization(key))


def write_instance(home: Path, *, batching: bool = True) -> None:
    home.mkdir()
    config: dict[str, Any] = {"telemetry": {"enabled": False}}
    if batching:
        storage = {"module": BatchingSqliteEventLogStorage.__module__, "class": "BatchingSqliteStorage"}
        config["storage"] = {"custom": {**storage, "config": {"base_dir": str(home)}}}
    (home / "dagster.yaml").write_text(json.dumps(config))


def open_instance(home: Path, count: int) -> dg.DagsterInstance:
    instance = dg.DagsterInstance.from_config(str(home))
    instance.add_dynamic_partitions("sols", keys(count))
    return instance


def keys(count: int) -> list[str]:
    return [f"{sol:05d}" for sol in range(count)]


def run(instance: dg.DagsterInstance, body: Body, count: int, *, checked: bool = False) -> dg.ExecuteInProcessResult:
    defs = dg.Definitions(assets=[photos_asset(body)], asset_checks=[photos_check] if checked else [])
    tags = {"dagster/asset_partition_range_start": keys(count)[0], "dagster/asset_partition_range_end": keys(count)[-1]}
    return defs.get_implicit_global_asset_job_def().execute_in_process(instance=instance, tags=tags, raise_on_error=False)


def rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query).fetchall()


def materialized_rows(database: Path) -> Counter[str]:
    return Counter(
        partition
        for (partition,) in rows(
            database, "SELECT partition FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'"
        )
    )


def index_of(home: Path) -> Path:
    return home / "history" / "runs" / "index.db"


def statuses(instance: dg.DagsterInstance, count: int) -> dict[str, AssetPartitionStatus | None]:
    found = instance.get_status_by_partition(PHOTOS, keys(count), SOLS)
    assert found is not None
    return dict(found)


def error_of(result: dg.ExecuteInProcessResult) -> str:
    (failure,) = result.filter_events(lambda event: event.is_step_failure)
    error = failure.step_failure_data.error
    assert error is not None
    return error.to_string()


@pytest.fixture(autouse=True)
def unset_batch_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the storage finds it in a new process, and as it was after the test."""
    monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "")
    monkeypatch.delenv("DAGSTER_EVENT_BATCH_SIZE")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_instance(tmp_path / "home")
    return tmp_path / "home"


def asset_rows(home: Path, run_id: str) -> dict[str, list[Any]]:
    """Everything that Dagster's SQLite storage holds of asset events, without what differs from run to run."""

    def unvarying(event: str | None) -> Any:
        def without(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: without(entry) for key, entry in value.items() if key != "timestamp"}
            return [without(entry) for entry in value] if isinstance(value, list) else value

        return event and without(json.loads(event.replace(run_id, "RUN")))

    columns = "dagster_event_type, step_key, asset_key, partition, event"
    events = f"{columns} FROM event_logs WHERE dagster_event_type GLOB 'ASSET_*' ORDER BY id"
    assets = "SELECT id, asset_key, replace(last_run_id, '{}', 'RUN'), last_materialization FROM asset_keys"
    run_shard = home / "history" / "runs" / f"{run_id}.db"
    own, index = rows(run_shard, f"SELECT {events}"), rows(index_of(home), f"SELECT id, {events}")
    return {
        "run": [(*row[:-1], unvarying(row[-1])) for row in own],
        "index": [(*row[:-1], unvarying(row[-1])) for row in index],
        "assets": [(*row[:-1], unvarying(row[-1])) for row in rows(index_of(home), assets.format(run_id))],
        "tags": rows(index_of(home), "SELECT event_id, asset_key, key, value FROM asset_event_tags ORDER BY 1, 3"),
        "checks": rows(index_of(home), "SELECT asset_key, check_name, execution_status FROM asset_check_executions"),
    }


def test_the_stored_rows_are_those_of_log_event_on_the_stock_storage(tmp_path: Path) -> None:
    stored = []
    for name, batching, body in (("stock", False, log_each), ("batching", True, log_in_batches)):
        write_instance(tmp_path / name, batching=batching)
        os.environ.pop("DAGSTER_EVENT_BATCH_SIZE", None)
        with open_instance(tmp_path / name, 70) as instance:
            stored.append(asset_rows(tmp_path / name, run(instance, body, 70, checked=True).run_id))
    stock, ours = stored
    assert {table: len(entries) for table, entries in stock.items()} == {
        "run": 141, "index": 141, "assets": 1, "tags": 70, "checks": 1,
    }  # fmt: skip
    for table, entries in stock.items():
        assert ours[table] == entries, table


def test_300_sols_are_each_stored_once_in_few_transactions(home: Path, batches: list[int]) -> None:
    with open_instance(home, 300) as instance:
        result = run(instance, log_in_batches, 300, checked=True)
        assert result.success
        assert batches[0] == 301, "the planned events, that of the check included"
        assert sum(batches[1:]) == 300
        assert len(batches[1:]) < 30
        once = Counter(keys(300))
        assert materialized_rows(index_of(home)) == once
        assert materialized_rows(home / "history" / "runs" / f"{result.run_id}.db") == once
        assert instance.get_materialized_partitions(PHOTOS) == set(keys(300))
        event = instance.get_latest_materialization_event(PHOTOS)
        assert event is not None
        assert event.asset_materialization is not None
        assert event.asset_materialization.partition == "00299"
        assert event.asset_materialization.metadata["records"].value == 299
        stats = instance.event_log_storage.get_stats_for_run(result.run_id)
        assert stats.materializations == 300


def test_a_run_worker_that_gets_the_instance_by_reference_has_the_same_storage(home: Path) -> None:
    with (
        open_instance(home, 3) as instance,
        dg.DagsterInstance.from_ref(deserialize_value(serialize_value(instance.get_ref()), InstanceRef)) as elsewhere,
    ):
        assert isinstance(elsewhere.event_log_storage, BatchingSqliteEventLogStorage)
        assert elsewhere.get_dynamic_partitions("sols") == keys(3)


def test_a_run_that_fails_at_its_end_leaves_good_sols_materialized_and_the_others_failed(home: Path) -> None:
    def body(context: dg.AssetExecutionContext) -> None:
        with materializations(context) as log:
            for key in context.partition_keys:
                if not key.endswith("3"):
                    log.add(materialization(key))
        raise dg.Failure("some sols failed", allow_retries=False)

    with open_instance(home, 60) as instance:
        assert not run(instance, body, 60).success
        assert statuses(instance, 60) == {
            key: AssetPartitionStatus.FAILED if key.endswith("3") else AssetPartitionStatus.MATERIALIZED for key in keys(60)
        }


def test_what_was_added_before_an_error_is_stored_and_the_error_is_the_runs(home: Path) -> None:
    def body(context: dg.AssetExecutionContext) -> None:
        with materializations(context) as log:
            for key in context.partition_keys[:7]:
                log.add(materialization(key))
            raise dg.Failure("the eighth sol broke everything")

    with open_instance(home, 10) as instance:
        result = run(instance, body, 10)
        assert "the eighth sol broke everything" in error_of(result)
        assert instance.get_materialized_partitions(PHOTOS) == set(keys(7))
        assert Counter(statuses(instance, 10).values()) == {
            AssetPartitionStatus.MATERIALIZED: 7, AssetPartitionStatus.FAILED: 3,
        }  # fmt: skip


def test_a_storage_that_refuses_fails_the_run_and_stores_nothing_twice(home: Path) -> None:
    def refuse_sol_70(context: dg.AssetExecutionContext) -> None:
        trigger = """CREATE TRIGGER refuse BEFORE INSERT ON event_logs WHEN NEW.partition = '00070'
            AND NEW.dagster_event_type = 'ASSET_MATERIALIZATION' BEGIN SELECT RAISE(ABORT, 'no space left'); END"""
        with closing(sqlite3.connect(index_of(home))) as connection:
            connection.execute(trigger)
        log_in_batches(context)

    with open_instance(home, 120) as instance:
        result = run(instance, refuse_sol_70, 120)
        error = error_of(result)
        assert BookkeepingError.__name__ in error
        assert "no space left" in error
        stored = materialized_rows(index_of(home))
        assert stored == Counter(keys(50)), "the batch before is whole, the refused one and what follows is not there"
        status = statuses(instance, 120)
        assert {key for key, found in status.items() if found is AssetPartitionStatus.MATERIALIZED} == set(keys(50))
        assert {key for key, found in status.items() if found is AssetPartitionStatus.FAILED} == set(keys(120)) - set(
            keys(50)
        )


def test_after_a_refusal_the_next_materialization_is_not_accepted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[BookkeepingError] = []

    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    def body(context: dg.AssetExecutionContext) -> None:
        monkeypatch.setattr(BatchingSqliteEventLogStorage, "_store_asset_events", refuse)
        log = MaterializationLog(context)
        log.add(materialization("00000"))
        with pytest.raises(BookkeepingError, match="database is locked"):
            log.close()
        with pytest.raises(BookkeepingError, match="database is locked") as refused:
            log.add(materialization("00001"))
        errors.append(refused.value)

    with open_instance(home, 2) as instance:
        assert run(instance, body, 2).success
    assert len(errors) == 1


KILLED_RUN = """
    import os, signal, sys, time
    from pathlib import Path
    from martian_moments_tests.unit.dagster_runtime.test_bookkeeping import *

    home = Path(sys.argv[1])

    def body(context):
        with materializations(context) as log:
            for key in context.partition_keys[:60]:
                log.add(materialization(key))
            while sum(materialized_rows(index_of(home)).values()) < 60:
                time.sleep(0.02)
            for key in context.partition_keys[60:70]:
                log.add(materialization(key))
            os.kill(os.getpid(), signal.SIGKILL)

    with open_instance(home, 100) as instance:
        run(instance, body, 100)
"""


def test_kill_9_loses_only_what_was_not_yet_flushed(home: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", dedent(KILLED_RUN), str(home)], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert materialized_rows(index_of(home)) == Counter(keys(60))
    with open_instance(home, 100) as instance:
        (left,) = instance.get_runs()
        instance.report_run_failed(left)
        status = statuses(instance, 100)
        assert {key for key, found in status.items() if found is AssetPartitionStatus.MATERIALIZED} == set(keys(60))
        assert {key for key, found in status.items() if found is AssetPartitionStatus.FAILED} == set(keys(100)) - set(
            keys(60)
        )
        assert run(instance, log_in_batches, 100).success
        assert set(statuses(instance, 100).values()) == {AssetPartitionStatus.MATERIALIZED}


def test_automation_sees_the_sols_as_newly_updated(home: Path) -> None:
    condition = dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated())

    @dg.asset(deps=[PHOTOS], automation_condition=condition)
    def silver() -> None: ...

    defs = dg.Definitions(assets=[photos_asset(log_in_batches), silver])
    with open_instance(home, 5) as instance:
        before = dg.evaluate_automation_conditions(defs, instance)
        assert before.total_requested == 0
        run(instance, log_in_batches, 5)
        after = dg.evaluate_automation_conditions(defs, instance, cursor=before.cursor)
        assert after.total_requested == 1
        assert dg.evaluate_automation_conditions(defs, instance, cursor=after.cursor).total_requested == 0


def test_any_other_storage_takes_the_batches_too() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("sols", keys(60))
        assert run(instance, log_in_batches, 60).success
        assert instance.get_materialized_partitions(PHOTOS) == set(keys(60))
