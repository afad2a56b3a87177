"""Where the service is, as those who ask for it write it. Without an import of what serves."""

from __future__ import annotations

from typing import Final

_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what is compared
"""Addresses to listen on that are no name of a host, with one by which this machine is called."""


def service_address(host: str, port: int) -> str:
    """The address that clients on this machine use; ``host`` as in MARS_SERVE_HOST."""
    name = _EVERYWHERE.get(host, host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def names_of(host: str) -> tuple[str, ...]:
    """The name of a host to listen on, where it is one."""
    return () if host in _EVERYWHERE else (host,)
