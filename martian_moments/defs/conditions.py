"""When dbt runs: soon after bronze changed, never losing a change, never starved by a busy bronze."""

from __future__ import annotations

from typing import Any, Final

import dagster as dg

AC: Final = dg.AutomationCondition


def refresh_from_bronze() -> dg.AutomationCondition[Any]:
    """For the one model that everything else in dbt follows: bronze changed since the last time it was asked for.

    Both operands of ``since`` stay bare: with a boolean operator around them Dagster drops the times that break ties, and a
    load that lands between the request and the next tick is lost (of five forms tried, only this one kept every load).
    While bronze is loading the model waits, so that a backfill makes one dbt run and not twenty; but at each full minute it
    goes ahead all the same, so that silver never waits longer than two minutes for what has been loaded.
    """
    changed = AC.any_deps_match(AC.newly_updated()).since(AC.newly_requested())
    quiet = ~AC.any_deps_in_progress()
    return (changed & ~AC.in_progress() & (quiet | AC.cron_tick_passed("* * * * *"))).with_label("refresh_from_bronze")


def ride_along() -> dg.AutomationCondition[Any]:
    """For every other model: in the same run as the model it follows. A failure is healed by the next change of bronze."""
    return AC.any_deps_match(AC.will_be_requested()).with_label("ride_along")
