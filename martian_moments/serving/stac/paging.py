"""The token of a next page: where it begins, and of which search it is, see :mod:`martian_moments.serving.cursors`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from martian_moments.serving.cursors import LONGEST, decode, encode
from martian_moments.serving.problems import ParameterError, Problem
from martian_moments.serving.stac.properties import PROPERTIES, Kind
from martian_moments.serving.stac.search import Search


def token_of(search: Search, position: Sequence[Any]) -> str:
    """The token of the page that begins after this position in the order of a search."""
    return encode(
        _question(search), tuple(each.isoformat() if isinstance(each, datetime) else str(each) for each in position)
    )


def position_of(search: Search, order: Collection[str]) -> tuple[Any, ...] | None:
    """Where the page of a search begins, as values of what it is ordered by; None: at the beginning.

    Raises Problem for what is no token, or one of another search.
    """
    if search.token is None:
        return None
    try:
        values = decode(_question(search), search.token[:LONGEST], len(order))
        return tuple(_value(name, str(value)) for name, value in zip(order, values, strict=True))
    except ValueError:
        accepted = "the token of the next page of the same search, as the page before says it"
        errors = [ParameterError("token", search.token[:200], accepted)]
        raise Problem(400, "not accepted: token", errors=errors) from None


def _value(name: str, text: str) -> Any:
    match PROPERTIES.get(name):
        case Kind.TIME:
            return datetime.fromisoformat(text)
        case Kind.NUMBER:
            return int(text)
    return text


def _question(search: Search) -> str:
    """All that decides which items are found and in which order; pages of one search may differ in size."""
    asked = replace(search, limit=1, token=None, geometry=None)
    return f"{asked!r} {search.geometry.wkb_hex if search.geometry is not None else ''}"
