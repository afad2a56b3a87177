"""When dbt is asked for. The table of every moment at which a load may land, on Dagster's own evaluation."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from martian_moments.defs.conditions import refresh_from_bronze, refresh_from_models, ride_along
from martian_moments_tests.platforms import Platform

SOLS = dg.DynamicPartitionsDefinition(name="sols")
NOON = datetime(2026, 4, 1, 12, 0, 10, tzinfo=UTC)


@dg.asset(partitions_def=SOLS)
def lake() -> None: ...


@dg.asset(partitions_def=SOLS, deps=[lake])
def bronze() -> None: ...


@dg.asset(deps=[bronze], automation_condition=refresh_from_bronze())
def silver() -> None: ...


@dg.asset(deps=[silver], automation_condition=ride_along())
def gold() -> None: ...


@dg.asset(deps=[gold], automation_condition=refresh_from_models())
def geo() -> None: ...


AC = dg.AutomationCondition


@dg.asset(deps=[bronze], automation_condition=AC.eager().without(~AC.any_deps_missing()))
def eager() -> None: ...


class Bench:
    """Ticks of the automation sensor between loads and runs."""

    def __init__(self, partitions: int = 3) -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self.instance.add_dynamic_partitions("sols", [f"{sol:05d}" for sol in range(partitions)])
        self.defs = dg.Definitions(assets=[lake, bronze, silver, gold, geo, eager])
        self.cursor: Any = None
        self.now = NOON

    def tick(self, seconds: float = 5) -> set[str]:
        """The assets asked for."""
        self.now += timedelta(seconds=seconds)
        result = dg.evaluate_automation_conditions(self.defs, self.instance, cursor=self.cursor, evaluation_time=self.now)
        self.cursor = result.cursor
        return {name for name in ("silver", "gold", "geo", "eager") if result.get_num_requested(dg.AssetKey(name))}

    def load(self, *sols: int) -> None:
        for sol in sols:
            self.instance.report_runless_asset_event(dg.AssetMaterialization("bronze", partition=f"{sol:05d}"))

    def start(self, *assets: str) -> dg.DagsterRun:
        keys = frozenset(map(dg.AssetKey, assets))
        job = self.defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection=set(keys))
        partitions = {"dagster/partition": "00000"} if {"lake", "bronze"} & set(assets) else {}
        run = self.instance.create_run_for_job(
            job, asset_selection=keys, status=dg.DagsterRunStatus.STARTED, tags=partitions
        )
        self.instance.report_dagster_event(dg_event(run, dg.DagsterEventType.PIPELINE_START), run_id=run.run_id)
        return run

    def request(self) -> dg.DagsterRun:
        """A tick that asks for silver and gold, and the run that it starts."""
        assert self.tick() >= {"silver", "gold"}
        return self.start("silver", "gold")

    def finish(self, run: dg.DagsterRun) -> None:
        """The run materializes what it was asked for, and ends."""
        self.instance.report_run_canceled(run)
        assert dg.materialize([silver, gold], instance=self.instance).success

    def last_build_took(self, seconds: float) -> None:
        """Change when the last build has begun and ended."""
        event = self.instance.get_latest_materialization_event(dg.AssetKey("silver"))
        run = self.instance.get_run_by_id(event.run_id) if event else None
        assert run is not None
        moments = {
            dg.DagsterEventType.PIPELINE_START: NOON,
            dg.DagsterEventType.PIPELINE_SUCCESS: NOON + timedelta(seconds=seconds),
        }
        for kind, moment in moments.items():
            self.instance.run_storage.handle_run_event(run.run_id, dg_event(run, kind), moment)


def dg_event(run: dg.DagsterRun, kind: dg.DagsterEventType) -> dg.DagsterEvent:
    return dg.DagsterEvent(event_type_value=kind.value, job_name=run.job_name)


@pytest.fixture
def bench() -> Bench:
    """A platform at rest where one sol is loaded and silver has not seen it."""
    bench = Bench(partitions=150)
    bench.tick()
    bench.load(0)
    return bench


def test_a_load_asks_for_silver_and_gold_in_one_tick_and_only_once(bench: Bench) -> None:
    bench.finish(bench.request())
    for _ in range(3):
        assert not bench.tick() & {"silver", "gold"}, "nothing new was loaded"


def test_a_load_between_the_requesting_tick_and_the_next_is_kept(bench: Bench) -> None:
    run = bench.request()
    bench.load(1)
    assert not bench.tick() & {"silver", "gold"}
    bench.finish(run)
    bench.request()


def test_the_stock_condition_loses_that_load_so_this_table_can_fail(bench: Bench) -> None:
    assert "eager" in bench.tick()
    run = bench.start("eager")
    bench.load(1)
    bench.tick()
    bench.instance.report_run_canceled(run)
    assert dg.materialize([eager], instance=bench.instance).success
    assert "eager" not in bench.tick(), "Dagster's own condition is lossless now: use it"


def test_a_load_while_the_build_is_running_is_kept(bench: Bench) -> None:
    run = bench.request()
    bench.tick()
    bench.load(1)
    for _ in range(27):
        assert not bench.tick() & {"silver", "gold"}, "not while it is being built, not even after two minutes"
    bench.finish(run)
    bench.request()


def test_a_load_just_before_the_build_ends_is_kept(bench: Bench) -> None:
    run = bench.request()
    bench.tick()
    bench.load(1)
    bench.finish(run)
    bench.request()


@pytest.mark.parametrize("later", [False, True])
def test_149_loads_at_once_are_kept(bench: Bench, later: bool) -> None:
    """Above 100 partitions Dagster uses the tick's time instead of each event's."""
    run = bench.request()
    if later:
        bench.tick()
    bench.load(*range(1, 150))
    bench.tick()
    bench.finish(run)
    bench.request()


def test_the_same_partition_loaded_again_counts(bench: Bench) -> None:
    run = bench.request()
    bench.load(0)
    bench.tick()
    bench.finish(run)
    bench.request()


def test_a_load_after_the_build_is_kept(bench: Bench) -> None:
    bench.finish(bench.request())
    bench.load(1)
    bench.request()


def test_a_build_that_failed_is_not_repeated_by_the_condition_but_the_next_load_repeats_it(bench: Bench) -> None:
    bench.instance.report_run_failed(bench.request())
    assert not bench.tick() & {"silver", "gold"}, "reconcile repeats it with a growing delay"
    bench.load(1)
    bench.request()


@pytest.mark.parametrize("busy", ["bronze", "lake"])
def test_while_documents_arrive_or_are_loaded_silver_waits_but_no_longer_than_two_minutes(busy: str) -> None:
    bench = Bench()
    bench.tick(0)
    bench.start(busy)
    bench.load(1)
    moments = [bench.now for _ in range(48) if "silver" in bench.tick()]
    assert moments == [NOON + timedelta(minutes=2)], "once; after that nothing new was loaded"


def test_the_two_minutes_begin_with_the_first_load_that_silver_has_not_seen(bench: Bench) -> None:
    bench.start("bronze")
    loaded = bench.now
    moments = []
    for _ in range(60):
        moments += [bench.now - loaded] if "silver" in bench.tick() else []
        bench.load(1)
    # The second build is asked for two minutes after the first load that the tick before it had not met.
    assert moments == [timedelta(minutes=2), timedelta(minutes=4)], "loads that come later do not put it off"


def test_when_the_last_load_has_ended_silver_waits_no_longer(bench: Bench) -> None:
    loading = bench.start("bronze")
    assert not bench.tick() & {"silver", "gold"}
    bench.instance.report_run_canceled(loading)
    bench.request()


def test_on_a_busy_platform_long_builds_are_five_times_as_far_apart_as_they_take(bench: Bench) -> None:
    bench.finish(bench.request())
    bench.last_build_took(seconds=60)
    bench.start("bronze")
    bench.load(1)
    loaded = bench.now
    moments = [bench.now - loaded for _ in range(90) if "silver" in bench.tick()]
    assert moments == [timedelta(minutes=5, seconds=5)], "a tick after five minutes"


@pytest.mark.parametrize(
    ("asset", "partition"),
    [("bronze/curiosity/photos", "00001"), ("bronze/spirit/photos", "00001"), ("bronze/manifests", "spirit"),
     ("bronze/traverse", "perseverance")],
)  # fmt: skip
def test_every_model_of_the_project_is_asked_for_together_whatever_was_loaded(
    platform: Platform, asset: str, partition: str
) -> None:
    for rover in platform.settings.rovers:
        platform.registered(rover, 2)
    first = dg.evaluate_automation_conditions(platform.definitions, platform.instance)
    assert first.total_requested == 0
    platform.instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey(asset.split("/")), partition=partition))
    second = dg.evaluate_automation_conditions(platform.definitions, platform.instance, cursor=first.cursor)
    models = {
        key
        for key in platform.definitions.resolve_asset_graph().materializable_asset_keys
        if key.path[0] in {"silver", "gold"}
    }
    assert len(models) >= 13
    asked = {key for key in models if second.get_num_requested(key)}
    assert models - asked == set()
    assert second.total_requested == len(models), "and nothing else"
    third = dg.evaluate_automation_conditions(platform.definitions, platform.instance, cursor=second.cursor)
    assert third.total_requested == 0


def test_open_formats_follow_a_build_in_a_run_of_their_own_and_only_once(bench: Bench) -> None:
    run = bench.request()
    assert "geo" not in bench.tick(), "the build is under way"
    bench.finish(run)
    assert bench.tick() == {"geo"}
    assert dg.materialize([geo], instance=bench.instance).success
    for _ in range(3):
        assert "geo" not in bench.tick(), "nothing was built since"


def test_a_build_while_open_formats_are_made_is_followed_once_more(bench: Bench) -> None:
    bench.finish(bench.request())
    assert "geo" in bench.tick()
    making = bench.start("geo")
    bench.load(1)
    bench.finish(bench.request())
    assert "geo" not in bench.tick(), "it is being made"
    bench.instance.report_run_canceled(making)
    assert dg.materialize([geo], instance=bench.instance).success
    assert "geo" in bench.tick(), "of the tables before"


def test_while_builds_follow_each_other_open_formats_are_made_every_ten_minutes(bench: Bench) -> None:
    bench.finish(bench.request())
    bench.load(1)
    run = bench.request()
    asked = []
    for _ in range(21):
        asked += [bench.now.minute] if "geo" in bench.tick(60) else []
        bench.load(2)
        bench.finish(run)
        run = bench.start("silver", "gold")
    assert [minute % 10 for minute in asked] == [0] * len(asked) != []
    assert len(asked) == 2
