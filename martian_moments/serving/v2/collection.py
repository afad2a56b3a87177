"""A collection of the API: which rows it has, how they are narrowed, ordered and shown."""
# ruff: noqa: S608 - all SQL is of this package; values are bound.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from martian_moments.formats.geoparquet import signed_longitude
from martian_moments.infrastructure.sql import quoted
from martian_moments.serving.v2.filters import Filter, Sql, Values, all_of
from martian_moments.warehouse.models import published_models

JSON: Final = "json"
"""The type of a text that is JSON."""


class Described(NamedTuple):
    """A column of a collection: its type in the words of the dbt contracts, and what it is."""

    type: str
    description: str


_DISTANCE: Final = Described("double", "Metres along the sphere from here to the point of the filter of this name.")


def columns_of(schema: str, table: str) -> dict[str, Described]:
    """The columns of a published table, as its contract has them."""
    (found,) = (each for each in published_models() if (each.schema, each.name) == (schema, table))
    return {name: Described(type_, found.descriptions[name]) for name, type_ in found.types.items()}


class Order(NamedTuple):
    """One column of an order."""

    column: str
    is_descending: bool = False


@dataclass(frozen=True)
class Collection:
    """Rows that are asked for in pages.

    Attributes:
        name: as the path has it.
        title: what a row is, as the schema of OpenAPI is called.
        description: what the collection is.
        source: what its rows are selected from, given the condition of the filters.
        columns: of a row, in their order.
        key: columns that put its rows into one order only, the order of the source's file where that is one.
        filters: in the order in which the documentation lists them.
        geometry: an expression of a row's GeoJSON geometry, or None where rows have no place.
        feature_id: an expression of the id of its feature.
        file: the published table (``schema/table``) whose rows these are, where it is so large that a page is looked for
            in few of its columns; it stands in the order of the key, which has no nulls.
    """

    name: str
    title: str
    description: str
    source: Callable[[Sql], Sql]
    columns: Mapping[str, Described]
    key: tuple[str, ...]
    filters: tuple[Filter, ...] = ()
    geometry: str | None = None
    feature_id: str = ""
    file: str | None = None

    @cached_property
    def sortable(self) -> tuple[str, ...]:
        """The columns that rows may be sorted by."""
        return tuple(name for name, column in self.columns.items() if column.type != JSON)

    def given(self, values: Values) -> list[Filter]:
        """The filters that a request has."""
        return [each for each in self.filters if each.given(values)]

    def condition(self, values: Values) -> Sql:
        """What all filters of a request ask for. Raises a Problem where parameters contradict each other."""
        return all_of([each.condition(values) for each in self.given(values)])

    @cached_property
    def addable(self) -> dict[str, Described]:
        """The columns that filters may add."""
        return {each.added: _DISTANCE for each in self.filters if each.added}

    def added(self, values: Values) -> dict[str, Sql]:
        """The expressions of the columns that the filters of a request add."""
        return {
            each.added: each.distance(values)
            for each in self.filters
            if each.added and each.distance and each.parameters[0].name in values
        }

    def asked(self, sort: Sequence[Order], values: Values) -> tuple[Order, ...]:
        """The order that a request asks for: its own, or the nearest first."""
        return tuple(sort) or tuple(map(Order, self.added(values)))[:1]

    def order(self, sort: Sequence[Order], values: Values) -> tuple[Order, ...]:
        """The whole order of a request: what it asks for, and then the key."""
        asked = self.asked(sort, values)
        named = {each.column for each in asked}
        return (*asked, *(Order(name) for name in self.key if name not in named))


def table(name: str) -> Callable[[Sql], Sql]:
    """The source that is a table or view."""
    return lambda condition: Sql(f"(select * from {name} where {condition.text})", condition.values)


def point_of_row(longitude: str = "longitude", latitude: str = "latitude", elevation: str = "elevation_m") -> str:
    """A row's place as GeoJSON; null where nobody knows it. Longitudes are -180 to 180 there, whatever the column has."""
    place = f"[{signed_longitude(longitude)}, {latitude}]"
    return (
        f"case when {longitude} is not null and {latitude} is not null then json_object('type', 'Point', 'coordinates', "
        f"case when {elevation} is null then {place} else list_append({place}, {elevation}) end) end"
    )


def as_json(columns: Mapping[str, str]) -> str:
    """An expression of an object of JSON with columns of the given types."""
    pairs = ", ".join(f"{quoted(name)}, {as_text(name, type_)}" for name, type_ in columns.items())
    return f"json_object({pairs})"


def as_text(name: str, type_: str) -> str:
    """A column as it is shown in texts: moments of ISO 8601, and no number that JSON does not have."""
    match type_:
        case "timestamptz":
            return f"strftime({name}, '%Y-%m-%dT%H:%M:%S.%fZ')"
        case "double":
            return f"case when isfinite({name}) then {name} end"
        case "json":
            return f"cast({name} as json)"
    return name
