"""The schemas of STAC and of the extensions that we use, without a network; and the items of a stac-geoparquet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pystac.validation
from pystac.validation.stac_validator import JsonSchemaSTACValidator
from stac_geoparquet.arrow import stac_table_to_items


def angle(least: float, most: float) -> dict[str, Any]:
    return {"type": "number", "minimum": least, "maximum": most}


FIELDS: Mapping[str, Mapping[str, Any]] = {
    "ssys/v1.1.0": {
        "ssys:targets": {"type": "array", "minItems": 1, "items": {"type": "string"}},
        "ssys:local_time": {"type": "string"},
        "ssys:target_class": {"enum": ["planet", "satellite", "sky"]},
    },
    "view/v1.1.0": {
        "view:azimuth": angle(0, 360),
        "view:sun_azimuth": angle(0, 360),
        "view:sun_elevation": angle(-90, 90),
    },
    "projection/v2.0.0": {
        "proj:code": {"type": ["string", "null"]},
        "proj:shape": {"type": "array", "minItems": 2, "maxItems": 2, "items": {"type": "integer"}},
    },
}
"""What the extensions say of the fields that we use, in our words: no package has their schemas."""


def schema_of(extension: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of its prefix that it does not know are refused, and an item that names it has one of them at least."""
    prefix = next(iter(fields)).partition(":")[0]
    properties = {
        "properties": fields,
        "patternProperties": {f"^(?!{prefix}:)": {}},
        "additionalProperties": False,
        "anyOf": [{"required": [field]} for field in fields],
    }
    of_an_item = {"if": {"properties": {"type": {"const": "Feature"}}}, "then": {"properties": {"properties": properties}}}
    return {"$schema": "http://json-schema.org/draft-07/schema#", "$id": extension, **of_an_item}


@contextmanager
def offline() -> Iterator[None]:
    """pystac validates against these schemas and those it brings."""
    validator = JsonSchemaSTACValidator()
    for name, fields in FIELDS.items():
        uri = f"https://stac-extensions.github.io/{name}/schema.json"
        validator.schema_cache[uri] = schema_of(uri, fields)
    before = pystac.validation.RegisteredValidator.get_validator()
    pystac.validation.set_validator(validator)
    try:
        yield
    finally:
        pystac.validation.set_validator(before)


def items_of(file: Path) -> list[dict[str, Any]]:
    """The items of a stac-geoparquet; a field that an item does not have is null there."""
    items = list(stac_table_to_items(pq.read_table(file)))
    for item in items:
        held = item["properties"]
        item["properties"] = {name: value for name, value in held.items() if value is not None or name == "datetime"}
    return items
