"""Faults on demand: which responses go wrong, and how. The choice is seeded, so a test knows how many to expect."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any, Final, Self

from martian_moments.domain.errors import InputError
from martian_moments.replica.responses import HTML, Cut, Dropped, Reply, Response, Slow


class Fault(StrEnum):
    """What can happen to one response."""

    RATE_LIMITED = "rate_limited"
    """429 with Retry-After."""
    ERROR_500 = "error_500"
    ERROR_503 = "error_503"
    DROPPED = "dropped"
    """The connection is reset before anything is sent."""
    CUT = "cut"
    """The connection closes in the middle of the body."""
    HTML = "html"
    """A web page with status 200."""
    JSON_ERROR = "json_error"
    """A JSON error object with status 200."""
    EMPTY = "empty"
    """A well-formed response without photos for a sol that has some; a 503 where the response is no list of photos."""
    WRONG_LENGTH = "wrong_length"
    """All of the body under a Content-Length that promises more, and the connection closes."""
    REDIRECT = "redirect"
    """302 to another host."""
    NOT_FOUND = "not_found"
    SLOW = "slow"
    """Half of the body, a pause, and the other half."""


OF_PICTURES: Final = (
    Fault.RATE_LIMITED,
    Fault.ERROR_500,
    Fault.ERROR_503,
    Fault.DROPPED,
    Fault.CUT,
    Fault.HTML,
    Fault.WRONG_LENGTH,
    Fault.REDIRECT,
    Fault.SLOW,
)
"""What happens to pictures unless a plan says otherwise. A picture that is not found is a fact, and not in the mix."""

_OF_PICTURES_ALONE: Final = (Fault.WRONG_LENGTH, Fault.REDIRECT, Fault.NOT_FOUND, Fault.SLOW)

ELSEWHERE: Final = "/elsewhere"
"""How the paths begin to which a redirect leads. Nothing is there."""


_OUTAGE: Final = (Fault.ERROR_503, Fault.DROPPED)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultPlan:
    """How the upstream misbehaves.

    Attributes:
        latency_ms: delay of every response.
        share: share of the responses that are faulty, 0 to 1, spread evenly over ``kinds``.
        kinds: the faults that occur.
        pictures: the faults that occur where a picture is asked for.
        retry_after_s: what a 429 says in Retry-After.
        slow_ms: the pause of a slow response.
        outage: every response is a 503 or a dropped connection.
        only: how the paths begin whose responses are faulty; empty for all.
    """

    latency_ms: float = 0.0
    share: float = 0.0
    kinds: tuple[Fault, ...] = tuple(fault for fault in Fault if fault not in _OF_PICTURES_ALONE)
    pictures: tuple[Fault, ...] = OF_PICTURES
    retry_after_s: int = 1
    slow_ms: float = 1000.0
    outage: bool = False
    only: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what cannot be done. Raises InputError."""
        waits = (self.latency_ms, self.retry_after_s, self.slow_ms)
        if not 0 <= self.share <= 1 or min(waits) < 0 or not self.kinds or not self.pictures:
            raise InputError(
                "a fault plan has a share from 0 to 1, latency_ms, retry_after_s and slow_ms from 0 up, and some kinds"
            )

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The plan in a control message; what it does not name has its default.

        Raises:
            InputError: an unknown field or kind, or a value of the wrong type.
        """
        try:
            values = dict(fields)
            for field in {"kinds", "pictures"} & values.keys():
                values[field] = tuple(Fault(kind) for kind in values[field])
            values["only"] = tuple(map(str, values.get("only", ())))
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise InputError(f"the fault plan is not understood: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """The plan as :meth:`from_json` reads it."""
        return asdict(self)


class FaultStream:
    """The faults of successive requests under one plan: one random draw each, so a retry can succeed."""

    def __init__(self, plan: FaultPlan, seed: int) -> None:
        self.plan = plan
        self._random = random.Random(f"faults/{seed}")  # noqa: S311 - repeatable on purpose

    def next(self, path: str, *, of_picture: bool = False) -> Fault | None:
        """What happens to the next response, which is to a question of this path; None when nothing does."""
        if self.plan.only and not path.startswith(self.plan.only):
            return None
        draw = self._random.random()
        if self.plan.outage:
            return _OUTAGE[int(draw * len(_OUTAGE))]
        if draw >= self.plan.share:
            return None
        kinds = self.plan.pictures if of_picture else self.plan.kinds
        return kinds[int(draw / self.plan.share * len(kinds))]


_PAGE: Final = b"<!DOCTYPE html><html><head><title>Service</title></head><body><h1>We'll be back soon</h1></body></html>"


def _error(status: int, title: str) -> Response:
    page = f"<html><head><title>{status} {title}</title></head><body><h1>{status} {title}</h1></body></html>"
    return Response(page.encode(), status=status, media_type=HTML)


_WRONG_RESPONSES: Final = {
    Fault.ERROR_500: _error(500, "Internal Server Error"),
    Fault.ERROR_503: _error(503, "Service Unavailable"),
    Fault.NOT_FOUND: _error(404, "Not Found"),
    Fault.HTML: Response(_PAGE, media_type=HTML),
    Fault.JSON_ERROR: Response(b'{"error":{"code":"INTERNAL","message":"The service could not process the request."}}'),
}
_TOO_MUCH: Final = 1000
_RATE_LIMIT_BODY: Final = b'{"error":{"code":"OVER_RATE_LIMIT","message":"You have exceeded your rate limit."}}'


def spoil(fault: Fault, response: Response, plan: FaultPlan, *, empty: Response | None, elsewhere: str) -> Reply:
    """The reply that a client gets instead of the right response.

    Args:
        fault: what goes wrong.
        response: the right response.
        plan: under which it goes wrong.
        empty: the response without photos to the same question, or None where the right response is no list of photos.
        elsewhere: the address to which a redirect leads.
    """
    reply: Reply
    match fault:
        case Fault.DROPPED:
            reply = Dropped()
        case Fault.CUT:
            reply = Cut(response, len(response.body) // 2)
        case Fault.WRONG_LENGTH:
            reply = Cut(replace(response, body=response.body + bytes(_TOO_MUCH)), len(response.body))
        case Fault.SLOW:
            reply = Slow(response, plan.slow_ms / 1000)
        case Fault.REDIRECT:
            reply = Response(b"", status=302, media_type=HTML, headers=((b"location", elsewhere.encode()),))
        case Fault.RATE_LIMITED:
            reply = Response(_RATE_LIMIT_BODY, status=429, headers=((b"retry-after", str(plan.retry_after_s).encode()),))
        case Fault.EMPTY:
            reply = empty or _WRONG_RESPONSES[Fault.ERROR_503]
        case _:
            reply = _WRONG_RESPONSES[fault]
    return reply
