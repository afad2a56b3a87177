"""The raw-image items of Mars Science Laboratory: every image of Curiosity with its thumbnails and other renditions.

Responses come in pages counted from 0 and say in ``more`` whether another follows. Without the condition on the mission,
another mission's images mix in. Items of the first years and of Malin's cameras have no telemetry: null, not missing.

Sources: the replies that martianch/curieux keeps, kmgill/mars-raw-utils, james-langridge/mars-vista-api.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

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
from martian_moments.nasa.responses import Response, a_sol, count, readable, whole

if TYPE_CHECKING:
    from martian_moments.nasa.http import PoliteClient

SOURCE: Final = "msl"

_ROVER: Final = "curiosity"
_MISSION: Final = "msl"
_PAGE_SIZE: Final = 200
"""What a public mirror asks for day by day; most sols fit into two pages."""

_ITEMS: Final = {"condition_1": f"{_MISSION}:mission"}

NEWEST: Final = {"order": "sol desc", "per_page": "10", "page": "0"} | _ITEMS
"""Asks for items of the newest sol, with the number of all items: several, because one may be unreadable."""

_BOOKKEEPING: Final = frozenset({"created_at", "updated_at"})
"""When the server's database took and touched the item: nothing about Mars."""


class MSL:
    """The server of raw-image items.

    Args:
        client: asks.
        url: the address, to which the query is appended.
    """

    name: Final = SOURCE

    def __init__(self, client: PoliteClient, url: str) -> None:
        self._client = client
        self._url = url

    @staticmethod
    def serves(rover: str) -> bool:
        """Whether the server has this rover."""
        return rover == _ROVER

    async def manifest(self, rover: str) -> Document:
        """How far the items reach: the newest ones, and the number of all of them.

        Raises:
            InputError: the server never has this rover.
            UpstreamUnavailable: no response.
            BrokenResponse: a response without an item that can be read.
        """
        check_served(SOURCE, rover, served=self.serves(rover))
        return manifest_document(rover, SOURCE, [await self._client.get(address(self._url, NEWEST), _extent)])

    async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
        """Every item of one sol. The header's promise is the total that the server states for it.

        Args:
            rover: the rover's name.
            sol: the mission sol.
            promised: items that are known to be there, where somebody knows: with fewer the sol is short.

        Raises:
            InputError: the server never has this rover.
            UpstreamUnavailable: no response.
            BrokenResponse: a response that is no list of this mission's items.
        """
        check_served(SOURCE, rover, served=self.serves(rover))

        async def ask(number: int) -> FeedPage:
            query = {
                "order": "sol desc,instrument_sort asc,sample_type_sort asc, date_taken desc",
                "per_page": str(_PAGE_SIZE),
                "page": str(number),
                **_ITEMS,
                "condition_2": f"{sol}:sol:in",
            }
            return await self._client.get(address(self._url, query), _items)

        harvest = await collect(ask, sol, promised)
        return harvest.document(rover, SOURCE, READING.fingerprint(harvest.tally.records))


def read_promises(document: Document) -> Promises:
    """What a manifest document of this dialect promises."""
    (page,) = document.parsed_pages()
    items, _ = readable(page["items"], _record)
    return promises(document, max(item.sol for item in items), count(page.get("total")))


def _extent(response: Response) -> Extent:
    page = _items(response)
    newest = max((record.sol for record in page.records), default=None)
    return Extent(page.response, newest, page.total, page.synthetic)


def _items(response: Response) -> FeedPage:
    response, content = response.json_object()
    items = content.get("items")
    if not isinstance(items, list):
        raise response.broken("no list of items")
    more = content.get("more")
    size = count(content.get("per_page")) or _PAGE_SIZE
    records, odd = response.readable(items, _record)
    return FeedPage(
        response=response,
        records=records,
        odd=odd,
        total=count(content.get("total")),
        more=more if isinstance(more, bool) else len(items) >= size,
        synthetic=content.get("synthetic") is True,
    )


def _record(item: object) -> Record:
    content = item if isinstance(item, dict) else {}
    identity, sol = whole(content.get("id")), a_sol(content.get("sol"))
    if identity is None or sol is None:
        raise ValueError(f"an item without an id and a sol: {str(item)[:80]}")
    if content.get("mission") not in (None, _MISSION):
        raise ValueError(f"item {identity} of {str(content['mission'])[:80]} when asked for {_MISSION}")
    return Record(str(identity), sol, content)


READING: Final = Reading(
    page=lambda response, _: _items(response),
    fingerprint=lambda items: fingerprint(items, _BOOKKEEPING),
    picture=lambda item: item.get("https_url") or item.get("url"),
)
"""How documents of this dialect are read. An id is a number of the server's database."""
