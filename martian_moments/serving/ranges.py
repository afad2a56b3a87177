"""Which part of a file is asked for (RFC 9110, section 14), and whether the client has it already (section 13)."""

from __future__ import annotations

import re
from typing import Final

_RANGE: Final = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.IGNORECASE)


ANYTHING: Final = "*"
"""Whatever there is at the address, instead of ETags."""


class Unsatisfiable(Exception):
    """No byte of the file is in the part that is asked for."""


def part_of(asked: str | None, size: int) -> tuple[int, int] | None:
    """The part as its first byte and the one behind its last, or None for the whole file.

    Several parts at once, and what is no range at all, mean the whole file, as the standard allows.

    Raises:
        Unsatisfiable: the file ends before the part begins.
    """
    found = _RANGE.fullmatch((asked or "").strip())
    first, last = found.groups() if found else ("", "")
    if not first and not last:
        return None
    if not first:
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None
    if start >= end:
        raise Unsatisfiable
    return start, end


def is_held(etag: str, if_none_match: str) -> bool:
    """Whether the client has what has this ETag, of which there is something; weak or not does not matter."""
    given = [each.strip().removeprefix("W/") for each in if_none_match.split(",")]
    return etag.removeprefix("W/") in given or given == [ANYTHING]


def has_changed(etag: str, if_match: str) -> bool:
    """Whether the client means another state of the file than the one that has this ETag."""
    given = [each.strip() for each in (if_match or ANYTHING).split(",")]
    return etag not in given and given != [ANYTHING]
