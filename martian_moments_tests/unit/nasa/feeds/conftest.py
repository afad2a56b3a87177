"""The two raw-image feeds, responding from memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import httpx
import pytest

from martian_moments.domain.documents import Document
from martian_moments.nasa.m20 import M20
from martian_moments.nasa.msl import MSL
from martian_moments_tests.unit.nasa.conftest import ClientFactory, Handler

URL = "https://example.test/feed/"


SOL = 7


ROVER = {M20: "perseverance", MSL: "curiosity"}


HTML = b"<!doctype html><title>Access denied</title>"


Ask = Callable[..., Any]


BOTH = pytest.mark.parametrize("dialect", [M20, MSL])


@pytest.fixture
def photos_of(client: ClientFactory) -> Ask:
    async def ask(dialect: type[M20 | MSL], handler: Handler, promised: int | None = None, sol: int = SOL) -> Document:
        async with client(handler) as asking:
            return await dialect(asking, URL).photos(ROVER[dialect], sol, promised)

    return ask


@pytest.fixture
def manifest_of(client: ClientFactory) -> Ask:
    async def ask(dialect: type[M20 | MSL], handler: Handler) -> Document:
        async with client(handler) as asking:
            return await dialect(asking, URL).manifest(ROVER[dialect])

    return ask


def image(dialect: type[M20 | MSL], number: int, sol: Any = SOL, **more: Any) -> dict[str, Any]:
    if dialect is M20:
        return {"imageid": f"NLF_{number:05}", "sol": sol, "sample_type": "Full"} | more
    return {"id": number, "sol": sol, "mission": "msl"} | more


def listing(dialect: type[M20 | MSL], images: Any, total: int, *, size: int, more: bool, **rest: Any) -> dict[str, Any]:
    if dialect is M20:
        return {"images": images, "per_page": str(size), "total_results": total, "mission": "mars2020"} | rest
    return {"items": images, "more": more, "total": total, "per_page": size} | rest


class Server:
    """Serves one sol's images in pages of at most ``cap``, whatever is asked for."""

    def __init__(
        self, dialect: type[M20 | MSL], images: list[dict[str, Any]], *, cap: int = 3, total: int | None = None
    ) -> None:
        self.dialect = dialect
        self.images = images
        self.cap = cap
        self.total = len(images) if total is None else total
        self.asked: list[httpx.URL] = []

    def page(self, number: int) -> list[dict[str, Any]]:
        return self.images[number * self.cap : (number + 1) * self.cap]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url)
        number = int(request.url.params["page"])
        more = (number + 1) * self.cap < len(self.images)
        return httpx.Response(200, json=listing(self.dialect, self.page(number), self.total, size=self.cap, more=more))

    @property
    def pages_asked(self) -> list[int]:
        return [int(url.params["page"]) for url in self.asked]


def reported(document: Document) -> tuple[int, int | None, bool]:
    return document.header.record_count, document.header.promised, document.header.complete


def in_turn(responses: Iterable[Any]) -> Handler:
    waiting = iter(responses)
    return lambda request: httpx.Response(200, json=next(waiting))
