"""The routes of STAC API. What is wrong with a request is said by :mod:`martian_moments.serving.problems`."""

from __future__ import annotations

from typing import Any

import orjson
from duckdb import DuckDBPyConnection
from fastapi import APIRouter, Request
from starlette.responses import Response

from martian_moments.formats.stac import ROVERS_WITH_PHOTOS
from martian_moments.serving.dependencies import CurrentSnapshot
from martian_moments.serving.problems import ParameterError, Problem, only_once
from martian_moments.serving.query import once
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.stac import documents
from martian_moments.serving.stac.documents import GEOJSON, JSON, Addresses
from martian_moments.serving.stac.items import find
from martian_moments.serving.stac.items import item as find_item
from martian_moments.serving.stac.openapi import BODY, FEATURE, OBJECT, PAGE, PARAMETERS, PARAMETERS_OF_A_COLLECTION
from martian_moments.serving.stac.search import read_json, read_search

router = APIRouter(prefix="/stac", tags=["STAC"])


class _Json(Response):
    media_type = JSON


class _GeoJson(Response):
    media_type = GEOJSON


def _dumped(content: Any) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_UTC_Z)


def _addresses(request: Request) -> Addresses:
    return Addresses(str(request.base_url))


def _with_photos(connection: DuckDBPyConnection) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = connection.execute(ROVERS_WITH_PHOTOS).to_arrow_table().to_pylist()
    return found


async def _rovers(snapshot: Snapshot, name: str | None = None) -> list[dict[str, Any]]:
    """What the collections say; of one, or of all. Raises Problem where there is none of this name."""
    # Of the full history it takes 0.1 s.
    found = await once(snapshot, "stac collections", _with_photos)
    if name is None:
        return found
    chosen = [row for row in found if row["rover"] == name]
    if not chosen:
        names = ", ".join(row["rover"] for row in found)
        raise Problem(404, f"there is no collection {name[:100]}; the collections are {names or 'none yet'}")
    return chosen


@router.get("", response_class=_Json, responses=OBJECT, summary="Landing page")
async def landing_page(request: Request, snapshot: CurrentSnapshot) -> Response:
    """The catalogue: what there is, where it is searched, and what the service conforms to."""
    return _Json(_dumped(documents.landing_page(_addresses(request), await _rovers(snapshot))))


@router.get("/conformance", response_class=_Json, responses=OBJECT, summary="Conformance classes")
async def conformance() -> Response:
    """What of STAC API the service has."""
    return _Json(_dumped({"conformsTo": documents.CONFORMANCE}))


@router.get("/collections", response_class=_Json, responses=OBJECT, summary="All collections")
async def collections(request: Request, snapshot: CurrentSnapshot) -> Response:
    """A collection for each rover with photos."""
    return _Json(_dumped(documents.collections(_addresses(request), await _rovers(snapshot))))


@router.get("/collections/{collection}", response_class=_Json, responses=OBJECT, summary="A collection")
async def collection_of(request: Request, snapshot: CurrentSnapshot, collection: str) -> Response:
    """What is photographed by one rover, where and when."""
    (row,) = await _rovers(snapshot, collection)
    return _Json(_dumped(documents.collection(_addresses(request), row)))


@router.get(
    "/collections/{collection}/items",
    response_class=_GeoJson,
    summary="Items of a collection",
    responses=PAGE,
    openapi_extra={"parameters": PARAMETERS_OF_A_COLLECTION},
)
async def items_of(request: Request, snapshot: CurrentSnapshot, collection: str) -> Response:
    """The photos of one rover by sol, or as ``sortby`` says; the link ``next`` leads to the next page."""
    await _rovers(snapshot, collection)
    given = only_once(request)
    page = await find(snapshot, read_search(given, collection=collection))
    return _GeoJson(_dumped(documents.page_by_get(_addresses(request), request.url.path, given, page)))


@router.get("/collections/{collection}/items/{item}", response_class=_GeoJson, responses=FEATURE, summary="An item")
async def item_of(request: Request, snapshot: CurrentSnapshot, collection: str, item: str) -> Response:
    """One photo."""
    row = await find_item(snapshot, collection, item)
    if row is None:
        raise Problem(404, f"the collection {collection[:100]} has no item {item[:200]}")
    return _GeoJson(_dumped(documents.item(_addresses(request), row)))


@router.get(
    "/search",
    response_class=_GeoJson,
    summary="Search by GET",
    responses=PAGE,
    openapi_extra={"parameters": PARAMETERS},
)
async def search_by_get(request: Request, snapshot: CurrentSnapshot) -> Response:
    """Photos of all rovers by place, time and properties; the link ``next`` leads to the next page."""
    given = only_once(request)
    page = await find(snapshot, read_search(given))
    return _GeoJson(_dumped(documents.page_by_get(_addresses(request), request.url.path, given, page)))


@router.post(
    "/search", response_class=_GeoJson, summary="Search by POST", responses=PAGE, openapi_extra={"requestBody": BODY}
)
async def search_by_post(request: Request, snapshot: CurrentSnapshot) -> Response:
    """The same with a body of JSON."""
    given = await _body(request)
    page = await find(snapshot, read_search(given))
    return _GeoJson(_dumped(documents.page_by_post(_addresses(request), request.url.path, given, page)))


async def _body(request: Request) -> dict[str, Any]:
    content = await request.body()
    try:
        found = read_json(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        shown = content[:200].decode(errors="replace")
        raise Problem(400, "not accepted: the body", errors=[ParameterError("body", shown, "an object of JSON")])
    return found
