"""The polite client: what it retries, what it says, when it stops."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from martian_moments.domain.errors import BrokenAnswer, InputError, UnknownRover, UpstreamUnavailable
from martian_moments.nasa.answers import Answer
from martian_moments.nasa.exchange import Timeouts
from martian_moments.nasa.http import Download, PoliteClient
from martian_moments.nasa.retry_after import asked_pause
from martian_moments_tests.unit.nasa.conftest import ClientFactory

URL = "https://example.test/data"
GOOD = httpx.Response(200, json={"fine": True}).content


def parsed(answer: Answer) -> dict[str, Any]:
    return answer.json_object()[1]


class Script:
    """Answers in turn; the last one for ever. An exception is raised instead."""

    def __init__(self, *steps: Callable[[], httpx.Response] | Exception) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps[min(len(self.requests), len(self.steps)) - 1]
        if isinstance(step, Exception):
            raise step
        return step()


def answers(status: int, body: bytes = b"", **headers: str) -> Callable[[], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(status, content=body, headers=named)


fine = answers(200, GOOD)
HTML = b"<!doctype html><title>maintenance</title>"


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        answers(500),
        answers(503, HTML),
        answers(429),
        answers(408),
        answers(200, HTML),
        answers(200, GOOD[:-3]),
        answers(200, b"[]"),
        answers(204),
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
        (answers(502), UpstreamUnavailable, "answered 502"),
        (answers(200, HTML), BrokenAnswer, "no JSON object .*doctype html"),
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
    script = Script(answers(status, HTML, location="https://elsewhere.test/"))
    async with client(script) as asking:
        with pytest.raises(BrokenAnswer, match=words) as raised:
            await asking.get(URL, parsed)
    assert len(script.requests) == 1
    assert raised.value.body == HTML


async def test_an_unknown_rover_is_not_asked_again(client: ClientFactory) -> None:
    def refuse(answer: Answer) -> None:
        raise UnknownRover("no such rover", url=answer.url, body=answer.body)

    script = Script(fine)
    async with client(script) as asking:
        with pytest.raises(UnknownRover):
            await asking.get(URL, refuse)
    assert len(script.requests) == 1


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "fault",
    [
        lambda: answers(429, retry_after="600"),
        lambda: answers(503, retry_after=format_datetime(in_seconds(600), usegmt=True)),
        lambda: answers(429, x_ratelimit_remaining="0", x_ratelimit_reset="600"),
        lambda: answers(429, x_ratelimit_remaining="0", x_ratelimit_reset=str(int(in_seconds(600).timestamp()))),
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


async def test_who_keeps_pauses_is_told_and_the_next_client_keeps_what_was_asked_for(client: ClientFactory) -> None:
    script = Script(answers(429, retry_after="7200"))
    told: dict[str, datetime] = {}
    async with client(script, on_pause=told.__setitem__) as asking:
        with pytest.raises(UpstreamUnavailable):
            await asking.get(URL, parsed)
    (until,) = told.values()
    assert abs(until - in_seconds(7_200)) < timedelta(minutes=5)
    async with client(script, held=told) as asking:
        with pytest.raises(UpstreamUnavailable, match="ask again after"):
            await asking.get(URL, parsed)
    assert len(script.requests) == 1


async def test_the_last_answer_of_a_quota_is_used_and_then_nothing_is_asked(client: ClientFactory) -> None:
    script = Script(answers(200, GOOD, x_ratelimit_remaining="0", x_ratelimit_reset="600"))
    async with client(script) as asking:
        assert await asking.get(URL, parsed) == {"fine": True}
        with pytest.raises(UpstreamUnavailable, match="ask again after"):
            await asking.get(URL, parsed)
    assert len(script.requests) == 1


async def test_a_short_pause_is_waited_for(client: ClientFactory) -> None:
    loop = asyncio.get_running_loop()
    asked: list[float] = []
    steps = iter([answers(429, retry_after="0.2"), fine])

    def handler(request: httpx.Request) -> httpx.Response:
        asked.append(loop.time())
        return next(steps)()

    async with client(handler) as asking:
        assert await asking.get(URL, parsed) == {"fine": True}
    assert asked[1] - asked[0] >= 0.19


async def test_an_outage_is_noticed_and_the_rest_is_not_asked(client: ClientFactory) -> None:
    script = Script(httpx.ConnectError("refused"))
    async with client(script, attempts=2, give_up_after=3, concurrency=1) as asking:
        faults = await asyncio.gather(*(asking.get(URL, parsed) for _ in range(50)), return_exceptions=True)
    assert all(isinstance(fault, UpstreamUnavailable) for fault in faults)
    assert len(script.requests) <= 2 * 4
    assert "3 requests in a row got no answer; the rest of this run is not asked" in str(faults[-1])


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


async def test_a_host_that_asks_for_a_long_pause_says_until_when_to_every_request(client: ClientFactory) -> None:
    script = Script(answers(429, retry_after="5000"))
    async with client(script, give_up_after=2) as asking:
        for _ in range(5):
            with pytest.raises(UpstreamUnavailable, match="ask again after"):
                await asking.get(URL, parsed)
    assert len(script.requests) == 1


async def test_any_answer_ends_the_count_towards_an_outage(client: ClientFactory) -> None:
    down, refused = httpx.ConnectError("refused"), answers(404)
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
    assert isinstance(outcomes[2], BrokenAnswer)


async def test_no_secret_appears_in_errors_logs_or_addresses(
    client: ClientFactory, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = "https://name:hidden1@example.test/data?api_key=hidden2&sol=3"
    echo = answers(200, b"the key hidden3 is no good")
    script = Script(httpx.ConnectError("to https://name:hidden1@example.test/ with hidden3"), echo, echo)
    async with client(script, secrets=["hidden3\n"], attempts=3) as asking:
        with pytest.raises(BrokenAnswer) as raised:
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


@asynccontextmanager
async def raw_server(*pieces: bytes, then_wait: bool = False) -> AsyncIterator[str]:
    """A server that sends these bytes to whoever connects and closes, or waits."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if then_wait:
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


def a_client(**options: Any) -> PoliteClient:
    return PoliteClient(**({"requests_per_minute": 1e6, "concurrency": 1, "attempts": 2, "backoff": 0.0} | options))


@pytest.mark.parametrize(
    "head",
    [b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n"],
)
async def test_a_cut_body_is_no_answer_even_when_what_arrived_is_json(head: bytes) -> None:
    async with raw_server(head, GOOD) as url, a_client() as asking:
        with pytest.raises(UpstreamUnavailable, match="RemoteProtocolError"):
            await asking.get(url, parsed)


async def test_a_server_on_this_machine_is_reached_past_the_environments_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9/")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(GOOD)}\r\n\r\n".encode()
    async with raw_server(head, GOOD) as url, a_client() as asking:
        assert await asking.get(url, parsed) == {"fine": True}


async def test_an_answer_that_stalls_is_given_up() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    async with raw_server(head, GOOD, then_wait=True) as url:
        async with a_client(timeouts=Timeouts(answer=0.2)) as asking:
            with pytest.raises(UpstreamUnavailable, match="not whole within"):
                await asking.get(url, parsed)
        async with a_client(timeouts=Timeouts(read=0.2)) as asking:
            with pytest.raises(UpstreamUnavailable, match="ReadTimeout"):
                await asking.get(url, parsed)


@pytest.mark.parametrize("codings", ["gzip, gzip", "gzip,deflate", "br, gzip"])
async def test_a_response_that_is_compressed_more_than_once_is_refused_before_it_is_unpacked(codings: str) -> None:
    bomb = gzip.compress(gzip.compress(bytes(10_000_000), 9), 9)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(bomb)}\r\nContent-Encoding: {codings}\r\n\r\n".encode()
    async with raw_server(head, bomb) as url, a_client() as asking:
        with pytest.raises(BrokenAnswer, match="compressed 2 times"):
            await asking.get(url, parsed)


async def test_a_bomb_of_one_layer_is_cut_off_at_the_limit() -> None:
    bomb = gzip.compress(bytes(30_000_000), 9)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(bomb)}\r\nContent-Encoding: gzip\r\n\r\n".encode()
    async with raw_server(head, bomb) as url, a_client(max_bytes=100_000) as asking:
        with pytest.raises(BrokenAnswer, match="larger than 100000 bytes") as raised:
            await asking.get(url, parsed)
    assert len(raised.value.body) == 100_000


async def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"
    async with raw_server(head, b" " * 3_000_000, then_wait=True) as url, a_client(max_file_bytes=100_000) as asking:
        with pytest.raises(BrokenAnswer, match="the file is larger than 100000 bytes"):
            await asking.download(url, tmp_path / "file", lambda download: download)


async def test_an_endless_answer_is_cut_off_and_not_asked_again() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"
    async with raw_server(head, b" " * 300_000, then_wait=True) as url, a_client(max_bytes=100_000) as asking:
        with pytest.raises(BrokenAnswer, match="larger than 100000 bytes") as raised:
            await asking.get(url, parsed)
    assert len(raised.value.body) == 100_000


async def test_a_download_is_written_whole_and_what_a_failed_attempt_left_is_overwritten(
    client: ClientFactory, tmp_path: Path
) -> None:
    told = [
        httpx.Response(200, content=b"<html>the longest answer of all</html>"),
        httpx.Response(503, content=b"later"),
        httpx.Response(200, content=b"table", headers={"etag": '"1"', "last-modified": "today"}),
    ]

    def accept(download: Download) -> tuple[bytes, str | None, str | None]:
        body = download.path.read_bytes()
        if body.startswith(b"<"):
            raise download.answer.broken("a page")
        return body, download.etag, download.last_modified

    async with client(lambda request: told.pop(0)) as asking:
        got = await asking.download("https://example.test/table", tmp_path / "table", accept)
    assert got == (b"table", '"1"', "today")


async def test_a_download_says_that_nothing_has_changed_and_what_else_is_answered(
    client: ClientFactory, tmp_path: Path
) -> None:
    path = tmp_path / "table"

    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(304) if "if-none-match" in request.headers else httpx.Response(404, content=b"none")

    def accept(download: Download) -> tuple[int, bytes]:
        return download.answer.status, download.answer.body

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
        with pytest.raises(BrokenAnswer, match="moved to https://elsewhere"):
            await asking.download("https://example.test/t", tmp_path / "t", lambda download: None)
    assert len(asked) == 1


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("sol"), RecursionError(), TypeError("y"), OverflowError("z")])
async def test_an_answer_that_its_reader_did_not_foresee_is_broken_and_kept(client: ClientFactory, error: Exception) -> None:
    def parse(answer: Answer) -> None:
        raise error

    async with client(lambda request: httpx.Response(200, content=b'{"a": "secret-1"}'), secrets=["secret-1"]) as asking:
        with pytest.raises(BrokenAnswer, match="no reader foresaw") as raised:
            await asking.get("https://example.test/x", parse)
    assert raised.value.body == b'{"a": "***"}'
    assert "secret-1" not in str(raised.value)
