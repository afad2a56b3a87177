"""The response of an upstream, and the first questions that every dialect asks about it."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import orjson

from martian_moments.domain.documents import MAX_SOL
from martian_moments.domain.errors import BrokenResponse, FileMissing, RefusedResponse
from martian_moments.nasa.lenient_json import mended

T = TypeVar("T")

_log = logging.getLogger(__name__)

_EXCERPT_BYTES: Final = 120

_NOT_WHOLE: Final = re.compile(
    r"[+-]?(?:[0-9]+[.][0-9]*(?:[eE][+-]?[0-9]+)?|[.][0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)", re.ASCII
)
"""A number with a point or an exponent."""

_NUMBER: Final = re.compile(r"\s*[+-]?(?:[0-9]+[.]?[0-9]*|[.][0-9]+)(?:[eE][+-]?[0-9]+)?\s*", re.ASCII)
"""Text that is a number, as both warehouses read it too."""

MOST_WHOLE: Final = 2**53 - 1
"""Beyond it a double, which both warehouses read numbers as, is not exact."""

MOST_COUNT: Final = 2**31 - 1
"""Beyond it a number counts nothing that there is: all rovers together have 1.2 million photos."""

LONGEST_IDENTITY: Final = 500
"""Characters. Names of products have 62 at most."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response of an upstream, whole.

    Attributes:
        url: the address asked, without secrets.
        status: the HTTP status.
        body: the content, decompressed.
        fetched_at: UTC, when the last byte arrived.
    """

    url: str
    status: int
    body: bytes
    fetched_at: datetime

    def json_object(self) -> tuple[Response, dict[str, Any]]:
        """The JSON object of a good response; and the response, whose body is JSON that every reader takes.

        What breaks the rules of JSON and is clear all the same is mended, with a warning (see lenient_json.py).

        Raises:
            BrokenResponse: the status is not 200, or the body is no JSON object (a proxy's HTML page, for one).
        """
        if self.status != HTTPStatus.OK:
            raise self.broken("an error instead of data")
        found = self.error_object()
        if found is None:
            raise self.broken("something that is no JSON object")
        return found

    def error_object(self) -> tuple[Response, dict[str, Any]] | None:
        """As :meth:`json_object` for a response of any status; None where the body is no object."""
        response, content = self, _parsed(self.body)
        if content is None and (body := mended(self.body)) != self.body and (content := _parsed(body)) is not None:
            _log.warning("%s: the response breaks the rules of JSON; what is clear of it is read", self.url)
            response = replace(self, body=body)
        return (response, content) if isinstance(content, dict) else None

    def readable(self, contents: Sequence[object], read: Callable[[object], T]) -> tuple[list[T], Sequence[str]]:
        """The records of this response that can be read, and why the others cannot. Those are set aside with a warning.

        Args:
            contents: the records as they came.
            read: as for :func:`readable`. What its ValueError says completes "the upstream sent ...".
        """
        records, odd = readable(contents, read)
        if odd:
            _log.warning("%s: %d of %d records are set aside, first %s", self.url, len(odd), len(contents), odd[0])
        return records, odd

    def broken(self, what: str) -> BrokenResponse:
        """The error to raise for a response that is not what the dialect promises.

        Args:
            what: completes "the upstream sent ...".
        """
        beginning = self.body[:_EXCERPT_BYTES].decode(errors="replace")
        kind = FileMissing if self.status == HTTPStatus.NOT_FOUND else BrokenResponse
        return kind(
            f"{self.url}: the upstream sent {what} (status {self.status}, {len(self.body)} bytes, beginning "
            f"{beginning!r}); ask again later, and when it stays so check the upstream's address",
            url=self.url,
            body=self.body,
        )

    def refused(self, why: str) -> RefusedResponse:
        """The error to raise for a response that arrived whole and is not taken, so that it is not asked for again at once.

        Args:
            why: completes "the upstream sent ...".
        """
        return RefusedResponse(f"{self.url}: the upstream sent {why}; what is held stays", url=self.url, body=self.body)


def readable(contents: Sequence[object], read: Callable[[object], T]) -> tuple[list[T], list[str]]:
    """The records that can be read, and why the others cannot: what ``read``'s ValueErrors say."""
    records: list[T] = []
    odd: list[str] = []
    for content in contents:
        try:
            records.append(read(content))
        except ValueError as error:
            odd.append(str(error))
    return records, odd


def whole(value: object) -> int | None:
    """A whole number from 0 to MOST_WHOLE, which upstreams write as a number or as text (5, 5.0, "5"); else None.

    The macros to_integer and whole_text read the same in the warehouse.
    """
    if type(value) is int:  # nearly always; true is of another type
        return value if 0 <= value <= MOST_WHOLE else None
    if isinstance(value, str):
        if not _NUMBER.fullmatch(value):
            return None
        value = float(value)
    if not isinstance(value, float) or not math.isfinite(value):
        return None
    if value != int(value) or not 0 <= value <= MOST_WHOLE:
        return None
    return int(value)


def count(value: object) -> int | None:
    """How many there are of something, from 0 to MOST_COUNT, or None for anything else."""
    number = whole(value)
    return number if number is not None and number <= MOST_COUNT else None


def a_sol(value: object) -> int | None:
    """A mission sol, or None for anything else."""
    sol = whole(value)
    return sol if sol is not None and sol <= MAX_SOL else None


def identity(value: object) -> str | None:
    """What names a record: text, or a whole number instead of it; else None. The macro identity reads the same.

    The warehouse meets every value as text and cannot distinguish an object from its text, nor true from "true" or 1.5 from
    "1.5".
    """
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not 0 < len(text) <= LONGEST_IDENTITY:
        return None
    return None if text.startswith(("{", "[")) or text in {"true", "false"} or _NOT_WHOLE.fullmatch(text) else text


def _parsed(body: bytes) -> object:
    """The JSON value, or None where it is none, or nested deeper than orjson writes."""
    try:
        content = orjson.loads(body)
        # 2 % of the time that reading takes.
        orjson.dumps(content)
    except (orjson.JSONDecodeError, TypeError):
        return None
    return content
