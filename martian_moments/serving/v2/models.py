"""The parameters and rows of collections as models: they read requests, and OpenAPI shows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, create_model

from martian_moments.serving.cursors import LONGEST
from martian_moments.serving.v2.collection import JSON, Collection, Described, Order
from martian_moments.serving.v2.filters import Parameter, Values, refused
from martian_moments.serving.v2.formats import DEFAULT_LIMIT, MOST_OBJECTS, MOST_ROWS, formats_of
from martian_moments.serving.v2.pages import Request
from martian_moments.serving.v2.parameters import one_of_pattern, refusal, whole

_TYPES: Final[Mapping[str, Any]] = {
    "varchar": str,
    "integer": int,
    "bigint": int,
    "double": float,
    "boolean": bool,
    "date": date,
    "timestamptz": datetime,
    JSON: dict[str, Any],
}
"""The types of the dbt contracts as JSON has them."""

_MOST_SORTED: Final = 8
"""Columns of an order."""


_CURSOR: Final = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)]


class Query(BaseModel):
    """The parameters of a request. An unknown one is an error, whose message says which there are."""

    model_config = ConfigDict(extra="allow")

    def given(self, names: Iterable[str]) -> dict[str, Any]:
        """The values of those that were given."""
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def query_model(title: str, parameters: Sequence[Parameter]) -> type[Query]:
    """The model of some parameters, all of which may be left out."""
    names = ", ".join(each.name for each in parameters)
    unknown = Annotated[str, BeforeValidator(_refuse(f"a parameter of this path: {names}"))]
    base = type("Base", (Query,), {"__annotations__": {"__pydantic_extra__": dict[str, unknown]}, "__module__": __name__})
    fields: dict[str, Any] = {each.name: _field(each) for each in parameters}
    return create_model(f"{title}Query", __base__=base, **fields)


def parameters_of(collection: Collection) -> list[Parameter]:
    """All parameters of a collection: its filters, and what every collection has."""
    return [*(each for filter_ in collection.filters for each in filter_.parameters), *_common(collection)]


def request_of(collection: Collection, query: Query, limit: int) -> Request:
    """What was asked of a collection. Raises a Problem where it has no such column without another parameter."""
    filters: Values = query.given(each.name for filter_ in collection.filters for each in filter_.parameters)
    asked = query.given(("fields", "sort", "cursor"))
    request = Request(collection, filters, asked.get("fields", ()), asked.get("sort", ()), limit, asked.get("cursor"))
    for parameter, names in (("fields", request.fields), ("sort", [each.column for each in request.sort])):
        if lacking := [name for name in names if name not in request.types]:
            raise refused(parameter, ",".join(lacking), f"columns of this response: {', '.join(request.types)}")
    return request


def row_model(title: str, description: str, columns: Mapping[str, Described]) -> type[BaseModel]:
    """The model of a row, of which every column may be null, or left out where ``fields`` does not name it."""
    fields: dict[str, Any] = {
        name: (_TYPES[column.type] | None, Field(default=None, description=column.description))
        for name, column in columns.items()
    }
    return create_model(title, __doc__=description, __config__=ConfigDict(extra="forbid"), **fields)


def page_model(collection: Collection) -> type[BaseModel]:
    """The model of a page of JSON."""
    row = row_model(collection.title, collection.description, {**collection.columns, **collection.addable})
    return create_model(
        f"{collection.title}Page",
        __doc__=f"A page of {collection.name}.",
        data=(list[row], Field(description="The rows, in their order.")),  # type: ignore[valid-type]
        next=(str | None, Field(description="The address of the next page; null after the last.")),
    )


def _common(collection: Collection) -> list[Parameter]:
    columns = [*collection.columns, *collection.addable]
    sortable = [*collection.sortable, *collection.addable]
    formats = formats_of(collection)
    return [
        Parameter(
            "fields",
            listed(columns, len(columns), tuple),
            "The columns that are wanted, with commas between them; all if not given.",
            ",".join(list(collection.columns)[:2]),
        ),
        Parameter(
            "sort",
            listed([f"{sign}{name}" for name in sortable for sign in ("", "-")], _MOST_SORTED, _orders),
            "Columns that the rows are in the order of; a minus before one turns it round. Null comes last. If not given: "
            f"{', '.join(collection.key)}.",
            f"-{collection.sortable[0]}",
        ),
        Parameter(
            "limit",
            whole(1, MOST_ROWS),
            f"Rows of a page: at most {MOST_OBJECTS:,} as json or geojson, {DEFAULT_LIMIT} if not given; at most "
            f"{MOST_ROWS:,} as a table. A table without a limit has all rows, or is refused where these are more.",
            10,
        ),
        Parameter(
            "cursor", Annotated[str, StringConstraints(min_length=1, max_length=LONGEST)], "Where the page before ended."
        ),
        Parameter(
            "format",
            Annotated[str, Field(json_schema_extra={"enum": list(formats)}), AfterValidator(_one_of(formats))],
            "The format; the header Accept is as good.",
            formats[0],
        ),
    ]


def _field(parameter: Parameter) -> tuple[Any, Any]:
    # Not "or null": a parameter that is there has a value.
    examples = None if parameter.example is None else [parameter.example]
    return Annotated[parameter.kind, Field(description=parameter.description, examples=examples)], None


def _refuse(accepted: str) -> Callable[[Any], Any]:
    def refuse(_: Any) -> Any:
        raise refusal(accepted)

    return refuse


def _one_of(names: Sequence[str]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        if text not in names:
            raise refusal(f"one of {', '.join(names)}")
        return text

    return checked


def listed(names: Sequence[str], most: int, read: Callable[[list[str]], Any]) -> Any:
    """Some of a fixed list of names, with commas between them, none twice."""
    known = frozenset(names)

    def checked(text: str) -> Any:
        listed = text.split(",")
        bare = [name.removeprefix("-") for name in listed]
        if not known.issuperset(listed) or len(set(bare)) < len(bare) or len(bare) > most:
            columns = ", ".join(name for name in names if not name.startswith("-"))
            raise refusal(f"up to {most} of these, each once, with commas between them: {columns}")
        return read(listed)

    return Annotated[str, Field(json_schema_extra={"pattern": one_of_pattern(names)}), AfterValidator(checked)]


def _orders(names: list[str]) -> tuple[Order, ...]:
    return tuple(Order(name.removeprefix("-"), name.startswith("-")) for name in names)
