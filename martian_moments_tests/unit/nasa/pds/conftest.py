"""An archive in memory, from the real label and line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from martian_moments.domain.documents import Document
from martian_moments.lake.store import Lake
from martian_moments.nasa.pds import PDS
from martian_moments_tests.unit.nasa.conftest import ClientFactory
from martian_moments_tests.unit.nasa.pds_archive import ArchiveServer, Volume, line, real_label

URL = "https://example.test/img"


PANCAM, HAZCAM = "mer1po_0xxx", "mer1ho_0xxx"


BOM = b"\xef\xbb\xbf"


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake((tmp_path / "lake").as_uri())


@pytest.fixture
def archive(real_payloads: Path) -> ArchiveServer:
    """Two volumes of Opportunity: sols 1 (3 and 1 lines) and 2 (2 lines, far from each other)."""
    pancam = [line(real_payloads, sol, number) for number, sol in enumerate([1, 1, 2, 1, 2])]
    hazcam = [line(real_payloads, 1, 100, image_type="THUMBNAIL")]
    return ArchiveServer(
        {
            name: Volume(real_label(real_payloads, len(rows)), b"".join(rows))
            for name, rows in ((PANCAM, pancam), (HAZCAM, hazcam))
        }
    )


Open = Callable[..., Any]


@pytest.fixture
def pds(client: ClientFactory, lake: Lake, archive: ArchiveServer, tmp_path: Path) -> Open:
    @asynccontextmanager
    async def make(handler: Callable[[httpx.Request], httpx.Response] = archive) -> AsyncIterator[PDS]:
        async with client(handler) as asking:
            yield PDS(asking, URL, lake, tmp_path / "scratch")

    return make


def failures(manifest: Document) -> dict[str, str]:
    """By volume, why it failed."""
    reported = {volume["volume"]: volume["error"] for volume in manifest.parsed_pages()[0]["volumes"]}
    return {volume: error for volume, error in reported.items() if error}
