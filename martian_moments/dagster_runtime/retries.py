"""Which runs Dagster's daemon is to run again. The tag by which runs can be asked for that is not exported."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import dagster as dg
from dagster._core.storage.tags import WILL_RETRY_TAG

FAILURES_CURSOR: Final = f"EVENT_LOG_CONSUMER_CURSOR-{dg.DagsterEventType.RUN_FAILURE.value}"
"""Where Dagster's daemon keeps the last failure it has met. Not imported: each run would pay half a second for that."""


def runs_to_retry(instance: dg.DagsterInstance, run_ids: Collection[str]) -> set[str]:
    """Those of these runs that failed, are to be retried, and have not been."""
    failed = dg.RunsFilter(run_ids=list(run_ids), statuses=[dg.DagsterRunStatus.FAILURE], tags={WILL_RETRY_TAG: "true"})
    return {run.run_id for run in instance.get_runs(failed) if run.is_complete_and_waiting_to_retry}
