"""The records of one sol as its pages arrive: which there are, by their ids, and which a source may count twice.

Sources order the photos of a sol only in part. A server that orders them anew for every page reports one photo twice and
another one never, while the number of records is right all the same (mars-photo-api issue 65: 677 of 856 photos, 179 of them
twice). So what counts is ids. Within one page, which is one response to one question, a repeat hides nothing: the server
holds the record twice, and counts it twice when it promises (v1 has two such records on sol 2207).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

MOST_PASSES: Final = 10
"""How often the pages of a sol are asked for again while they come in another order.

Where every page is a random choice, a pass finds two thirds of what is missing: of 7,000 photos in 70 pages ten passes leave
none in nine cases of ten.
"""


class Tally:
    """The records that arrived.

    Attributes:
        records: the content of each as it was reported last, by id.
        overlaps: whether a page reported a record that another page had reported, and was not that page once more.
    """

    def __init__(self) -> None:
        self.records: dict[str, Mapping[str, Any]] = {}
        self.overlaps = False
        self._most_in_a_page: Counter[str] = Counter()
        self._last: tuple[str, ...] = ()
        self._seen: set[tuple[str, ...]] = set()

    @property
    def repeats(self) -> int:
        """Records reported more than once within one page."""
        return sum(count - 1 for count in self._most_in_a_page.values())

    @property
    def counted(self) -> int:
        """The records that count towards a promise."""
        return len(self.records) + self.repeats

    def gains(self, ids: Iterable[str]) -> bool:
        """Whether one of these records did not arrive yet."""
        return any(identity not in self.records for identity in ids)

    def saw(self, ids: Iterable[str]) -> bool:
        """Take note of a page that may not be kept; whether no page had these records in this order before."""
        page = tuple(ids)
        self.overlaps |= page != self._last and any(identity in self.records for identity in page)
        is_new = page not in self._seen
        self._last = page
        self._seen.add(page)
        return is_new

    def take(self, page: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Add the sol's own records of a page."""
        reported = list(page)
        self.saw(identity for identity, _ in reported)
        self._most_in_a_page |= Counter(identity for identity, _ in reported)
        self.records.update(reported)
