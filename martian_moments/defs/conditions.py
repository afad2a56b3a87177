"""When dbt runs: soon after bronze changed, never losing a change, never starved by a busy bronze. And what follows it."""

from __future__ import annotations

from typing import Any, Final

import dagster as dg

AC: Final = dg.AutomationCondition


def refresh_from_bronze() -> dg.AutomationCondition[Any]:
    """For the one model that everything else in dbt follows: bronze changed since the last time it was asked for.

    Both operands of ``since`` stay bare: with a boolean operator around them Dagster drops the times that break ties, and a
    load that lands between the request and the next tick is lost (of five forms tried, only this one kept every load).
    While bronze is loading the model waits, so that a backfill makes one dbt run and not twenty; but every two minutes it
    goes ahead all the same, so that silver never waits longer for what has been loaded. Not every minute: a build takes 20
    to 60 s, in which nothing is loaded, and left bronze less than half of the time (five builds instead of two on a first
    fill).
    """
    return _after_changes("refresh_from_bronze", "*/2 * * * *")


def refresh_from_models() -> dg.AutomationCondition[Any]:
    """For the open formats: one of the models that they are made of was built since they were last asked for.

    In a run of their own, so that they keep no build and no load waiting and fail alone. While builds follow each other, as
    in a backfill, only every ten minutes.
    """
    return _after_changes("refresh_from_models", "*/10 * * * *")


def _after_changes(label: str, at_the_latest: str) -> dg.AutomationCondition[Any]:
    changed = AC.any_deps_match(AC.newly_updated()).since(AC.newly_requested())
    quiet = ~AC.any_deps_in_progress()
    return (changed & ~AC.in_progress() & (quiet | AC.cron_tick_passed(at_the_latest))).with_label(label)


def ride_along() -> dg.AutomationCondition[Any]:
    """For every other model: in the same run as the model it follows. A failure is healed by the next change of bronze."""
    return AC.any_deps_match(AC.will_be_requested()).with_label("ride_along")


def refresh_made_before() -> dg.AutomationCondition[Any]:
    """For the frames of a moment: as for the open formats, once somebody has asked for them a first time.

    And every six hours, for pictures that could not be had; a run that wants none asks nobody.
    """
    again = AC.cron_tick_passed("17 */6 * * *") & ~AC.in_progress()
    return ((_after_changes("made_before", "*/10 * * * *") | again) & ~AC.missing()).with_label("refresh_made_before")


def refresh_from_frames() -> dg.AutomationCondition[Any]:
    """For the movie of a moment: its frames are others than those that were there when it was last asked for.

    And every hour where it could not be made, because a disk was full, say. Not in one run with its frames: these are
    reported moment by moment, and Dagster skips in the same run what depends on them.
    """
    changed = AC.any_deps_match(AC.data_version_changed()).since(AC.newly_requested())
    failed = AC.execution_failed() & AC.cron_tick_passed("47 * * * *")
    quiet = ~AC.in_progress() & ~AC.any_deps_in_progress() & ~AC.any_deps_match(AC.will_be_requested())
    return ((changed | failed) & quiet).with_label("refresh_from_frames")
