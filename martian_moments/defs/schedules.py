"""The schedules: what is asked for again because the upstream may know more by now."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from martian_moments.defs.assets.lake import MANIFESTS, TRAVERSE, photos_key
from martian_moments.defs.partitions import LAKE_RUN_SOLS, registered_sols, spans
from martian_moments.defs.recent_sols import due_sols
from martian_moments.defs.sensors.gap_sensor import run_request
from martian_moments.pipelines import ingest
from martian_moments.resources import Rooms


def schedules(rovers: Sequence[str]) -> list[dg.ScheduleDefinition]:
    """Manifests every hour, traverse maps every day, young sols as their age asks for."""
    return [_manifests(rovers), *map(_young_sols, rovers), _traverse_maps(rovers)]


def _manifests(rovers: Sequence[str]) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="manifests",
        target=[MANIFESTS],
        cron_schedule="5 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks for every rover's manifest again; an unchanged answer writes nothing.",
    )
    def manifests(
        context: dg.ScheduleEvaluationContext, rooms: dg.ResourceParam[Rooms]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        if short := rooms.shortage():
            return dg.SkipReason(short)
        return [_request(MANIFESTS, rover, context) for rover in rovers]

    return manifests


def _traverse_maps(rovers: Sequence[str]) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="traverse_maps",
        target=[TRAVERSE],
        cron_schedule="35 6 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks for the traverse maps of every rover that is served again; an unchanged answer writes nothing.",
    )
    def traverse_maps(
        context: dg.ScheduleEvaluationContext, rooms: dg.ResourceParam[Rooms]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        if short := rooms.shortage():
            return dg.SkipReason(short)
        served = (rover for rover in rovers if ingest.served(rooms.lake, rover, rooms.sources_of(rover)))
        return [_request(TRAVERSE, rover, context) for rover in served]

    return traverse_maps


def _request(asset: dg.AssetKey, rover: str, context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    run_key = f"{context.scheduled_execution_time.isoformat()}-{rover}"
    return dg.RunRequest(run_key=run_key, asset_selection=[asset], partition_key=rover)


def _young_sols(rover: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{rover}_young_sols",
        target=[photos_key(rover)],
        cron_schedule="20 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks again for sols near the newest, whose photos may still be arriving; the younger, the more often.",
    )
    def young_sols(
        context: dg.ScheduleEvaluationContext, rooms: dg.ResourceParam[Rooms]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        if short := rooms.shortage():
            return dg.SkipReason(short)
        return list(_young_runs(context.instance, rooms, rover, context.scheduled_execution_time))

    return young_sols


def _young_runs(instance: dg.DagsterInstance, rooms: Rooms, rover: str, moment: datetime) -> Iterator[dg.RunRequest]:
    hour = int(moment.astimezone(UTC).timestamp() // 3_600)
    registered = registered_sols(instance, rover)
    sols = [sol for sol in due_sols(rooms.coverage(rover), rooms.settings.late_sols, hour) if sol in registered]
    for span in spans(sols, LAKE_RUN_SOLS):
        yield run_request(rover, span, refetch=True, run_key=f"{moment.isoformat()}-{rover}-{span.first}")
