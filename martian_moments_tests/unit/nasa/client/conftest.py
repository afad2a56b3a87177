"""Upstreams that respond by a script."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from martian_moments.nasa.responses import Response

URL = "https://example.test/data"


GOOD = httpx.Response(200, json={"fine": True}).content


def parsed(response: Response) -> dict[str, Any]:
    return response.json_object()[1]


class Script:
    """Responses in turn; the last one for ever. An exception is raised instead."""

    def __init__(self, *steps: Callable[[], httpx.Response] | Exception) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps[min(len(self.requests), len(self.steps)) - 1]
        if isinstance(step, Exception):
            raise step
        return step()


def responding(status: int, body: bytes = b"", **headers: str) -> Callable[[], httpx.Response]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda: httpx.Response(status, content=body, headers=named)


fine = responding(200, GOOD)


HTML = b"<!doctype html><title>maintenance</title>"


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)
