"""What others wrote (names of cameras, the beginning of a response) as text in the Markdown of an asset's page."""

from __future__ import annotations

import html
import re
from typing import Final

# An underscore within a word is a letter to Markdown.
_SPECIAL: Final = re.compile(r"[\\`*\[\]|~]|(?<!\w)_|_(?!\w)")


def plain(value: object, longest: int) -> str:
    """A value in one line that can be printed; a longer one is cut.

    What would not be seen, or would turn round what follows it (a NUL, a mark of direction), is shown as U+FFFD.
    """
    text = str(value)
    shown = text if len(text) <= longest else text[: longest - 1] + "…"
    return "".join(each if each.isprintable() else " " if each.isspace() else "\N{REPLACEMENT CHARACTER}" for each in shown)


def as_text(value: object, longest: int) -> str:
    """The same for Markdown, in which it is neither formatting nor HTML."""
    return html.escape(_SPECIAL.sub(r"\\\g<0>", plain(value, longest)), quote=False)
