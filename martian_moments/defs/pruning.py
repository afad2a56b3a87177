"""What grows with time and nothing needs is removed: old ticks by Dagster itself (dagster.yaml), the rest by this job."""

from typing import Final

import dagster as dg

from martian_moments.settings import Settings

NAME: Final = "pruning"
"""Of the job and of its schedule."""


def pruning_schedule(settings: Settings) -> dg.ScheduleDefinition:
    """Every hour: the logs of ticks alone are some thousand files an hour. With nothing to remove, it takes 0.1 s."""

    @dg.op(name="prune")
    def prune(context: dg.OpExecutionContext) -> None:
        # Imports the SQL storage, which loading the definitions does without.
        from martian_moments.dagster_runtime.pruning import prune as prune_storage

        done = prune_storage(context.instance, settings)
        context.log.info(
            "removed %d events that newer ones have replaced, the logs of %d runs and %d ticks, %d runs of which nothing "
            "was left, and from the files of %d runs what the index of events has as well",
            done.events,
            done.logs,
            done.ticks,
            done.runs,
            done.copies,
        )

    @dg.job(
        name=NAME,
        # Behind everything else that is queued: nothing waits for it.
        tags={"dagster/priority": "-1"},
        executor_def=dg.in_process_executor,
        description="Removes what grows with time from Dagster's storage, as MARS_KEEP_..._DAYS say.",
    )
    def pruning() -> None:
        prune()

    return dg.ScheduleDefinition(
        name=NAME,
        job=pruning,
        cron_schedule="50 * * * *",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Removes old events and logs of runs, and what newer runs have replaced.",
    )
