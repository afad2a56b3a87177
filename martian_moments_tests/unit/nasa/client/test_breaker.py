"""An upstream that is down: noticed, and asked no more; other services are."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from martian_moments.domain.errors import BrokenResponse, UpstreamUnavailable
from martian_moments_tests.unit.nasa.client.conftest import URL, Script, fine, parsed, responding
from martian_moments_tests.unit.nasa.conftest import ClientFactory


async def test_an_outage_is_noticed_and_the_rest_is_not_asked(client: ClientFactory) -> None:
    script = Script(httpx.ConnectError("refused"))
    async with client(script, attempts=2, give_up_after=3, concurrency=1) as asking:
        faults = await asyncio.gather(*(asking.get(URL, parsed) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(fault, UpstreamUnavailable) for fault in faults)
    assert len(script.requests) <= 2 * 4
    assert "3 requests in a row got no response; the rest of this run is not asked" in str(faults[-1])


async def test_an_outage_of_one_service_does_not_stop_another_of_the_same_host(client: ClientFactory) -> None:
    def half_down(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/rss/"):
            raise httpx.ConnectError("refused")
        return fine()

    async with client(half_down, attempts=1, give_up_after=2) as asking:
        for _ in range(3):
            with pytest.raises(UpstreamUnavailable):
                await asking.get("https://example.test/rss/api/?sol=1", parsed)
        assert await asking.get("https://example.test/api/v1/rovers", parsed) == {"fine": True}


async def test_any_response_ends_the_count_towards_an_outage(client: ClientFactory) -> None:
    down, refused = httpx.ConnectError("refused"), responding(404)
    script = Script(down, down, refused, down, down, fine)
    outcomes: list[Any] = []
    async with client(script, attempts=1, give_up_after=3) as asking:
        for _ in script.steps:
            outcomes += await asyncio.gather(asking.get(URL, parsed), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [
        UpstreamUnavailable,
        UpstreamUnavailable,
        type(outcomes[2]),
        UpstreamUnavailable,
        UpstreamUnavailable,
        dict,
    ]
    assert isinstance(outcomes[2], BrokenResponse)
