"""The retry sensor: crashed runs that Dagster says it will repeat, and has overlooked.

Dagster stores the event of a failure before the run's status, 6 ms apart on an idle machine. Its daemon meets each event
once, every five seconds: where it finds a run that has not failed yet, nothing repeats that run any more, and the backfill
it belongs to waits for it for ever. Seen once in some hundreds of killed workers. And where no code server responds at that
moment, it gives the run up.
"""

import time
from collections.abc import Mapping
from typing import Final

import dagster as dg
from pydantic import Field, RootModel

from martian_moments.dagster_runtime.retries import FAILURES_CURSOR, runs_to_retry, take_up_again
from martian_moments.defs.sensors.cursor import Cursor
from martian_moments.domain.clock import waits

NAME: Final = "retries"

_DAEMON_SECONDS: Final = 15.0
"""A newer failure is left to the daemon."""

_GIVEN_UP_SECONDS: Final = 600.0
"""Older failures were looked at before: their events are not read again."""

_NEWEST: Final = 500
"""Failures that are looked through, as many as the daemon meets at once."""

_MAX_ATTEMPTS: Final = 3
"""The daemon may have its reasons, such as a job that is gone; it reports them in the run's log each time."""


class RetryCursor(Cursor, RootModel[dict[int, int]]):
    """How often Dagster was made to look again, by the event id of the failure."""

    root: dict[int, int] = Field(default_factory=dict)


def retry_sensor() -> dg.SensorDefinition:
    """Has Dagster's daemon meet a failure again whose run waits for its repetition. A run is repeated once nevertheless."""

    @dg.sensor(
        name=NAME,
        minimum_interval_seconds=15,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Finds crashed runs that Dagster wanted to repeat and has overlooked, and has it look again.",
    )
    def retries(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        attempts = RetryCursor.read(context.cursor, warn=context.log.warning).root
        overlooked = _overlooked(context.instance, attempts, time.time())
        due = [event for event in overlooked if attempts.get(event, 0) < _MAX_ATTEMPTS]
        if due:
            _go_back_before(context.instance, min(due))
        return dg.SensorResult(
            cursor=RetryCursor({event: attempts.get(event, 0) + 1 for event in overlooked}).write(),
            skip_reason=f"{len(overlooked)} crashed runs wait for their repetition; Dagster looks again at {len(due)}",
        )

    return retries


def _overlooked(instance: dg.DagsterInstance, attempts: Mapping[int, int], now: float) -> list[int]:
    """The event ids of failures, but for the latest, whose runs are still to be repeated; ``now`` is Unix time."""
    found = instance.fetch_run_status_changes(dg.DagsterEventType.RUN_FAILURE, limit=_NEWEST).records
    failures = [each for each in found if not waits(each.timestamp, _DAEMON_SECONDS, now)]
    if not failures:
        return []
    recent = [each for each in failures if waits(each.timestamp, _GIVEN_UP_SECONDS, now)]
    take_up_again(instance, [each.run_id for each in recent if attempts.get(each.storage_id, 0) < _MAX_ATTEMPTS])
    waiting = runs_to_retry(instance, [each.run_id for each in failures])
    return [each.storage_id for each in failures if each.run_id in waiting]


def _go_back_before(instance: dg.DagsterInstance, event: int) -> None:
    storage = instance.daemon_cursor_storage
    met = storage.get_cursor_values({FAILURES_CURSOR}).get(FAILURES_CURSOR)
    # The daemon writes its cursor after each look, and may just have taken this one back: then the next tick does it.
    if met is not None and int(met) >= event:
        storage.set_cursor_values({FAILURES_CURSOR: str(event - 1)})
