"""An archive of PDS volumes in memory, made from the real label and its one real line."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx

WIDTH = 933
"""RECORD_BYTES of the real label."""


@dataclass
class Volume:
    """A table and its label, served with an ETag, by default one that follows the table."""

    label: bytes
    table: bytes
    etag: str = ""

    def __post_init__(self) -> None:
        self.etag = self.etag or f'"{hash(self.table):x}"'


@dataclass
class ArchiveServer:
    """Responds as the archive does: 304 for a table that the client has, 404 for a volume that there is not."""

    volumes: dict[str, Volume] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    not_modified: int = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked[request.url.path] += 1
        _, _, _, _, _, volume, _, name = request.url.path.split("/")
        if volume not in self.volumes:
            return httpx.Response(404, content=b"<html>Not Found</html>")
        held = self.volumes[volume]
        if name == "edrindex.lbl":
            return httpx.Response(200, content=held.label)
        if held.etag in request.headers.get("if-none-match", "").split(", "):
            self.not_modified += 1
            return httpx.Response(304, headers={"etag": held.etag})
        return httpx.Response(200, content=held.table, headers={"etag": held.etag})


def real_label(payloads: Path, rows: int, *, synthetic: bool = False) -> bytes:
    """The real label, for a table of so many lines."""
    label = (payloads / "mer_edrindex.lbl").read_bytes().replace(b"203550", str(rows).encode())
    return label.replace(b"MISSION_NAME", b"SYNTHETIC = TRUE\r\nMISSION_NAME", 1) if synthetic else label


def line(payloads: Path, sol: int, number: int, **columns: str) -> bytes:
    """The real line on another sol and with another product, its trailing blanks restored."""
    made = bytearray((payloads / "mer_edrindex_row_sample.tab").read_bytes().rstrip(b"\n").ljust(WIDTH - 1) + b"\n")
    put(made, 288, 4, str(sol))
    put(made, 196, 27, columns.get("product", f"1P{128_000_000 + number}EFF0000P2303L2M1"))
    if "image_type" in columns:
        put(made, 602, 10, columns["image_type"])
    return bytes(made)


def put(made: bytearray, start: int, width: int, text: str) -> None:
    made[start : start + width] = text.ljust(width).encode()
