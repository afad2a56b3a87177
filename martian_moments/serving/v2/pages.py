"""A page of a collection: the statements that find its rows, and where the next one begins."""
# ruff: noqa: S608 - all SQL is of this package; values are bound.

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import duckdb

from martian_moments.infrastructure.sql import from_files, quoted
from martian_moments.serving.cursors import Values as Ended
from martian_moments.serving.cursors import encode
from martian_moments.serving.query import query, rows
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.v2 import cursors
from martian_moments.serving.v2.collection import Collection, Order, as_json, as_text
from martian_moments.serving.v2.filters import Sql, Values, all_of

if TYPE_CHECKING:
    import pyarrow as pa

_PLACE: Final = {"filename": "varchar", "file_row_number": "bigint"}
"""What DuckDB calls the place of a row, and the types: its Parquet file, whose names are in the order of the rows, and its
number in there, from 0. (``file_index`` counts only the files that the filters of a query leave.)"""


@dataclass(frozen=True)
class Request:
    """What is asked of a collection.

    Attributes:
        collection: which.
        filters: the values of the filters that were given.
        fields: the columns that are wanted; all for none.
        sort: the order that is wanted.
        limit: rows of a page.
        cursor: where the page before ended.
    """

    collection: Collection
    filters: Values
    fields: tuple[str, ...] = ()
    sort: tuple[Order, ...] = ()
    limit: int = 100
    cursor: str | None = None

    @property
    def order(self) -> tuple[Order, ...]:
        """The whole order of the rows."""
        return self.collection.order(self.sort, self.filters)

    @property
    def types(self) -> dict[str, str]:
        """The type of each column that rows have, those that filters add last."""
        types = {name: column.type for name, column in self.collection.columns.items()}
        return types | dict.fromkeys(self.collection.added(self.filters), "double")

    @property
    def shown(self) -> dict[str, str]:
        """The types of the columns that are wanted."""
        types = self.types
        return {name: types[name] for name in self.fields} if self.fields else types

    @property
    def question(self) -> str:
        """What a cursor belongs to: pages may differ in their fields, their format and their length."""
        asked = repr((self.collection.name, sorted(self.filters.items()), self.order))
        return hashlib.blake2b(asked.encode(), digest_size=16).hexdigest()

    def ended(self) -> Ended | None:
        """The values of the order with which the page before ended; None for the first page. Raises a Problem."""
        return None if self.cursor is None else cursors.decode(self.question, self.cursor, len(self.order))


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a collection as texts of JSON, and the cursor of the next page, None after the last."""

    rows: Sequence[str]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class TablePage:
    """As :class:`Page`, with the rows as a table."""

    table: pa.Table
    next_cursor: str | None


async def json_page(snapshot: Snapshot, request: Request) -> Page:
    """A page as objects of JSON. Raises a Problem where the request contradicts itself."""
    return await _page_of_texts(snapshot, request, as_json(request.shown))


async def geojson_page(snapshot: Snapshot, request: Request) -> Page:
    """A page as features of GeoJSON; the collection has a geometry."""
    collection = request.collection
    feature = (
        f"json_object('type', 'Feature', 'id', {collection.feature_id}, 'geometry', {collection.geometry}, "
        f"'properties', {as_json(request.shown)})"
    )
    return await _page_of_texts(snapshot, request, feature)


async def table_page(snapshot: Snapshot, request: Request, *, as_texts: bool) -> TablePage:
    """A page as a table, with moments as texts of ISO 8601 or as what they are."""
    columns = [f"{as_text(name, type_) if as_texts else name} as {name}" for name, type_ in request.shown.items()]
    statement = await _statement(snapshot, request, ", ".join(columns))
    found = await _run(query(snapshot, statement.text, statement.values), request)
    table, last = found.slice(0, request.limit), request.limit - 1
    wanted = table.select(list(request.shown))
    if found.num_rows <= request.limit:
        return TablePage(wanted, None)
    ended = tuple(table.column(_ended(number))[last].as_py() for number in range(len(request.order)))
    return TablePage(wanted, encode(request.question, ended))


async def _page_of_texts(snapshot: Snapshot, request: Request, shown: str) -> Page:
    statement = await _statement(snapshot, request, f"cast({shown} as varchar) as shown")
    found = await _run(rows(snapshot, statement.text, statement.values), request)
    page = found[: request.limit]
    more = len(found) > request.limit
    return Page([row[0] for row in page], encode(request.question, page[-1][1:]) if more else None)


async def _run(found: Any, request: Request) -> Any:
    try:
        return await found
    except duckdb.ConversionException:
        # Nothing but what a cursor has is read from texts.
        if request.cursor is None:
            raise
        raise cursors.foreign(request.cursor) from None


async def _statement(snapshot: Snapshot, request: Request, shown: str) -> Sql:
    """The statement that finds a page and one row more, with the values of the order as texts after what is shown."""
    order = request.order
    ended = [f"cast({each.column} as varchar) as {_ended(number)}" for number, each in enumerate(order)]
    if request.collection.file:
        source, begin = await _rows_of_file(snapshot, request, request.collection.file), Sql("true")
    else:
        source = _with_added(request, request.collection.source(request.collection.condition(request.filters)))
        before = request.ended()
        begin = Sql("true") if before is None else cursors.after(order, request.types, before)
    return Sql(
        f"select {shown}, {', '.join(ended)} from {source.text} where {begin.text} "
        f"order by {_ordered(order) or 1} limit {request.limit + 1}",
        (*source.values, *begin.values),
    )


def _ended(number: int) -> str:
    return f"ended_{number}"


def _with_added(request: Request, source: Sql) -> Sql:
    added = request.collection.added(request.filters)
    columns = "".join(f", {sql.text} as {name}" for name, sql in added.items())
    values = tuple(value for sql in added.values() for value in sql.values)
    return Sql(f"(select *{columns} from {source.text})", (*values, *source.values))


def _ordered(order: Sequence[Order]) -> str:
    return ", ".join(f"{each.column} {'desc' if each.is_descending else 'asc'} nulls last" for each in order)


async def _rows_of_file(snapshot: Snapshot, request: Request, name: str) -> Sql:
    """The rows of a page of a large table, found by the columns of the filters and of the order alone."""
    files = from_files(snapshot.paths[name])
    asked = request.collection.asked(request.sort, request.filters)
    order = (*asked, *map(Order, _PLACE))
    condition = request.collection.condition(request.filters)
    place = ", ".join(_PLACE)
    source = _with_added(request, Sql(f"(select *, {place} from {files} where {condition.text})", condition.values))
    begin = Sql("true")
    before = request.ended()
    if before is not None:
        values = dict(zip((each.column for each in request.order), before, strict=True))
        last = await _place(snapshot, request, files, values)
        ended = (*(values[each.column] for each in asked), *map(str, last))
        begin = cursors.after(order, request.types | _PLACE, ended)
    statement = f"select {place} from {source.text} where {begin.text} order by {_ordered(order)} limit {request.limit + 1}"
    found = await _run(rows(snapshot, statement, (*source.values, *begin.values)), request)
    return _with_added(request, Sql(f"(select * from {files} where {_at(found)})"))


def _at(places: Sequence[tuple[str, int]]) -> str:
    """The condition of rows at these places: DuckDB opens no other file, and reads no other group of rows."""
    by_file: dict[str, list[str]] = {}
    for file, row in places:
        by_file.setdefault(file, []).append(str(row))
    file_is, row_is = _PLACE
    conditions = [f"({file_is} = {quoted(file)} and {row_is} in ({', '.join(found)}))" for file, found in by_file.items()]
    return " or ".join(conditions) or "false"


async def _place(snapshot: Snapshot, request: Request, files: str, values: Mapping[str, str | None]) -> tuple[str, int]:
    """The place of the last row that is not after a cursor's in the order of the key; one before all where there is none.

    The cursor's own row may have gone since, and all that had the same beginning of the key: then it is the last one before.
    """
    key, types = request.collection.key, request.types
    latest = ", ".join(f"{name} desc" for name in _PLACE)
    for length in range(len(key), 0, -1):
        compared = (*["="] * (length - 1), "<=" if length == len(key) else "<")
        conditions = [
            Sql(f"{column} {sign} cast(? as {types[column]})", (values[column],))
            for column, sign in zip(key, compared, strict=False)
        ]
        condition = all_of(conditions)
        statement = f"select {', '.join(_PLACE)} from {files} where {condition.text} order by {latest} limit 1"
        for file, row in await _run(rows(snapshot, statement, condition.values), request):
            return str(file), int(row)
    return "", -1
