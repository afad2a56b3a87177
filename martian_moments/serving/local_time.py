"""The parts of a local mean solar time as the tables have it, ``Sol-00013M15:28:38.766``, in SQL on a column ``lmst``.

A source may report a text that is none: then they are null, as where nobody knows the time.
"""

from __future__ import annotations

from typing import Final


def _part(first: int, most: int) -> str:
    number = f"try_cast(substr(lmst, {first}, 2) as integer)"
    return f"case when {number} between 0 and {most} then {number} end"


HOUR: Final = _part(11, 23)
MINUTE: Final = _part(14, 59)
SECOND: Final = _part(17, 59)

CLOCK: Final = f"case when ({HOUR}) + ({MINUTE}) + ({SECOND}) is not null then substr(lmst, 11, 8) end"
"""``15:28:38``."""
