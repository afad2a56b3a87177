"""What the environment says of web requests, proxies and certificates: httpx reads it, and refuses some of it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import httpx

from martian_moments.domain.errors import SettingsError

_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
_REFUSALS: Final = (httpx.InvalidURL, ValueError, ImportError, OSError, ssl.SSLError)


@contextmanager
def environment_accepted() -> Iterator[None]:
    """Around the making of a client of httpx.

    Raises:
        SettingsError: the environment has a proxy or certificates that httpx does not take; one line that names the
            variable. The cause is left out, because a proxy's address may hold a password.
    """
    try:
        yield
    except _REFUSALS as error:
        fault = _certificates() or _proxies(error)
    else:
        return
    raise SettingsError(fault) from None


def check_environment() -> None:
    """Make a client and throw it away. Raises SettingsError as :func:`environment_accepted`."""
    with environment_accepted():
        httpx.Client().close()


def _certificates() -> str:
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        path = os.environ.get(name)
        if not path:
            continue
        try:
            if name == "SSL_CERT_FILE":
                ssl.create_default_context(cafile=path)
            else:
                ssl.create_default_context(capath=path)
        except (OSError, ssl.SSLError):
            return f"{name}={path} is not accepted: no certificates in PEM can be read there; correct it, or unset it"
    return ""


def _proxies(error: Exception) -> str:
    for name in _PROXIES:
        spelled, value = _variable(name)
        if not value:
            continue
        address = value if "://" in value else f"http://{value}"
        try:
            httpx.Client(proxy=address, trust_env=False, verify=False).close()  # noqa: S501 - it sends nothing
        except ImportError:
            return f"{spelled} is not accepted: a SOCKS proxy needs the package httpx[socks]; install it, or use http://"
        except _REFUSALS:
            return f"{spelled} is not accepted: use http://host:port, its user and password percent-encoded"
    spelled, value = _variable("NO_PROXY")
    for host in value.split(","):
        if not _is_taken(host.strip()):
            return f"{spelled} is not accepted: {host.strip()!r} is no host, domain or IP address; leave it out"
    return f"the environment's proxies are not accepted ({type(error).__name__}); check {', '.join(_PROXIES)} and {spelled}"


def _variable(name: str) -> tuple[str, str]:
    """How a variable is spelled here, and its value: the one in lower case goes first, as in Python."""
    for spelled in (name.lower(), name):
        if value := os.environ.get(spelled):
            return spelled, value
    return name, ""


def _is_taken(host: str) -> bool:
    with suppress(*_REFUSALS):
        httpx.URL(f"all://{f'[{host}]' if host.count(':') > 1 else host}")
        return True
    return False
