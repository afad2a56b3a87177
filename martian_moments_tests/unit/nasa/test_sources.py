"""Which source serves what."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import httpx
import pytest

from martian_moments.errors import InputError
from martian_moments.nasa.sources import Upstream, photo_sources, read_promises, traverse_source
from martian_moments.rovers import ROVERS
from martian_moments.settings import BUILT_SOURCES
from martian_moments_tests.unit.nasa.conftest import ClientFactory

UPSTREAM = Upstream("https://example.test/api/v1", "https://example.test/maps", v1_api_key="key-1")


def answer(request: httpx.Request) -> httpx.Response:
    if "manifests" in request.url.path:
        return httpx.Response(200, json={"photo_manifest": {"photos": [{"sol": 1, "total_photos": 2}]}})
    return httpx.Response(200, json={"type": "FeatureCollection", "features": []})


async def test_every_built_source_can_be_made_and_its_promises_read(client: ClientFactory) -> None:
    async with client(answer) as asking:
        sources = photo_sources(BUILT_SOURCES, asking, UPSTREAM)
        assert [source.name for source in sources] == list(BUILT_SOURCES)
        for source in sources:
            document = await source.manifest("spirit")
            assert document.header.source == source.name
            assert read_promises(document).sols == {1: 2}


async def test_every_rover_has_a_source_of_its_path(client: ClientFactory) -> None:
    async with client(answer) as asking:
        found = {rover: traverse_source(asking, UPSTREAM, rover) for rover in ROVERS}
    assert {rover: source.name for rover, source in found.items()} == {
        "curiosity": "mmgis",
        "perseverance": "mmgis",
        "opportunity": "mer",
        "spirit": "mer",
    }
    assert all(source.serves(rover) for rover, source in found.items())


async def test_a_source_that_nobody_built_is_named(client: ClientFactory) -> None:
    async with client(answer) as asking:
        with pytest.raises(InputError, match=r"'v9'.*v1"):
            photo_sources(["v9"], asking, UPSTREAM)
        document = await photo_sources(["v1"], asking, UPSTREAM)[0].manifest("spirit")
    with pytest.raises(InputError, match="'v9'"):
        read_promises(replace(document, header=replace(document.header, source="v9")))


def test_the_key_is_a_secret_that_is_not_shown() -> None:
    assert UPSTREAM.secrets == ("key-1",)
    assert "key-1" not in repr(UPSTREAM)
    assert Upstream("https://a", "https://b").secrets == ()


def test_knowing_the_sources_costs_no_http_library() -> None:
    probe = "import sys, martian_moments.nasa.sources; print([m for m in ('httpx', 'tenacity', 'rich') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"
