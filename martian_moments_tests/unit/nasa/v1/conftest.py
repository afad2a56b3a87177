"""Servers of the v1 dialect in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest

from martian_moments.domain.documents import Document
from martian_moments.nasa.v1 import V1
from martian_moments_tests.unit.nasa.conftest import ClientFactory, Handler

URL = "https://example.test/api/v1"


HTML = b"<!doctype html><title>No such app</title>"


@pytest.fixture
def manifest_of(client: ClientFactory) -> Callable[..., Any]:
    async def ask(handler: Handler, rover: str = "curiosity") -> Document:
        async with client(handler) as asking:
            return await V1(asking, URL).manifest(rover)

    return ask


@pytest.fixture
def photos_of(client: ClientFactory) -> Callable[..., Any]:
    async def ask(handler: Handler, promised: int | None, sol: int = 7, rover: str = "curiosity") -> Document:
        async with client(handler) as asking:
            return await V1(asking, URL).photos(rover, sol, promised)

    return ask


def photo(number: int, sol: int = 7, **more: Any) -> dict[str, Any]:
    return {"id": number, "sol": sol, "img_src": f"https://example.test/{number}.jpg", "rover": {"name": "Curiosity"}} | more


class Mirror:
    """Serves photos as the original does (whole sol without ``page``) or always in pages."""

    def __init__(
        self, photos: list[dict[str, Any]], *, always_pages: bool, pagination: bool = False, deaf_to_page: bool = False
    ) -> None:
        self.photos = photos
        self.always_pages = always_pages
        self.pagination = pagination
        self.deaf_to_page = deaf_to_page
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url).removeprefix(URL))
        page = None if self.deaf_to_page else request.url.params.get("page")
        if page is None and not self.always_pages:
            return httpx.Response(200, json={"photos": self.photos})
        start = (int(page or 1) - 1) * 25
        content: dict[str, Any] = {"photos": self.photos[start : start + 25]}
        if self.pagination:
            total = len(self.photos)
            content["pagination"] = {
                "total_count": total,
                "page": int(page or 1),
                "per_page": 25,
                "total_pages": -(-total // 25),
            }
        return httpx.Response(200, json=content)


def counts(document: Document) -> tuple[int, int | None, bool]:
    return document.header.record_count, document.header.repeats, document.header.complete


def in_turn(*contents: Any) -> Handler:
    responses: Iterator[Any] = iter(contents)
    return lambda request: httpx.Response(200, content=orjson.dumps(next(responses)))


def a_manifest(**fields: Any) -> dict[str, Any]:
    rows = [{"sol": 3, "total_photos": 5}, {"sol": 1, "total_photos": 2}, {"sol": 2, "total_photos": 0}]
    return {"photo_manifest": {"name": "Curiosity", "max_sol": 9, "total_photos": 99, "photos": rows} | fields}


REFUSALS = [(400, {"errors": "Invalid Rover Name"}), (404, {"error": "Rover 'spirit' not found"})]
