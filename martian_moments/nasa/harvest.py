"""The pages of one sol as they come in: what they hold, and whether they hide that something is missing.

How many photos are due, and whether another page follows, is the dialect's to say: v1 has manifests and numbers of pages, a
feed states a total that counts strays. What both share is here: what is kept, what is new, and when to ask once more.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from martian_moments.domain.documents import Document, Header, Kind
from martian_moments.nasa.responses import Response
from martian_moments.nasa.tally import MOST_PASSES, Tally


@dataclass(frozen=True, slots=True)
class Record:
    """One photo as its source describes it: ``id`` is the source's own, as text; ``content`` has every field as it came."""

    id: str
    sol: int
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A response to a question for the photos of a sol.

    Attributes:
        records: the photos in it that can be read, of whatever sol.
        odd: why the others cannot, one reason each.
        total: how many photos match the question, as the response states it; None where it does not.
        synthetic: whether the replica generated it.
    """

    response: Response
    records: Sequence[Record]
    odd: Sequence[str]
    total: int | None
    synthetic: bool

    @property
    def size(self) -> int:
        """How many photos it has, readable or not."""
        return len(self.records) + len(self.odd)

    def of_sol(self, sol: int) -> list[tuple[str, Mapping[str, Any]]]:
        """The photos of a sol, each with its id."""
        return [(record.id, record.content) for record in self.records if record.sol == sol]

    def follows(self, other: Page) -> bool:
        """Whether it has photos, none of which can be read, and is not the other page once more."""
        return bool(self.odd) and not self.records and self.response.body != other.response.body


P = TypeVar("P", bound=Page)


class Harvest(ABC, Generic[P]):
    """The pages of one sol.

    Args:
        sol: the mission sol.
        promised: the photos that are known to be there, or None.
    """

    def __init__(self, sol: int, promised: int | None) -> None:
        self.sol = sol
        self.pages: list[P] = []
        self.tally = Tally()
        self._known = promised
        self._odd = 0

    @property
    @abstractmethod
    def promised(self) -> int | None:
        """What the source promises for the sol, as the document says it; None where nobody knows."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether the photos reach what is promised; repeats on other pages do not count."""

    @property
    @abstractmethod
    def due(self) -> int:
        """How many photos there have to be, readable or not."""

    @property
    def lacks(self) -> bool:
        """Whether photos are missing that no page had, not even as one that cannot be read."""
        return self.tally.counted + self._odd < self.due

    @property
    def hides_a_loss(self) -> bool:
        """Whether pages repeated each other while photos are missing: asked once more, the server may show those."""
        return self.tally.overlaps and self.lacks

    def gains(self, page: P) -> bool:
        """Whether a page has a photo of the sol that no page before it had."""
        return self.tally.gains(self._ids(page))

    def take(self, page: P) -> bool:
        """Add a page; False when it brings nothing new. The first page is kept in any case: it is the response."""
        gained = self.gains(page) or (bool(self.pages) and page.follows(self.pages[-1]))
        if not gained and self.pages:
            self.tally.saw(self._ids(page))
            return False
        self._count(page)
        self._keep(page)
        return gained

    async def find_missed(
        self, ask: Callable[[int], Awaitable[P]], numbers: Iterable[int], is_last: Callable[[int, P], bool]
    ) -> None:
        """Ask for every page again, as long as pages hide a loss and come in another order.

        Args:
            ask: asks for the page of a number.
            numbers: of the pages.
            is_last: whether no page follows the one with this number.
        """
        asked = list(numbers)
        for _ in range(MOST_PASSES):
            moved = False
            for number in asked if self.hides_a_loss else ():
                page = await ask(number)
                moved |= self._add_missed(page)
                if not self.hides_a_loss or is_last(number, page):
                    break
            if not moved:
                return

    def check_readable(self) -> None:
        """Refuse a sol of which nothing can be read. Raises BrokenResponse."""
        if not self.tally.records:
            for page in self.pages:
                if page.odd:
                    raise page.response.broken(page.odd[0])

    def document(self, rover: str, source: str, fingerprint: str) -> Document:
        """The sol's document."""
        return Document(
            Header(
                kind=Kind.PHOTOS,
                rover=rover,
                source=source,
                sol=self.sol,
                fetched_at=self.pages[-1].response.fetched_at,
                fingerprint=fingerprint,
                record_count=len(self.tally.records),
                promised=self.promised,
                complete=self.complete,
                requests=tuple(page.response.url for page in self.pages),
                synthetic=any(page.synthetic for page in self.pages),
                repeats=self.tally.repeats,
            ),
            tuple(page.response.body for page in self.pages),
        )

    def _count(self, page: P) -> None:
        """Take note of a page that is taken."""
        self._odd += len(page.odd)

    def _add_missed(self, page: P) -> bool:
        """Add a page that was asked for once more, where it has a missing photo; whether no page was like it before."""
        is_new = self.tally.saw(self._ids(page))
        if self.gains(page):
            self._keep(page)
        return is_new

    def _ids(self, page: P) -> list[str]:
        return [identity for identity, _ in page.of_sol(self.sol)]

    def _keep(self, page: P) -> None:
        self.pages.append(page)
        self.tally.take(page.of_sol(self.sol))
