"""The paths of the API, ``/api/v2/…``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request
from starlette.responses import Response

from martian_moments.serving.dependencies import CurrentSnapshot
from martian_moments.serving.problems import ParameterError, Problem
from martian_moments.serving.v2.collection import Collection
from martian_moments.serving.v2.filters import Parameter
from martian_moments.serving.v2.inventory import CAMERAS, CHANGES, GAPS, ROVERS
from martian_moments.serving.v2.models import listed, parameters_of, query_model
from martian_moments.serving.v2.observations import IMAGE_SEQUENCES, PANORAMAS, STEREO_PAIRS
from martian_moments.serving.v2.photo import PhotoDetail, photo_detail
from martian_moments.serving.v2.photos import PHOTOS
from martian_moments.serving.v2.places import PATH, STOPS, WAYPOINTS
from martian_moments.serving.v2.responses import PROBLEMS, described, respond
from martian_moments.serving.v2.statistics import GROUPS, STATISTICS, counted_by

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


def refuse_repeats(http: Request) -> None:
    """No parameter is given twice: of two values one would be passed over without a word. Raises a Problem."""
    given = http.query_params.multi_items()
    if len(given) > len(http.query_params):
        names = [name for name, _ in given]
        repeated = next(name for name in names if names.count(name) > 1)
        accepted = "once; several values have commas between them"
        values = ", ".join(http.query_params.getlist(repeated))
        raise Problem(400, f"not accepted: {repeated}", errors=[ParameterError(repeated, values, accepted)])


router: Final = APIRouter(prefix="/api/v2", tags=["v2"], dependencies=[Depends(refuse_repeats)])


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
