"""The explorer as a static site: the same bytes as the service sends."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.testclient import TestClient
from typer.testing import CliRunner

from martian_moments import cli
from martian_moments.domain.errors import InputError
from martian_moments.serving.explorer.site import export_site
from martian_moments.warehouse.published import Published
from martian_moments_tests.serving.home import MOVIE, ServedHome


def test_the_site_has_what_the_service_sends(
    served: ServedHome, client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARS_HOME", str(served.home))
    done = CliRunner().invoke(cli.app, ["export-site", str(tmp_path / "site")], catch_exceptions=False)
    assert done.exit_code == 0
    files = [each.relative_to(tmp_path / "site").as_posix() for each in (tmp_path / "site").rglob("*") if each.is_file()]
    assert f"{len(files)} files" in done.output
    for name in files:
        body = (tmp_path / "site" / name).read_bytes()
        if name.startswith("moments/"):
            assert served.lake.get(name) == body
        else:
            response = client.get(f"/explorer/{'' if name == 'index.html' else name}")
            assert (response.status_code, response.content) == (200, body), name
    assert {"index.html", "data/rovers.json", "data/curiosity/path.json", f"moments/{MOVIE}/poster.jpg"} <= {*files}


def test_a_second_export_takes_the_place_of_the_first(served: ServedHome, tmp_path: Path) -> None:
    for _ in range(2):
        export_site(served.published, served.lake, tmp_path, report=lambda *_: None)
        old = tmp_path / "data" / "curiosity" / "photos" / "99990.json"
        assert not old.exists()
        old.touch()


def test_a_folder_with_something_else_is_left_alone(served: ServedHome, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("mine")
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError, match="holds other files"):
        export_site(served.published, served.lake, tmp_path, report=lambda *_: None)
    with pytest.raises(InputError, match="no folder"):
        export_site(served.published, served.lake, tmp_path / "thesis.txt", report=lambda *_: None)
    assert (tmp_path / "index.html").read_text() == "mine"


def test_without_tables_there_is_no_site(served: ServedHome, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="martian-moments up"):
        export_site(Published((tmp_path / "none").as_uri()), served.lake, tmp_path / "site", report=lambda *_: None)
    assert not (tmp_path / "site").exists()


def test_without_tables_the_page_says_so_and_asks_again(tmp_path: Path) -> None:
    app = ServedHome(tmp_path).app()
    with TestClient(app, raise_server_exceptions=False) as empty:
        assert app.state.snapshots.wait(60)
        page = empty.get("/explorer/")
        assert (page.status_code, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert int(page.headers["retry-after"]) > 0
        for path in ("explorer/data/rovers.json", "published/manifest.json", "published/gold/stops/stops.parquet"):
            data = empty.get(f"/{path}")
            assert (data.status_code, data.headers["content-type"]) == (503, "application/problem+json"), path
            assert "nothing is published yet" in data.json()["detail"]
