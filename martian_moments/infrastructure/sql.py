"""Values inside statements that take no parameters: ``attach``, ``copy``, ``create view``."""

from __future__ import annotations


def quoted(text: object) -> str:
    """A text or path as a literal of SQL."""
    return "'" + str(text).replace("'", "''") + "'"
