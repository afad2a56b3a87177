"""For how long a response asks to be left alone: its Retry-After, or the rate limit that it says is used up."""

from __future__ import annotations

import math
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

# For a server that says to wait, or that nothing remains, but not until when: polite enough, and then it is asked.
_UNSTATED_PAUSE_S: Final = 60.0
# X-RateLimit-Reset is a moment (seconds since 1970) with some servers and a number of seconds with others; some headers
# count milliseconds. The first is 2001-09-09, the second 2001-09-09 in milliseconds, or the year 33658 in seconds.
_EARLIEST_EPOCH: Final = 1_000_000_000
_EARLIEST_EPOCH_MS: Final = 1_000_000_000_000
LONGEST_PAUSE_S: Final = 86_400.0
"""What asks for more is a clock that is wrong or a unit that nobody knows; a day later the upstream is asked again."""


def asked_pause(response: httpx.Response, now: datetime) -> float:
    """Seconds for which a response asks to be left alone; 0 when it does not."""
    after = response.headers.get("retry-after")
    if after and response.is_error:
        return _seconds_until(after, now)
    if response.headers.get("x-ratelimit-remaining") == "0":
        return _seconds_until(response.headers.get("x-ratelimit-reset", ""), now)
    return 0.0


def _seconds_until(stated: str, now: datetime) -> float:
    """A header's number of seconds, moment since 1970, or HTTP date, as 0 s to a day from now; a minute where unreadable."""
    try:
        number = float(stated)
    except ValueError:
        try:
            number = parsedate_to_datetime(stated).timestamp()
        except (TypeError, ValueError, OverflowError):
            return _UNSTATED_PAUSE_S
    if not math.isfinite(number):
        return _UNSTATED_PAUSE_S
    if number >= _EARLIEST_EPOCH_MS:
        number /= 1_000
    seconds = number - now.timestamp() if number >= _EARLIEST_EPOCH else number
    return min(max(0.0, seconds), LONGEST_PAUSE_S)
