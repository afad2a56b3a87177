"""The Mars Rover Photos API v1: the original server's dialect, as its mirrors have it.

The original sends a whole sol unless ``page`` is given; some mirrors always respond page by page, 25 photos each, with or
without a ``pagination`` object. The rover object inside each photo comes with five keys or with nine. Mirrors number photos
and rovers differently and may leave fields out, so only what identifies a photo is required: ``id`` and ``sol``.

Sources: corincerami/mars-photo-api (the original's own code), nebulum-one/mars-photo-api, james-langridge/mars-vista-api.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, TypeVar

import orjson

from martian_moments.domain.documents import Document, Header, Kind, fingerprint_of
from martian_moments.domain.errors import UnknownRover
from martian_moments.domain.promises import Promises
from martian_moments.nasa.harvest import Record
from martian_moments.nasa.joining import Reading
from martian_moments.nasa.responses import Response, a_sol, count, readable, whole
from martian_moments.nasa.v1_pages import V1Harvest, V1Page, stated

if TYPE_CHECKING:
    from martian_moments.nasa.http import PoliteClient

T = TypeVar("T")

SOURCE: Final = "v1"

_MAX_PAGES: Final = 1_000
"""The biggest real sol has 3,702 photos: 149 pages of 25."""

_EMPTY_ATTEMPTS: Final = 3
"""How often a page that should have photos is asked for while it comes empty: most often a passing fault."""

_VOLATILE: Final = frozenset({"status", "max_sol", "max_date", "total_photos", "cameras"})
"""What changes in each photo's rover object whenever the rover takes another photo somewhere else."""

_NO_SUCH_ROVER: Final = re.compile(r"invalid rover|rover\b.*\bnot found", re.IGNORECASE)


class V1:
    """A server of the v1 dialect.

    Args:
        client: asks.
        url: the server's address up to and including ``/api/v1``.
        api_key: sent as the ``X-API-Key`` header.
    """

    name: Final = SOURCE

    def __init__(self, client: PoliteClient, url: str, api_key: str | None = None) -> None:
        self._client = client
        self._url = url
        self._headers = key_header(api_key)

    @staticmethod
    def serves(rover: str) -> bool:  # noqa: ARG004 - the protocol's signature
        """True for every rover: which of them a server has is what its manifests say."""
        return True

    async def manifest(self, rover: str) -> Document:
        """The rover's manifest. ``record_count`` is its number of sols.

        For a rover that the server does not serve the document keeps the server's words, with no records.

        Raises:
            UpstreamUnavailable: no response.
            BrokenResponse: a response that is no manifest of this rover.
        """
        try:
            response, content = await self._ask(
                manifest_address(self._url, rover), lambda response: _manifest(response, rover)
            )
        except UnknownRover as unknown:
            return _unserved(rover, unknown)
        manifest = content["photo_manifest"]
        return Document(
            Header(
                kind=Kind.MANIFEST,
                rover=rover,
                source=SOURCE,
                sol=None,
                fetched_at=response.fetched_at,
                fingerprint=fingerprint_of(manifest),
                record_count=len(_promised(manifest)),
                promised=None,
                complete=True,
                requests=(response.url,),
                synthetic=content.get("synthetic") is True,
            ),
            (response.body,),
        )

    async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
        """Every photo of one sol.

        Args:
            rover: the rover's name.
            sol: the mission sol.
            promised: the photos that this server's manifest promises for the sol; 0 for a sol that it does not list; None
                without a manifest.

        Raises:
            UpstreamUnavailable: no response.
            BrokenResponse: a response that is no list of this rover's photos.
            UnknownRover: the server does not serve the rover.
        """
        harvest = V1Harvest(sol, promised)

        async def ask(number: int) -> V1Page:
            return await self._page(rover, harvest, number)

        harvest.take(await ask(1))
        for number in range(2, _MAX_PAGES + 1):
            if not harvest.expects_more or not harvest.take(await ask(number)):
                break
        full = harvest.pages[0].size
        await harvest.find_missed(ask, range(1, harvest.most_pages + 1), lambda _, page: page.size < full)
        harvest.check_readable()
        return harvest.document(rover, SOURCE, READING.fingerprint(harvest.tally.records))

    async def _page(self, rover: str, harvest: V1Harvest, number: int) -> V1Page:
        # Without `page` the original sends the whole sol at once.
        params = {"sol": str(harvest.sol)} | ({"page": str(number)} if number > 1 else {})
        for _ in range(_EMPTY_ATTEMPTS):
            page = await self._ask(photos_address(self._url, rover), lambda response: _photos(response, rover), params)
            if page.records or harvest.complete:
                break
        return page

    async def _ask(self, url: str, parse: Callable[[Response], T], params: Mapping[str, str] | None = None) -> T:
        return await self._client.get(url, parse, params=params, headers=self._headers)


def manifest_address(url: str, rover: str) -> str:
    """The address of a rover's manifest."""
    return f"{url.rstrip('/')}/manifests/{rover}"


def photos_address(url: str, rover: str) -> str:
    """The address of a rover's photos, without the query that chooses the sol and the page."""
    return f"{url.rstrip('/')}/rovers/{rover}/photos"


def key_header(api_key: str | None) -> dict[str, str]:
    """The header that carries the key, where there is one."""
    return {"X-API-Key": api_key.strip()} if api_key else {}


def read_promises(document: Document) -> Promises:
    """What a manifest document of this dialect promises."""
    header = document.header
    manifest = document.parsed_pages()[0].get("photo_manifest")
    if manifest is None:
        return Promises(header.rover, header.source, served=False)
    counts = _promised(manifest)
    last = a_sol(manifest.get("max_sol"))
    status = manifest.get("status")
    return Promises(
        rover=header.rover,
        source=header.source,
        served=True,
        sols={sol: count for sol, count in sorted(counts.items()) if count},
        newest_sol=max([*counts, *([] if last is None else [last])], default=None),
        stated_total=stated(manifest, "total_photos"),
        status=status if isinstance(status, str) else None,
    )


def _manifest(response: Response, rover: str) -> tuple[Response, dict[str, Any]]:
    _check_rover_known(response, rover)
    response, content = response.json_object()
    manifest = content.get("photo_manifest")
    if not isinstance(manifest, dict) or not isinstance(manifest.get("photos"), list):
        raise response.broken("no photo_manifest with a list of photos")
    if _is_another(manifest.get("name"), rover):
        raise response.broken(f"the manifest of {str(manifest['name'])[:80]} when asked for {rover}")
    rows, odd = response.readable(manifest["photos"], _row)
    if odd and not rows:
        raise response.broken(odd[0])
    return response, content


def _row(row: object) -> tuple[int, int]:
    """A sol and its number of photos. Raises ValueError."""
    content = row if isinstance(row, dict) else {}
    sol, photos = a_sol(content.get("sol")), count(content.get("total_photos"))
    if sol is None or photos is None:
        raise ValueError(f"a manifest row that is no sol with its number of photos: {str(row)[:80]}")
    return sol, photos


def _promised(manifest: dict[str, Any]) -> dict[int, int]:
    """The photos by sol. Of a sol that is listed twice the larger number counts: what is missing is then asked for."""
    counts: dict[int, int] = {}
    for sol, photos in readable(manifest["photos"], _row)[0]:
        counts[sol] = max(photos, counts.get(sol, 0))
    return counts


def _photos(response: Response, rover: str) -> V1Page:
    _check_rover_known(response, rover)
    response, content = response.json_object()
    photos = content.get("photos")
    if not isinstance(photos, list):
        raise response.broken("no list of photos")
    read, odd = response.readable(photos, lambda photo: _photo(photo, rover))
    pagination = content.get("pagination")
    return V1Page(
        response=response,
        records=read,
        odd=odd,
        total=stated(pagination, "total_count"),
        pages=stated(pagination, "total_pages"),
        synthetic=content.get("synthetic") is True,
    )


READING: Final = Reading(_photos, lambda photos: _fingerprint(photos.values()), lambda photo: photo.get("img_src"))
"""How documents of this dialect are read. Mirrors number photos as they like."""


def _photo(photo: object, rover: str) -> Record:
    content = photo if isinstance(photo, dict) else {}
    identity, sol = whole(content.get("id")), a_sol(content.get("sol"))
    if identity is None or sol is None:
        raise ValueError(f"a photo without a whole-number id and sol: {str(photo)[:80]}")
    owner = content.get("rover")
    if isinstance(owner, dict) and _is_another(owner.get("name"), rover):
        raise ValueError(f"photo {identity} of {str(owner['name'])[:80]} when asked for {rover}")
    return Record(str(identity), sol, content)


def _check_rover_known(response: Response, rover: str) -> None:
    if response.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}:
        return
    response, content = response.error_object() or (response, {})
    words = content.get("errors") or content.get("error")
    if isinstance(words, str) and _NO_SUCH_ROVER.search(words):
        reason = f"{response.url}: the upstream does not serve {rover} ({words[:80]})"
        raise UnknownRover(reason, url=response.url, body=response.body)


def _unserved(rover: str, unknown: UnknownRover) -> Document:
    return Document(
        Header(
            kind=Kind.MANIFEST,
            rover=rover,
            source=SOURCE,
            sol=None,
            fetched_at=datetime.now(UTC),
            fingerprint=fingerprint_of(orjson.loads(unknown.body)),
            record_count=0,
            promised=None,
            complete=True,
            requests=(unknown.url,),
        ),
        (unknown.body,),
    )


def _fingerprint(photos: Iterable[Mapping[str, Any]]) -> str:
    """Over the photos in the order of their ids, however they were cut into pages, without the rover's running totals."""
    return fingerprint_of([_lasting(photo) for photo in sorted(photos, key=lambda photo: whole(photo["id"]) or 0)])


def _lasting(photo: Mapping[str, Any]) -> Mapping[str, Any]:
    rover = photo.get("rover")
    if not isinstance(rover, dict):
        return photo
    return {**photo, "rover": {name: value for name, value in rover.items() if name not in _VOLATILE}}


def _is_another(name: object, rover: str) -> bool:
    return name is not None and str(name).lower() != rover
