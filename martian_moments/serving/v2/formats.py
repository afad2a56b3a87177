"""The formats of a page: JSON and GeoJSON, and tables as CSV, Parquet and Arrow."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from martian_moments.formats.mars_crs import GEOJSON_CRS
from martian_moments.serving.negotiation import preferred
from martian_moments.serving.v2.collection import Collection

if TYPE_CHECKING:
    import pyarrow as pa

JSON: Final = "json"
GEOJSON: Final = "geojson"

MEDIA_TYPES: Final = {
    JSON: "application/json",
    GEOJSON: "application/geo+json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
"""The media type of each format."""

MOST_OBJECTS: Final = 1_000
"""Rows of a page of JSON or GeoJSON."""

MOST_ROWS: Final = 10_000
"""Rows of a page of the other formats."""

DEFAULT_LIMIT: Final = 100
"""Rows of a page of JSON or GeoJSON, if not said otherwise."""


def formats_of(collection: Collection) -> list[str]:
    """The formats that a collection has."""
    return [name for name in MEDIA_TYPES if name != GEOJSON or collection.geometry]


def accepted_format(accept: str, formats: Sequence[str]) -> str:
    """The format that a header Accept prefers; JSON where it accepts none of them."""
    found = preferred(accept, [MEDIA_TYPES[name] for name in formats])
    return next((name for name in formats if MEDIA_TYPES[name] == found), JSON)


def json_body(rows: Sequence[str], next_address: str | None) -> bytes:
    """A page of objects, each of which is a text of JSON already."""
    return f'{{"data":[{",".join(rows)}],"next":{json.dumps(next_address)}}}'.encode()


def geojson_body(features: Sequence[str], next_address: str | None) -> bytes:
    """A page of features, each of which is a text of JSON already."""
    head = {"type": "FeatureCollection", "crs": GEOJSON_CRS, "numberReturned": len(features)}
    links = [{"rel": "next", "href": next_address, "type": MEDIA_TYPES[GEOJSON]}] if next_address else []
    return f'{json.dumps(head | {"links": links})[:-1]}, "features": [{",".join(features)}]}}'.encode()


def table_body(table: pa.Table, name: str) -> bytes:
    """A table as CSV, Parquet or Arrow."""
    import pyarrow.csv as pa_csv
    import pyarrow.ipc as pa_ipc
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    match name:
        case "csv":
            pa_csv.write_csv(table, sink)
        case "parquet":
            pq.write_table(table, sink, compression="zstd")
        case _:
            with pa_ipc.new_stream(sink, table.schema) as stream:
                stream.write_table(table)
    return sink.getvalue()
