"""Replies on the wire: a whole response, one cut in its body, and none at all. Each is an ASGI application."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

TRANSPORT: Final = "transport"
"""Key of the connection's asyncio transport in the scope's state (see server.py)."""

HTML: Final = b"text/html; charset=utf-8"


class Reply(Protocol):
    """What is sent for one request."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response, ready to be sent as it is."""

    body: bytes
    status: int = 200
    media_type: bytes = b"application/json; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def start(self) -> Message:
        """The ASGI message that carries the status and headers; it promises the whole body."""
        length = str(len(self.body)).encode()
        headers = [(b"content-type", self.media_type), (b"content-length", length), *self.headers]
        return {"type": "http.response.start", "status": self.status, "headers": headers}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Send the response."""
        await send(self.start())
        await send({"type": "http.response.body", "body": self.body})


@dataclass(frozen=True, slots=True)
class Cut:
    """The first bytes of a response, whose headers promise all of it, and then the end of the connection."""

    response: Response
    sent: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the headers and so many bytes of the body, and close."""
        await send(self.response.start())
        await send({"type": "http.response.body", "body": self.response.body[: self.sent], "more_body": True})
        scope["state"][TRANSPORT].close()
        await _disconnected(receive)


@dataclass(frozen=True, slots=True)
class Slow:
    """A response with a pause in the middle of its body."""

    response: Response
    pause_s: float

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Send the response."""
        half = len(self.response.body) // 2
        await send(self.response.start())
        await send({"type": "http.response.body", "body": self.response.body[:half], "more_body": True})
        await asyncio.sleep(self.pause_s)
        await send({"type": "http.response.body", "body": self.response.body[half:]})


@dataclass(frozen=True, slots=True)
class Dropped:
    """No response: the connection is reset."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - the ASGI signature
        """Reset the connection."""
        scope["state"][TRANSPORT].abort()
        await _disconnected(receive)


async def _disconnected(receive: Receive) -> None:
    # The server takes a return without a complete response for a defect unless it has seen the connection end.
    while (await receive())["type"] != "http.disconnect":
        pass
