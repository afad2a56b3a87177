"""Cursors: where a page ended. The next one begins after it, whatever was published meanwhile.

A cursor has the values of the last row's order, as text, and a digest of these and of the question (path, filters, order).
It needs no state, and one that is damaged or belongs to another question is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Final

from martian_moments.serving.problems import Problem
from martian_moments.serving.v2.collection import Order
from martian_moments.serving.v2.filters import Sql, refused

LONGEST: Final = 2_000
"""Characters of a cursor."""

_DIGEST_BYTES: Final = 9

Values = tuple[str | None, ...]
"""Of the columns of the order, each as DuckDB writes it as text."""


def encode(question: str, values: Values) -> str:
    """The cursor of a page's last row, for the address of the next page."""
    body = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(question, body) + body).decode().rstrip("=")


def decode(question: str, cursor: str, columns: int) -> Values:
    """The values of a cursor, one for each of so many columns of the order.

    Raises:
        Problem: it is damaged, or was made for another question.
    """
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
        values = json.loads(body) if digest == _digest(question, body) else None
    except ValueError:
        raise foreign(cursor) from None
    match values:
        case list() if len(values) == columns and all(value is None or isinstance(value, str) for value in values):
            return tuple(values)
    raise foreign(cursor)


def foreign(cursor: str) -> Problem:
    """The error of a cursor that is damaged or belongs to another question."""
    accepted = "the cursor that next of the page before has, with the same path, filters and sort"
    return refused("cursor", cursor, accepted)


def after(order: Sequence[Order], types: Mapping[str, str], values: Values) -> Sql:
    """The condition of the rows that come after a cursor's; null is last in either direction."""
    alternatives: list[str] = []
    bound: list[str] = []
    same: list[str] = []
    of_same: list[str] = []
    for (column, is_descending), value in zip(order, values, strict=True):
        if value is None:
            same.append(f"{column} is null")
            continue
        bind = f"cast(? as {types[column]})"
        alternatives.append(" and ".join([*same, f"({column} {'<' if is_descending else '>'} {bind} or {column} is null)"]))
        bound += [*of_same, value]
        same.append(f"{column} = {bind}")
        of_same.append(value)
    return Sql(f"({' or '.join(f'({each})' for each in alternatives) or 'false'})", tuple(bound))


def _digest(question: str, body: bytes) -> bytes:
    return hashlib.blake2b(question.encode() + b"\0" + body, digest_size=_DIGEST_BYTES).digest()
