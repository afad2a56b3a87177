"""The schedules: what is asked for again because the upstream may know more by now."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from martian_moments import ingest
from martian_moments.assets.lake import MANIFESTS, TRAVERSE, photos_key
from martian_moments.automation.gap_sensor import run_request
from martian_moments.automation.young import due_sols
from martian_moments.partitions import LAKE_RUN_SOLS, registered_sols, spans
from martian_moments.rooms import Rooms


def schedules(rovers: Sequence[str], traverse_rovers: Sequence[str]) -> list[dg.ScheduleDefinition]:
    """Manifests every hour, traverse maps every day, young sols as their age asks for."""
    plans = [_by_rover("manifests", MANIFESTS, rovers, "5 * * * *"), *map(_young_sols, rovers)]
    return [*plans, _by_rover("traverse_maps", TRAVERSE, traverse_rovers, "35 6 * * *")] if traverse_rovers else plans


def _by_rover(name: str, asset: dg.AssetKey, rovers: Sequence[str], cron: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=name,
        target=[asset],
        cron_schedule=cron,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description=f"Asks for {asset.to_user_string()} of every rover again; an unchanged answer writes nothing.",
    )
    def plan(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
        moment = context.scheduled_execution_time.isoformat()
        return [dg.RunRequest(run_key=f"{moment}-{rover}", asset_selection=[asset], partition_key=rover) for rover in rovers]

    return plan


def _young_sols(rover: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{rover}_young_sols",
        target=[photos_key(rover)],
        cron_schedule="20 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks again for sols near the newest, whose photos may still be arriving; the younger, the more often.",
    )
    def young_sols(context: dg.ScheduleEvaluationContext, rooms: dg.ResourceParam[Rooms]) -> list[dg.RunRequest]:
        return list(_young_runs(context.instance, rooms, rover, context.scheduled_execution_time))

    return young_sols


def _young_runs(instance: dg.DagsterInstance, rooms: Rooms, rover: str, moment: datetime) -> Iterator[dg.RunRequest]:
    hour = int(moment.astimezone(UTC).timestamp() // 3_600)
    view = ingest.view(rooms.lake, rover, rooms.settings.sources[0])
    registered = registered_sols(instance, rover)
    sols = [sol for sol in due_sols(view, rooms.settings.late_sols, hour) if sol in registered]
    for span in spans(sols, LAKE_RUN_SOLS):
        yield run_request(rover, span, refetch=True, run_key=f"{moment.isoformat()}-{rover}-{span.first}")
