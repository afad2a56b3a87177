"""The raw-image feed of Mars 2020: every image of Perseverance, full frames and thumbnails, hours after it is received.

A sol is asked for by a range of two conditions, because that is what can be asked in pages: at most 100 images each, counted
from 0. Numbers come as text or as numbers. For a sol without images the server was seen to respond with images of another,
so every image's own sol is looked at. Several records may be tiles of one exposure: each is an image of its own. The
pictures of Ingenuity are of another category and not asked for (docs/sources.md says why).

Sources: the replies that martianch/curieux and lobantseff/nasa-photo-viewer keep, kmgill/mars-raw-utils,
james-langridge/mars-vista-api.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.documents import Document
from martian_moments.domain.promises import Promises
from martian_moments.nasa.feed import (
    Extent,
    FeedPage,
    address,
    check_served,
    collect,
    fingerprint,
    manifest_document,
    promises,
)
from martian_moments.nasa.harvest import Record
from martian_moments.nasa.joining import Reading
from martian_moments.nasa.responses import Response, a_sol, count, identity

if TYPE_CHECKING:
    from martian_moments.nasa.http import PoliteClient

SOURCE: Final = "m20"

_ROVER: Final = "perseverance"
_MISSION: Final = "mars2020"
_PAGE_SIZE: Final = 100
"""The most that the server gives."""

_NO_MORE: Final = re.compile(r"no more images", re.IGNORECASE)
"""The feed's own words for a response that is empty on purpose."""

_FEED: Final = {"feed": "raw_images", "category": _MISSION, "feedtype": "json"}

LATEST: Final = _FEED | {"latest": "true"}
"""Asks for the latest sol."""

NEWEST: Final = _FEED | {"num": "10", "page": "0", "order": "sol desc"}
"""Asks for images of the newest sol, with the number of all images: several, because one may be unreadable."""


class M20:
    """The feed.

    Args:
        client: asks.
        url: the feed's address, to which the query is appended.
    """

    name: Final = SOURCE

    def __init__(self, client: PoliteClient, url: str) -> None:
        self._client = client
        self._url = url

    @staticmethod
    def serves(rover: str) -> bool:
        """Whether the feed has this rover."""
        return rover == _ROVER

    async def manifest(self, rover: str) -> Document:
        """How far the feed reaches: its latest sol, and the newest images with the number of all images.

        Raises:
            InputError: the feed never has this rover.
            UpstreamUnavailable: no response.
            BrokenResponse: a response that is no JSON object, or neither names a sol.
        """
        check_served(SOURCE, rover, served=self.serves(rover))
        reported = [await self._client.get(address(self._url, question), _extent) for question in (LATEST, NEWEST)]
        return manifest_document(rover, SOURCE, reported)

    async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
        """Every image of one sol. The header's promise is the total that the feed states for it.

        Args:
            rover: the rover's name.
            sol: the mission sol.
            promised: images that are known to be there, where somebody knows: with fewer the sol is short.

        Raises:
            InputError: the feed never has this rover.
            UpstreamUnavailable: no response.
            BrokenResponse: a response that is no list of this mission's images.
        """
        check_served(SOURCE, rover, served=self.serves(rover))

        async def ask(number: int) -> FeedPage:
            query = {
                "num": str(_PAGE_SIZE),
                "page": str(number),
                "order": "sol desc",
                "condition_2": f"{sol}:sol:gte",
                "condition_3": f"{sol}:sol:lte",
            }
            return await self._client.get(address(self._url, _FEED | query), _images)

        harvest = await collect(ask, sol, promised)
        return harvest.document(rover, SOURCE, READING.fingerprint(harvest.tally.records))


def read_promises(document: Document) -> Promises:
    """What a manifest document of this dialect promises."""
    pages = document.parsed_pages()
    newest = max(sol for page in pages if (sol := _newest_sol(page)) is not None)
    return promises(document, newest, _total(pages[-1]))


def _extent(response: Response) -> Extent:
    response, content = response.json_object()
    return Extent(response, _newest_sol(content), _total(content), content.get("synthetic") is True)


def _newest_sol(content: dict[str, Any]) -> int | None:
    images = content.get("images")
    reported = [image.get("sol") for image in images if isinstance(image, dict)] if isinstance(images, list) else []
    return max((sol for value in (content.get("latest_sol"), *reported) if (sol := a_sol(value)) is not None), default=None)


def _total(content: dict[str, Any]) -> int | None:
    # A list states total_results; the responses to latest=true and to a bare sol=N state total.
    stated = count(content.get("total_results"))
    return count(content.get("total")) if stated is None else stated


def _images(response: Response) -> FeedPage:
    response, content = response.json_object()
    images = content.get("images")
    if not isinstance(images, list):
        raise response.broken("no list of images")
    error = content.get("error_message")
    if not images and isinstance(error, str) and not _NO_MORE.search(error):
        raise response.broken(f"no images, but an error: {error[:80]}")
    mission = content.get("mission")
    if isinstance(mission, str) and _MISSION not in mission:
        raise response.broken(f"images of {mission[:80]} when asked for {_MISSION}")
    size = count(content.get("per_page")) or _PAGE_SIZE
    records, odd = response.readable(images, _record)
    return FeedPage(
        response=response,
        records=records,
        odd=odd,
        total=_total(content),
        more=len(images) >= size,
        synthetic=content.get("synthetic") is True,
    )


def _record(image: object) -> Record:
    content = image if isinstance(image, dict) else {}
    name, sol = identity(content.get("imageid")), a_sol(content.get("sol"))
    if name is None or sol is None:
        raise ValueError(f"an image without an imageid and a sol: {str(image)[:80]}")
    return Record(name, sol, content)


READING: Final = Reading(lambda response, _: _images(response), fingerprint)
"""How documents of this dialect are read. An imageid is the name of its picture."""
