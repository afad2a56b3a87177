"""The service as a process: a socket, uvicorn, and the application."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Final

import uvicorn
from fastapi import FastAPI

from martian_moments.domain.errors import PlatformFailed
from martian_moments.resources import Resources
from martian_moments.serving.addresses import names_of, service_address
from martian_moments.serving.app import PREPARATIONS, create_app
from martian_moments.serving.snapshots import Snapshots
from martian_moments.settings.environment import given_secrets

_CONNECTIONS: Final = 1_000
"""More than these are refused (503): each takes some memory, and a slow client keeps one as long as it likes."""


def serve(resources: Resources, *, on_ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; call it from the main thread.

    Args:
        resources: what the settings name.
        on_ready: gets the address as soon as it responds.

    Raises:
        PlatformFailed: the address cannot be listened on.
    """
    settings = resources.settings
    host = settings.serve_host
    app = create_app(
        Snapshots(resources.published, PREPARATIONS),
        lake=resources.lake,
        published=resources.published,
        hosts=(*settings.serve_allowed_hosts, *names_of(host)),
        redaction=given_secrets(),
    )
    with listening(host, settings.serve_port) as sock, suppress(KeyboardInterrupt):
        Server(app, lambda: on_ready(service_address(host, sock.getsockname()[1]))).run(sockets=[sock])


class Server(uvicorn.Server):
    """One that says when it responds."""

    def __init__(self, app: FastAPI, on_ready: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            # The other parser, httptools, holds a header of any length in memory before anybody sees it.
            http="h11",
            ws="none",
            lifespan="on",
            # One line for each request that is none would fill the disk.
            log_level="error",
            access_log=False,
            server_header=False,
            limit_concurrency=_CONNECTIONS,
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """As uvicorn has it."""
        await super().startup(sockets)
        self._on_ready()


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens; port 0 picks a free one. Raises PlatformFailed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise PlatformFailed(
            f"port {port} on {host} cannot be used ({error.strerror or error}); stop what uses it, or set MARS_SERVE_PORT "
            "to another one (0 picks a free one) and MARS_SERVE_HOST to an address of this machine"
        ) from error
