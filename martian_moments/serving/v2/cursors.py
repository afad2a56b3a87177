"""Where a page of a collection begins: after the last row of the one before, see :mod:`martian_moments.serving.cursors`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from martian_moments.serving import cursors
from martian_moments.serving.cursors import Values
from martian_moments.serving.problems import Problem
from martian_moments.serving.v2.collection import Order
from martian_moments.serving.v2.filters import Sql, refused


def decode(question: str, cursor: str, columns: int) -> Values:
    """The values of a cursor, one for each of so many columns of the order.

    Raises:
        Problem: it is damaged, or was made for another question.
    """
    try:
        return cursors.decode(question, cursor, columns)
    except ValueError:
        raise foreign(cursor) from None


def foreign(cursor: str) -> Problem:
    """The error of a cursor that is damaged or belongs to another question."""
    accepted = "the cursor that next of the page before has, with the same path, filters and sort"
    return refused("cursor", cursor, accepted)


def after(order: Sequence[Order], types: Mapping[str, str], values: Values) -> Sql:
    """The condition of the rows that come after a cursor's; null is last in either direction."""
    parameters = [
        None if value is None else f"cast(? as {types[each.column]})" for each, value in zip(order, values, strict=True)
    ]
    condition, placed = cursors.after(order, parameters)
    return Sql(condition, tuple(values[number] for number in placed))
