"""JSON as upstreams write it, made JSON as the standard has it (RFC 8259), where its meaning is clear.

One NaN among the numbers of a map, or half a character in one caption, would otherwise cost a whole response. So a response
that strict readers refuse is mended in its text, and only where it breaks the rules; every other byte stays as it came:

* a byte order mark is dropped, UTF-16 and UTF-32 become UTF-8, and bytes that are no character become U+FFFD;
* NaN, Infinity and numbers beyond the range of a double become null: they are no numbers;
* control characters in strings are escaped, and halves of a surrogate pair become U+FFFD;
* what is nested deeper than any response of a server that works becomes null: no reader follows it without a bound.

Whatever else is wrong leaves the text unreadable, which its reader then says.
"""

from __future__ import annotations

import json
import math
import re
from typing import Final

DEEPEST: Final = 250
"""Levels of nesting that are kept; NASA's responses have six. orjson writes 254, and a document adds two to its pages."""

# A string without an end goes on to the end of the text, so that nothing is looked at twice.
_TOKEN: Final = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|-?(?:NaN|Infinity|[0-9][0-9.eE+-]*)|[\[{]|[\]}]',
    re.DOTALL,
)
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")
_CONTROL: Final = re.compile(r"[\x00-\x1f]")
# Escapes one after another, so that the backslash of a pair (\\) never begins the next one.
_ESCAPE: Final = re.compile(
    r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL
)


def mended(body: bytes) -> bytes:
    """The text as UTF-8, valid where the rules above can make it so. What is no JSON object or array stays as it is."""
    text = body.decode(json.detect_encoding(body), errors="replace")
    if not text.lstrip().startswith(("{", "[")):
        return body
    parts: list[str] = []
    position = depth = 0
    for token in _TOKEN.finditer(text):
        word = token[0]
        if word in "[{":
            depth += 1
            if depth == DEEPEST + 1:
                parts += [text[position : token.start()], "null"]
        elif word in "]}":
            if depth == DEEPEST + 1:
                position = token.end()
            depth -= 1
        elif depth <= DEEPEST and (better := _better(word)) != word:
            parts += [text[position : token.start()], better]
            position = token.end()
    return "".join([*parts, text[position:]]).encode()


def _better(word: str) -> str:
    if word.startswith('"'):
        escaped = _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", word)
        if not _SURROGATE.search(escaped):
            return escaped
        return _ESCAPE.sub(lambda found: "\\ufffd" if found["half"] else found[0], escaped)
    return word if _is_finite(word) else "null"


def _is_finite(number: str) -> bool:
    try:
        return math.isfinite(float(number))
    except ValueError:
        # No number at all, such as 1-2: the reader refuses it.
        return True
