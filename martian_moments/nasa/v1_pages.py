"""The pages of one sol of the v1 dialect as they come in, and when to stop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from martian_moments.nasa.answers import Answer, count
from martian_moments.nasa.tally import Tally

PAGE_SIZES: Final = frozenset({25, 100})
"""The default and the largest page of every known mirror: so many photos may be one page of more."""


@dataclass(frozen=True, slots=True)
class Content:
    """An answer and what its body says."""

    answer: Answer
    content: dict[str, Any]

    @property
    def synthetic(self) -> bool:
        """Whether the replica generated it."""
        return self.content.get("synthetic") is True


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo; ``content`` has every field as it came."""

    id: int
    sol: int
    content: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page(Content):
    """An answer to a question for photos: those that can be read, of whatever sol, and why the others cannot."""

    photos: list[Photo]
    odd: Sequence[str]

    @property
    def size(self) -> int:
        """How many photos it has, readable or not."""
        return len(self.photos) + len(self.odd)

    def of_sol(self, sol: int) -> list[tuple[str, dict[str, Any]]]:
        """The photos of a sol, each with its id."""
        return [(str(photo.id), photo.content) for photo in self.photos if photo.sol == sol]

    def follows(self, other: Page) -> bool:
        """Whether it has photos, none of which can be read, and is not the other page once more."""
        return bool(self.odd) and not self.photos and self.answer.body != other.answer.body


class Harvest:
    """The pages of one sol as they come in, and when to stop."""

    def __init__(self, sol: int, promised: int | None) -> None:
        self.sol = sol
        self.pages: list[Page] = []
        self.tally = Tally()
        self._promised = promised
        self._odd = 0
        self._stated = 0

    @property
    def complete(self) -> bool:
        """Whether the photos reach the manifest's promise and the answer's own total.

        A photo that could not be read is missing, whatever was promised.
        """
        return not self._odd and not self._lacks

    @property
    def hides_a_loss(self) -> bool:
        """Whether pages repeated each other while photos are missing: asked once more, the server may tell of those."""
        return self.tally.overlaps and self._lacks

    @property
    def expects_more(self) -> bool:
        """Whether another page may follow the last one."""
        first, last = self.pages[0], self.pages[-1]
        pages = stated(last.content.get("pagination"), "total_pages")
        if pages is not None:
            return len(self.pages) < pages
        size = first.size
        if len(self.pages) > 1:
            return last.size >= size
        return size in PAGE_SIZES and (self._promised is None or not self.complete)

    @property
    def most_pages(self) -> int:
        """The pages that the sol can have, and one more: photos that came in since move others onto it."""
        return max(len(self.pages), -(-self._due // max(1, self.pages[0].size))) + 1

    @property
    def _due(self) -> int:
        return max(self._promised or 0, self._stated)

    @property
    def _lacks(self) -> bool:
        return self.tally.counted + self._odd < self._due

    def check_readable(self) -> None:
        """Refuse a sol of which nothing can be read. Raises BrokenAnswer."""
        if not self.tally.records:
            for page in self.pages:
                if page.odd:
                    raise page.answer.broken(page.odd[0])

    def take(self, page: Page) -> bool:
        """Add a page; False when a later page brings nothing new: it is empty, or the server repeats itself."""
        own = page.of_sol(self.sol)
        ids = [identity for identity, _ in own]
        if self.pages and not self.tally.gains(ids) and not page.follows(self.pages[-1]):
            self.tally.saw(ids)
            return False
        self._keep(page, own)
        self._odd += len(page.odd)
        return True

    def add_missed(self, page: Page) -> bool:
        """Add a page that was asked for once more, where it has a missing photo; whether no page was like it before."""
        own = page.of_sol(self.sol)
        is_new = self.tally.saw(identity for identity, _ in own)
        if self.tally.gains(identity for identity, _ in own):
            self._keep(page, own)
        return is_new

    def _keep(self, page: Page, own: list[tuple[str, dict[str, Any]]]) -> None:
        self.pages.append(page)
        self.tally.take(own)
        self._stated = stated(page.content.get("pagination"), "total_count") or 0


def stated(content: object, name: str) -> int | None:
    """A count that an object may state, or None."""
    return count(content.get(name)) if isinstance(content, dict) else None
