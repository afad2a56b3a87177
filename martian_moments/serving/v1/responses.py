"""Responses as v1 sent them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
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
    """What is wrong with a request, in the words of the response."""

    def __init__(self, why: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, why)


def error_response(problem: Problem) -> Response:
    """An error in the shapes of the original: of a request that is wrong, and of everything else."""
    status = HTTPStatus(problem.status)
    document: dict[str, Any] = {"status": status, "error": status.phrase}
    if status == HTTPStatus.BAD_REQUEST:
        document = {"errors": problem.detail}
    elif status != HTTPStatus.NOT_FOUND:
        # Of these the original said no more; why, and what to do, is of use to people.
        document["detail"] = problem.detail
    return json_response(document, status=status, headers=problem.headers)
