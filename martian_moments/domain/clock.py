"""What a clock that was wrong must not do: a moment that is still to come says nothing about what came first. Pure.

A machine's clock may stand years ahead until somebody corrects it, or step back while a run is under way. What was
written in between carries times that lie ahead of the right one: they win against nothing, and nothing waits for them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

TOLERANCE: Final = timedelta(minutes=5)
"""By how much the clocks of hosts may differ. A time that is further ahead was written by a clock that was wrong."""


def latest_plausible(now: datetime | None = None) -> datetime:
    """The latest time that may have passed: now, and what clocks may differ by."""
    return (now or datetime.now(UTC)) + TOLERANCE


def is_ahead(moment: datetime, now: datetime | None = None) -> bool:
    """Whether a time lies so far ahead that the clock which wrote it was wrong, or this one is."""
    return moment > latest_plausible(now)


def outdates(new: tuple[datetime, str], held: tuple[datetime, str], now: datetime | None = None) -> bool:
    """Whether what arrives is not older than what is held. The lake and every bronze decide by this rule.

    A time that is ahead wins against nothing: what is held with it gives way to whatever arrives, and what arrives with it
    leaves in place what is held with a time that has passed.

    Args:
        new: when it was fetched (UTC), and its fingerprint, which decides between equal times.
        held: likewise.
        now: UTC; by default this machine's clock.
    """
    if is_ahead(held[0], now):
        return True
    return not is_ahead(new[0], now) and new >= held


def waits(since: float, seconds: float, now: float) -> bool:
    """Whether a delay that began at a moment is not over yet (all in seconds, moments since 1970).

    A delay that began at a time still to come is over: nobody waits for years because a clock was wrong.
    """
    return since <= now + TOLERANCE.total_seconds() and now < since + seconds
