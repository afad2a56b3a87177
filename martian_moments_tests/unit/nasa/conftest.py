"""Upstreams that respond from memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest

from martian_moments.nasa.http import PoliteClient

Handler = Callable[[httpx.Request], httpx.Response]
ClientFactory = Callable[..., AbstractAsyncContextManager[PoliteClient]]


@pytest.fixture
def client() -> ClientFactory:
    """Makes a client without pauses whose network is the handler given."""

    @asynccontextmanager
    async def make(handler: Handler, **options: Any) -> AsyncIterator[PoliteClient]:
        defaults = {"requests_per_minute": 1_000_000, "concurrency": 4, "backoff": 0.0}
        async with PoliteClient(**(defaults | options), transport=httpx.MockTransport(handler)) as made:
            yield made

    return make


def always(status: int, body: Any) -> Handler:
    """A server whose every response is this one."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    return lambda request: httpx.Response(status, content=content)
