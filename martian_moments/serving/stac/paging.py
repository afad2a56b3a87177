"""The token of a next page: where it begins, and of which search it is. The service remembers nothing."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from martian_moments.serving.problems import ParameterError, Problem
from martian_moments.serving.stac.properties import PROPERTIES, Kind
from martian_moments.serving.stac.search import Search

_LONGEST: Final = 2_000
"""Characters of a token."""


def token_of(search: Search, position: Sequence[Any]) -> str:
    """The token of the page that begins after this position in the order of a search."""
    values = [value.isoformat() if isinstance(value, datetime) else value for value in position]
    text = json.dumps([_digest(search), *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def position_of(search: Search, order: Iterable[str]) -> tuple[Any, ...] | None:
    """Where the page of a search begins, as values of what it is ordered by; None: at the beginning.

    Raises Problem for what is no token, or one of another search.
    """
    if search.token is None:
        return None
    try:
        digest, *values = json.loads(base64.b64decode(search.token[:_LONGEST] + "==", altchars=b"-_"))
        position = tuple(_value(name, value) for name, value in zip(order, values, strict=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise _refused(search.token) from None
    if digest != _digest(search):
        raise _refused(search.token)
    return position


def _value(name: str, value: Any) -> Any:
    match PROPERTIES.get(name, Kind.TEXT), value:
        case Kind.TIME, str():
            return datetime.fromisoformat(value)
        case (Kind.TEXT, str()) | (Kind.NUMBER, int()):
            return value
    raise ValueError(f"{name} is no such value")


def _digest(search: Search) -> str:
    """Of all that decides which items are found and in which order; pages of one search may differ in size."""
    asked = replace(search, limit=1, token=None, geometry=None)
    shape = search.geometry.wkb_hex if search.geometry is not None else ""
    return hashlib.sha256(f"{asked!r} {shape}".encode()).hexdigest()[:16]


def _refused(token: str) -> Problem:
    accepted = "the token of the next page of the same search, as the page before says it"
    return Problem(400, "not accepted: token", errors=[ParameterError("token", token[:200], accepted)])
