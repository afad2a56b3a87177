"""What the two raw-image feeds share: a sol comes in numbered pages that state its total, and may repeat or stray.

Neither feed lists its sols. So a sol is asked for by its number, a response without photos is believed when it is repeated,
and the total that the pages state is what the source promises.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote, urlencode

from martian_moments.domain.documents import Document, Header, Kind, fingerprint_of
from martian_moments.domain.errors import InputError
from martian_moments.domain.promises import Promises
from martian_moments.domain.rovers import ROVERS
from martian_moments.nasa.harvest import Harvest, Page
from martian_moments.nasa.responses import Response

_MAX_PAGES: Final = 1_000
"""Far beyond any sol: Curiosity's biggest has some 7,000 items with their thumbnails, 70 pages of 100."""

_ATTEMPTS: Final = 4
"""How often a page that should bring something new is asked for while it does not: most often a passing fault.

No manifest contradicts a feed that wrongly says that a sol is empty. Where 4 responses in 100 are so, 4 in a row are 3 in a
million; the price is three requests for each of the 7 to 9 sols in 100 that are empty.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage(Page):
    """One response of a feed; ``more``: whether it says, or its fullness suggests, that another page follows."""

    more: bool


class FeedHarvest(Harvest[FeedPage]):
    """The pages of one sol of a feed: what they state decides."""

    def __init__(self, sol: int, promised: int | None) -> None:
        super().__init__(sol, promised)
        self._received = 0
        self._strays = 0

    @property
    def promised(self) -> int | None:
        """What the source promises for the sol: its largest total, less the images of other sols that it counts.

        Images of other sols alone are what the server shows for a sol that has none. What could not be read is promised, so
        that a sol with such an image is short and is asked for again.
        """
        totals = [page.total for page in self.pages if page.total is not None]
        stated = max(totals, default=None)
        if stated is not None and self._strays:
            stated = max(0, stated - self._strays) if self.tally.records else 0
        delivered = self.tally.counted + self._odd if self._odd else None
        return max((count for count in (self._known, stated, delivered) if count is not None), default=None)

    @property
    def due(self) -> int:
        """The promise."""
        return self.promised or 0

    @property
    def complete(self) -> bool:
        """Whether the images reach the promise."""
        return self.tally.counted >= self.due

    @property
    def delivered(self) -> bool:
        """Whether the server has sent as many images as it promises, readable or not, repeated or not."""
        return self._received + self._odd >= self.due

    def _count(self, page: FeedPage) -> None:
        super()._count(page)
        own = len(page.of_sol(self.sol))
        self._received += own
        self._strays += len(page.records) - own


def fingerprint(records: Mapping[str, Mapping[str, Any]], volatile: Collection[str] = ()) -> str:
    """Over a sol's images by id, in whatever order and pages they came. ``volatile`` names fields that do not count."""
    reported = [{name: value for name, value in records[key].items() if name not in volatile} for key in sorted(records)]
    return fingerprint_of(reported)


async def collect(ask: Callable[[int], Awaitable[FeedPage]], sol: int, promised: int | None) -> FeedHarvest:
    """Every page of a sol: until one says that it is the last and the total is reached, or brings nothing new.

    A short page does not end a sol whose total is not reached: totals and deliveries of the feeds differ at times. Where
    pages repeat each other and images are missing, every page is asked for again while they come in another order.

    Args:
        ask: asks for the page of a number from 0 on.
        sol: the mission sol.
        promised: the photos that are known to be there, or None.

    Raises:
        BrokenResponse: there are images and none of them can be read.
    """
    harvest = FeedHarvest(sol, promised)
    for number in range(_MAX_PAGES):
        page = await _page(ask, number, harvest)
        if not harvest.take(page) or (harvest.delivered and not page.more):
            break
    pages = len(harvest.pages)
    # One page more than there were: images that came in since move others onto it.
    await harvest.find_missed(ask, range(pages + 1), lambda number, page: number + 1 >= pages and not page.more)
    harvest.check_readable()
    return harvest


async def _page(ask: Callable[[int], Awaitable[FeedPage]], number: int, harvest: FeedHarvest) -> FeedPage:
    for _ in range(_ATTEMPTS):
        page = await ask(number)
        if harvest.gains(page) or (harvest.pages and harvest.delivered):
            break
    return page


@dataclass(frozen=True, slots=True)
class Extent:
    """How far a feed reaches, as one response reports it; ``newest_sol`` is None where the response names no sol."""

    response: Response
    newest_sol: int | None
    total: int | None
    synthetic: bool


def manifest_document(rover: str, source: str, extents: Sequence[Extent]) -> Document:
    """The manifest of a feed, which has none of its own, from responses that report how far it reaches.

    ``record_count`` is its number of sols. The fingerprint covers the newest sol and the total, nothing else.

    Raises:
        BrokenResponse: no response names a sol.
    """
    newest = max((extent.newest_sol for extent in extents if extent.newest_sol is not None), default=None)
    if newest is None:
        raise extents[-1].response.broken("nothing that says how far the feed reaches")
    return Document(
        Header(
            kind=Kind.MANIFEST,
            rover=rover,
            source=source,
            sol=None,
            fetched_at=extents[-1].response.fetched_at,
            fingerprint=fingerprint_of([newest, extents[-1].total]),
            record_count=len(_sols(rover, newest)),
            promised=None,
            complete=True,
            requests=tuple(extent.response.url for extent in extents),
            synthetic=any(extent.synthetic for extent in extents),
        ),
        tuple(extent.response.body for extent in extents),
    )


def promises(document: Document, newest_sol: int, total: int | None) -> Promises:
    """Every sol up to the newest, each with a number of photos that only the sol's own response reports."""
    header = document.header
    sols: dict[int, int | None] = dict.fromkeys(_sols(header.rover, newest_sol))
    return Promises(header.rover, header.source, served=True, sols=sols, newest_sol=newest_sol, stated_total=total)


def _sols(rover: str, newest_sol: int) -> range:
    return range(ROVERS[rover].first_sol, newest_sol + 1)


def address(url: str, query: Mapping[str, str]) -> str:
    """The address of a question. Blanks become %20 and conditions stay readable, as the feeds' own web pages ask."""
    return f"{url}?{urlencode(query, quote_via=quote, safe=':,')}"


def check_served(source: str, rover: str, *, served: bool) -> None:
    """Refuse a rover that a feed never has. Raises InputError."""
    if not served:
        raise InputError(f"{source} has no photos of {rover}; ask for a rover that it serves")
