"""Taking secrets out of texts that others wrote: messages and tracebacks of libraries, and responses of upstreams."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus, unquote

HIDDEN: Final = "***"
"""What stands where a secret stood."""

_PIECE: Final = 4
"""Characters of a piece worth hiding. A library that cuts an address at the wrong place shows a piece of a password."""

_IN_ADDRESSES: Final = re.compile(r"(?<=://)[^/@\s]+(?=@)|(?<=[?&]api_key=)[^&#\s'\"]+", re.IGNORECASE)
"""Credentials before a host's name and values of ``api_key``, whoever's they are."""


class Redaction:
    """Replaces secrets in texts: as they are, and as addresses, JSON and Python write them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        """Take the secrets; an empty one hides nothing."""
        # The longest first, because one may be a part of another.
        self._forms = sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return _IN_ADDRESSES.sub(HIDDEN, text)

    def in_bytes(self, body: bytes) -> bytes:
        """Bytes without secrets; credentials that others wrote into addresses stay."""
        for form in self._forms:
            body = body.replace(form.encode(errors="surrogateescape"), HIDDEN.encode())
        return body

    def pieces(self, text: str) -> str:
        """The text of a library without secrets and without any piece of one; it may lose words that are like a piece."""
        text = self(text)
        pieces = {form[at : at + _PIECE] for form in self._forms for at in range(len(form) - _PIECE + 1)}
        hidden = [False] * len(text)
        for at in range(len(text) - _PIECE + 1):
            if text[at : at + _PIECE] in pieces:
                hidden[at : at + _PIECE] = [True] * _PIECE
        marked = "".join("\0" if hide else character for character, hide in zip(text, hidden, strict=True))
        return re.sub("\0+", HIDDEN, marked)

    def line(self, error: BaseException) -> str:
        """An error of a library as one line: its kind and the first line of what it says."""
        said = self.pieces(str(error)).strip().partition("\n")[0]
        return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _forms(secret: str) -> Iterator[str]:
    for text in {secret, unquote(secret)}:
        yield from (text, quote(text, safe=""), quote_plus(text), json.dumps(text)[1:-1], repr(text)[1:-1])
