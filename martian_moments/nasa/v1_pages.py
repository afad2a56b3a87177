"""The pages of one sol of the v1 dialect as they come in, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from martian_moments.nasa.harvest import Harvest, Page
from martian_moments.nasa.responses import count

PAGE_SIZES: Final = frozenset({25, 100})
"""The default and the largest page of every known mirror: so many photos may be one page of more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class V1Page(Page):
    """One response of a v1 server; ``pages``: how many pages the sol has, as it states; None where it does not."""

    pages: int | None


class V1Harvest(Harvest[V1Page]):
    """The pages of one sol of v1: the manifest's promise and the response's own total decide."""

    @property
    def promised(self) -> int | None:
        """What the manifest promises."""
        return self._known

    @property
    def due(self) -> int:
        """The promise, or the total that the last response states."""
        return max(self._known or 0, (self.pages[-1].total if self.pages else None) or 0)

    @property
    def complete(self) -> bool:
        """Whether the photos reach both. A photo that could not be read is missing, whatever was promised."""
        return not self._odd and not self.lacks

    @property
    def expects_more(self) -> bool:
        """Whether another page may follow the last one."""
        first, last = self.pages[0], self.pages[-1]
        if last.pages is not None:
            return len(self.pages) < last.pages
        if len(self.pages) > 1:
            return last.size >= first.size
        return first.size in PAGE_SIZES and (self._known is None or not self.complete)

    @property
    def most_pages(self) -> int:
        """The pages that the sol can have, and one more: photos that came in since move others onto it."""
        return max(len(self.pages), -(-self.due // max(1, self.pages[0].size))) + 1


def stated(content: object, name: str) -> int | None:
    """A count that an object may state, or None."""
    return count(content.get(name)) if isinstance(content, dict) else None
