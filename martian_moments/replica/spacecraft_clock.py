"""The spacecraft clock: seconds, without the drift of the real ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_CLOCK_ZERO: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
"""Spacecraft clocks count seconds from about here; they drift by minutes over a mission."""


def spacecraft_clock(moment: datetime) -> int:
    """The spacecraft clock at a moment."""
    return int((moment - _CLOCK_ZERO).total_seconds())


def moment_of(clock: int) -> datetime:
    """The moment, in UTC, at which the spacecraft clock shows this."""
    return _CLOCK_ZERO + timedelta(seconds=clock)
