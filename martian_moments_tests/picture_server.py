"""A static web server on this machine, and what goes wrong with one."""

from __future__ import annotations

import hashlib
import io
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

LAST_MODIFIED: Final = formatdate(1_700_000_000, usegmt=True)
HTML: Final = b"<!doctype html><title>maintenance</title>"


@cache
def jpeg(seed: int, width: int = 96, height: int = 64) -> bytes:
    """A picture with texture, another one for each seed."""
    import numpy as np
    from PIL import Image

    pixels = np.random.default_rng(seed).integers(40, 200, (height, width), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=80)
    return file.getvalue()


def png_bomb(side: int) -> bytes:
    """A PNG of some hundred bytes that says it has so many rows and columns."""
    import struct
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1_000))) + chunk(b"IEND", b"")


class PictureServer:
    """Serves files by path. ``faults`` are what happens to the next requests for a path, in turn; after them all is well.

    ``html``, ``404``, ``403``, ``503``; ``cut`` (the connection ends in the middle), ``long`` and ``short`` (a
    Content-Length of more or fewer bytes), ``damaged`` (half of the file, with a Content-Length to match), ``elsewhere`` (a
    redirect to another host), ``moved`` (one to the path ``/moved`` + path).
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.sent: Counter[str] = Counter()
        self.delay_s = 0.0
        self.with_ranges = True
        self.url = ""

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(each == path for each, _ in self.requests)


@contextmanager
def picture_server() -> Iterator[PictureServer]:
    """A server that ends with the context."""
    served = PictureServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            _respond(self, served)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    served.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield served
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _respond(handler: BaseHTTPRequestHandler, served: PictureServer) -> None:
    path = handler.path
    served.requests.append((path, {name.lower(): value for name, value in handler.headers.items()}))
    fault = served.faults[path].pop(0) if served.faults[path] else ""
    if served.delay_s:
        threading.Event().wait(served.delay_s)
    if fault.isdigit() or path not in served.files:
        return _send(handler, int(fault or 404), b"no", {})
    if fault == "html":
        return _send(handler, 200, HTML, {"Content-Type": "text/html"})
    if fault in {"elsewhere", "moved"}:
        there = "http://localhost:1/a.jpg" if fault == "elsewhere" else f"/moved{path}"
        return _send(handler, 302, b"", {"Location": there})
    return _send_file(handler, served, path, fault)


def _send_file(handler: BaseHTTPRequestHandler, served: PictureServer, path: str, fault: str) -> None:
    body = served.files[path]
    etag = f'"{hashlib.md5(body).hexdigest()}"'
    headers = {"ETag": etag, "Last-Modified": LAST_MODIFIED}
    status, first = 200, 0
    wanted = handler.headers.get("Range", "")
    if wanted and served.with_ranges and handler.headers.get("If-Range", etag) == etag:
        status, first = 206, int(wanted.removeprefix("bytes=").removesuffix("-"))
        if first >= len(body):
            return _send(handler, 416, b"", {"Content-Range": f"bytes */{len(body)}"})
        headers["Content-Range"] = f"bytes {first}-{len(body) - 1}/{len(body)}"
    if fault == "damaged":
        body = body[: len(body) // 2]
    rest = body[first:]
    length = len(rest) + {"long": 7, "short": -7}.get(fault, 0)
    if fault == "cut":
        rest = rest[: len(rest) // 2]
    served.sent[path] += len(rest)
    handler.close_connection = fault in {"cut", "long", "short"}
    return _send(handler, status, rest, headers | {"Content-Length": str(length)})


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for name, value in ({"Content-Length": str(len(body))} | headers).items():
        handler.send_header(name, value)
    with suppress(BrokenPipeError, ConnectionResetError):  # who asked has been killed
        handler.end_headers()
        handler.wfile.write(body)
