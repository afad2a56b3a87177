"""Proxies and certificates of the environment: used, or refused in one line that names the variable."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from martian_moments.domain.errors import SettingsError
from martian_moments.infrastructure.web import check_environment
from martian_moments.nasa.http import PoliteClient


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.upper().endswith("_PROXY") or name.startswith("SSL_CERT_"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("NO_PROXY", "::1,fd00::/8", "'fd00::/8' is no host"),
        ("no_proxy", "localhost,fe80::/10", "'fe80::/10' is no host"),
        ("ALL_PROXY", "socks5://127.0.0.1:1080", "needs the package httpx[socks]"),
        ("all_proxy", "socks5h://mars:hush@127.0.0.1:1080", "needs the package httpx[socks]"),
        ("HTTPS_PROXY", "http://mars:hu#sh@proxy:8080", "percent-encoded"),
        ("HTTP_PROXY", "ftp://proxy", "use http://host:port"),
        ("http_proxy", "proxy:port", "use http://host:port"),
        ("SSL_CERT_FILE", "/nonexistent.pem", "no certificates in PEM"),
        ("SSL_CERT_FILE", __file__, "no certificates in PEM"),
    ],
)
def test_what_httpx_refuses_is_one_line_that_names_the_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    monkeypatch.setenv(name, value)
    for make in (check_environment, lambda: PoliteClient(requests_per_minute=60, concurrency=1)):
        with pytest.raises(SettingsError) as refused:
            make()
        assert str(refused.value).startswith(name)
        assert says in str(refused.value)
        assert "\n" not in str(refused.value)
        assert "hu" not in str(refused.value).replace("httpx", "")
        assert refused.value.__suppress_context__, "httpx's message may hold the password"


@pytest.mark.parametrize(
    ("name", "value"),
    [("NO_PROXY", "::1,127.0.0.1,.example.org,10.0.0.0/8"), ("HTTPS_PROXY", "proxy:8080"), ("SSL_CERT_DIR", "/nonexistent")],
)
def test_what_httpx_takes_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    check_environment()
