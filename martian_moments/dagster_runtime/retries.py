"""Which runs Dagster's daemon is to run again. Neither the tag by which to ask for them nor the error is exported."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import dagster as dg
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.storage.tags import WILL_RETRY_TAG

FAILURES_CURSOR: Final = f"EVENT_LOG_CONSUMER_CURSOR-{dg.DagsterEventType.RUN_FAILURE.value}"
"""Where Dagster's daemon keeps the last failure it has met. Not imported: each run would pay half a second for that."""


_GIVEN_UP: Final = "Failed to retry run"
"""The event of Dagster 1.13 after which it tags a run as one that is not retried (auto_run_reexecution.py)."""


def take_up_again(instance: dg.DagsterInstance, run_ids: Collection[str]) -> None:
    """Tag those of these failed runs as to be retried that Dagster gave up because no code server responded.

    Dagster gives a run up at the first error of its retry: also where the code server was killed together with the run, and
    is back some seconds later.
    """
    if not run_ids:
        return
    failed = dg.RunsFilter(run_ids=list(run_ids), statuses=[dg.DagsterRunStatus.FAILURE], tags={WILL_RETRY_TAG: "false"})
    for run in instance.get_runs(failed):
        events = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
        last = events[-1].event_log_entry.dagster_event if events else None
        if last is None or last.message != _GIVEN_UP or (error := last.engine_event_data.error) is None:
            continue
        if error.cls_name == DagsterUserCodeUnreachableError.__name__:
            instance.add_run_tags(run.run_id, {WILL_RETRY_TAG: "true"})


def runs_to_retry(instance: dg.DagsterInstance, run_ids: Collection[str]) -> set[str]:
    """Those of these runs that failed, are to be retried, and have not been."""
    failed = dg.RunsFilter(run_ids=list(run_ids), statuses=[dg.DagsterRunStatus.FAILURE], tags={WILL_RETRY_TAG: "true"})
    return {run.run_id for run in instance.get_runs(failed) if run.is_complete_and_waiting_to_retry}
