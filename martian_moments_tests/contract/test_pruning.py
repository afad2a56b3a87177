"""What is pruned from Dagster's storage, and that nothing goes by which Dagster knows the state of an asset."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from martian_moments.dagster_runtime.pruning import Pruned, prune
from martian_moments.settings import Settings

DAY = 86_400.0
SOLS = dg.StaticPartitionsDefinition([f"{sol:05d}" for sol in range(40)])
FAILING = {"00003", "00017"}
STORAGES = {
    "sqlite": "martian_moments.dagster_runtime.storage.BatchingSqliteStorage",
    "postgres": "martian_moments.dagster_runtime.postgres_storage.BatchingPostgresStorage",
}
NOTHING = Pruned(events=0, copies=0, logs=0, runs=0, ticks=0)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.services)])
def instance(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    module, _, name = STORAGES[request.param].rpartition(".")
    home = tmp_path / "dagster"
    home.mkdir()
    config = {"base_dir": str(home)}
    if request.param == "postgres":
        config = {"postgres_url": request.getfixturevalue("services").postgres.url(request.getfixturevalue("database"))}
    storage = {"custom": {"module": module, "class": name, "config": config}}
    with dg.instance_for_test(temp_dir=str(home), overrides={"storage": storage}) as made:
        yield made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, keep_succeeded_days=7, keep_failed_days=30, keep_history_days=90)


class FailConfig(dg.Config):
    fails: bool = False


@dg.asset(partitions_def=SOLS, backfill_policy=dg.BackfillPolicy.single_run(), output_required=False)
def photos(context: dg.AssetExecutionContext, config: FailConfig) -> Iterator[dg.Output[None]]:
    """Reports sol by sol, as the lake's assets do; where it fails, all but two."""
    for key in context.partition_keys:
        if not (config.fails and key in FAILING):
            metadata = {"records": int(key)}
            context.log_event(
                dg.AssetMaterialization(photos.key, partition=key, metadata=metadata, tags={"dagster/data_version": key})
            )
    if config.fails:
        raise dg.Failure("some sols failed", allow_retries=False)
    yield from ()


@dg.asset(
    deps=[photos],
    automation_condition=dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated()).since(
        dg.AutomationCondition.newly_requested()
    ),
)
def table(context: dg.AssetExecutionContext) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"run": context.run_id})


@dg.asset_check(asset=table)
def is_sound(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True, metadata={"run": context.run.run_id})


DEFS = dg.Definitions(assets=[photos, table], asset_checks=[is_sound])


def run(instance: dg.DagsterInstance, asset: dg.AssetsDefinition, *, fails: bool = False) -> str:
    """Materialize all of an asset; returns the run's id."""
    tags = {"dagster/asset_partition_range_start": "00000", "dagster/asset_partition_range_end": "00039"}
    selection = dg.AssetSelection.assets(asset)
    job = DEFS.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection=set(selection.resolve(DEFS.resolve_asset_graph())), asset_check_selection=None
    )
    config = {"ops": {"photos": {"config": {"fails": True}}}} if fails else {}
    tags = tags if asset is photos else {}
    return job.execute_in_process(run_config=config, instance=instance, tags=tags, raise_on_error=False).run_id


def statuses(instance: dg.DagsterInstance) -> dict[str, AssetPartitionStatus | None]:
    found = instance.get_status_by_partition(photos.key, SOLS.get_partition_keys(), SOLS)
    assert found is not None
    return dict(found)


def runs_of_records(instance: dg.DagsterInstance, asset: dg.AssetsDefinition) -> list[str]:
    records = instance.fetch_materializations(asset.key, limit=1_000).records
    return [each.run_id for each in records]


def later(days: float) -> float:
    return time.time() + days * DAY


def test_nothing_is_removed_of_what_is_new(instance: dg.DagsterInstance, settings: Settings) -> None:
    for asset in (photos, photos, table, table):
        run(instance, asset)
    assert prune(instance, settings) == NOTHING


def test_every_partition_keeps_its_status_and_what_was_told_of_it_last(
    instance: dg.DagsterInstance, settings: Settings
) -> None:
    run(instance, photos, fails=True)
    before = statuses(instance)
    assert before == {
        key: AssetPartitionStatus.FAILED if key in FAILING else AssetPartitionStatus.MATERIALIZED for key in before
    }
    pruned = prune(instance, settings, now=later(1_000))
    assert pruned.events == 38, "what was planned and has been made"
    assert statuses(instance) == before
    instance.wipe_asset_cached_status([photos.key])
    assert statuses(instance) == before, "read anew from the events"
    assert instance.get_materialized_partitions(photos.key) == before.keys() - FAILING
    records = instance.fetch_materializations(photos.key, limit=1_000).records
    told = {each.partition_key: each.asset_materialization for each in records}
    assert {key: each and each.metadata["records"].value for key, each in told.items()} == {
        key: int(key) for key in before.keys() - FAILING
    }
    tagged = instance.event_log_storage.get_event_tags_for_asset(photos.key, filter_event_id=records[0].storage_id)
    assert tagged == [{"dagster/data_version": records[0].partition_key}]
    assert prune(instance, settings, now=later(1_000)) == NOTHING


def test_a_sol_that_fails_after_it_was_made_stays_failed(instance: dg.DagsterInstance, settings: Settings) -> None:
    run(instance, photos)
    run(instance, photos, fails=True)
    before = statuses(instance)
    assert {key for key, status in before.items() if status is AssetPartitionStatus.FAILED} == FAILING
    prune(instance, settings, now=later(1_000))
    instance.wipe_asset_cached_status([photos.key])
    assert statuses(instance) == before


def test_of_what_newer_runs_have_replaced_the_newest_of_before_the_time_stays(
    instance: dg.DagsterInstance, settings: Settings
) -> None:
    runs = [run(instance, table) for _ in range(3)]
    prune(instance, settings, now=later(89))
    assert runs_of_records(instance, table) == runs[::-1]
    prune(instance, settings, now=later(91))
    assert runs_of_records(instance, table) == runs[2:]
    newest = instance.get_latest_materialization_event(table.key)
    assert newest is not None
    assert newest.asset_materialization is not None
    assert newest.asset_materialization.metadata["run"].value == runs[2]
    key = dg.AssetCheckKey(table.key, "is_sound")
    (evaluation,) = instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
    assert evaluation.run_id == runs[2]
    assert [each.run_id for each in instance.get_runs()] == runs[2:], "of the others nothing is left"


def test_logs_of_runs_that_succeeded_go_sooner_than_those_of_others(
    instance: dg.DagsterInstance, settings: Settings
) -> None:
    good, bad = run(instance, photos), run(instance, photos, fails=True)
    under_way = instance.run_storage.add_run(dg.DagsterRun("job", status=dg.DagsterRunStatus.STARTED))
    instance.report_engine_event("it goes on", under_way)

    def steps() -> list[bool]:
        kind = dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.STEP_START
        return [bool(instance.all_logs(each, of_type=set(kind))) for each in (good, bad, under_way.run_id)]

    assert steps() == [True, True, True]
    assert prune(instance, settings, now=later(6)).logs == 0
    assert prune(instance, settings, now=later(8)).logs == 1
    assert steps() == [False, True, True]
    prune(instance, settings, now=later(31))
    assert steps() == [False, False, True]
    prune(instance, settings, now=later(1_000))
    assert instance.get_run_by_id(under_way.run_id) is not None
    assert steps()[2]


def test_a_change_that_no_condition_has_seen_yet_is_seen_after_pruning(
    instance: dg.DagsterInstance, settings: Settings
) -> None:
    run(instance, photos)
    first = dg.evaluate_automation_conditions(DEFS, instance)
    run(instance, photos)
    prune(instance, settings, now=later(1_000))
    second = dg.evaluate_automation_conditions(DEFS, instance, cursor=first.cursor)
    assert (first.total_requested, second.total_requested) == (0, 1)
    prune(instance, settings, now=later(1_000))
    assert dg.evaluate_automation_conditions(DEFS, instance, cursor=second.cursor).total_requested == 0


@pytest.mark.parametrize("instance", ["sqlite"], indirect=True)
def test_the_file_of_a_succeeded_run_loses_what_the_index_has_of_its_partitions(
    instance: dg.DagsterInstance, settings: Settings, tmp_path: Path
) -> None:
    good, bad = run(instance, photos), run(instance, photos, fails=True)
    shard, other = (tmp_path / "dagster" / "history" / "runs" / f"{each}.db" for each in (good, bad))
    logs = len(instance.all_logs(good))
    size, kept = shard.stat().st_size, other.stat().st_size
    assert prune(instance, settings, now=later(0.1)).copies == 1
    assert len(instance.all_logs(good)) == logs - 80
    assert shard.stat().st_size < size / 3
    assert other.stat().st_size == kept
    assert runs_of_records(instance, photos).count(good) == 40
    assert prune(instance, settings, now=later(0.1)).copies == 0
    instance.report_engine_event("late", instance.get_run_by_id(good))
    assert len(instance.all_logs(good)) == logs - 79, "and it can still be written"


@pytest.mark.parametrize("instance", ["sqlite"], indirect=True)
def test_the_index_gives_back_what_it_does_not_need(
    instance: dg.DagsterInstance, settings: Settings, tmp_path: Path
) -> None:
    index = tmp_path / "dagster" / "history" / "runs" / "index.db"
    for _ in range(6):
        run(instance, photos)
    size = sum(each.stat().st_size for each in index.parent.glob("index.db*"))
    prune(instance, settings, now=later(1_000))
    assert sum(each.stat().st_size for each in index.parent.glob("index.db*")) < size / 2
