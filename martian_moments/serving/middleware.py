"""What holds for every request and response, whatever its route: pure ASGI, from the outermost to the innermost."""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import logging
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterable
from contextlib import suppress
from typing import Final, Self

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from martian_moments.domain.errors import NotReady
from martian_moments.infrastructure.redaction import Redaction
from martian_moments.serving.negotiation import accepts, field_of
from martian_moments.serving.problems import Errors, Problem
from martian_moments.serving.ranges import ANYTHING, is_held
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.snapshots import Snapshots

_log = logging.getLogger(__name__)

_LONGEST_TARGET: Final = 8_000
"""Bytes of a path with its query."""

_LARGEST_BODY: Final = 1_000_000
"""Bytes of a request: a search of STAC with the outline of a region has some thousand."""


def content_policy(pictures: str) -> str:
    """The Content-Security-Policy of pages: their own files, and pictures from these places besides."""
    return (
        f"default-src 'self'; img-src 'self' {pictures}; object-src 'none'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    )


_ALWAYS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "*",
    "Content-Security-Policy": content_policy("https: data:"),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS, POST",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
}
"""Anybody's page may read: nobody logs in here, and nothing is written."""


class _OfRequests(ABC):
    """What has to do with requests only: the start and the end of the application pass."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        await (self._respond if scope["type"] == "http" else self._app)(scope, receive, send)

    @abstractmethod
    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to a request, or have the application do it."""


class CommonHeaders(_OfRequests):
    """The headers of every response; it responds itself to what browsers ask before a request (preflight)."""

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _ALWAYS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["method"] == "OPTIONS":
            headers = [(name.lower().encode(), value.encode()) for name, value in _PREFLIGHT.items()]
            await send_with_headers({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body"})
            return
        await self._app(scope, receive, send_with_headers)


class Failures(_OfRequests):
    """What nobody expected becomes a 500 without any detail; the log has its traceback, without secrets."""

    def __init__(self, app: ASGIApp, errors: Errors, redaction: Redaction) -> None:
        super().__init__(app)
        self._errors = errors
        self._redaction = redaction

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except ClientDisconnect:
            return
        except asyncio.CancelledError:
            # The service stops, and has waited for this as long as it may.
            if not started:
                stops = Problem(503, "the service stops", headers={"Retry-After": "2"})
                await self._errors.response(stops, scope["path"])(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - logged, and the client is told that it was one
            _log.error("%s %s: %s", scope["method"], scope["path"], self._redaction.pieces(traceback.format_exc()))
            if started:
                # The connection is cut, so that nobody takes the part for the whole.
                raise ConnectionAbortedError("the response was cut by an error; see above") from None
            await self._errors.response(error, scope["path"])(scope, receive, send)


class KnownHosts(_OfRequests):
    """Refuses what was meant for another host: a page elsewhere whose name leads here (DNS rebinding)."""

    def __init__(self, app: ASGIApp, errors: Errors, names: Iterable[str]) -> None:
        """Names besides loopback's; ``*`` for all."""
        super().__init__(app)
        self._errors = errors
        self._names = frozenset(name.lower() for name in names) | {"localhost"}

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_known(Headers(scope=scope).getlist("host")):
            detail = "the Host header names no host of this service; its names are set in MARS_SERVE_ALLOWED_HOSTS"
            await self._errors.response(Problem(421, detail), scope["path"])(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _is_known(self, hosts: list[str]) -> bool:
        if len(hosts) != 1:
            return False
        host = hosts[0].lower()
        name = host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
        return bool({"*", name} & self._names) or _is_loopback(name)


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class Limits(_OfRequests):
    """Refuses what is longer than any request that means something."""

    def __init__(self, app: ASGIApp, errors: Errors) -> None:
        super().__init__(app)
        self._errors = errors

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > _LONGEST_TARGET:
            too_long = Problem(414, f"an address has {_LONGEST_TARGET} bytes at most")
            await self._errors.response(too_long, scope["path"])(scope, receive, send)
            return
        received = 0

        async def receive_some() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > _LARGEST_BODY:
                # The one kind of error that FastAPI lets pass while it reads a body.
                raise HTTPException(413, f"a request has {_LARGEST_BODY} bytes at most")
            return message

        await self._app(scope, receive_some, send)


class _Answered(Exception):
    """All that is wanted of the response is sent."""


class Heads(_OfRequests):
    """HEAD is GET without the body."""

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_headers(message: Message) -> None:
            if message["type"] == "http.response.body":
                await send({"type": "http.response.body"})
                raise _Answered
            await send(message)

        # A part of a file can be asked for with GET only.
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        try:
            await self._app({**scope, "method": "GET", "headers": headers}, receive, send_headers)
        except _Answered:
            return


_VARY: Final = "Accept"
_FRESH: Final = "no-cache"
"""Kept by anybody, and asked about each time."""


class Builds(_OfRequests):
    """Each request has the snapshot that it began with; a response that follows from it alone is not made twice.

    Such a response is a function of the build, this code, the address and what the client accepts. A digest of these is its
    ETag, so that a client that has it already gets 304 before any query runs.
    """

    def __init__(self, app: ASGIApp, snapshots: Snapshots, code: str, others: Iterable[str]) -> None:
        """``others`` are the beginnings of the paths whose responses do not follow from the build alone."""
        super().__init__(app)
        self._snapshots = snapshots
        self._code = code
        self._others = tuple(others)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        state = scope.setdefault("state", {})
        try:
            held = state["snapshot"] = self._snapshots.take()
        except NotReady as error:
            state["snapshot"] = error
            await self._app(scope, receive, send)
            return
        with _Lease(held) as lease:
            await self._respond_from(lease, scope, receive, send)

    async def _respond_from(self, lease: _Lease, scope: Scope, receive: Receive, send: Send) -> None:
        tagged = scope["method"] == "GET" and not scope["path"].startswith(self._others)
        through = lease.snapshot.data_through
        etag = self._etag(lease.snapshot, scope) if tagged else None
        asked = field_of(Headers(scope=scope), "if-none-match")
        if etag and asked != ANYTHING and is_held(etag, asked):
            await _send_not_modified(send, etag, through)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                if etag and message["status"] == 200 and asked == ANYTHING:  # noqa: PLR2004
                    await _send_not_modified(send, etag, through)
                    raise _Answered
                headers = MutableHeaders(scope=message)
                headers["X-Data-Through"] = through
                if etag and message["status"] == 200:  # noqa: PLR2004
                    headers["ETag"] = etag
                    headers.add_vary_header(_VARY)
                    headers.setdefault("Cache-Control", _FRESH)
            elif not message.get("more_body"):
                # Nothing is read any more, and a slow client may take as long as it likes for the rest.
                lease.end()
            await send(message)

        with suppress(_Answered):
            await self._app(scope, receive, send_with_headers)

    def _etag(self, snapshot: Snapshot, scope: Scope) -> str:
        accept = field_of(Headers(scope=scope), "accept")
        parts = (snapshot.build, self._code, scope["path"], scope["query_string"].decode("latin-1"), accept)
        digest = hashlib.blake2b("\n".join(parts).encode(errors="surrogatepass"), digest_size=16)
        # Weak: the same response, compressed or not.
        return f'W/"{digest.hexdigest()}"'


async def _send_not_modified(send: Send, etag: str, through: str) -> None:
    # RFC 9110, 15.4.5: the headers that the 200 had, by which caches choose.
    held = {"ETag": etag, "X-Data-Through": through, "Vary": f"Accept-Encoding, {_VARY}", "Cache-Control": _FRESH}
    headers = [(name.lower().encode(), value.encode()) for name, value in held.items()]
    await send({"type": "http.response.start", "status": 304, "headers": headers})
    await send({"type": "http.response.body"})


class _Lease:
    """A snapshot that is held, until the block is left or it is not needed any more."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._held = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        if self._held:
            self._held = False
            self.snapshot.release()


class Compression(_OfRequests):
    """Compresses what is text; files are sent as they are, of which clients ask for parts."""

    def __init__(self, app: ASGIApp, files: Iterable[str]) -> None:
        """``files`` are the beginnings of their paths."""
        super().__init__(app)
        self._files = tuple(files)
        # Level 1: of a sol of 856 photos the others take three times as long to save a fifth more.
        self._compressed = GZipMiddleware(app, minimum_size=1_000, compresslevel=1)

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(self._files):
            await self._app(scope, receive, send)
            return
        # What compresses looks for the name in the header, and not for its weight.
        coding = "gzip" if accepts(field_of(Headers(scope=scope), "accept-encoding"), "gzip") else "identity"
        headers = [(name, value) for name, value in scope["headers"] if name != b"accept-encoding"]
        await self._compressed({**scope, "headers": [*headers, (b"accept-encoding", coding.encode())]}, receive, send)
