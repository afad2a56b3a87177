"""From NASA to the lake: the pictures themselves.

What is asked for is given, sol by sol; this keeps the bytes and one document per sol, with a record of each picture. The
bytes are stored as soon as they have arrived, the document when its sol is settled: whoever is killed in between finds the
pictures in the lake the next time, and does not ask for them again.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Final

from martian_moments.domain.documents import Coordinates, Document, Kind, decode, object_key, prefix_of
from martian_moments.domain.errors import (
    DocumentError,
    LakeError,
    MartianError,
    NoPicture,
    ObjectMissing,
    PictureError,
    PicturesFull,
)
from martian_moments.domain.pictures import (
    FOLDER,
    Fault,
    Picture,
    document_of,
    file_name,
    held,
    joined,
    picture_prefix,
    records_of,
)
from martian_moments.infrastructure.threads import in_thread
from martian_moments.lake.store import Lake, ObjectInfo, Put
from martian_moments.media.quality import Quality, side_by_side
from martian_moments.nasa import pictures
from martian_moments.nasa.breaker import NotAsked
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.partial import Arriving
from martian_moments.nasa.rate_limit import NotYet
from martian_moments.pipelines.upstream import UNDER_WAY_PER_REQUEST
from martian_moments.settings import ARRIVING_PICTURES

Measure = Callable[[bytes], Quality]
"""Decodes a picture whole and measures it, as :func:`martian_moments.media.quality.measure`. Raises PictureError."""

_GB: Final = 10**9


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture that is wanted: that of a photo of silver.fact_photos, from this address."""

    photo_key: str
    url: str


class Outcome(StrEnum):
    """What became of one wanted picture."""

    FETCHED = "fetched"
    """Downloaded, and kept in the lake."""
    HELD = "held"
    """The lake held it."""
    KNOWN = "known"
    """Not asked for, because the server did not have it not long ago."""
    FAILED = "failed"
    """Asked for in vain; ``picture.error`` says why in a word, and so does ``error``."""
    LEFT = "left"
    """Not asked for: there is no room, or the server has stopped responding, or wants a pause; ``error`` says what to do."""


@dataclass(frozen=True, slots=True)
class PictureResult:
    """What became of one wanted picture. ``picture`` is its record; None where nothing is recorded (``left``)."""

    sol: int
    wanted: Wanted
    outcome: Outcome
    picture: Picture | None = None
    error: MartianError | None = None


@dataclass(frozen=True, slots=True)
class SolPictures:
    """What became of the pictures of one sol.

    Attributes:
        results: of every wanted picture, in the order in which they were settled.
        put: the sol's document in the lake now; None where it could not be written, or there is nothing to record.
        error: why the document could not be written.
        seconds: from the first look at the lake to the document.
    """

    sol: int
    results: Sequence[PictureResult]
    put: Put | None = None
    error: MartianError | None = None
    seconds: float = 0.0

    def count(self, outcome: Outcome) -> int:
        """How many pictures ended so."""
        return sum(each.outcome is outcome for each in self.results)

    @property
    def errors(self) -> dict[str, MartianError]:
        """Why pictures are not held that were to be, by photo_key; by an empty one, why the document is not."""
        errors = {each.wanted.photo_key: each.error for each in self.results if each.error is not None}
        return errors | ({"": self.error} if self.error else {})


class Budget:
    """What the pictures of the lake may take together. Safe between threads."""

    def __init__(self, lake: Lake, most_bytes: int) -> None:
        self._lake = lake
        self._most = most_bytes
        self._lock = Lock()
        self._held: int | None = None

    @property
    def is_known(self) -> bool:
        """Whether the lake's pictures have been listed."""
        return self._held is not None

    def require(self) -> None:
        """Raise PicturesFull unless there is room for a picture. The first call lists the lake's pictures."""
        self.take(0)
        if self._most <= (self._held or 0):
            raise self._full()

    def take(self, size: int) -> None:
        """Take room for so many bytes more; fewer than none give it back. Raises PicturesFull where there is not so much."""
        with self._lock:
            if self._held is None:
                self._held = sum(each.size for each in self._lake.list(FOLDER))
            if size > 0 and self._held + size > self._most:
                raise self._full()
            self._held += size

    def _full(self) -> PicturesFull:
        return PicturesFull(
            f"the pictures of the lake take {(self._held or 0) / _GB:.2f} of {self._most / _GB:g} GB; set "
            "MARS_IMAGES_MAX_GB higher, or want fewer in MARS_IMAGES; what is held stays, and everything else goes on"
        )


async def fetch_pictures(
    client: PoliteClient,
    lake: Lake,
    rover: str,
    wanted: Mapping[int, Sequence[Wanted]],
    *,
    measure: Measure,
    budget: Budget,
    scratch: Path,
    in_flight: int,
    refetch: bool = False,
    before_each: Callable[[], object] = lambda: None,
    progress: Callable[[PictureResult], object] = lambda _: None,
) -> AsyncIterator[SolPictures]:
    """Ask for pictures, ``in_flight`` at once, keep what arrives, and report each sol as soon as it is settled.

    What the lake holds from the same address is not asked for, nor what was asked for in vain not long ago, unless
    ``refetch``. One picture's failure does not stop the others.

    Args:
        client: asks.
        lake: keeps.
        rover: whose pictures they are.
        wanted: by sol, in the order in which they are to be asked for.
        measure: of :mod:`martian_moments.media.quality`.
        budget: what the pictures may take.
        scratch: a folder for what is arriving. What was cut goes on from there.
        in_flight: requests at once, as the client has them.
        refetch: ask for everything.
        before_each: called before each picture is asked for; a MartianError that it raises leaves the picture.
        progress: called with each picture that is settled.
    """
    folder = await asyncio.to_thread(pictures.arriving, scratch / ARRIVING_PICTURES)
    asking = _Asking(client, measure, budget, folder, before_each)
    fetch = _Fetch(lake, rover, asking, refetch=refetch)
    sols = [_Sol(fetch, sol, each, progress) for sol, each in wanted.items() if each]
    jobs = iter([(sol, of_it) for sol in sols for of_it in sol.by_address()])
    settled: asyncio.Queue[SolPictures] = asyncio.Queue()

    async def worker() -> None:
        for sol, of_it in jobs:
            if result := await sol.settle(of_it):
                await settled.put(result)

    with ExitStack() as stack:
        async with asyncio.TaskGroup() as group:
            for _ in range(UNDER_WAY_PER_REQUEST * in_flight):
                group.create_task(worker())
            if sols:
                group.create_task(in_thread(stack.enter_context, side_by_side()))
            for _ in sols:
                yield await settled.get()


@dataclass(slots=True)
class _Known:
    """What the lake holds of a sol before the first of its pictures is asked for."""

    records: dict[str, Picture] = field(default_factory=dict)
    objects: dict[str, ObjectInfo] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Asking:
    """With what a run asks, see :func:`fetch_pictures`."""

    client: PoliteClient
    measure: Measure
    budget: Budget
    folder: Arriving
    before_each: Callable[[], object]


class _Fetch:
    """One run's pictures of one rover, from its servers to the lake."""

    def __init__(self, lake: Lake, rover: str, asking: _Asking, *, refetch: bool) -> None:
        self.lake = lake
        self.rover = rover
        self.refetch = refetch
        self._asking = asking

    @cached_property
    def synthetic_sols(self) -> frozenset[int | None]:
        """The sols whose photos the replica generated: so are their pictures."""
        heads = self.lake.heads(prefix_of(Kind.PHOTOS, self.rover)).values()
        return frozenset(header.sol for header in heads if header.synthetic)

    def known(self, sol: int) -> _Known:
        """What the lake holds of a sol. A document that cannot be read counts as none: it is made anew from the pictures."""
        found = _Known(objects={each.key: each for each in self.lake.list(picture_prefix(self.rover, sol))})
        key = object_key(Coordinates(Kind.IMAGES, self.rover, None, sol))
        try:
            found.records = records_of(decode(key, self.lake.get(key)))
        except (ObjectMissing, DocumentError):
            return found
        for each in found.records.values():
            if each.picture_key:
                found.names[each.picture_key.rpartition("/")[2]] = each.source_url
        return found

    def adopted(self, wanted: Wanted, key: str) -> Picture | None:
        """The record of a picture that lies in the lake without one; None where it cannot be read."""
        try:
            body = self.lake.get(key)
            return held(wanted.photo_key, wanted.url, key, body, self._asking.measure(body))
        except (PictureError, DocumentError, ObjectMissing):
            return None

    async def download(self, wanted: Wanted, key: str, replaced: int) -> Picture:
        """Ask for a picture and keep it, in the place of one of so many bytes. Raises MartianError."""
        self._asking.before_each()
        if self._asking.budget.is_known:
            self._asking.budget.require()
        else:
            await asyncio.to_thread(self._asking.budget.require)

        def take(body: bytes) -> Picture:
            record = held(wanted.photo_key, wanted.url, key, body, self._asking.measure(body))
            self._asking.budget.take(len(body) - replaced)
            self.lake.put_bytes(key, body)
            return record

        return await pictures.picture(self._asking.client, wanted.url, self._asking.folder, take)

    def write(self, sol: int, records: Sequence[Picture]) -> Put:
        """Write what is known of a sol beside what the lake says of it. Raises LakeError."""
        document = document_of(self.rover, sol, records, synthetic=sol in self.synthetic_sols)
        # The command ``movie`` may write what it has found of this sol beside the platform's run.
        with self.lake.alone(document.header.key):
            return self.lake.put_now(document, _joined_or_new)


def _joined_or_new(before: Document, new: Document) -> Document:
    try:
        return joined(before, new)
    except DocumentError:
        return new


class _Sol:
    """The wanted pictures of one sol, until its document is written."""

    def __init__(
        self, fetch: _Fetch, sol: int, wanted: Sequence[Wanted], progress: Callable[[PictureResult], object]
    ) -> None:
        self._fetch = fetch
        self._sol = sol
        self._wanted = list({each.photo_key: each for each in wanted}.values())
        self._progress = progress
        self._results: list[PictureResult] = []
        self._began = 0.0
        self._looking = asyncio.Lock()
        self._known: _Known | LakeError | None = None

    def by_address(self) -> Iterable[Sequence[Wanted]]:
        """The wanted pictures, those of one address together: two photos may share one."""
        addresses: dict[str, list[Wanted]] = {}
        for each in self._wanted:
            addresses.setdefault(each.url, []).append(each)
        return addresses.values()

    async def settle(self, of_it: Sequence[Wanted]) -> SolPictures | None:
        """Settle the photos of one address; what became of the sol when these were its last."""
        try:
            known = await self._look()
            first = await self._settled(known, of_it[0])
        except MartianError as error:
            first = PictureResult(self._sol, of_it[0], Outcome.LEFT, error=error)
        for each in of_it:
            record = first.picture and replace(first.picture, photo_key=each.photo_key)
            result = replace(first, wanted=each, picture=record)
            self._results.append(result)
            self._progress(result)
        return await self._end() if len(self._results) == len(self._wanted) else None

    async def _look(self) -> _Known:
        """What the lake holds of the sol, looked at once. Raises LakeError, also each time after that."""
        async with self._looking:
            if self._known is None:
                self._began = time.monotonic()
                try:
                    self._known = await asyncio.to_thread(self._fetch.known, self._sol)
                    for url in sorted(each.url for each in self._wanted):
                        self._known.names.setdefault(file_name(url, self._known.names), url)
                except LakeError as error:
                    self._known = error
        if isinstance(self._known, LakeError):
            raise self._known
        return self._known

    async def _settled(self, known: _Known, wanted: Wanted) -> PictureResult:
        record = known.records.get(wanted.photo_key)
        key = picture_prefix(self._fetch.rover, self._sol) + file_name(wanted.url, known.names)
        if not self._fetch.refetch:
            if record and record.source_url == wanted.url and _lies_in(known, record):
                return PictureResult(self._sol, wanted, Outcome.HELD, record)
            if record and record.is_known(wanted.url, datetime.now(UTC)):
                return PictureResult(self._sol, wanted, Outcome.KNOWN, record)
            if key in known.objects and (record := await asyncio.to_thread(self._fetch.adopted, wanted, key)):
                return PictureResult(self._sol, wanted, Outcome.HELD, record)
        replaced = known.objects[key].size if key in known.objects else 0
        try:
            return PictureResult(self._sol, wanted, Outcome.FETCHED, await self._fetch.download(wanted, key, replaced))
        except NoPicture as error:
            if isinstance(error.__cause__, (NotAsked, NotYet)):
                raise
            vain = Picture(wanted.photo_key, wanted.url, datetime.now(UTC), error=Fault(error.fault))
            return PictureResult(self._sol, wanted, Outcome.FAILED, vain, error)

    async def _end(self) -> SolPictures:
        """Write the document, unless it says all of this already."""
        before = self._known.records if isinstance(self._known, _Known) else {}
        fresh = [
            each.picture for each in self._results if each.picture and each.picture != before.get(each.picture.photo_key)
        ]
        put, error = None, None
        if fresh:
            try:
                put = await asyncio.to_thread(self._fetch.write, self._sol, fresh)
            except MartianError as failure:
                error = failure
        return SolPictures(self._sol, self._results, put, error, time.monotonic() - self._began)


def _lies_in(known: _Known, record: Picture) -> bool:
    """Whether the object of a record is there, whole."""
    found = known.objects.get(record.picture_key or "")
    return found is not None and found.size == record.bytes
