"""One request and its response, within limits of time and size."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import httpx

from martian_moments.domain.errors import RefusedResponse, UpstreamUnavailable
from martian_moments.infrastructure.redaction import Redaction
from martian_moments.infrastructure.threads import in_thread

_PIECE_BYTES: Final = 1024 * 1024

Read = Callable[[httpx.Response, str], Awaitable[bytes]]
"""Takes the body of a response from the address given."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds: to connect, between two pieces of a response, for one whole response, and for one whole file.

    NASA's raw-image feeds were seen to think for 20 to 30 s. The longest file, 342 MB, takes an hour at 100 kB/s.
    """

    connect: float = 10.0
    read: float = 60.0
    response: float = 180.0
    file: float = 3_600.0


@dataclass(frozen=True, slots=True)
class Exchange:
    """How one request is sent and its response is read.

    Attributes:
        redacted: takes secrets out of what the network library says.
        max_bytes: limit of a response's decompressed size; a larger one is cut off.
        max_file_bytes: the same for a file that is written as it arrives.
    """

    redacted: Redaction
    max_bytes: int
    max_file_bytes: int

    async def once(
        self, client: httpx.AsyncClient, request: httpx.Request, url: str, read: Read, seconds: float
    ) -> tuple[httpx.Response, bytes]:
        """Send a request and read the whole response within so many seconds. ``url`` is the address without secrets.

        Raises:
            UpstreamUnavailable: no response, or not whole in time.
            RefusedResponse: it is beyond a limit.
        """
        try:
            async with asyncio.timeout(seconds):
                response = await client.send(request, stream=True)
                try:
                    _check_codings(response, url)
                    return response, await read(response, url)
                finally:
                    await response.aclose()
        except TimeoutError:
            reason = f"not whole within {seconds:.0f} s"
        except httpx.RequestError as error:
            reason = self.redacted(f"{type(error).__name__} {error}".strip())
        # Raised here, not inside the handlers: httpx's own message may hold what was just redacted.
        raise UpstreamUnavailable(f"{url}: no response ({reason}); ask again later")

    async def body(self, response: httpx.Response, url: str) -> bytes:
        """The body in memory."""
        pieces: list[bytes] = []
        size = 0
        async for piece in response.aiter_bytes():
            pieces.append(piece)
            size += len(piece)
            if size > self.max_bytes:
                kept = b"".join(pieces)[: self.max_bytes]
                raise RefusedResponse(f"{url}: the response is larger than {self.max_bytes} bytes", url=url, body=kept)
        return b"".join(pieces)

    async def file(self, path: Path, response: httpx.Response, url: str) -> bytes:
        """A file's body, written to ``path`` as it arrives: nothing in memory. The body of any other response."""
        if response.status_code != HTTPStatus.OK:
            return await self.body(response, url)
        with path.open("wb") as file:
            async for piece in response.aiter_bytes(_PIECE_BYTES):
                await in_thread(file.write, piece)
                if file.tell() > self.max_file_bytes:
                    raise RefusedResponse(f"{url}: the file is larger than {self.max_file_bytes} bytes", url=url, body=b"")
        return b""


def _check_codings(response: httpx.Response, url: str) -> None:
    """Refuse a response that is compressed more than once: httpx unpacks every layer of a piece before it can be measured.

    One layer makes at most 1,032 bytes of one (deflate), so that a piece of 64 kB ends at 64 MB; two have no such bound.
    """
    codings = response.headers.get("content-encoding", "").split(",")
    if len(codings) > 1:
        raise RefusedResponse(
            f"{url}: the response is compressed {len(codings)} times over; once is accepted", url=url, body=b""
        )
