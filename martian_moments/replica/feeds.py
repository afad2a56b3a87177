"""The images of one rover as a raw-image feed reports them, generated or recorded, and the page that a question gets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, islice
from typing import Any, Final, Protocol

import orjson

from martian_moments.domain.rovers import Rover
from martian_moments.replica.file_names import Shot
from martian_moments.replica.histories import GeneratedHistory, NotRecordedError
from martian_moments.replica.mission import Photo
from martian_moments.replica.responses import Response

_CACHED_SOLS: Final = 16
"""A sol's pages are asked for one after another."""

Image = Mapping[str, Any]


class FeedResponse(Protocol):
    """A feed's response to a query."""

    def __call__(self, feed: Feed, query: Mapping[str, str], *, odd: bool) -> Response:
        """Raises NotRecordedError."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a feed reports one photo: as a full frame, and as thumbnails, tiles and other renditions beside it.

    Attributes:
        source: the dialect's name.
        rover: the one rover that the feed has.
        array: the field of a response that lists the images.
        identity: the field of an image that identifies it.
        count: how many images a photo has.
        pictures: how many of them, the first ones, are the picture itself and its tiles.
        ids: their identities, as text.
        images: a photo's images, in the same order.
        response: the feed's response to a query; with ``odd`` as in ``odd_feeds`` of config.py. Raises NotRecordedError.
        without_images: the well-formed response without images to the same query; None where there is none.
    """

    source: str
    rover: str
    array: str
    identity: str
    count: Callable[[Shot], int]
    pictures: Callable[[Shot], int]
    ids: Callable[[Photo], Sequence[str]]
    images: Callable[[Rover, Photo], Sequence[Image]]
    response: FeedResponse
    without_images: Callable[[Feed, Mapping[str, str]], Response | None]


class Feed(Protocol):
    """The images of one rover in one feed at this moment."""

    @property
    def sols(self) -> Sequence[int]:
        """The sols with images that can be had, ascending."""

    def ids(self, sol: int) -> Sequence[str]:
        """The identities of a sol's images. Raises NotRecordedError."""

    def images(self, sol: int) -> Sequence[Image]:
        """A sol's images; none for a sol without any. Raises NotRecordedError."""

    def recorded(self, sol: int) -> bytes | None:
        """The recorded response that is the whole sol, unchanged, where there is one."""

    @property
    def counts(self) -> Mapping[int, int]:
        """How many images each of the sols has."""


class GeneratedFeed:
    """A generated history as the feed reports it."""

    def __init__(self, dialect: Dialect, history: GeneratedHistory) -> None:
        self._dialect = dialect
        self._history = history
        self.images = lru_cache(maxsize=_CACHED_SOLS)(self._images)

    @property
    def sols(self) -> Sequence[int]:
        """The sols with images, ascending."""
        return self._history.sols

    def ids(self, sol: int) -> Sequence[str]:
        """The identities of a sol's images."""
        return [identity for photo in self._history.visible(sol) for identity in self._dialect.ids(photo)]

    def _images(self, sol: int) -> Sequence[Image]:
        rover = self._history.rover
        return [image for photo in self._history.visible(sol) for image in self._dialect.images(rover, photo)]

    def recorded(self, sol: int) -> bytes | None:  # noqa: ARG002 - the protocol's signature
        """None: every image is generated."""
        return None

    @cached_property
    def counts(self) -> Mapping[int, int]:
        """How many images each of the sols has; nothing is made to count them."""
        count, shots = self._dialect.count, self._history.shots
        return {sol: sum(map(count, shots(sol))) for sol in self.sols}


class RecordedFeed:
    """Recorded responses, each a whole sol.

    Args:
        dialect: whose responses they are.
        responses: by sol.
        fill: what is served for the other sols, or None.
        refused: the sols that have images but neither a recording nor a fill.
    """

    def __init__(
        self, dialect: Dialect, responses: Mapping[int, bytes], fill: GeneratedFeed | None, refused: Collection[int]
    ) -> None:
        self._dialect = dialect
        self._responses = responses
        self._fill = fill
        self._refused = refused

    @cached_property
    def sols(self) -> Sequence[int]:
        """The sols with images that can be had, ascending."""
        return sorted({*self._responses, *(self._fill.sols if self._fill else ())})

    def ids(self, sol: int) -> Sequence[str]:
        """The identities of a sol's images."""
        return [str(image[self._dialect.identity]) for image in self.images(sol)]

    def images(self, sol: int) -> Sequence[Image]:
        """A sol's images: recorded, filled in, or none. Raises NotRecordedError for a sol that is refused."""
        if response := self._responses.get(sol):
            return list(orjson.loads(response)[self._dialect.array])
        if self._fill is not None:
            return self._fill.images(sol)
        if sol in self._refused:
            raise NotRecordedError(f"{self._dialect.rover} sol {sol} was not recorded from {self._dialect.source}")
        return ()

    def recorded(self, sol: int) -> bytes | None:
        """The recorded response for a sol, unchanged."""
        return self._responses.get(sol)

    @cached_property
    def counts(self) -> Mapping[int, int]:
        """How many images each of the sols has."""
        filled = dict(self._fill.counts) if self._fill else {}
        return dict(sorted((filled | {sol: len(self.images(sol)) for sol in self._responses}).items()))


@dataclass(frozen=True, slots=True)
class Question:
    """Which sols, from ``first`` to ``last`` (None is an open end), and which page of their images, counted from 0."""

    first: int | None
    last: int | None
    page: int
    size: int
    ascending: bool

    @property
    def sol(self) -> int | None:
        """The one sol that is asked for, or None."""
        return self.first if self.first == self.last else None


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A page: its images, how many there are in all, whether more follow, and the recorded response that it is."""

    images: Sequence[Image]
    total: int
    more: bool
    synthetic: bool
    recorded: bytes | None = None


NOTHING: Final = Excerpt((), 0, more=False, synthetic=True)
"""The page of a feed that says it has nothing."""


def excerpt(feed: Feed, question: Question, *, odd: bool) -> Excerpt:
    """The page of a feed that a question asks for. Raises NotRecordedError.

    Args:
        feed: what there is.
        question: what is asked for.
        odd: whether the feed behaves as the real ones do at times (see ``odd_feeds`` in config.py).
    """
    start, sol = question.page * question.size, question.sol
    if sol is not None:
        page = _of_sol(feed, sol, start, question.size)
        return _odd(feed, sol, question, page) if odd else page
    sols = [
        sol
        for sol in (feed.sols if question.ascending else reversed(feed.sols))
        if (question.first is None or sol >= question.first) and (question.last is None or sol <= question.last)
    ]
    total = sum(feed.counts[sol] for sol in sols)
    images = list(islice(_each(feed, sols), start, start + question.size))
    return Excerpt(images, total, start + len(images) < total, synthetic=True)


def _each(feed: Feed, sols: Iterable[int]) -> Iterator[Image]:
    return chain.from_iterable(map(feed.images, sols))


def _of_sol(feed: Feed, sol: int, start: int, size: int) -> Excerpt:
    images, recorded = feed.images(sol), feed.recorded(sol)
    whole = recorded if start == 0 and len(images) <= size else None
    return Excerpt(images[start : start + size], len(images), start + size < len(images), recorded is None, whole)


def _odd(feed: Feed, sol: int, question: Question, page: Excerpt) -> Excerpt:
    """The page as a feed in a bad mood gives it; the sol's number decides how."""
    start, size, synthetic = question.page * question.size, max(1, question.size), page.synthetic
    if not page.total:
        others = [other for other in feed.sols if other < sol] or feed.sols
        return _of_sol(feed, others[-1], start, size)
    match sol % 4:
        case 1:
            return Excerpt(page.images, page.total + 2, page.more, synthetic)
        case 2:
            return Excerpt(page.images, page.total - 1, page.more, synthetic)
        case 3:
            last = (page.total - 1) // size * size
            return Excerpt(page.images or feed.images(sol)[last:], page.total, more=True, synthetic=synthetic)
        case _:
            return page


def sol_bounds(conditions: Iterable[str]) -> tuple[int | None, int | None]:
    """The first and the last sol that conditions such as ``888:sol:gte`` leave; conditions on other fields leave all."""
    first = last = None
    for condition in conditions:
        value, _, comparison = condition.partition(":sol:")
        if not value.isdecimal():
            continue
        if comparison in {"gte", "in", "eq"}:
            first = max(int(value), first or 0)
        if comparison in {"lte", "in", "eq"}:
            last = int(value) if last is None else min(int(value), last)
    return first, last


def a_number(text: str | None, default: int) -> int:
    """A whole number of a query, or the default."""
    return int(text) if text and text.isdecimal() else default
