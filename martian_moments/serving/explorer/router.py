"""The routes of the page: itself, its data files, and the way to its movies."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from martian_moments.domain.errors import NotReady
from martian_moments.serving.dependencies import CurrentSnapshot, TheLake, current_snapshot
from martian_moments.serving.explorer.columns import document
from martian_moments.serving.explorer.files import MOVIES_FILE, is_block, maker
from martian_moments.serving.explorer.movies import movies
from martian_moments.serving.explorer.page import INDEX, index, media_type, page_files
from martian_moments.serving.middleware import content_policy
from martian_moments.serving.problems import Problem
from martian_moments.serving.query import once, run

PREFIX: Final = "/explorer"

MOVIES: Final = f"{PREFIX}/data/{MOVIES_FILE}"
"""The one data file that does not follow from the build."""

_JSON: Final = "application/json"
_LIMIT_S: Final = 20.0
"""Of one data file: the path of 45 km is drawn in a second, beside others it may take some."""

_POLICY: Final = content_policy("https: http://127.0.0.1:* http://localhost:*")
"""Pictures from NASA, or from a mirror or a demonstration on this machine; everything else from here."""

router = APIRouter(include_in_schema=False)


@router.get("/")
async def root() -> Response:
    """To the page."""
    return RedirectResponse(f"{PREFIX}/", 307)


@router.get(PREFIX)
async def without_slash() -> Response:
    """To the page: its addresses are relative to its folder."""
    return RedirectResponse(f"{PREFIX}/", 307)


@router.get(f"{PREFIX}/")
async def page(request: Request) -> Response:
    """The page; also while there are no tables, so that it says so to people, and asks again."""
    headers = {"Content-Security-Policy": _POLICY}
    try:
        body = await once(current_snapshot(request), PREFIX, index)
    except NotReady as error:
        later = headers | {"Retry-After": str(error.retry_after_s)}
        return Response(page_files()[INDEX], 503, later, media_type(INDEX))
    return Response(body, headers=headers, media_type=media_type(INDEX))


@router.get(MOVIES)
async def movie_list(lake: TheLake) -> Response:
    """The movies that there are now."""
    found = await asyncio.to_thread(movies, lake)
    return Response(document(found), media_type=_JSON, headers={"Cache-Control": "no-cache"})


@router.get(f"{PREFIX}/data/{{name:path}}")
async def data(name: str, snapshot: CurrentSnapshot) -> Response:
    """A data file."""
    make = maker(name, snapshot.published_at) if name.endswith(".json") else None
    if make is None:
        raise Problem(404, f"the page has no data file {name[:100]!r}; the names are those that its program asks for")
    # All but the blocks of photos are a few megabytes in all, and asked for by every visitor.
    body = run(snapshot, make, limit_s=_LIMIT_S) if is_block(name) else once(snapshot, name, make, limit_s=_LIMIT_S)
    return Response(await body, media_type=_JSON)


@router.get(f"{PREFIX}/moments/{{name:path}}")
async def moment(name: str) -> Response:
    """A file of a movie, which lies beside the page in a static site, and here in the lake."""
    return RedirectResponse(f"/moments/{name}", 307)


@router.get(f"{PREFIX}/{{name}}")
async def asset(name: str) -> Response:
    """A file of the page."""
    held = page_files().get(name)
    if held is None:
        raise Problem(404, f"the page has no file {name[:100]!r}; it begins at {PREFIX}/")
    return Response(held, media_type=media_type(name))
