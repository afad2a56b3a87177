"""What comes after a row in an order."""

from __future__ import annotations

import duckdb
import pytest

from martian_moments.serving.cursors import after

ROWS = [(1, "b"), (1, None), (2, "a"), (2, "b"), (2, None), (None, "a"), (None, None)]
ORDERS = [
    [("n", False), ("t", False)],
    [("n", True), ("t", False)],
    [("n", False), ("t", True)],
    [("t", True), ("n", True)],
]


@pytest.mark.parametrize("order", ORDERS, ids=str)
@pytest.mark.parametrize("named", [True, False], ids=["named", "one place each"])
def test_what_comes_after_a_row_is_what_stands_behind_it(order: list[tuple[str, bool]], named: bool) -> None:
    with duckdb.connect() as connection:
        connection.execute("create table rows (n integer, t varchar)")
        connection.executemany("insert into rows values (?, ?)", ROWS)
        by = ", ".join(f"{column} {'desc' if is_descending else 'asc'} nulls last" for column, is_descending in order)
        ordered = connection.execute(f"select n, t from rows order by {by}").fetchall()
        for place, row in enumerate(ordered):
            values = [dict(zip("nt", row, strict=True))[column] for column, _ in order]
            names = [f"$value_{number}" if named else "?" for number in range(len(values))]
            condition, placed = after(order, [None if v is None else name for v, name in zip(values, names, strict=True)])
            bound = (
                {name.removeprefix("$"): v for v, name in zip(values, names, strict=True) if v is not None}
                if named
                else [values[number] for number in placed]
            )
            found = connection.execute(f"select n, t from rows where {condition} order by {by}", bound).fetchall()
            assert found == ordered[place + 1 :]
