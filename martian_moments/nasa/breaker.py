"""When a client stops asking: the one circuit breaker for an upstream that is down.

It stands where every request passes, whatever dialect, manifest, map or sol it is of, and it never closes again, because a
client lives for one run. What comes after a run is the gap sensor's: it asks again with growing delays. The circuit breakers
among the packages (pybreaker, aiobreaker, purgatory) wrap a call and half-open after a time; here the requests of an outage
are under way already and have to stop between their attempts, one service at a time.
"""

from __future__ import annotations

from collections import Counter

import httpx

from martian_moments.domain.errors import UpstreamUnavailable


class NotAsked(UpstreamUnavailable):
    """Nothing was asked: the client has stopped asking this service."""


class Breaker:
    """Counts requests in a row to which a service gave no response, each after its attempts. Any response ends the count.

    Args:
        limit: after so many a service is not asked any more.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._unanswered: Counter[str] = Counter()

    def check(self, request: httpx.Request, url: str) -> None:
        """Raise NotAsked for a service that has given no response to so many requests. ``url`` is for the message."""
        unanswered = self._unanswered[_service(request)]
        if unanswered >= self._limit:
            raise NotAsked(
                f"{url}: not asked, because {unanswered} requests in a row got no response; the rest of this run is not "
                "asked either: run it again when the upstream is back"
            )

    def note(self, request: httpx.Request, *, responded: bool) -> None:
        """Take note of how a request ended."""
        if responded:
            self._unanswered.pop(_service(request), None)
        else:
            self._unanswered[_service(request)] += 1


def _service(request: httpx.Request) -> str:
    """What fails and comes back as one: a host has several services (feeds, maps): how their paths begin."""
    return "/".join([request.url.host, *request.url.path.split("/")[1:4]])
