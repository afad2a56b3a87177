"""The paths of the API, ``/api/v2/…``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import orjson
from anyio import to_thread
from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from martian_moments.serving.dependencies import CurrentSnapshot, TheLake
from martian_moments.serving.problems import ParameterError, Problem, only_once
from martian_moments.serving.v2.collection import Collection
from martian_moments.serving.v2.filters import Parameter, rover
from martian_moments.serving.v2.inventory import CAMERAS, CHANGES, GAPS, ROVERS
from martian_moments.serving.v2.models import listed, parameters_of, query_model
from martian_moments.serving.v2.movies import MoviePage, list_movies
from martian_moments.serving.v2.observations import IMAGE_SEQUENCES, PANORAMAS, STEREO_PAIRS
from martian_moments.serving.v2.photo import PhotoDetail, photo_detail
from martian_moments.serving.v2.photos import PHOTOS
from martian_moments.serving.v2.places import PATH, STOPS, WAYPOINTS
from martian_moments.serving.v2.responses import PROBLEMS, described, respond
from martian_moments.serving.v2.statistics import GROUPS, STATISTICS, counted_by
from martian_moments.serving.v2.tables import PACKAGE, RESOURCE, describe_table, describe_tables

COLLECTIONS: Final = (
    *(PHOTOS, STOPS, PATH, WAYPOINTS, PANORAMAS, STEREO_PAIRS, IMAGE_SEQUENCES),
    *(ROVERS, CAMERAS, GAPS, CHANGES),
)

_LONGEST_KEY: Final = 200
_MOST_GROUPS: Final = 5

_GROUP_BY: Final = Parameter(
    "group_by",
    listed(list(GROUPS), _MOST_GROUPS, tuple),
    "What photos are counted by, with commas between them; all photos together if not given.",
    "rover,camera_role",
)


def refuse_parameters(http: Request) -> None:
    """A path without parameters: one would be passed over without a word. Raises a Problem."""
    if given := [ParameterError(*each, accepted="no parameter: this path has none") for each in http.query_params.items()]:
        raise Problem(400, f"not accepted: {', '.join(each.parameter for each in given)}", errors=given)


PREFIX: Final = "/api/v2"
MOVIES: Final = f"{PREFIX}/movies"
"""The one path whose responses do not follow from the build."""

_NO_PARAMETERS: Final = [Depends(refuse_parameters)]

router: Final = APIRouter(prefix=PREFIX, tags=["v2"], dependencies=[Depends(only_once)])


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"content": {"application/json": {"schema": schema}}}


def _add(collection: Collection, endpoint: Callable[..., Any], parameters: list[Parameter]) -> None:
    model = query_model(collection.title, parameters)
    endpoint.__annotations__["query"] = Annotated[model, Query()]
    router.add_api_route(f"/{collection.name}", endpoint, name=collection.name, **described(collection))


def _page_of(collection: Collection) -> Callable[..., Any]:
    async def page(http: Request, snapshot: CurrentSnapshot, query: Any) -> Response:
        return await respond(http, snapshot, collection, query)

    return page


for each in COLLECTIONS:
    _add(each, _page_of(each), parameters_of(each))


async def _statistics(http: Request, snapshot: CurrentSnapshot, query: Any) -> Response:
    return await respond(http, snapshot, counted_by(query.given(("group_by",)).get("group_by", ())), query)


_add(STATISTICS, _statistics, [_GROUP_BY, *parameters_of(STATISTICS)])


@router.get(
    "/photos/{photo_key:path}",
    dependencies=_NO_PARAMETERS,
    summary="photo",
    response_model=PhotoDetail,
    responses=PROBLEMS,
)
async def photo(
    snapshot: CurrentSnapshot,
    photo_key: Annotated[str, Path(description="The photo's own key.", max_length=_LONGEST_KEY)],
) -> Response:
    """One photo with everything that is known of it."""
    return Response(await photo_detail(snapshot, photo_key), media_type="application/json")


_MOVIES: Final = query_model("Movies", [*rover().parameters])


async def _movies(http: Request, lake: TheLake, query: Any) -> Response:
    rovers = query.given(("rover",)).get("rover")
    page = await to_thread.run_sync(list_movies, lake, f"{http.base_url}moments/", rovers)
    return Response(page.model_dump_json(), media_type="application/json", headers={"Cache-Control": "no-cache"})


_movies.__annotations__["query"] = Annotated[_MOVIES, Query()]
router.add_api_route(
    MOVIES.removeprefix(PREFIX),
    _movies,
    name="movies",
    summary="movies",
    description="The movies and stills that were made of moments, with the addresses of their files.",
    response_model=MoviePage,
    responses=PROBLEMS,
)


@router.get("/tables", dependencies=_NO_PARAMETERS, summary="tables", responses={200: _content(PACKAGE), **PROBLEMS})
async def tables(http: Request, snapshot: CurrentSnapshot) -> Response:
    """What every published table is, with its columns, as a Data Package; the files stand under /published/."""
    found = await to_thread.run_sync(describe_tables, snapshot, f"{http.base_url}published/")
    return Response(orjson.dumps(found), media_type="application/json")


@router.get("/tables/{name}", dependencies=_NO_PARAMETERS, summary="table", responses={200: _content(RESOURCE), **PROBLEMS})
async def table(
    http: Request,
    snapshot: CurrentSnapshot,
    name: Annotated[str, Path(description="schema.table", max_length=_LONGEST_KEY, examples=["silver.fact_photos"])],
) -> Response:
    """What one published table is, as a Data Resource."""
    found = await to_thread.run_sync(describe_table, snapshot, f"{http.base_url}published/", name)
    return Response(orjson.dumps(found), media_type="application/json")
