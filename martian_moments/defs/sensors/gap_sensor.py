"""The gap sensor: the closed loop that ends when the lake holds everything that its sources promise."""

import time
from collections.abc import Iterator
from typing import Final

import dagster as dg
from pydantic import Field, RootModel

from martian_moments.dagster_runtime.follows import RUNS
from martian_moments.defs.assets.lake import MANIFESTS, photos_key, photos_run
from martian_moments.defs.partitions import lake_run_sols, newest_span, registered_sols
from martian_moments.defs.sensors.cursor import Cursor
from martian_moments.defs.sensors.in_flight import InFlight
from martian_moments.domain.coverage import Coverage
from martian_moments.domain.gaps import RetryState
from martian_moments.infrastructure.space import shortage
from martian_moments.lake.store import Lake
from martian_moments.pipelines.coverage import coverage
from martian_moments.settings import Settings

NAME: Final = "gaps"


class GapCursor(Cursor, RootModel[dict[str, RetryState]]):
    """The retry state of each rover."""

    root: dict[str, RetryState] = Field(default_factory=dict)

    def of(self, rover: str) -> RetryState:
        """The retry state of a rover, to be changed in place."""
        return self.root.setdefault(rover, RetryState())


def gap_sensor(settings: Settings) -> dg.SensorDefinition:
    """Asks for the newest missing and short sols of each rover, and for the manifest of a source that has not responded yet.

    One run of either at a time per rover.
    """
    widest = lake_run_sols(settings)

    @dg.sensor(
        name=NAME,
        asset_selection=[MANIFESTS, *(photos_key(rover) for rover in settings.rovers)],
        minimum_interval_seconds=5,
        tags=RUNS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares what the manifests in the lake promise with what the lake holds, and asks for the rest, "
        f"newest sols first, at most {widest} a run. What fails or stays short is asked for again, later each time.",
    )
    def gaps(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.SensorResult | dg.SkipReason:
        if short := shortage(settings.folders):
            return dg.SkipReason(short)
        cursor = GapCursor.read(context.cursor, warn=context.log.warning)
        under_way = InFlight(context)
        requests: list[dg.RunRequest] = []
        for rover in settings.rovers:
            mine = cursor.of(rover)
            known = coverage(lake, rover, settings.sources)
            requests += _missing_manifests(known, mine, under_way)
            requests += _next_gaps(context.instance, known, mine, under_way, widest)
        return dg.SensorResult(
            run_requests=requests,
            cursor=cursor.write(),
            skip_reason=None if requests else "nothing is due: no gap, or each waits for its next attempt or is under way",
        )

    return gaps


def _missing_manifests(known: Coverage, retry_state: RetryState, under_way: InFlight) -> Iterator[dg.RunRequest]:
    """Ask again where a part of a rover's sources has responded and the rest has not: nobody else does before the hour."""
    responded = [view.promises is not None for view in known.views]
    if all(responded) and not known.unanswered_parts:
        retry_state.manifests = (0, 0.0)
    elif any(responded) and not under_way.runs_of(MANIFESTS, known.rover) and retry_state.manifests_due(now := time.time()):
        retry_state.manifests_asked(now)
        yield dg.RunRequest(asset_selection=[MANIFESTS], partition_key=known.rover)


def _next_gaps(
    instance: dg.DagsterInstance, known: Coverage, retry_state: RetryState, under_way: InFlight, widest: int
) -> Iterator[dg.RunRequest]:
    asset = photos_key(known.rover)
    if under_way.runs_of(asset):
        return
    gaps = known.gaps
    registered = registered_sols(instance, known.rover)
    now = time.time()
    due = [sol for sol in retry_state.due(gaps, under_way.sols(asset), now) if sol in registered]
    if span := newest_span(due, widest):
        retry_state.asked(span.sols, gaps, now)
        yield photos_run(known.rover, span)
