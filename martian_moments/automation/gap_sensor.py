"""The gap sensor: the closed loop that ends when the lake holds everything that its sources promise."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg

from martian_moments.assets.lake import photos_key
from martian_moments.automation.in_flight import InFlight
from martian_moments.gaps import Tries
from martian_moments.partitions import LAKE_RUN_SOLS, Span, newest_span, registered_sols
from martian_moments.rooms import Rooms

NAME: Final = "gaps"


def gap_sensor(rovers: Sequence[str]) -> dg.SensorDefinition:
    """Asks for the newest missing and short sols of each rover, one run at a time per rover."""

    @dg.sensor(
        name=NAME,
        asset_selection=[photos_key(rover) for rover in rovers],
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Compares what the manifests in the lake promise with what the lake holds, and asks for the rest, "
        f"newest sols first, at most {LAKE_RUN_SOLS} a run. What fails or stays short is asked for again, later each time.",
    )
    def gaps(context: dg.SensorEvaluationContext, rooms: dg.ResourceParam[Rooms]) -> dg.SensorResult:
        tries = read_cursor(context.cursor)
        under_way = InFlight(context)
        requests = []
        for rover in rovers:
            mine = tries.setdefault(rover, Tries())
            if request := _next_request(context.instance, rooms, rover, mine, under_way):
                requests.append(request)
        return dg.SensorResult(
            run_requests=requests,
            cursor=write_cursor(tries),
            skip_reason=None if requests else "nothing is due: no gap, or each waits for its next attempt or is under way",
        )

    return gaps


def _next_request(
    instance: dg.DagsterInstance, rooms: Rooms, rover: str, tries: Tries, under_way: InFlight
) -> dg.RunRequest | None:
    asset = photos_key(rover)
    if under_way.runs_of(asset):
        return None
    gaps = rooms.coverage(rover).gaps
    registered = registered_sols(instance, rover)
    now = time.time()
    due = [sol for sol in tries.due(gaps, under_way.sols(asset), now) if sol in registered]
    span = newest_span(due, LAKE_RUN_SOLS)
    if span is None:
        return None
    tries.asked(span.sols, gaps, now)
    return run_request(rover, span)


def run_request(rover: str, span: Span, *, refetch: bool = False, run_key: str | None = None, **tags: str) -> dg.RunRequest:
    """A run of ``lake/<rover>/photos`` over a span that asks only for the sols that are due."""
    asset = photos_key(rover)
    config = {"sols": list(span.sols), "refetch": refetch}
    return dg.RunRequest(
        run_key=run_key,
        asset_selection=[asset],
        run_config={"ops": {asset.to_python_identifier(): {"config": config}}},
        tags={**span.tags(), **tags},
    )


def read_cursor(cursor: str | None) -> dict[str, Tries]:
    """The tries of each rover."""
    stored: Mapping[str, Any] = json.loads(cursor) if cursor else {}
    return {rover: Tries.from_json(value) for rover, value in stored.items()}


def write_cursor(tries: Mapping[str, Tries]) -> str:
    """The cursor that holds the tries of each rover."""
    return json.dumps({rover: mine.to_json() for rover, mine in tries.items()}, separators=(",", ":"))
