"""What holds for every route."""

from __future__ import annotations

import gzip
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from martian_moments.infrastructure.redaction import Redaction
from martian_moments.serving.app import create_app
from martian_moments.serving.dependencies import CurrentSnapshot
from martian_moments.serving.query import rows
from martian_moments.serving.snapshots import Snapshots
from martian_moments_tests.published_tables import STOPS, publish_rows
from martian_moments_tests.serving.home import ServedHome
from martian_moments_tests.waiting import wait_until


def test_the_service_says_of_which_build_its_tables_are(client: TestClient) -> None:
    found = client.get("/health")
    assert (found.status_code, found.json()["ready"], found.json()["reason"]) == (200, True, None)
    assert found.headers["x-data-through"] == found.json()["published_at"]


@pytest.mark.parametrize("path", ["/health", "/nothing", "/published/manifest.json", "/openapi.json"])
def test_every_response_may_be_read_by_any_page_and_runs_nothing(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    assert headers["access-control-allow-origin"] == "*"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "server" not in headers


def test_a_browser_is_told_before_it_asks_what_it_may_ask(client: TestClient) -> None:
    asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "POST"}
    found = client.options("/stac/search", headers=asked)
    assert (found.status_code, found.content, found.headers["access-control-allow-origin"]) == (204, b"", "*")
    assert found.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:3001", "127.0.0.1", "127.1.2.3:80", "[::1]:3001", "mars.example:8080"]
)
def test_the_names_of_the_service_are_accepted(served: ServedHome, host: str) -> None:
    with TestClient(served.app("Mars.example")) as client:
        assert client.get("/health", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", ["elsewhere.example", "127.0.0.1.elsewhere.example", "localhost.elsewhere.example", "10.0.0.1", ""]
)
def test_a_page_elsewhere_whose_name_leads_here_reads_nothing(client: TestClient, host: str) -> None:
    found = client.get("/health", headers={"Host": host})
    assert (found.status_code, found.json()["status"]) == (421, 421)
    assert "MARS_SERVE_ALLOWED_HOSTS" in found.json()["detail"]


def test_a_star_accepts_every_name(served: ServedHome) -> None:
    with TestClient(served.app("*")) as client:
        assert client.get("/health", headers={"Host": "elsewhere.example"}).status_code == 200


def test_an_error_is_a_problem_as_the_standard_has_it(client: TestClient) -> None:
    found = client.get("/nothing")
    assert found.headers["content-type"] == "application/problem+json"
    detail = "there is nothing at this address; /docs lists the routes of API v2 and STAC, and docs/api.md all there are"
    assert found.json() == {"type": "about:blank", "title": "Not Found", "status": 404, "detail": detail}
    other = client.post("/health")
    assert (other.status_code, other.json()["detail"].partition(";")[0]) == (405, "this address does not have the method")


def test_the_start_imports_nothing_that_only_some_responses_need() -> None:
    later = ("numpy", "pyarrow", "pandas", "shapely", "httpx", "psutil", "matplotlib")
    code = "import sys, martian_moments.serving.app, martian_moments.serving.server; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not set(later) & set(done.stdout.split())


def test_what_is_too_long_is_refused(client: TestClient) -> None:
    assert client.get("/health", params={"x": "y" * 8_000}).status_code == 414
    assert client.get("/" + "y" * 8_000).status_code == 414


@pytest.fixture
def home(served: ServedHome, tmp_path: Path) -> ServedHome:
    """One whose published tables a test may change."""
    return served.copy_published(tmp_path / "home")


@pytest.fixture
def probed(home: ServedHome) -> Iterator[TestClient]:
    """The service with routes that count, that fail and that read a body."""
    app = create_app(
        Snapshots(home.published),
        lake=home.lake,
        published=home.published,
        hosts=("testserver",),
        redaction=Redaction(["hush!!"]),
    )
    app.state.asked = 0

    @app.get("/stops")
    async def stops(snapshot: CurrentSnapshot, least: int = 0) -> dict[str, int]:
        app.state.asked += 1
        ((count,),) = await rows(snapshot, "select count(*) from gold.stops where photos >= ?", [least])
        return {"stops": count}

    @app.get("/long")
    async def long() -> str:
        return "Mars " * 1_000

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("the password is hush!!")

    @app.post("/body")
    async def body(given: dict[str, str]) -> int:
        return len(given)

    with TestClient(app, raise_server_exceptions=False) as client:
        assert app.state.snapshots.wait(30)
        yield client


def test_who_has_the_response_of_this_build_already_gets_304_before_any_query(probed: TestClient, home: ServedHome) -> None:
    first = probed.get("/stops?least=1")
    tag = first.headers["etag"]
    held = probed.get("/stops?least=1", headers={"If-None-Match": f'"other", {tag}'})
    assert (held.status_code, held.content, held.headers["etag"]) == (304, b"", tag)
    assert probed.app.state.asked == 1  # type: ignore[attr-defined]
    shared = ("vary", "cache-control", "x-data-through")
    assert [held.headers.get(name) for name in shared] == ["Accept-Encoding, Accept", "no-cache", first.headers[shared[2]]]
    # Another address, another wish, another build: another response.
    assert probed.get("/stops?least=2", headers={"If-None-Match": tag}).status_code == 200
    assert probed.get("/stops?least=1", headers={"If-None-Match": tag, "Accept": "text/csv"}).status_code == 200
    publish_rows(home.published, {"gold/stops": STOPS})
    new = wait_until(lambda: _other(probed, tag), "the new build", pause=0.05)
    assert new.json() == {"stops": len(STOPS)} != first.json()


def test_whoever_has_anything_of_what_is_there_gets_304(probed: TestClient) -> None:
    anything = {"If-None-Match": " * "}
    found = probed.get("/stops", headers=anything)
    assert (found.status_code, found.content, found.headers["etag"]) == (304, b"", probed.get("/stops").headers["etag"])
    assert probed.head("/stops", headers=anything).status_code == 304
    assert probed.get("/docs", headers=anything).status_code == 304
    assert probed.get("/nothing", headers=anything).status_code == 404
    assert probed.get("/stops?least=many", headers=anything).status_code == 400


def test_a_tag_is_compared_whole_and_weak_or_not_is_the_same(probed: TestClient) -> None:
    tag = probed.get("/stops").headers["etag"]
    assert probed.get("/stops", headers={"If-None-Match": tag.removeprefix("W/")}).status_code == 304
    assert probed.get("/stops", headers=[("If-None-Match", '"other"'), ("If-None-Match", tag)]).status_code == 304
    assert probed.get("/stops", headers={"If-None-Match": f'"x{tag}"'}).status_code == 200


def _other(client: TestClient, tag: str) -> httpx.Response | None:
    found = client.get("/stops?least=1", headers={"If-None-Match": tag})
    return found if found.status_code == 200 else None


def test_head_responds_wherever_get_does(probed: TestClient) -> None:
    got, head = probed.get("/stops"), probed.head("/stops")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", got.headers["etag"])
    assert head.headers["content-length"] == got.headers["content-length"]


def test_what_is_long_is_compressed_for_those_who_accept_it(probed: TestClient) -> None:
    with probed.stream("GET", "/long", headers={"Accept-Encoding": "gzip"}) as found:
        assert found.headers["content-encoding"] == "gzip"
        assert gzip.decompress(b"".join(found.iter_raw())).startswith(b'"Mars Mars')
    assert _is_compressed(probed, "br, GZIP;q=0.5")
    assert _is_compressed(probed, "*")
    for other in ("identity", "gzip;q=0", "*;q=0.5, gzip;q=0", "identity, gzip;q=0.5", "gzippy"):
        assert not _is_compressed(probed, other)
    assert {each.strip() for each in found.headers["vary"].split(",")} == {"Accept", "Accept-Encoding"}


def _is_compressed(client: TestClient, accepted: str) -> bool:
    found = client.get("/long", headers={"Accept-Encoding": accepted})
    assert "Accept-Encoding" in found.headers["vary"]
    return bool(found.headers.get("content-encoding") == "gzip")


def test_a_defect_is_a_500_without_detail_and_its_traceback_is_logged_without_secrets(
    probed: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        found = probed.get("/fails")
    assert (found.status_code, found.headers["content-type"]) == (500, "application/problem+json")
    assert found.headers["access-control-allow-origin"] == "*"
    assert "RuntimeError" not in found.text
    assert "RuntimeError" in caplog.text
    assert "hush!!" not in caplog.text


def test_a_wrong_parameter_is_named_with_its_value_and_what_is_accepted(probed: TestClient) -> None:
    found = probed.get("/stops?least=many")
    assert (found.status_code, found.headers["content-type"]) == (400, "application/problem+json")
    (error,) = found.json()["errors"]
    assert (error["parameter"], error["value"]) == ("least", "many")
    assert "integer" in error["accepted"]


def test_a_body_without_an_end_is_refused(probed: TestClient) -> None:
    found = probed.post("/body", content=b'{"a": "' + b"x" * 1_100_000 + b'"}', headers={"Content-Type": "application/json"})
    assert found.status_code == 413
    assert probed.post("/body", json={"a": "x"}).json() == 1


def test_without_tables_a_route_says_when_to_come_again(tmp_path_factory: pytest.TempPathFactory) -> None:
    empty = ServedHome(tmp_path_factory.mktemp("empty"))
    app = empty.app()

    @app.get("/stops")
    async def stops(snapshot: CurrentSnapshot) -> str:
        return snapshot.build

    with TestClient(app) as client:
        wait_until(lambda: "nothing" in client.get("/stops").json()["detail"], "the first look", pause=0.02)
        found = client.get("/stops")
    assert (found.status_code, int(found.headers["retry-after"]) > 0) == (503, True)
    assert "etag" not in found.headers
