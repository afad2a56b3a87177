"""What Dagster stores of an asset with outputs and checks is what its stock storage has of it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from martian_moments.dagster_runtime.bookkeeping import gathered
from martian_moments_tests.unit.dagster_runtime.test_bookkeeping import (
    asset_rows,
    index_of,
    rows,
    write_instance,
)


def models_asset(*, fails: bool) -> dg.AssetsDefinition:
    """Two tables, each with two checks, one of which does not pass; gold is made of silver."""

    @dg.multi_asset(
        specs=[dg.AssetSpec("silver", code_version="1"), dg.AssetSpec("gold", deps=["silver"], code_version="1")],
        check_specs=[dg.AssetCheckSpec(name, asset=key) for key in ("gold", "silver") for name in ("unique", "not_null")],
    )
    def models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with gathered(context.instance):
            for key in ("silver", "gold"):
                if fails:
                    raise dg.Failure("dbt did not start")
                yield dg.Output(None, output_name=key, metadata={"rows": 3}, data_version=dg.DataVersion("3"))
                yield dg.AssetCheckResult(passed=True, asset_key=key, check_name="unique")
                yield dg.AssetCheckResult(passed=key == "gold", asset_key=key, check_name="not_null", metadata={"rows": 1})

    return models


def check_rows(home: Path, run_id: str) -> list[str]:
    """Every execution of a check, without what differs from run to run."""
    columns = (
        "asset_key, check_name, partition, execution_status, evaluation_event, evaluation_event_storage_id, "
        "materialization_event_storage_id, evaluation_event_timestamp > '2026'"
    )
    found = rows(index_of(home), f"SELECT {columns} FROM asset_check_executions ORDER BY id")
    return [re.sub(r'timestamp": [0-9.]+', "", repr(row).replace(run_id, "RUN")) for row in found]


@pytest.mark.parametrize(
    ("statuses", "batched"),
    [(["PLANNED"] * 4, [6]), (["FAILED", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"], [6, 2, 6, 4])],
)
def test_outputs_and_checks_are_stored_as_on_the_stock_storage_in_few_transactions(
    statuses: list[str], batched: list[int], batches: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = dg.Definitions(assets=[models_asset(fails="PLANNED" in statuses)]).get_implicit_global_asset_job_def()
    stored = []
    for name, batching in (("stock", False), ("batching", True)):
        home = tmp_path / name
        write_instance(home, batching=batching)
        # The stock storage has planned events in this order only where it takes batches as well.
        monkeypatch.setenv("DAGSTER_EVENT_BATCH_SIZE", "500")
        with dg.DagsterInstance.from_config(str(home)) as instance:
            run_id = job.execute_in_process(instance=instance, raise_on_error=False).run_id
            kinds = [entry.dagster_event_type for entry in instance.all_logs(run_id)]
        stored.append((check_rows(home, run_id), asset_rows(home, run_id), kinds))
    assert sorted(status for (status,) in rows(index_of(home), "SELECT execution_status FROM asset_check_executions")) == (
        statuses
    )
    assert stored[0] == stored[1]
    assert batches == batched
