"""The polite client: every request of a run passes here, at an even rate, and is repeated only where that helps."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import httpx
from tenacity import AsyncRetrying, before_sleep_log, retry_if_exception, stop_after_attempt, wait_random_exponential

from martian_moments.domain.errors import BrokenResponse, FileMissing, InputError, RefusedResponse, UpstreamUnavailable
from martian_moments.infrastructure.redaction import Redaction
from martian_moments.infrastructure.threads import in_thread
from martian_moments.infrastructure.web import environment_accepted
from martian_moments.nasa.breaker import Breaker, NotAsked
from martian_moments.nasa.exchange import Exchange, Read, Timeouts
from martian_moments.nasa.rate_limit import NotYet, RateLimit
from martian_moments.nasa.responses import Response
from martian_moments.nasa.retry_after import asked_pause

T = TypeVar("T")

logger = logging.getLogger(__name__)

_LONGEST_BACKOFF_S: Final = 30.0
# Requests under way, per slot: those in flight and those that pause before their next attempt. The others wait, so that an
# outage is noticed before everything was tried; fewer would leave slots idle when every third response is faulty.
_UNDER_WAY_PER_SLOT: Final = 4
_PASSING: Final = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})
_MOST_REDIRECTS: Final = 5
# A server on this machine, such as the replica, is never reached through the environment's proxy.
_DIRECT: Final = {"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None}


@dataclass(frozen=True, slots=True)
class Download:
    """A file as it arrived.

    Attributes:
        response: its address, status and time. The body is empty when the status is 200, because then ``path`` holds it.
        path: the file.
        etag: as the server gave it; likewise ``last_modified``.
    """

    response: Response
    path: Path
    etag: str | None
    last_modified: str | None


_FINAL: Final = (RefusedResponse, FileMissing, NotAsked, NotYet)
"""What is not asked for again."""

_UNREADABLE: Final = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading values of unforeseen types, sizes and depths raises in Python."""


class PoliteClient:
    """Asks upstreams over HTTP/1.1 with kept connections. Use as an async context manager, within one event loop.

    Making one raises SettingsError when the environment's proxies or certificates are not accepted.

    Args:
        requests_per_minute: the even rate of all requests together.
        concurrency: the most requests in flight.
        user_agent: who asks; by default the honest name and purpose of the platform.
        secrets: texts that never appear in an error, a log or a ``Response.url``. Values of ``api_key`` in a query and
            credentials before a host's name never do.
        timeouts: limits of one response's time.
        max_bytes: limit of one response's decompressed size; a larger one is cut off.
        max_file_bytes: the same for a file that is downloaded. The largest real one, a PDS index table, has 350 MB.
        attempts: how often one request is asked, the first time included.
        backoff: the base in seconds of the pauses between attempts: a random time up to base * 2^n.
        patience: the longest pause in seconds that an upstream may ask for.
        give_up_after: after so many requests in a row without a response, each after its attempts, a service is not asked
            any more.
        held: hosts that asked an earlier client for a pause, and until when (UTC).
        on_pause: called, in a worker thread, with each pause that an upstream asks for: its host and the end (UTC).
        transport: replaces the network, for tests.
    """

    def __init__(
        self,
        *,
        requests_per_minute: float,
        concurrency: int,
        user_agent: str | None = None,
        secrets: Sequence[str] = (),
        timeouts: Timeouts | None = None,
        max_bytes: int = 64 * 1024 * 1024,
        max_file_bytes: int = 1024**3,
        attempts: int = 4,
        backoff: float = 1.0,
        patience: float = 120.0,
        give_up_after: int = 3,
        held: Mapping[str, datetime] | None = None,
        on_pause: Callable[[str, datetime], None] | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        # At INFO httpx logs every address with its query, whoever configured the root logger.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        self._redacted = Redaction(secret.strip() for secret in secrets)
        self._timeouts = timeouts or Timeouts()
        self._exchange = Exchange(self._redacted, max_bytes, max_file_bytes)
        self._breaker = Breaker(give_up_after)
        self._under_way = asyncio.Semaphore(_UNDER_WAY_PER_SLOT * concurrency)
        self._rate_limit = RateLimit(requests_per_minute, patience=patience)
        self._on_pause = on_pause
        for host, until in (held or {}).items():
            self._rate_limit.hold(host, (until - datetime.now(UTC)).total_seconds())
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(_may_pass),
            stop=stop_after_attempt(attempts),
            wait=wait_random_exponential(multiplier=backoff, max=_LONGEST_BACKOFF_S),
            before_sleep=before_sleep_log(logger, logging.INFO),
            reraise=True,
        )
        # One client with one connection per slot: the pool of a shared one checks every connection's socket at every
        # request's begin and end. 500 responses of 115 kB with 16 in flight take half of its CPU so (docs/decisions/0013).
        with environment_accepted():
            tls = httpx.create_ssl_context()
            self._clients = [
                httpx.AsyncClient(
                    headers={"User-Agent": user_agent or _user_agent(), "Accept": "application/json"},
                    timeout=httpx.Timeout(self._timeouts.read, connect=self._timeouts.connect),
                    limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
                    verify=tls,
                    mounts=_DIRECT,
                    transport=transport,
                )
                for _ in range(concurrency)
            ]
        # Last in, first out: at a low rate the same connection is used again while the server still keeps it.
        self._free: asyncio.LifoQueue[httpx.AsyncClient] = asyncio.LifoQueue()
        for client in self._clients:
            self._free.put_nowait(client)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._clients:
            await client.aclose()

    async def get(
        self,
        url: str,
        parse: Callable[[Response], T],
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> T:
        """Ask, and return what the dialect's parser makes of the response.

        Args:
            url: the address, without the query.
            parse: the dialect: gets every response but redirects, 408, 425, 429 and 5xx, whatever its status. It raises
                BrokenResponse for what its dialect does not promise; that is retried unless the status is a 4xx, because
                HTML with status 200 is most often a proxy's passing page.
            params: the query.
            headers: sent with this request only.

        Raises:
            UpstreamUnavailable: no response after every attempt, or the client has stopped asking.
            BrokenResponse: the parser refused the last response.
            UnknownRover: from the parser; never retried.
            InputError: the address is none.
        """
        request = self._request(url, params, headers)

        async def attempt() -> T:
            raw, response = await self._attempt(request, self._exchange.body, self._timeouts.response)
            if raw.is_redirect:
                raise self._moved(raw, response)
            return self._parsed(response, parse)

        return await self._retried(request, attempt)

    async def download(
        self, url: str, path: Path, accept: Callable[[Download], T], *, headers: Mapping[str, str] | None = None
    ) -> T:
        """Ask for a file of any size, which is written to ``path`` as it arrives and is never in memory.

        Args:
            url: the address.
            path: where the file is written; what an attempt before left there is overwritten.
            accept: the dialect, as ``parse`` of :meth:`get`; it runs in a worker thread. It also gets 304, when ``headers``
                ask for a file only if it has changed. Responses other than 200 come with their body and no file.
            headers: sent with this request only.

        Raises:
            UpstreamError: as for :meth:`get`.
            InputError: the address is none.
        """
        request = self._request(url, None, headers)

        async def attempt() -> T:
            raw, response = await self._attempt(request, partial(self._exchange.file, path), self._timeouts.file)
            if raw.is_redirect and raw.status_code != HTTPStatus.NOT_MODIFIED:
                raise self._moved(raw, response)
            reported = raw.headers
            download = Download(response, path, reported.get("etag"), reported.get("last-modified"))
            return await in_thread(self._parsed, response, lambda _: accept(download))

        return await self._retried(request, attempt)

    async def stream(
        self,
        url: str,
        read: Read,
        accept: Callable[[httpx.Response, Response], T],
        *,
        headers: Callable[[], Mapping[str, str]],
    ) -> T:
        """Ask for a response that ``read`` takes as it arrives, so that an attempt can go on where the one before was cut.

        Args:
            url: the address. Redirects are followed on the same host.
            read: takes every response but redirects, 408, 425, 429 and 5xx; what it returns becomes ``Response.body``.
            accept: what is made of the response once it was read; it runs in a worker thread. It also gets a redirect that
                leads to another host. A BrokenResponse that it raises is retried, unless it is a RefusedResponse or a
                FileMissing.
            headers: called before each request.

        Raises:
            UpstreamError: as for :meth:`get`.
            InputError: the address is none.
        """
        first = self._request(url, None, None)

        async def take(raw: httpx.Response, asked: str) -> bytes:
            return await (self._exchange.body(raw, asked) if _is_set_aside(raw) else read(raw, asked))

        async def attempt() -> T:
            request = self._request(first.url, None, headers())
            for _ in range(_MOST_REDIRECTS):
                raw, response = await self._attempt(request, take, self._timeouts.response)
                if not (raw.is_redirect and (target := _on_the_same_host(request.url, raw))):
                    break
                request = self._request(target, None, headers())
            return await in_thread(accept, raw, response)

        return await self._retried(first, attempt)

    def _request(
        self, url: str | httpx.URL, params: Mapping[str, str] | None, headers: Mapping[str, str] | None
    ) -> httpx.Request:
        try:
            return self._clients[0].build_request("GET", url, params=params, headers=headers)
        except httpx.InvalidURL as error:
            asked = self._redacted(str(url))
            raise InputError(f"{asked} is no web address ({error}); correct the upstream's setting") from None

    async def _retried(self, request: httpx.Request, attempt: Callable[[], Awaitable[T]]) -> T:
        try:
            async with self._under_way:
                # A copy, because tenacity keeps the state of a call on the object.
                value: T = await self._retrying.copy()(attempt)
        except (NotAsked, NotYet):
            raise
        except Exception as error:
            self._breaker.note(request, responded=not isinstance(error, UpstreamUnavailable))
            raise
        self._breaker.note(request, responded=True)
        return value

    async def _attempt(self, request: httpx.Request, read: Read, seconds: float) -> tuple[httpx.Response, Response]:
        url = self._redacted(str(request.url))
        client = await self._free.get()
        try:
            self._breaker.check(request, url)
            await self._rate_limit.turn(request.url.host, url)
            self._breaker.check(request, url)
            raw, body = await self._exchange.once(client, request, url, read, seconds)
            await self._hold(request.url.host, asked_pause(raw, datetime.now(UTC)))
        finally:
            self._free.put_nowait(client)
        # Whoever waits for the slot sends its request before this response is parsed: otherwise responses that arrive
        # together leave the upstream idle for as long as parsing all of them takes (4.2 s instead of 3.9 s for 500 at
        # 100 ms).
        await asyncio.sleep(0)
        if _is_set_aside(raw) and not raw.is_redirect:
            raise UpstreamUnavailable(f"{url}: the upstream responded with {raw.status_code}; ask again later")
        return raw, Response(url, raw.status_code, body, datetime.now(UTC))

    async def _hold(self, host: str, seconds: float) -> None:
        self._rate_limit.hold(host, seconds)
        if self._on_pause and seconds > 0:
            await asyncio.to_thread(self._on_pause, host, datetime.now(UTC) + timedelta(seconds=seconds))

    def _moved(self, raw: httpx.Response, response: Response) -> BrokenResponse:
        moved = self._redacted(raw.headers.get("location", "nowhere"))
        message = f"{response.url}: the upstream moved to {moved}; set its address to that"
        return RefusedResponse(message, url=response.url, body=response.body)

    def _parsed(self, response: Response, parse: Callable[[Response], T]) -> T:
        try:
            return parse(response)
        except (BrokenResponse, *_UNREADABLE) as failure:
            error = failure
            if not isinstance(error, BrokenResponse):
                # A dialect says itself what is wrong; what it did not foresee must not stop the other sols of a run.
                logger.warning("%s: a reader did not foresee this response", response.url, exc_info=True)
                error = response.broken(f"what no reader foresaw ({failure!r:.200})")
            final = response.status >= HTTPStatus.BAD_REQUEST or isinstance(error, RefusedResponse)
            refused = RefusedResponse if final else BrokenResponse
            kind = FileMissing if isinstance(error, FileMissing) else refused
            broken = kind(self._redacted(str(error)), url=response.url, body=self._redacted.in_bytes(error.body))
        raise broken


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, (UpstreamUnavailable, BrokenResponse)) and not isinstance(error, _FINAL)


def _is_set_aside(raw: httpx.Response) -> bool:
    """Whether no dialect sees a response: it leads elsewhere, or asking again is what it asks for."""
    return raw.is_redirect or raw.status_code in _PASSING or raw.is_server_error


def _on_the_same_host(here: httpx.URL, raw: httpx.Response) -> httpx.URL | None:
    """Where a redirect leads, where that is the same scheme and port of a host, or from its http to its https."""
    try:
        there = here.join(raw.headers["location"])
    except (KeyError, httpx.InvalidURL):
        return None
    upgraded = (here.scheme, there.scheme) == ("http", "https") and here.port is None and there.port is None
    same = (here.scheme, here.host, here.port) == (there.scheme, there.host, there.port)
    return there if same or (upgraded and here.host == there.host) else None


@cache
def _user_agent() -> str:
    return f"martian-moments/{version('martian-moments')} (keeps the history of NASA's Mars rover photos; asks slowly)"
