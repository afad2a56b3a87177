"""Responses as v1 sent them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response

from martian_moments.serving.problems import Problem

# Nothing is limited by the hour here; nasapy fails without the headers that api.nasa.gov sent.
_HEADERS: Final = {"X-RateLimit-Limit": "1000", "X-RateLimit-Remaining": "1000"}


def json_response(document: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A document."""
    return Response(orjson.dumps(document), status, {**_HEADERS, **(headers or {})}, "application/json; charset=utf-8")


class Refused(Problem):
    """What is wrong with a request, in the words of the response, which has the original's shape."""

    def __init__(self, why: str) -> None:
        super().__init__(400, why)

    def response(self) -> Response:
        """As v1 had it."""
        return json_response({"errors": self.detail}, status=self.status)
