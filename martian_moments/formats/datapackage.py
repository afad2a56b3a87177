"""What every published table is, for programs: a Data Package (datapackage.org, version 2), made of the contracts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from martian_moments.warehouse.base import PublishedTable

_PROFILES: Final = "https://datapackage.org/profiles/2.0"

_TYPES: Final = {
    "varchar": "string",
    "integer": "integer",
    "bigint": "integer",
    "double": "number",
    "boolean": "boolean",
    "date": "date",
    "timestamptz": "datetime",
}
"""The types of the contracts as Table Schema has them."""

_UNITS: Final = {"m": "m", "deg": "°", "longitude": "°", "latitude": "°", "s": "s", "px": "px"}
_SHARE: Final = "0 to 1"

LICENSES: Final = [{"title": "JPL Image Use Policy", "path": "https://www.jpl.nasa.gov/jpl-image-use-policy"}]


def unit_of(column: str) -> str:
    """The unit of a column, empty without one: names end in it, but for longitudes and latitudes (degrees) and shares."""
    first, last = column.partition("_")[0], column.rpartition("_")[2]
    return _SHARE if "share" in {first, last} else _UNITS.get(last, "")


def resource(table: PublishedTable, *, addresses: Sequence[str], size: int, rows: int) -> dict[str, Any]:
    """The descriptor of a table (Data Resource with a Table Schema).

    Args:
        table: its contract.
        addresses: of its Parquet files. Where there are several, the column ``rover`` is in the names of their folders.
        size: bytes of the files.
        rows: how many they have.
    """
    return {
        "$schema": f"{_PROFILES}/dataresource.json",
        "name": name_of(table),
        "description": table.description,
        "path": addresses[0] if len(addresses) == 1 else list(addresses),
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "bytes": size,
        "rows": rows,
        "type": "table",
        "schema": {
            "$schema": f"{_PROFILES}/tableschema.json",
            "fields": [_field(name, type_, table.descriptions[name]) for name, type_ in table.types.items()],
            "primaryKey": list(table.order_by),
        },
    }


def package(resources: Iterable[Mapping[str, Any]], *, created: str) -> dict[str, Any]:
    """The descriptor of all tables (Data Package); ``created`` is when they were published, as ISO 8601."""
    return {
        "$schema": f"{_PROFILES}/datapackage.json",
        "name": "martian-moments",
        "title": "martian-moments",
        "description": "What NASA's four Mars rovers photographed and where they drove. Angles are degrees, lengths metres, "
        "times seconds; longitudes and latitudes are planetocentric on the sphere of Mars, positive to the east. Null means "
        "that no source states it.",
        "created": created,
        "licenses": LICENSES,
        "sources": [{"title": "NASA/JPL-Caltech", "path": "https://mars.nasa.gov"}],
        "resources": list(resources),
    }


def name_of(table: PublishedTable) -> str:
    """``schema.table``, the name of a table's descriptor."""
    return f"{table.schema}.{table.name}"


def _field(name: str, type_: str, description: str) -> dict[str, Any]:
    unit = unit_of(name)
    return {"name": name, "type": _TYPES[type_], "description": description, **({"unit": unit} if unit else {})}
