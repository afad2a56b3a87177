"""Recent sols: photos keep arriving for weeks, so the newest sols are asked for again, more often the newer they are.

The age of a sol is counted in sols behind the newest that its source knows, never by the clock on the wall.
"""

from __future__ import annotations

from typing import Final

from martian_moments.domain.coverage import Coverage

_EVERY_HOURS: Final = ((7, 5), (21, 25))
"""(sols behind the newest, hours between two looks): the newest week some five times a day, then once a day.

No divisor of a day among them: a platform that runs only in the daytime would never see the hours that they fall on. So they
drift around the clock.
"""

_OLDER_HOURS: Final = 71
"""Hours between two looks at recent sols that are older: every third day, likewise."""


def recent_sols(known: Coverage, late_sols: int) -> list[int]:
    """The sols with promised photos that are within ``late_sols`` of the newest sol that their source knows, ascending."""
    return sorted(sol for sol, age in _ages(known).items() if age <= late_sols)


def due_sols(known: Coverage, late_sols: int, hour: int) -> list[int]:
    """The recent sols whose turn it is in an hour (hours since 1970), ascending."""
    ages = _ages(known)
    return [sol for sol in recent_sols(known, late_sols) if hour % _hours_between_looks(ages[sol]) == 0]


def _ages(known: Coverage) -> dict[int, int]:
    """Sols behind the newest, for every sol with promised photos; by the source preferred most of those that promise it."""
    ages: dict[int, int] = {}
    for view in known.views:
        if view.promises is not None and (newest := view.promises.newest_sol) is not None:
            ages = {sol: newest - sol for sol in view.promises.sols} | ages
    return ages


def _hours_between_looks(age: int) -> int:
    return next((hours for sols, hours in _EVERY_HOURS if age <= sols), _OLDER_HOURS)
