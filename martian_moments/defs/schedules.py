"""The schedules: what is asked for again because the upstream may know more by now, and what is removed."""

from collections.abc import Iterator
from datetime import UTC, datetime

import dagster as dg

from martian_moments.defs.assets.lake import MANIFESTS, TRAVERSE, photos_key, photos_run
from martian_moments.defs.partitions import lake_run_sols, registered_sols, spans
from martian_moments.defs.pruning import pruning_schedule
from martian_moments.defs.recent_sols import due_sols
from martian_moments.domain.coverage import Coverage
from martian_moments.infrastructure.space import shortage
from martian_moments.lake.store import Lake
from martian_moments.pipelines.coverage import coverage, served
from martian_moments.settings import Settings


def schedules(settings: Settings) -> list[dg.ScheduleDefinition]:
    """Manifests and pruning every hour, traverse maps every day, recent sols as their age asks for."""
    recent = [_recent_sols(settings, rover) for rover in settings.rovers]
    return [_manifests(settings), *recent, _traverse_maps(settings), pruning_schedule(settings)]


def _manifests(settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="manifests",
        target=[MANIFESTS],
        cron_schedule="5 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks for every rover's manifest again; an unchanged response writes nothing.",
    )
    def manifests(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        if short := shortage(settings.folders):
            return dg.SkipReason(short)
        return [_request(MANIFESTS, rover, context) for rover in settings.rovers]

    return manifests


def _traverse_maps(settings: Settings) -> dg.ScheduleDefinition:
    @dg.schedule(
        name="traverse_maps",
        target=[TRAVERSE],
        cron_schedule="35 6 * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks for the traverse maps of every rover that is served again; an unchanged response writes nothing.",
    )
    def traverse_maps(
        context: dg.ScheduleEvaluationContext, lake: dg.ResourceParam[Lake]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        if short := shortage(settings.folders):
            return dg.SkipReason(short)
        rovers = (rover for rover in settings.rovers if served(lake, rover, settings.sources))
        return [_request(TRAVERSE, rover, context) for rover in rovers]

    return traverse_maps


def _request(asset: dg.AssetKey, rover: str, context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
    run_key = f"{context.scheduled_execution_time.isoformat()}-{rover}"
    return dg.RunRequest(run_key=run_key, asset_selection=[asset], partition_key=rover)


def _recent_sols(settings: Settings, rover: str) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"{rover}_recent_sols",
        target=[photos_key(rover)],
        cron_schedule="20 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks again for sols near the newest, whose photos may still be arriving; the newer, the more often.",
    )
    def recent_sols(
        context: dg.ScheduleEvaluationContext, lake: dg.ResourceParam[Lake]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        if short := shortage(settings.folders):
            return dg.SkipReason(short)
        known = coverage(lake, rover, settings.sources)
        return list(_recent_runs(context.instance, known, settings, context.scheduled_execution_time))

    return recent_sols


def _recent_runs(
    instance: dg.DagsterInstance, known: Coverage, settings: Settings, moment: datetime
) -> Iterator[dg.RunRequest]:
    hour = int(moment.astimezone(UTC).timestamp() // 3_600)
    registered = registered_sols(instance, known.rover)
    sols = [sol for sol in due_sols(known, settings.late_sols, hour) if sol in registered]
    for span in spans(sols, lake_run_sols(settings)):
        yield photos_run(known.rover, span, refetch=True, run_key=f"{moment.isoformat()}-{known.rover}-{span.first}")
