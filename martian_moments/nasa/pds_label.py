"""The label of a fixed-width PDS3 index table: where in a line each column lies.

An index table also has tabs between its fields, but a column of several items (ROVER_MOTION_COUNTER has five) holds tabs of
its own, and volumes differ in their columns: so the byte offsets of the volume's own label are what counts.

Source: PDS3 Standards Reference, appendix A.8 (START_BYTE counts from 1, quotation marks lie outside a column).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from martian_moments.domain.errors import InputError
from martian_moments.nasa.responses import count

_DESCRIPTION: Final = re.compile(r'\bDESCRIPTION\s*=\s*"[^"]*"')
_COLUMN: Final = re.compile(r"^\s*OBJECT\s*=\s*COLUMN\s*$(.*?)^\s*END_OBJECT\s*=\s*COLUMN\s*$", re.DOTALL | re.MULTILINE)
# A keyword without a value ends with its line: the next line is not its value.
_KEYWORD: Final = re.compile(r"^[ \t]*\^?([A-Z][A-Z0-9_]*)[ \t]*=[ \t]*(.*?)[ \t]*$", re.MULTILINE)

_LONGEST_LABEL: Final = 1024 * 1024
"""Bytes. Real labels have 30,000."""

LONGEST_LINE: Final = 64 * 1024
"""Bytes. Real lines have 933. Whatever has no line ends is no table, and is not read whole."""

_MOST_ITEMS: Final = 1_000
"""Of one column; real ones have 5."""

Row = dict[str, str | list[str]]
"""A line of the table: stripped text by column; a list of them for a column of several items."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``start`` counts bytes from 0; ``items`` are the starts and widths of its items, one for most columns."""

    name: str
    items: tuple[tuple[int, int], ...]

    def text(self, line: bytes) -> str:
        """The column's first item in a line, without the blanks and quotation marks around it."""
        start, width = self.items[0]
        return line[start : start + width].decode("latin-1").strip(' "\t\r\n')

    def value(self, line: bytes) -> str | list[str]:
        """The column in a line: its text, or the texts of its items."""
        if len(self.items) == 1:
            return self.text(line)
        return [Column(self.name, (item,)).text(line) for item in self.items]


@dataclass(frozen=True, slots=True)
class Label:
    """What a label says of its table.

    Attributes:
        columns: by name, in the table's order.
        rows: how many lines the table has, as the label states it; None where it does not.
        synthetic: whether the label says that the table was generated.
    """

    columns: Mapping[str, Column]
    rows: int | None
    synthetic: bool

    def row(self, line: bytes) -> Row:
        """Every column of a line. One that the line is too short for is an empty text."""
        return {name: column.value(line) for name, column in self.columns.items()}


def read_label(body: bytes) -> Label:
    """Read a label.

    Raises:
        InputError: the text is no label of a table with columns; the message completes "the label ...".
    """
    if len(body) > _LONGEST_LABEL:
        raise InputError(f"has {len(body)} bytes, more than the label of any table")
    text = body.removeprefix(b"\xef\xbb\xbf").decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
    text = _DESCRIPTION.sub("", text)
    columns = {column.name: column for column in _columns(text)}
    if not columns:
        raise InputError("has no columns")
    head = _keywords(_COLUMN.sub("", text))
    rows = count(head.get("ROWS") or head.get("FILE_RECORDS"))
    return Label(columns, rows, synthetic=head.get("SYNTHETIC") == "TRUE")


def _columns(text: str) -> Iterator[Column]:
    for block in _COLUMN.findall(text):
        keywords = _keywords(block)
        try:
            start, width, items = int(keywords["START_BYTE"]) - 1, int(keywords["BYTES"]), int(keywords.get("ITEMS", 1))
            item_width = int(keywords.get("ITEM_BYTES", width // items))
            step = int(keywords.get("ITEM_OFFSET", width // items))
            name = keywords["NAME"]
        except (KeyError, ValueError, ZeroDivisionError) as error:
            raise InputError(f"has a column that is not understood ({error!r} in {str(keywords)[:200]})") from error
        end = start + (items - 1) * step + item_width
        if not (start >= 0 and item_width > 0 and step >= 0 and 0 < items <= _MOST_ITEMS and end <= LONGEST_LINE):
            raise InputError(f"has a column that lies nowhere in a line ({str(keywords)[:200]})")
        yield Column(name, tuple((start + number * step, item_width) for number in range(items)))


def _keywords(text: str) -> dict[str, str]:
    return {name: value.strip(' "') for name, value in _KEYWORD.findall(text)}
