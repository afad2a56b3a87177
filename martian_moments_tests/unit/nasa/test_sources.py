"""Which source serves what."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from martian_moments.domain.documents import Document, Header, Kind
from martian_moments.domain.errors import DocumentError, InputError
from martian_moments.domain.promises import Promises
from martian_moments.domain.rovers import ROVERS
from martian_moments.lake.store import Lake
from martian_moments.nasa.sources import photo_sources, read_promises, sources_of, traverse_source
from martian_moments.nasa.upstream import Upstream
from martian_moments.settings import BUILT_SOURCES
from martian_moments_tests.unit.nasa.conftest import ClientFactory

NAMES = ("m20_url", "msl_url", "pds_url", "v1_url", "mmgis_url", "mer_traverse_url")
UPSTREAM = Upstream(**{name: f"https://example.test/{name}" for name in NAMES}, v1_api_key=SecretStr("key-1"))


@pytest.fixture
def store(tmp_path: Path) -> Lake:
    return Lake(tmp_path.as_uri())


def response(request: httpx.Request) -> httpx.Response:
    if "manifests" in request.url.path:
        return httpx.Response(200, json={"photo_manifest": {"photos": [{"sol": 1, "total_photos": 2}]}})
    return httpx.Response(200, json={"type": "FeatureCollection", "features": []})


async def test_every_built_source_can_be_made_and_promises_are_read_by_the_document(
    client: ClientFactory, store: Lake, tmp_path: Path
) -> None:
    async with client(response) as asking:
        sources = photo_sources(BUILT_SOURCES, asking, UPSTREAM, store, tmp_path)
        assert [source.name for source in sources] == list(BUILT_SOURCES)
        document = await sources[-1].manifest("spirit")
        assert document.header.source == "v1"
        assert read_promises(document).sols == {1: 2}


def test_promises_of_sols_that_cannot_be_are_set_aside_and_counted() -> None:
    today = ROVERS["curiosity"].sol_of(datetime.now(UTC))
    reported = Promises("curiosity", "v1", served=True, sols={0: 1, today: 2, today + 2: 3, 9_999: 4}, newest_sol=9_999)
    within = reported.within(ROVERS["curiosity"].sols_until(datetime.now(UTC)))
    assert (within.sols, within.newest_sol, within.impossible) == ({0: 1, today: 2}, today + 1, 2)
    spirit = Promises("spirit", "pds", served=True, sols={0: 1}, newest_sol=0)
    assert spirit.within(ROVERS["spirit"].sols_until(datetime.now(UTC))).newest_sol is None


def test_the_sources_of_a_rover_are_those_that_can_have_it_in_the_order_of_preference() -> None:
    assert {rover: sources_of(rover, BUILT_SOURCES) for rover in ROVERS} == {
        "curiosity": ("msl", "v1"),
        "perseverance": ("m20", "v1"),
        "opportunity": ("pds", "v1"),
        "spirit": ("pds", "v1"),
    }
    assert sources_of("spirit", ("v1", "pds")) == ("v1", "pds")
    assert sources_of("spirit", ("m20", "msl")) == ()
    with pytest.raises(InputError, match="'v9'"):
        sources_of("spirit", ("v9",))


async def test_every_rover_has_a_source_of_its_path(client: ClientFactory) -> None:
    async with client(response) as asking:
        found = {rover: traverse_source(asking, UPSTREAM, rover) for rover in ROVERS}
    assert {rover: source.name for rover, source in found.items()} == {
        "curiosity": "mmgis",
        "perseverance": "mmgis",
        "opportunity": "mer",
        "spirit": "mer",
    }
    assert all(source.serves(rover) for rover, source in found.items())


async def test_a_source_that_nobody_built_is_named(client: ClientFactory, store: Lake, tmp_path: Path) -> None:
    async with client(response) as asking:
        with pytest.raises(InputError, match=r"'v9'.*v1"):
            photo_sources(["v9"], asking, UPSTREAM, store, tmp_path)
        document = await photo_sources(["v1"], asking, UPSTREAM, store, tmp_path)[0].manifest("spirit")
    with pytest.raises(InputError, match="'v9'"):
        read_promises(replace(document, header=replace(document.header, source="v9")))


def test_the_key_is_a_secret_that_is_not_shown() -> None:
    assert UPSTREAM.secrets == ("key-1",)
    assert "key-1" not in repr(UPSTREAM)
    assert UPSTREAM.model_copy(update={"v1_api_key": None}).secrets == ()


def test_knowing_the_sources_costs_no_http_library() -> None:
    probe = "import sys, martian_moments.nasa.sources; print([m for m in ('httpx', 'tenacity', 'rich') if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


@pytest.mark.parametrize("source", ["m20", "msl", "pds", "v1"])
@pytest.mark.parametrize("page", [b"[]", b'{"items": "x", "volumes": 3, "sols": [4], "photo_manifest": {"photos": 5}}'])
def test_a_manifest_in_the_lake_that_its_dialect_cannot_read_is_a_broken_document(source: str, page: bytes) -> None:
    rover = {"m20": "perseverance", "msl": "curiosity"}.get(source, "spirit")
    header = Header(Kind.MANIFEST, rover, source, None, datetime.now(UTC), "f", 1, None, complete=True)
    with pytest.raises(DocumentError, match="materialize it again"):
        read_promises(Document(header, (page,)))
