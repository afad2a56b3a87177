"""What strangers may send: nothing of it is an error of the service, makes it grow, or holds up the others."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import httpx
import psutil
import pytest

from martian_moments_tests.serving.home import ServedHome
from martian_moments_tests.waiting import wait_until

REQUESTS = 2_000
WARM = 400
MEGABYTES = 25
"""Of growth between the first 400 and all of them. What grows with each request grows by as much as it keeps."""

WORDS = [
    *("0", "-1", "1e308", "NaN", "Infinity", "9" * 400, "null", "true", "[]", "{}", "''", '"', "%", "%00", "%ff", "%c0%ae"),
    *("' or 1=1 --", "1); drop table photos", "../../etc/passwd", "%2e%2e%2f", "curiosity", "SPIRIT", "<img onerror=1>"),
    *("2012-99-99", "0001-01-01", "1,2", "1,2,3,4,5,6,7", "137.4,-4.5", "\u202e", "\U0001f680", "a" * 2_000, "x;y", "*", ""),
]
METHODS = ["GET", "GET", "GET", "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "BREW"]
PATHS = [
    *(
        "/",
        "/health",
        "/openapi.json",
        "/explorer/",
        "/stac",
        "/stac/search",
        "/stac/collections",
        "/published/manifest.json",
    ),
    *("/moments/drive/movie.mp4", "/pictures/rover=spirit/sol=00001/x.JPG", "/api/v1/rovers", "/api/v1/manifests/curiosity"),
    *(
        "/api/v1/rovers/curiosity/photos",
        "/mars-photos/api/v1/rovers/spirit/latest_photos",
        "/api/v2/photos",
        "/api/v2/stops",
    ),
    *("/api/v2/statistics", "/api/v2/changes", "/explorer/data/rovers.json", "/explorer/data/spirit/path.json"),
]
NAMES = [
    *("sol", "page", "per_page", "camera", "earth_date", "rover", "limit", "cursor", "token", "sort", "sortby", "fields"),
    *("format", "looks_at", "near", "bbox", "datetime", "filter", "filter-lang", "group_by", "sol_min", "api_key", "ids"),
]
BODIES = [
    b"",
    b"{",
    b"[]",
    b"{}",
    b"null",
    b'{"limit": -1}',
    b'{"bbox": [1,2]}',
    b'{"intersects": {"type": "x"}}',
    b"\xff\xfe" * 9,
]
_GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
_POST = b"POST /stac/search HTTP/1.1\r\nHost: localhost\r\n"
BROKEN = [
    *(b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00"),
    *(b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"),
    *(b"GET /\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n", b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    *(_GET + b"X: " + b"x" * 90_000 + b"\r\n\r\n", _GET + b"X: y\r\n" * 500 + b"\r\n"),
    *(_POST + b"Content-Length: -5\r\n\r\n", _POST + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n"),
    _POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"GET http://elsewhere.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: localhost\r\n\r\n",
    _GET + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: x\r\n\r\n",
]


def malformed(chance: random.Random) -> bytes:
    """A request that means nothing, or nearly nothing."""
    if chance.random() < 0.15:
        return chance.choice(BROKEN)
    path = chance.choice(PATHS)
    if chance.random() < 0.3:
        path += "/" + chance.choice(WORDS)
    query = "&".join(f"{chance.choice(NAMES)}={chance.choice(WORDS)}" for _ in range(chance.randrange(5)))
    target = f"{path}?{query}" if query else path
    # As a client that is careless sends it: what is not ASCII as its bytes, a space as a space.
    line = f"{chance.choice(METHODS)} {target if chance.random() < 0.1 else target.replace(' ', '+')} HTTP/1.1\r\n".encode()
    body = chance.choice(BODIES) if chance.random() < 0.4 else b""
    headers = [b"Host: 127.0.0.1", b"Connection: close", f"Content-Length: {len(body)}".encode()]
    odd = (
        "Range: bytes=9-3",
        "If-None-Match: *",
        "Accept: text/csv;q=x",
        "Content-Type: application/json",
        "Expect: x",
        "A: \x80",
    )
    headers += [each.encode("latin-1") for each in odd if chance.random() < 0.2]
    return line + b"\r\n".join(headers) + b"\r\n\r\n" + body


async def status_of(address: tuple[str, int], request: bytes) -> int | None:
    """The status of the response; None where the connection was closed without one."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        with suppress(ConnectionError):
            writer.write(request)
            if request in BROKEN:
                # The service may wait for the rest of it; one that ends its half of the connection may get no response.
                writer.write_eof()
            await writer.drain()
        with suppress(ConnectionError):
            found = re.match(rb"HTTP/1\.1 (\d{3}) ", await reader.read())
            return int(found[1]) if found else None
        return None
    finally:
        writer.close()


@dataclass(frozen=True)
class Process:
    """The service in a process of its own."""

    pid: int
    url: str

    @property
    def address(self) -> tuple[str, int]:
        url = httpx.URL(self.url)
        assert url.port
        return url.host, url.port

    @property
    def megabytes(self) -> float:
        return float(psutil.Process(self.pid).memory_info().rss) / 1e6

    @property
    def files(self) -> int:
        return int(psutil.Process(self.pid).num_fds())

    def responds(self) -> bool:
        return bool(httpx.get(f"{self.url}/health", trust_env=False, timeout=60).json()["ready"])


@pytest.fixture(scope="module")
def process(served: ServedHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("process")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MARS_")}
    environment |= {"MARS_HOME": str(served.home), "MARS_SERVE_PORT": "0", "PYTHONUNBUFFERED": "1", "TMPDIR": str(folder)}
    command = [sys.executable, "-m", "martian_moments.serving"]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True) as running,
    ):
        assert running.stdout is not None
        found = Process(running.pid, running.stdout.readline().strip())
        wait_until(found.responds, "the snapshot", pause=0.05)
        yield found
        running.send_signal(signal.SIGTERM)
        running.wait(30)
    # Nothing is left behind, and nothing was a defect.
    assert [each.name for each in folder.iterdir()] == ["log"]
    assert "Traceback" not in (folder / "log").read_text()


async def test_malformed_requests_are_no_error_of_the_service_and_it_does_not_grow(process: Process) -> None:
    chance = random.Random(15)
    requests = [malformed(chance) for _ in range(REQUESTS)]
    found: list[int | None] = []
    turns = asyncio.Semaphore(4)

    async def send(request: bytes) -> None:
        async with turns:
            status = await status_of(process.address, request)
            assert status is None or status < 500, (status, request[:400])
            found.append(status)

    await asyncio.gather(*map(send, requests[:WARM]))
    megabytes, files = process.megabytes, process.files
    await asyncio.gather(*map(send, requests[WARM:]))
    assert len(found) == REQUESTS
    assert len({status for status in found if status}) > 5
    assert process.megabytes < megabytes + MEGABYTES
    wait_until(lambda: process.files <= files, "the connections are closed", pause=0.05)
    assert process.responds()


def test_slow_clients_do_not_hold_up_others(process: Process) -> None:
    slow = []
    for number in range(200):
        client = socket.create_connection(process.address)
        # Half a request; or a whole one whose response nobody reads.
        whole = b"GET /published/silver/fact_photos/rover=curiosity/01000.parquet HTTP/1.1\r\nHost: localhost\r\n"
        client.sendall(whole + (b"\r\n" if number % 2 else b"X-Never-Ending: "))
        slow.append(client)
    try:
        assert process.responds()
        found = httpx.get(f"{process.url}/stac", trust_env=False, timeout=60)
        assert found.status_code == 200
    finally:
        for client in slow:
            client.close()


def test_a_header_without_an_end_is_cut_off(process: Process) -> None:
    before = process.megabytes
    with socket.create_connection(process.address) as client, suppress(ConnectionError):
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ")
        for _ in range(1_000):
            client.sendall(b"x" * 65_536)
        pytest.fail("64 MB of one header were taken")
    assert process.megabytes < before + MEGABYTES
    assert process.responds()
