"""Clients of HTTP that cost little beside what they measure: connections that stay open, bytes that nobody parses."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

_WORST_S: Final = 60.0


class Connection:
    """One connection, with one request at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str) -> None:
        self._reader, self._writer, self._host = reader, writer, host

    @classmethod
    async def to(cls, address: str) -> Connection:
        """A connection to a server, as in ``http://127.0.0.1:3001``."""
        server = urlsplit(address)
        reader, writer = await asyncio.open_connection(server.hostname, server.port, limit=2**24)
        return cls(reader, writer, server.netloc)

    async def get(self, target: str) -> bytes:
        """The body of a response. Raises RuntimeError unless its status is 200."""
        self._writer.write(f"GET {target} HTTP/1.1\r\nHost: {self._host}\r\n\r\n".encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        if not head.startswith(b"http/1.1 200"):
            raise RuntimeError(f"{target}: {head.partition(chr(13).encode())[0].decode()}: {body[:300].decode()}")
        return body

    def close(self) -> None:
        """Leave."""
        self._writer.close()


async def bodies(address: str, targets: Sequence[str]) -> dict[str, bytes]:
    """The response of each target."""
    connection = await Connection.to(address)
    try:
        return {target: await connection.get(target) for target in targets}
    finally:
        connection.close()


async def latencies_ms(address: str, targets: Sequence[str], times: int) -> list[float]:
    """How long each of so many requests took, one after the other, over the targets in turn."""
    connection = await Connection.to(address)
    took = []
    for target in itertools.islice(itertools.cycle(targets), times):
        began = time.perf_counter()
        await connection.get(target)
        took.append((time.perf_counter() - began) * 1_000)
    connection.close()
    return took


async def requests_per_second(address: str, targets: Sequence[str], *, connections: int, requests: int) -> float:
    """How many requests a second so many connections at once are given responses to."""
    waiting = itertools.islice(itertools.cycle(targets), requests)

    async def work() -> None:
        connection = await Connection.to(address)
        for target in waiting:
            await connection.get(target)
        connection.close()

    began = time.perf_counter()
    async with asyncio.timeout(_WORST_S + requests), asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(work())
    return requests / (time.perf_counter() - began)
