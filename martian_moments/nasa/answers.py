"""What an upstream answered, and the first questions that every dialect asks about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import orjson

from martian_moments.errors import BrokenAnswer

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

    def broken(self, what: str) -> BrokenAnswer:
        """The error to raise for an answer that is not what the dialect promises.

        Args:
            what: completes "the upstream answered ...".
        """
        beginning = self.body[:_EXCERPT_BYTES].decode(errors="replace")
        return BrokenAnswer(
            f"{self.url}: the upstream answered {what} (status {self.status}, {len(self.body)} bytes, beginning "
            f"{beginning!r}); ask again later, and when it stays so check the upstream's address",
            url=self.url,
            body=self.body,
        )
