"""Long pauses outlive the run that was asked for them, and status shows them with their host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import dagster as dg
import httpx
import pytest

from martian_moments.domain.errors import UpstreamUnavailable
from martian_moments.nasa.http import PoliteClient
from martian_moments.operations.status import status
from martian_moments.resources import Resources
from martian_moments.terminal import print_status
from martian_moments_tests.platforms import Platform

DAY = timedelta(days=1)


async def ask(resources: Resources, retry_after: str) -> list[str]:
    """Ask an upstream that responds with 429, as a run does; returns what it was asked."""
    asked: list[str] = []

    def response(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        return httpx.Response(429, headers={"retry-after": retry_after})

    transport = httpx.MockTransport(response)
    client = PoliteClient(
        requests_per_minute=60_000, concurrency=1, attempts=1, transport=transport,
        held=resources.nasa.pauses, on_pause=resources.nasa.keep_pause,
    )  # fmt: skip
    async with client:
        with pytest.raises(UpstreamUnavailable):
            await client.get("https://mars.nasa.gov/rss/api/", lambda response: response)
    return asked


async def test_a_pause_of_hours_is_kept_by_the_next_run_and_shown(
    platform: Platform, capfd: pytest.CaptureFixture[str]
) -> None:
    assert len(await ask(platform.resources, "18000")) == 1
    assert await ask(Resources(platform.settings), "18000") == [], "another process does not ask"
    with dg.DagsterInstance.local_temp() as instance:
        now = status(Resources(platform.settings), instance, running=True)
    (until,) = now.pauses.values()
    assert list(now.pauses) == ["mars.nasa.gov"]
    assert timedelta(hours=4) < until - datetime.now(UTC) <= timedelta(hours=5)
    assert now.to_json()["pauses"] == {"mars.nasa.gov": until}
    print_status(now)
    assert f"mars.nasa.gov wants no requests before {until:%Y-%m-%d %H:%M} UTC" in capfd.readouterr().out
    assert platform.events("minio-events") == []


@pytest.mark.parametrize("retry_after", ["1764350000000", "600", "-1"])
async def test_a_short_pause_and_one_that_is_over_are_of_the_run_alone(platform: Platform, retry_after: str) -> None:
    await ask(platform.resources, retry_after)
    assert platform.resources.nasa.pauses == {}
    assert platform.resources.lake.list("pauses/") == []


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\x00", b"[]", b"null", b'{"host": "x"}', b'{"host": "x", "until": 5}', b'{"host": "x", "until": "soon"}'],
)
async def test_what_keeps_no_pause_counts_as_absent_and_is_said(
    platform: Platform, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    platform.resources.lake.put_bytes("pauses/x.json", body)
    assert platform.resources.nasa.pauses == {}
    assert "pauses/x.json is not what keeps a pause" in caplog.text


def test_a_pause_that_lies_too_far_ahead_is_believed_for_a_day(platform: Platform) -> None:
    platform.resources.lake.put_bytes("pauses/x.json", b'{"host": "x", "until": "9000-01-01T00:00:00+00:00"}')
    assert platform.resources.nasa.pauses["x"] <= datetime.now(UTC) + DAY
