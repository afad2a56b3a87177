"""The descriptor of the published tables, whose files stand under ``/published/``."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from martian_moments.formats.datapackage import name_of, package, resource
from martian_moments.serving.problems import Problem
from martian_moments.serving.snapshot import Snapshot
from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.models import published_models

_TEXT: Final = {"type": "string"}
_PATH: Final = {"oneOf": [_TEXT, {"type": "array", "items": _TEXT}]}

RESOURCE: Final[dict[str, Any]] = {
    "type": "object",
    "title": "TableDescriptor",
    "description": "A Data Resource with a Table Schema, see https://datapackage.org.",
    "required": ["name", "path", "format", "schema"],
    "properties": {"name": _TEXT, "path": _PATH, "format": {"const": "parquet"}, "schema": {"type": "object"}},
}
"""What OpenAPI says of a table's descriptor."""

PACKAGE: Final[dict[str, Any]] = {
    "type": "object",
    "title": "TablesDescriptor",
    "description": "A Data Package, see https://datapackage.org.",
    "required": ["name", "created", "resources"],
    "properties": {"name": _TEXT, "created": _TEXT, "resources": {"type": "array", "items": RESOURCE}},
}
"""What OpenAPI says of the descriptor of all tables."""


def describe_tables(snapshot: Snapshot, files: str) -> dict[str, Any]:
    """The descriptor of all tables; ``files`` is the address under which their files stand."""
    return package(map(partial(_described, snapshot, files), published_models()), created=snapshot.data_through)


def describe_table(snapshot: Snapshot, files: str, name: str) -> dict[str, Any]:
    """The descriptor of the table ``schema.table``. Raises a Problem where there is none."""
    for table in published_models():
        if name_of(table) == name:
            return _described(snapshot, files, table)
    raise Problem(404, f"no table is called {name[:100]!r}; /api/v2/tables lists those that there are")


def _described(snapshot: Snapshot, files: str, table: PublishedTable) -> dict[str, Any]:
    of_table = snapshot.files[f"{table.schema}/{table.name}"]
    size, rows = sum(file.size for file in of_table), sum(file.rows for file in of_table)
    return resource(table, addresses=[f"{files}{file.key}" for file in of_table], size=size, rows=rows)
