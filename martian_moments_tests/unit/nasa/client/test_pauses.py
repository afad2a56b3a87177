"""Pauses that an upstream asks for: read in whatever unit, kept, and never longer than a day."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from martian_moments.domain.errors import UpstreamUnavailable
from martian_moments.nasa.retry_after import asked_pause
from martian_moments_tests.unit.nasa.client.conftest import GOOD, URL, Script, fine, in_seconds, parsed, responding
from martian_moments_tests.unit.nasa.conftest import ClientFactory


@pytest.mark.parametrize(
    "fault",
    [
        lambda: responding(429, retry_after="600"),
        lambda: responding(503, retry_after=format_datetime(in_seconds(600), usegmt=True)),
        lambda: responding(429, x_ratelimit_remaining="0", x_ratelimit_reset="600"),
        lambda: responding(429, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(in_seconds(600).timestamp()))),
    ],
)
async def test_a_wish_for_a_long_pause_ends_the_asking_and_names_the_time(
    client: ClientFactory, fault: Callable[[], Any]
) -> None:
    script = Script(fault())
    async with client(script) as asking:
        for _ in range(2):
            with pytest.raises(UpstreamUnavailable, match=r"no requests for (5\d\d|600) s; ask again after 20"):
                await asking.get(URL, parsed)
    assert len(script.requests) == 1


NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        ("1764350000000", 0),  # milliseconds since 1970, in the past
        (f"{NOON.timestamp() + 600:.0f}000", 600),
        (f"{NOON.timestamp() + 600:.0f}", 600),
        ("1764350000", 0),
        ("99999999999999999999", 86_400),
        ("3600000", 86_400),  # an hour in milliseconds, or 41 days
        ("-5", 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
        ("Fri, 99 Foo 99999 23:59:59 GMT", 60),
        ("inf", 60),
        ("NaN", 60),
        ("1e400", 60),
        ("soon", 60),
    ],
)
def test_a_pause_is_never_longer_than_a_day_in_whatever_unit_it_is_stated(stated: str, seconds: float) -> None:
    for headers in ({"retry-after": stated}, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": stated}):
        response = httpx.Response(429, headers=headers)
        assert asked_pause(response, NOON) == seconds


async def test_who_keeps_pauses_is_informed_and_the_next_client_keeps_what_was_asked_for(client: ClientFactory) -> None:
    script = Script(responding(429, retry_after="7200"))
    reported: dict[str, datetime] = {}
    async with client(script, on_pause=reported.__setitem__) as asking:
        with pytest.raises(UpstreamUnavailable):
            await asking.get(URL, parsed)
    (until,) = reported.values()
    assert abs(until - in_seconds(7_200)) < timedelta(minutes=5)
    async with client(script, held=reported) as asking:
        with pytest.raises(UpstreamUnavailable, match="ask again after"):
            await asking.get(URL, parsed)
    assert len(script.requests) == 1


async def test_the_last_response_of_a_quota_is_used_and_then_nothing_is_asked(client: ClientFactory) -> None:
    script = Script(responding(200, GOOD, x_ratelimit_remaining="0", x_ratelimit_reset="600"))
    async with client(script) as asking:
        assert await asking.get(URL, parsed) == {"fine": True}
        with pytest.raises(UpstreamUnavailable, match="ask again after"):
            await asking.get(URL, parsed)
    assert len(script.requests) == 1


async def test_a_short_pause_is_waited_for(client: ClientFactory) -> None:
    loop = asyncio.get_running_loop()
    asked: list[float] = []
    steps = iter([responding(429, retry_after="0.2"), fine])

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(loop.time())
        return next(steps)()

    async with client(handler) as asking:
        assert await asking.get(URL, parsed) == {"fine": True}
    assert asked[1] - asked[0] >= 0.19


async def test_a_host_that_asks_for_a_long_pause_says_until_when_to_every_request(client: ClientFactory) -> None:
    script = Script(responding(429, retry_after="5000"))
    async with client(script, give_up_after=2) as asking:
        for _ in range(5):
            with pytest.raises(UpstreamUnavailable, match="ask again after"):
                await asking.get(URL, parsed)
    assert len(script.requests) == 1
