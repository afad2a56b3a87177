"""One request and its response: cut, stalled, without end, compressed more than once."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from martian_moments.domain.errors import BrokenResponse, UpstreamUnavailable
from martian_moments.nasa.exchange import Timeouts
from martian_moments.nasa.http import PoliteClient
from martian_moments_tests.unit.nasa.client.conftest import GOOD, parsed


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
async def test_a_cut_body_is_no_response_even_when_what_arrived_is_json(head: bytes) -> None:
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


async def test_a_response_that_stalls_is_given_up() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"
    async with raw_server(head, GOOD, then_wait=True) as url:
        async with a_client(timeouts=Timeouts(response=0.2)) as asking:
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
        with pytest.raises(BrokenResponse, match="compressed 2 times"):
            await asking.get(url, parsed)


async def test_a_bomb_of_one_layer_is_cut_off_at_the_limit() -> None:
    bomb = gzip.compress(bytes(30_000_000), 9)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(bomb)}\r\nContent-Encoding: gzip\r\n\r\n".encode()
    async with raw_server(head, bomb) as url, a_client(max_bytes=100_000) as asking:
        with pytest.raises(BrokenResponse, match="larger than 100000 bytes") as raised:
            await asking.get(url, parsed)
    assert len(raised.value.body) == 100_000


async def test_a_file_without_end_is_refused(tmp_path: Path) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n"
    async with raw_server(head, b" " * 3_000_000, then_wait=True) as url, a_client(max_file_bytes=100_000) as asking:
        with pytest.raises(BrokenResponse, match="the file is larger than 100000 bytes"):
            await asking.download(url, tmp_path / "file", lambda download: download)


async def test_an_endless_response_is_cut_off_and_not_asked_again() -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 999999999\r\n\r\n"
    async with raw_server(head, b" " * 300_000, then_wait=True) as url, a_client(max_bytes=100_000) as asking:
        with pytest.raises(BrokenResponse, match="larger than 100000 bytes") as raised:
            await asking.get(url, parsed)
    assert len(raised.value.body) == 100_000
