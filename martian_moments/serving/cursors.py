"""Cursors: where a page ended. The next one begins after it, whatever was published meanwhile.

A cursor has the values of the last row's order, as text, and a digest of these and of the question (path, filters, order).
It needs no state, and one that is damaged or belongs to another question is refused.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from typing import Final

LONGEST: Final = 2_000
"""Characters of a cursor."""

_DIGEST_BYTES: Final = 9

Values = tuple[str | None, ...]
"""Of the columns of the order, as text."""


def encode(question: str, values: Values) -> str:
    """The cursor of a page's last row, for the address of the next page."""
    body = json.dumps(values, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_digest(question, body) + body).decode().rstrip("=")


def decode(question: str, cursor: str, columns: int) -> Values:
    """The values of a cursor, one for each of so many columns of the order.

    Raises:
        ValueError: it is damaged, or was made for another question.
    """
    raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    digest, body = raw[:_DIGEST_BYTES], raw[_DIGEST_BYTES:]
    values = json.loads(body) if digest == _digest(question, body) else None
    match values:
        case list() if len(values) == columns and all(value is None or isinstance(value, str) for value in values):
            return tuple(values)
    raise ValueError("the cursor is damaged, or of another question")


def after(order: Sequence[tuple[str, bool]], values: Sequence[str | None]) -> tuple[str, list[int]]:
    """The condition of the rows that come after one in an order, in SQL; null is last in either direction.

    Args:
        order: what rows are ordered by, and whether the largest comes first.
        values: those of the one row, as parameters; None for null.

    Returns:
        The condition, and of which values its parameters are, by their numbers and one after the other: without names each
        stands for one place.
    """
    alternatives: list[str] = []
    placed: list[int] = []
    same: list[str] = []
    of_same: list[int] = []
    for number, ((column, is_descending), value) in enumerate(zip(order, values, strict=True)):
        if value is None:
            same.append(f"{column} is null")
            continue
        sign = "<" if is_descending else ">"
        alternatives.append(" and ".join([*same, f"({column} {sign} {value} or {column} is null)"]))
        placed += [*of_same, number]
        same.append(f"{column} = {value}")
        of_same.append(number)
    return f"({' or '.join(f'({each})' for each in alternatives) or 'false'})", placed


def _digest(question: str, body: bytes) -> bytes:
    return hashlib.blake2b(question.encode() + b"\0" + body, digest_size=_DIGEST_BYTES).digest()
