"""What OpenAPI says of the parameters and responses of STAC API."""

from __future__ import annotations

from typing import Any, Final

from martian_moments.serving.stac.documents import GEOJSON, JSON
from martian_moments.serving.stac.properties import SORTABLE
from martian_moments.serving.stac.search import DEFAULT_LIMIT, LARGEST_LIMIT, OF_A_COLLECTION, OPERATORS

_TEXT: Final = {"type": "string"}

_PARAMETERS: Final[dict[str, tuple[str, dict[str, Any], Any]]] = {
    "limit": (
        "Items on a page; the service may return fewer.",
        {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT},
        10,
    ),
    "bbox": (
        "West, south, east and north in degrees of Mars; or west, south, lowest, east, north and highest, in metres.",
        {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 6},
        [137.4, -4.6, 137.45, -4.58],
    ),
    "datetime": (
        "A time of RFC 3339, or two with a slash between them; .. is an open end.",
        _TEXT,
        "2012-08-06T00:00:00Z/2012-08-20T00:00:00Z",
    ),
    "intersects": (
        "A geometry of GeoJSON in degrees of Mars; not together with bbox.",
        {"type": "object"},
        {"type": "Point", "coordinates": [137.441633, -4.589467]},
    ),
    "ids": ("Ids of items.", {"type": "array", "items": _TEXT}, ["curiosity.msl.2000000000"]),
    "collections": ("Rovers.", {"type": "array", "items": _TEXT}, ["curiosity", "perseverance"]),
    "query": (
        f"Conditions on properties (extension query): {', '.join(OPERATORS)}.",
        {"type": "object"},
        {"mars:sol": {"gte": 10, "lt": 20}, "mars:camera": {"eq": "MAST"}},
    ),
    "sortby": (
        f"In which order (extension sort): {', '.join(SORTABLE)}; with - before a name the largest first.",
        _TEXT,
        "-datetime",
    ),
    "token": ("Where the page begins, as the link next of the page before has it.", _TEXT, None),
}

_SORTED_BY: Final = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["field"],
        "properties": {"field": _TEXT, "direction": {"type": "string", "enum": ["asc", "desc"]}},
    },
}


def _parameter(name: str) -> dict[str, Any]:
    description, schema, example = _PARAMETERS[name]
    shared = {"name": name, "in": "query", "required": False, "description": description}
    example = {} if example is None else {"example": example}
    if schema["type"] == "object":
        return {**shared, "content": {"application/json": {"schema": schema, **example}}}
    if schema["type"] == "array":
        shared |= {"style": "form", "explode": False}
    return {**shared, "schema": schema, **example}


PARAMETERS: Final = [_parameter(name) for name in _PARAMETERS]
PARAMETERS_OF_A_COLLECTION: Final = [_parameter(name) for name in OF_A_COLLECTION]

BODY: Final = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    name: {**(_SORTED_BY if name == "sortby" else schema), "description": description}
                    for name, (description, schema, _) in _PARAMETERS.items()
                },
            },
            "example": {"collections": ["curiosity"], "query": {"mars:sol": {"gte": 10, "lt": 20}}, "limit": 10},
        }
    },
}

_OBJECT: Final = {"schema": {"type": "object"}}

OBJECT: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "JSON.", "content": {JSON: _OBJECT}}}
FEATURE: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "An item.", "content": {GEOJSON: _OBJECT}}}

PAGE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "A page of items.",
        "content": {
            GEOJSON: {
                "schema": {
                    "type": "object",
                    "required": ["type", "features", "links", "numberMatched", "numberReturned"],
                    "properties": {
                        "type": {"const": "FeatureCollection"},
                        "features": {"type": "array", "items": {"type": "object"}},
                        "links": {"type": "array", "items": {"type": "object"}},
                        "numberMatched": {"type": "integer", "minimum": 0},
                        "numberReturned": {"type": "integer", "minimum": 0},
                    },
                }
            }
        },
    }
}
