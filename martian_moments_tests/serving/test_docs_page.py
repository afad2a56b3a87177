"""The page about the API: whole, from this host, and without a script inside."""

from __future__ import annotations

import re

from starlette.testclient import TestClient


def test_the_page_loads_everything_from_here_and_runs_nothing_inside(client: TestClient) -> None:
    page = client.get("/docs")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert loaded == ["data:,", "/docs/swagger-ui.css", "/docs/swagger-ui-bundle.js", "/docs/start.js"]
    assert re.findall(r"<script[^>]*>([^<]*)<", page.text) == ["", ""]
    for address in loaded[1:]:
        found = client.get(address)
        assert found.status_code == 200
        assert found.headers["content-type"].startswith("text/css" if address.endswith("css") else "text/javascript")
    assert "SwaggerUIBundle({" in client.get("/docs/start.js").text
    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")


def test_no_other_file_is_sent(client: TestClient) -> None:
    for name in ("favicon.png", "..%2f__init__.py", "redoc.standalone.js"):
        assert client.get(f"/docs/{name}").status_code == 404
