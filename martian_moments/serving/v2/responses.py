"""From a request to its response in the format that was asked for, and what OpenAPI says of both."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from anyio import to_thread
from fastapi import Request as HttpRequest
from starlette.responses import Response

from martian_moments.serving.negotiation import field_of
from martian_moments.serving.problems import MEDIA_TYPE as PROBLEM
from martian_moments.serving.problems import SCHEMA, Problem
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.v2.collection import Collection
from martian_moments.serving.v2.filters import refused
from martian_moments.serving.v2.formats import (
    DEFAULT_LIMIT,
    GEOJSON,
    JSON,
    MEDIA_TYPES,
    MOST_OBJECTS,
    MOST_ROWS,
    accepted_format,
    formats_of,
    geojson_body,
    json_body,
    table_body,
)
from martian_moments.serving.v2.models import Query, page_model, request_of
from martian_moments.serving.v2.pages import Request, geojson_page, json_page, table_page


async def respond(http: HttpRequest, snapshot: Snapshot, collection: Collection, query: Query) -> Response:
    """The page that is asked for.

    Raises:
        Problem: parameters contradict each other, or a table without a limit has too many rows.
    """
    given = query.given(("format", "limit"))
    format_ = given.get("format") or accepted_format(field_of(http.headers, "accept"), formats_of(collection))
    limit, most = given.get("limit"), MOST_OBJECTS if format_ in {JSON, GEOJSON} else MOST_ROWS
    if limit is not None and limit > most:
        raise refused("limit", limit, f"at most {most} as {format_}")
    request = request_of(collection, query, limit or min(most, DEFAULT_LIMIT if most == MOST_OBJECTS else MOST_ROWS))
    body, next_cursor = await _body(http, snapshot, request, format_)
    if next_cursor and limit is None and most == MOST_ROWS:
        raise Problem(400, f"more than {MOST_ROWS} rows: {_LESS}")
    headers = {"Link": f'<{_next(http, next_cursor)}>; rel="next"'} if next_cursor else {}
    return Response(body, headers=headers, media_type=MEDIA_TYPES[format_])


_LESS: Final = (
    f"narrow it, or give limit={MOST_ROWS} and go on at the address of the header Link (rel=next); whole tables stand "
    "under /published/, see /api/v2/tables"
)


async def _body(http: HttpRequest, snapshot: Snapshot, request: Request, format_: str) -> tuple[bytes, str | None]:
    if format_ == JSON:
        page = await json_page(snapshot, request)
        return json_body(page.rows, _next(http, page.next_cursor)), page.next_cursor
    if format_ == GEOJSON:
        page = await geojson_page(snapshot, request)
        return geojson_body(page.rows, _next(http, page.next_cursor)), page.next_cursor
    table = await table_page(snapshot, request, as_texts=format_ == "csv")
    return await to_thread.run_sync(table_body, table.table, format_), table.next_cursor


def _next(http: HttpRequest, cursor: str | None) -> str | None:
    return None if cursor is None else str(http.url.include_query_params(cursor=cursor))


_PROBLEM: Final = {PROBLEM: {"schema": SCHEMA}}

PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {
    400: {"description": "A parameter is not accepted: which, and what would be.", "content": _PROBLEM},
    503: {
        "description": "There are no tables yet, or the query takes too long: Retry-After says when to ask again.",
        "content": _PROBLEM,
    },
    "4XX": {"description": "The request is not accepted.", "content": _PROBLEM},
}
"""The errors of every path."""


def described(collection: Collection) -> Mapping[str, Any]:
    """What a route of a collection says of itself."""
    tables = {MEDIA_TYPES[name]: _SCHEMAS[name] for name in formats_of(collection) if name != JSON}
    return {
        "summary": collection.name,
        "description": collection.description,
        "response_model": page_model(collection),
        "responses": {200: {"content": tables, "description": "A page."}, **PROBLEMS},
    }


_TABLE: Final = {"schema": {"type": "string", "contentMediaType": "application/octet-stream"}}
_SCHEMAS: Final[Mapping[str, Any]] = {
    GEOJSON: {
        "schema": {
            "type": "object",
            "required": ["type", "features"],
            "properties": {
                "type": {"const": "FeatureCollection"},
                "features": {"type": "array", "items": {"type": "object"}},
            },
        }
    },
    "csv": {"schema": {"type": "string"}},
    "parquet": _TABLE,
    "arrow": _TABLE,
}
