"""What an upstream answered, and the first questions that every dialect asks about it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import orjson

from martian_moments.documents import MAX_SOL
from martian_moments.errors import BrokenAnswer, FileMissing

T = TypeVar("T")

_log = logging.getLogger(__name__)

_EXCERPT_BYTES: Final = 120


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of an upstream, whole.

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

    def json_object(self) -> dict[str, Any]:
        """The JSON object of a good answer.

        Raises:
            BrokenAnswer: the status is not 200, or the body is no JSON object (a proxy's HTML page, for one).
        """
        if self.status != HTTPStatus.OK:
            raise self.broken("an error instead of data")
        content = self.error_object()
        if content is None:
            raise self.broken("something that is no JSON object")
        return content

    def error_object(self) -> dict[str, Any] | None:
        """The JSON object of an answer of any status, or None where the body is none."""
        try:
            content = orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None
        return content if isinstance(content, dict) else None

    def readable(self, contents: Sequence[object], read: Callable[[object], T]) -> tuple[list[T], Sequence[str]]:
        """The records of this answer that can be read, and why the others cannot. Those are set aside with a warning.

        Args:
            contents: the records as they came.
            read: as for :func:`readable`. What its ValueError says completes "the upstream answered ...".
        """
        records, odd = readable(contents, read)
        if odd:
            _log.warning("%s: %d of %d records are set aside, first %s", self.url, len(odd), len(contents), odd[0])
        return records, odd

    def broken(self, what: str) -> BrokenAnswer:
        """The error to raise for an answer that is not what the dialect promises.

        Args:
            what: completes "the upstream answered ...".
        """
        beginning = self.body[:_EXCERPT_BYTES].decode(errors="replace")
        kind = FileMissing if self.status == HTTPStatus.NOT_FOUND else BrokenAnswer
        return kind(
            f"{self.url}: the upstream answered {what} (status {self.status}, {len(self.body)} bytes, beginning "
            f"{beginning!r}); ask again later, and when it stays so check the upstream's address",
            url=self.url,
            body=self.body,
        )


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
    """A whole number from 0 on, which upstreams write as a number or as text; None for anything else."""
    if isinstance(value, str) and value.isdecimal():
        return int(value)
    # type() and not isinstance: JSON's true is no number.
    return value if type(value) is int and value >= 0 else None


def a_sol(value: object) -> int | None:
    """A mission sol, or None for anything else."""
    sol = whole(value)
    return sol if sol is not None and sol <= MAX_SOL else None
