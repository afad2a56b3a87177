"""Errors as RFC 9457 has them (``application/problem+json``): what is wrong, of which parameter, and what is accepted."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from martian_moments.domain.errors import MartianError, ServingError

MEDIA_TYPE: Final = "application/problem+json"

_log = logging.getLogger(__name__)

_TEXT: Final = {"type": "string"}

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Problem",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"const": "about:blank"},
        "title": {**_TEXT, "description": "The status in words."},
        "status": {"type": "integer", "description": "Of HTTP."},
        "detail": {**_TEXT, "description": "What happened, to what, and what to do."},
        "errors": {
            "type": "array",
            "description": "The parameters that are not accepted.",
            "items": {
                "type": "object",
                "required": ["parameter", "value", "accepted"],
                "properties": {"parameter": _TEXT, "value": _TEXT, "accepted": _TEXT},
            },
        },
    },
    "additionalProperties": False,
}
"""What OpenAPI says of a problem."""

_ROUTES: Final = "/docs lists the routes of API v2 and STAC, and docs/api.md all there are"
_DETAILS: Final[Mapping[int, str]] = {
    404: f"there is nothing at this address; {_ROUTES}",
    405: f"this address does not have the method; {_ROUTES}",
}
"""Of what the framework says in one word."""

_SHOWN: Final = 200
"""Characters of a wrong value that are repeated in the response."""


@dataclass(frozen=True, slots=True)
class ParameterError:
    """A parameter that is not accepted: its name, its value as it was given, and what would be accepted."""

    parameter: str
    value: str
    accepted: str


class Problem(Exception):
    """A response that is an error. Routes raise it.

    Attributes:
        status: of HTTP.
        detail: what happened, to what, and what to do, for people.
        errors: of the parameters.
        headers: of the response.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Sequence[ParameterError] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """As HTTP has it."""
        # A type of our own for each would be an address that somebody has to keep; about:blank says "as the status says".
        body = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}
        errors = [asdict(each) for each in self.errors]
        return JSONResponse(body | ({"errors": errors} if errors else {}), self.status, self.headers, MEDIA_TYPE)


def only_once(request: Request) -> dict[str, str]:
    """The parameters of a request. Raises a Problem for one that is given twice: a value would be passed over unsaid."""
    given = request.query_params
    errors = [
        ParameterError(name, ", ".join(given.getlist(name))[:_SHOWN], "once; several values have commas between them")
        for name in given
        if len(given.getlist(name)) > 1
    ]
    if errors:
        raise Problem(400, f"not accepted: {', '.join(each.parameter for each in errors)}", errors=errors)
    return dict(given)


def unavailable(error: ServingError) -> Problem:
    """503, and when asking again may help."""
    return Problem(503, str(error), headers={"Retry-After": str(error.retry_after_s)})


class Errors:
    """How errors are told: as problems, and under the paths of an API that has its own shape of an error in that one."""

    def __init__(self, others: Mapping[str, Callable[[Problem], Response]]) -> None:
        """``others`` has the shapes by the beginnings of the paths."""
        self._others = dict(others)

    def handle(self, app: FastAPI) -> None:
        """Every error of a route gets its response; what nobody expected is left to the middleware that logs it."""

        async def respond(request: Request, error: Exception) -> Response:
            return self.response(error, request.scope["path"])

        for kind in (Problem, ServingError, MartianError, RequestValidationError, HTTPException):
            app.add_exception_handler(kind, respond)

    def response(self, error: Exception, path: str) -> Response:
        """The response to a request for a path that ended in an error."""
        found = (shape for prefix, shape in self._others.items() if f"{path}/".startswith(f"{prefix}/"))
        return next(found, Problem.response)(_problem_of(error))


def _problem_of(error: Exception) -> Problem:
    """What an error is, for those who ask."""
    match error:
        case Problem():
            return error
        case ServingError():
            return unavailable(error)
        case RequestValidationError():
            found = [_parameter_error(each) for each in error.errors()]
            names = ", ".join(dict.fromkeys(each.parameter for each in found))
            return Problem(400, f"not accepted: {names}", errors=found)
        case HTTPException():
            detail = _DETAILS.get(error.status_code, str(error.detail))
            return Problem(error.status_code, detail, headers=error.headers)
        case MartianError():
            # A store does not respond, or something in it is damaged. What it says names folders of this machine.
            _log.warning("%s", error)
            return Problem(
                503, "what is asked for cannot be read now; the service's log says why", headers={"Retry-After": "5"}
            )
    return Problem(500, "an error of the service, which its log describes")


def _parameter_error(found: Mapping[str, Any]) -> ParameterError:
    place, *names = found["loc"]
    value = found.get("input")
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return ParameterError(".".join(map(str, names)) or str(place), text[:_SHOWN], found["msg"])
