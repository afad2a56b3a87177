"""What NASA's servers name is text in every response of the service: a browser takes none of it for HTML."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from starlette.testclient import TestClient

from martian_moments.warehouse.models import published_models
from martian_moments_tests.published_tables import TABLES, photo
from martian_moments_tests.serving.tables import ServedTables, served_tables

NAME = '"><img src=x onerror=alert(1)>'
PHOTO = photo("curiosity", 1, sol=13, taken_at_utc=datetime(2012, 8, 19, 3, 30, tzinfo=UTC))
WITH_PARAMETERS = [
    "/stac/collections/curiosity",
    "/stac/collections/curiosity/items",
    "/stac/collections/curiosity/items/curiosity.v1.1",
    "/stac/collections/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
    "/api/v2/photos/curiosity|v1|1",
    "/api/v2/photos/%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
    "/api/v2/photos?format=geojson",
    "/api/v2/photos?format=csv",
    "/api/v2/photos?camera=%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E&sort=%3Cimg%3E",
    "/api/v1/rovers",
    "/api/v1/rovers/curiosity/photos?sol=13&thumbnails=true",
    "/api/v1/manifests/curiosity",
    "/api/v1/rovers/%3Cimg%20src=x%3E/photos",
    "/docs",
    "/explorer/",
    "/explorer/data/rovers.json",
    "/explorer/data/curiosity/sols.json",
    "/explorer/%3Cimg%20src=x%3E",
    "/published/%3Cimg%20src=x%3E",
    "/pictures/curiosity/1/%3Cimg%20src=x%3E",
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTables]:
    texts = {table.name: [name for name, kind in table.types.items() if kind == "varchar"] for table in published_models()}
    kept = {"photo_key", "rover", "source", "source_id", "lmst", "image_url"}
    named = PHOTO | {column: NAME for column in texts["fact_photos"] if column not in kept}
    photos = [named | {"image_url": f"https://mars.example/{NAME}.jpg"}]
    others = {**TABLES, "silver/dim_rovers": [{**row, "title": NAME} for row in TABLES["silver/dim_rovers"]]}
    with served_tables(tmp_path_factory.mktemp("names"), photos, others) as tables:
        yield tables


class Images(HTMLParser):
    """The images of a page, and what listens to their errors."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if any(name.startswith("on") or "alert" in (value or "") for name, value in attrs):
            self.found.append(tag)


def images_of(text: str) -> list[str]:
    parser = Images()
    parser.feed(text)
    return parser.found


def without_parameters(client: TestClient) -> list[str]:
    """Every path of the descriptions that OpenAPI has, but for those that need to know of what."""
    paths = client.get("/openapi.json").json()["paths"]
    return [path for path, methods in paths.items() if "{" not in path and "get" in methods]


def test_what_is_looked_for_would_be_found() -> None:
    assert images_of(f"<td>{NAME}</td>") == ["img"]


def test_no_response_makes_html_of_a_name(tables: ServedTables) -> None:
    addresses = [*without_parameters(tables.client), *WITH_PARAMETERS]
    assert {"/api/v2/photos", "/stac/search"} <= set(addresses)
    shown: set[str] = set()
    pages: set[str] = set()
    for address in addresses:
        found = tables.client.get(address, headers={"Accept": "text/html,*/*"}, follow_redirects=True)
        assert found.status_code < 500, (address, found.text)
        kind = found.headers["content-type"].partition(";")[0]
        assert kind in {"text/html", "text/csv", "application/json", "application/geo+json", "application/problem+json"}, (
            address
        )
        assert found.headers["x-content-type-options"] == "nosniff", address
        assert "default-src 'self'" in found.headers["content-security-policy"], address
        if kind == "text/html":
            pages.add(address)
            assert images_of(found.text) == [], address
        elif "onerror" in found.text:
            shown.add(address)
    assert pages == {"/docs", "/explorer/"}
    # It is there, and not just left out.
    assert {"/api/v1/rovers", "/api/v2/photos", "/api/v2/photos?format=csv", "/stac/search"} <= shown
