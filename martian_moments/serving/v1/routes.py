"""The routes of v1, under both of its prefixes, each with and without ``.json``."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from starlette.responses import Response

from martian_moments.domain.rovers import Rover
from martian_moments.serving.dependencies import CurrentSnapshot
from martian_moments.serving.problems import Problem
from martian_moments.serving.query import rows
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.v1 import tables
from martian_moments.serving.v1.documents import KnownRover, known_rovers, manifest, photo_documents
from martian_moments.serving.v1.parameters import (
    LARGEST_SOL,
    Page,
    named,
    sols_of,
    titled,
    to_date,
    to_i,
    to_page,
    to_sol,
)
from martian_moments.serving.v1.responses import Refused, json_response
from martian_moments.serving.v1.sols import Photo, photo_of, photos_of_sol

PREFIXES: Final = ("/api/v1", "/mars-photos/api/v1")
"""The API's own, and the one behind api.nasa.gov."""

_RANGES: Final = frozenset({"sol_min", "sol_max", "date_min", "date_max"})

_routes: Final = APIRouter()
router: Final = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Photos of a rover: of which sols, which cameras (None for all), and which page of them."""

    sols: range
    cameras: list[str] | None
    thumbnails: bool
    page: Page

    def accepts(self, photo: Photo) -> bool:
        """Whether a photo of these sols is wanted."""
        return (self.thumbnails or photo.in_v1) and (self.cameras is None or photo.camera in self.cameras)


@_routes.get("/rovers")
@_routes.get("/rovers.json")
async def list_rovers(snapshot: CurrentSnapshot) -> Response:
    """All rovers, by id."""
    return json_response({"rovers": [known.document for known in (await known_rovers(snapshot)).values()]})


@_routes.get("/rovers/{name}")
async def one_rover(snapshot: CurrentSnapshot, name: str) -> Response:
    """A rover."""
    rover = _known(named(_bare(name)))
    return json_response({"rover": (await known_rovers(snapshot))[rover.name].document})


@_routes.get("/rovers/{name}/photos")
@_routes.get("/rovers/{name}/photos.json")
async def photos(request: Request, snapshot: CurrentSnapshot, name: str) -> Response:
    """The photos of a sol, of an Earth date, or of a span of either."""
    rover = _known(titled(name))
    known, query = (await known_rovers(snapshot))[rover.name], request.query_params
    sols = _asked_sols(known, query)
    page = to_page(query, always=not {"sol", "earth_date"} & query.keys() and bool(_RANGES & query.keys()))
    return await _photos(request, snapshot, known, "photos", _wanted(query, sols, page))


@_routes.get("/rovers/{name}/latest_photos")
@_routes.get("/rovers/{name}/latest_photos.json")
async def latest_photos(request: Request, snapshot: CurrentSnapshot, name: str) -> Response:
    """The photos of the newest sol with any."""
    rover = _known(titled(name))
    known, query = (await known_rovers(snapshot))[rover.name], request.query_params
    sols = range(0) if known.max_sol is None else range(known.max_sol, known.max_sol + 1)
    return await _photos(request, snapshot, known, "latest_photos", _wanted(query, sols, to_page(query)))


@_routes.get("/photos/{number}")
async def one_photo(snapshot: CurrentSnapshot, number: str) -> Response:
    """The photo of an id: its own, or one that it had before."""
    asked = to_sol(_bare(number))
    found = None if asked is None else await photo_of(snapshot, asked)
    if found is None:
        raise Problem(404, "no photo has this id")
    rover, photo = found
    (document,) = photo_documents((await known_rovers(snapshot))[rover], [photo])
    return json_response({"photo": document})


@_routes.get("/manifests/{name}")
async def one_manifest(request: Request, snapshot: CurrentSnapshot, name: str) -> Response:
    """What there is of each sol of a rover."""
    rover = _known(named(_bare(name)))
    with_photos = request.query_params.get("without") != "photos"
    return json_response({"photo_manifest": await manifest(snapshot, rover, with_photos=with_photos)})


for _prefix in PREFIXES:
    router.include_router(_routes, prefix=_prefix)


def _asked_sols(known: KnownRover, query: Mapping[str, str]) -> range:
    """The sols that are asked for; ``sol`` before ``earth_date``, and both before the spans."""
    if "sol" in query:
        sol = to_sol(query["sol"])
        return range(0) if sol is None else range(sol, sol + 1)
    if "earth_date" in query:
        day = to_date(query["earth_date"])
        return range(0) if day is None else sols_of(known.facts, day, day)
    if not _RANGES & query.keys():
        return range(0)
    first, last = to_i(query.get("sol_min", "0")), to_i(query.get("sol_max", str(LARGEST_SOL)))
    spans = [range(max(first, 0), min(last, LARGEST_SOL) + 1)]
    if "date_min" in query or "date_max" in query:
        first_day = to_date(query.get("date_min", "0001-01-01"))
        last_day = to_date(query.get("date_max", "9999-12-31"))
        spans.append(sols_of(known.facts, first_day, last_day) if first_day and last_day else range(0))
    return range(max(span.start for span in spans), min(span.stop for span in spans))


def _wanted(query: Mapping[str, str], sols: range, page: Page) -> _Wanted:
    cameras = query["camera"].upper().split(",") if "camera" in query else None
    return _Wanted(sols, cameras, query.get("thumbnails") == "true", page)


async def _photos(request: Request, snapshot: Snapshot, known: KnownRover, root: str, wanted: _Wanted) -> Response:
    page = wanted.page
    found, total = await _found(snapshot, known.facts.name, wanted)
    headers = {"X-Total-Count": str(total)}
    if page.size and page.offset + page.size < total:
        query = urlencode(
            [*((k, v) for k, v in request.query_params.multi_items() if k != "page"), ("page", page.number + 1)]
        )
        headers["Link"] = f'<{request.url.replace(query=query)}>; rel="next"'
    return json_response({root: photo_documents(known, found)}, headers=headers)


async def _found(snapshot: Snapshot, rover: str, wanted: _Wanted) -> tuple[Sequence[Photo], int]:
    """The photos of the page, and how many there are on all pages."""
    sols, page = wanted.sols, wanted.page
    if not sols or sols.start > LARGEST_SOL:
        return [], 0
    if len(sols) == 1:
        every = [photo for photo in await photos_of_sol(snapshot, rover, sols.start) if wanted.accepts(photo)]
        return every[page.offset :][: page.size], len(every)
    asked: dict[str, Any] = {"rover": rover} | ({} if wanted.cameras is None else {"cameras": wanted.cameras})
    narrowed = (
        tables.OF_ROVER + ("" if wanted.thumbnails else tables.IN_V1) + ("" if wanted.cameras is None else tables.OF_CAMERAS)
    )
    span = {"first": sols.start, "last": sols.stop - 1}
    counts = await rows(snapshot, f"{tables.COUNTS}{narrowed}{tables.BY_SOL}", asked | span)
    ends = list(accumulate(photos for _, photos in counts))
    total = ends[-1] if ends else 0
    size = total if page.size is None else page.size
    if not size or page.offset >= total:
        return [], total
    # The photos are read of those sols alone that the page has any of.
    first, last = bisect_right(ends, page.offset), bisect_left(ends, min(page.offset + size, total))
    before = ends[first - 1] if first else 0
    part = {"first": counts[first][0], "last": counts[last][0], "limit": size, "offset": page.offset - before}
    statement = f"{tables.PHOTOS}{narrowed}{tables.IN_ORDER} limit $limit offset $offset"
    return [Photo(*row) for row in await rows(snapshot, statement, asked | part)], total


def _bare(name: str) -> str:
    """Without the suffix with which Rails has a format named."""
    return name.removesuffix(".json")


def _known(rover: Rover | None) -> Rover:
    """Raises Refused where there is none of the name."""
    if rover is None:
        raise Refused("Invalid Rover Name")
    return rover
