"""The polite client: what it asks again, what it never says, what it downloads."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from martian_moments.domain.errors import BrokenResponse, InputError, UnknownRover, UpstreamUnavailable
from martian_moments.nasa.http import Download
from martian_moments.nasa.responses import Response
from martian_moments_tests.unit.nasa.client.conftest import GOOD, HTML, URL, Script, fine, parsed, responding
from martian_moments_tests.unit.nasa.conftest import ClientFactory


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        responding(500),
        responding(503, HTML),
        responding(429),
        responding(408),
        responding(200, HTML),
        responding(200, GOOD[:-3]),
        responding(200, b"[]"),
        responding(204),
    ],
)
async def test_a_passing_fault_is_asked_again_until_it_has_passed(client: ClientFactory, fault: Any) -> None:
    script = Script(fault, fault, fault, fine)
    async with client(script) as asking:
        assert await asking.get(URL, parsed) == {"fine": True}
    assert len(script.requests) == 4


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (httpx.ConnectError("refused"), UpstreamUnavailable, "ConnectError refused"),
        (responding(502), UpstreamUnavailable, "responded with 502"),
        (responding(200, HTML), BrokenResponse, "no JSON object .*doctype html"),
    ],
)
async def test_a_lasting_fault_ends_after_the_attempts(
    client: ClientFactory, fault: Any, error: type[Exception], words: str
) -> None:
    script = Script(fault)
    async with client(script, attempts=3) as asking:
        with pytest.raises(error, match=words) as raised:
            await asking.get(URL, parsed)
    assert len(script.requests) == 3
    assert URL in str(raised.value)
    assert "again" in str(raised.value)


@pytest.mark.parametrize(
    ("status", "words"),
    [(400, "status 400"), (403, "status 403"), (404, "status 404"), (301, "moved to https://elsewhere.test/")],
)
async def test_a_refusal_is_not_asked_again(client: ClientFactory, status: int, words: str) -> None:
    script = Script(responding(status, HTML, location="https://elsewhere.test/"))
    async with client(script) as asking:
        with pytest.raises(BrokenResponse, match=words) as raised:
            await asking.get(URL, parsed)
    assert len(script.requests) == 1
    assert raised.value.body == HTML


async def test_an_unknown_rover_is_not_asked_again(client: ClientFactory) -> None:
    def refuse(response: Response) -> None:
        raise UnknownRover("no such rover", url=response.url, body=response.body)

    script = Script(fine)
    async with client(script) as asking:
        with pytest.raises(UnknownRover):
            await asking.get(URL, refuse)
    assert len(script.requests) == 1


async def test_no_secret_appears_in_errors_logs_or_addresses(
    client: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = "https://name:hidden1@example.test/data?api_key=hidden2&sol=3"
    echo = responding(200, b"the key hidden3 is no good")
    script = Script(httpx.ConnectError("to https://name:hidden1@example.test/ with hidden3"), echo, echo)
    async with client(script, secrets=["hidden3\n"], attempts=3) as asking:
        with pytest.raises(BrokenResponse) as raised:
            await asking.get(url, parsed, headers={"X-API-Key": "hidden3"})
    said = f"{raised.value} {raised.value.url} {raised.value.body!r} {caplog.text}"
    assert raised.value.url == "https://***@example.test/data?api_key=***&sol=3"
    assert "hidden" not in said
    assert script.requests[0].headers["x-api-key"] == "hidden3"


async def test_an_address_that_is_none_is_named(client: ClientFactory) -> None:
    async with client(Script(fine)) as asking:
        with pytest.raises(InputError, match=r"http://host:port/ is no web address .*setting"):
            await asking.get("http://host:port/", parsed)


async def test_the_client_says_honestly_who_asks(client: ClientFactory) -> None:
    script = Script(fine)
    async with client(script) as asking:
        await asking.get(URL, parsed)
    agent = script.requests[0].headers["user-agent"]
    assert agent.startswith("martian-moments/")
    assert "NASA" in agent


async def test_no_more_than_the_allowed_requests_are_in_flight(client: ClientFactory) -> None:
    flying = peak = 0

    async def handler(request: httpx.Request) -> httpx.Response:
        nonlocal flying, peak
        flying += 1
        peak = max(peak, flying)
        await asyncio.sleep(0.001)
        flying -= 1
        return fine()

    async with client(handler, concurrency=3) as asking:
        await asyncio.gather(*(asking.get(URL, parsed) for _ in range(30)))
    assert peak == 3


async def test_a_download_is_written_whole_and_what_a_failed_attempt_left_is_overwritten(
    client: ClientFactory, tmp_path: Path
) -> None:
    reported = [
        httpx.Response(200, content=b"<html>the longest response of all</html>"),
        httpx.Response(503, content=b"later"),
        httpx.Response(200, content=b"table", headers={"etag": '"1"', "last-modified": "today"}),
    ]

    def accept(download: Download) -> tuple[bytes, str | None, str | None]:
        body = download.path.read_bytes()
        if body.startswith(b"<"):
            raise download.response.broken("a page")
        return body, download.etag, download.last_modified

    async with client(lambda request: reported.pop(0)) as asking:
        got = await asking.download("https://example.test/table", tmp_path / "table", accept)
    assert got == (b"table", '"1"', "today")


async def test_a_download_says_that_nothing_has_changed_and_what_else_is_answered(
    client: ClientFactory, tmp_path: Path
) -> None:
    path = tmp_path / "table"

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(304) if "if-none-match" in request.headers else httpx.Response(404, content=b"none")

    def accept(download: Download) -> tuple[int, bytes]:
        return download.response.status, download.response.body

    async with client(handler) as asking:
        assert await asking.download("https://example.test/t", path, accept, headers={"If-None-Match": "1"}) == (304, b"")
        assert await asking.download("https://example.test/t", path, accept) == (404, b"none")
    assert not path.exists()


async def test_a_download_that_has_moved_is_refused_at_once(client: ClientFactory, tmp_path: Path) -> None:
    asked = []

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(request.url)
        return httpx.Response(301, headers={"location": "https://elsewhere.test/"})

    async with client(handler) as asking:
        with pytest.raises(BrokenResponse, match="moved to https://elsewhere"):
            await asking.download("https://example.test/t", tmp_path / "t", lambda download: None)
    assert len(asked) == 1


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("sol"), RecursionError(), TypeError("y"), OverflowError("z")])
async def test_a_response_that_its_reader_did_not_foresee_is_broken_and_kept(
    client: ClientFactory, error: Exception
) -> None:
    def parse(response: Response) -> None:
        raise error

    async with client(lambda request: httpx.Response(200, content=b'{"a": "secret-1"}'), secrets=["secret-1"]) as asking:
        with pytest.raises(BrokenResponse, match="no reader foresaw") as raised:
            await asking.get("https://example.test/x", parse)
    assert raised.value.body == b'{"a": "***"}'
    assert "secret-1" not in str(raised.value)
