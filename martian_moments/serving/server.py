"""Uvicorn, as the service runs it."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

import uvicorn
from fastapi import FastAPI

_CONNECTIONS: Final = 1_000
"""More than these are refused (503): each takes some memory, and a slow client keeps one as long as it likes."""


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
