"""From NASA to the lake: which sols to ask for, asking for them at once, keeping what arrives.

This is where the resources ``nasa`` and ``lake`` meet; it knows nothing of Dagster, so the benchmarks run it alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from martian_moments.domain.coverage import Coverage, LakeView, index_of_selected
from martian_moments.domain.documents import (
    Coordinates,
    Document,
    Header,
    Kind,
    object_key,
    quarantine_key,
)
from martian_moments.domain.errors import (
    BrokenResponse,
    FileMissing,
    MartianError,
    UnknownRover,
    UpstreamError,
)
from martian_moments.infrastructure.garbage import fewer_collections
from martian_moments.lake.store import Lake, Put
from martian_moments.nasa.protocols import PhotoSource, TraverseSource
from martian_moments.nasa.sources import joined, read_promises
from martian_moments.pipelines import shrinkage
from martian_moments.pipelines.coverage import promises
from martian_moments.pipelines.upstream import UNDER_WAY_PER_REQUEST


class Outcome(StrEnum):
    """What became of one sol of a run."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    HELD = "held"
    NOT_PROMISED = "not promised"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class SolResult:
    """What became of one sol.

    Attributes:
        header: the document that the lake holds for the sol now; None when it failed or no photos were promised.
        errors: by source, why it could not be had from there. A sol fails only when no source has responded.
        seconds: from the first request to the stored object.
        put: the write, where one was made or found unnecessary.
    """

    sol: int
    outcome: Outcome
    header: Header | None = None
    put: Put | None = None
    errors: Mapping[str, MartianError] = field(default_factory=dict)
    seconds: float = 0.0


async def fetch_manifest(source: PhotoSource, lake: Lake, rover: str) -> tuple[Document, Put]:
    """Fetch a rover's manifest and keep it, unless it promises less than before and nobody has confirmed that.

    Returns the document that the lake holds then.

    Raises:
        UnknownRover: the source says that it does not serve the rover, but the lake holds a manifest of it that lists
            photos. What was known is never replaced by a denial.
        UpstreamError: no usable response.
        LakeError: it could not be stored.
    """
    async with _quarantining(lake, Coordinates(Kind.MANIFEST, rover, source.name)):
        document = await source.manifest(rover)
    if not read_promises(document).served:
        known = promises(lake, rover, source.name)
        if known is not None and known.served:
            raise UnknownRover(
                f"{source.name} served {rover} before ({known.total} photos in the lake's manifest) and now denies it; "
                "the manifest is kept as it was, it is asked for again on schedule",
                url=document.header.requests[0],
                body=document.pages[0],
            )
    return await shrinkage.keep(lake, document)


async def fetch_sols(
    sources: Sequence[PhotoSource],
    lake: Lake,
    known: Coverage,
    sols: Iterable[int],
    *,
    refetch: bool,
    in_flight: int,
    before_each: Callable[[], object] = lambda: None,
) -> AsyncIterator[SolResult]:
    """Ask for sols, ``in_flight`` at once, keep what arrives, and report each sol as soon as it is settled.

    While a document is written, the next sol is asked for. A sol is asked of the sources in the order of preference until
    one has all its photos. What the lake holds whole is not asked for again unless ``refetch``. One sol's failure does not
    stop the others. ``before_each`` is called before each sol is asked for; a MartianError that it raises is that sol's
    failure, and nobody is asked.
    """
    todo = []
    for sol in sols:
        if not refetch and (held := _held_whole(known, sol)):
            yield SolResult(sol, Outcome.HELD, held)
        else:
            todo.append(sol)
    queue = iter(todo)
    results: asyncio.Queue[SolResult] = asyncio.Queue()
    fetch = _Fetch(
        {source.name: source for source in sources},
        lake,
        known,
        refetch=refetch,
        asking=asyncio.Semaphore(in_flight),
        before_each=before_each,
    )

    async def worker() -> None:
        for sol in queue:
            await results.put(await fetch.sol(sol))

    with fewer_collections():
        async with asyncio.TaskGroup() as group:
            for _ in range(min(UNDER_WAY_PER_REQUEST * in_flight, len(todo))):
                group.create_task(worker())
            for _ in todo:
                yield await results.get()


def _held_whole(known: Coverage, sol: int) -> Header | None:
    """The sol's document, where nothing is left to be asked for."""
    chosen = known.chosen(sol)
    return chosen.headers[sol] if chosen and known.gap(sol) is None else None


class _Fetch:
    """One run's asking: source by source for each sol."""

    def __init__(
        self,
        sources: Mapping[str, PhotoSource],
        lake: Lake,
        known: Coverage,
        *,
        refetch: bool,
        asking: asyncio.Semaphore,
        before_each: Callable[[], object],
    ) -> None:
        self._sources = sources
        self._lake = lake
        self._known = known
        self._refetch = refetch
        self._asking = asking
        self._before_each = before_each

    async def sol(self, sol: int) -> SolResult:
        """Ask for one sol until a source has all its photos."""
        began = time.monotonic()
        responses: dict[str, tuple[Header, Put | None]] = {}
        errors: dict[str, MartianError] = {}
        try:
            self._before_each()
            for view in self._views(sol):
                if self._known.has_all(view, sol) and not self._refetch:
                    responses[view.source] = view.headers[sol], None
                    continue
                try:
                    responses[view.source] = await self._ask(view, sol)
                except UpstreamError as error:
                    errors[view.source] = error
                    continue
                if self._is_whole(responses[view.source][0], view, sol):
                    break
        except MartianError as error:
            errors = {"lake": error}
            responses = {}
        seconds = time.monotonic() - began
        if not responses:
            return SolResult(sol, Outcome.FAILED, errors=errors, seconds=seconds)
        reported = list(responses.values())
        header, put = reported[index_of_selected([(header.record_count, header.whole) for header, _ in reported])]
        outcome = Outcome.HELD if put is None else Outcome.STORED if put.changed else Outcome.UNCHANGED
        return SolResult(sol, outcome, header, put, errors, seconds)

    def _views(self, sol: int) -> Sequence[LakeView]:
        known = self._known
        views = known.candidates(sol) if self._refetch else list(known.to_ask(sol))
        # A sol that nobody promises is asked for only by a person; the preferred source states that it is empty.
        return views or known.serving[:1] or known.views[:1]

    @staticmethod
    def _is_whole(header: Header, view: LakeView, sol: int) -> bool:
        return header.record_count > 0 and header.satisfies(view.promised(sol))

    async def _ask(self, view: LakeView, sol: int) -> tuple[Header, Put]:
        """Ask one source and keep its response; the document that the lake holds from it then."""
        source = view.source
        held = view.headers.get(sol)
        promised = view.promised(sol)
        if promised is None and held is not None:
            # No manifest contradicts a response with less than was there before.
            promised = held.record_count
        async with self._asking, _quarantining(self._lake, Coordinates(Kind.PHOTOS, view.rover, source, sol)):
            document = await self._sources[source].photos(view.rover, sol, promised)
        put = await self._lake.put_if_changed(document, joined)
        return put.header, put


@asynccontextmanager
async def _quarantining(lake: Lake, at: Coordinates) -> AsyncIterator[None]:
    """Keep a broken response in the lake's quarantine, with the reason, while the error goes on its way."""
    try:
        yield
    except FileMissing:
        # There is nothing to look at, and a file that stays away would be written again every day.
        raise
    except BrokenResponse as error:
        note = {
            "reason": str(error),
            "url": error.url,
            "kept_at": datetime.now(UTC),
            "body": error.body.decode("utf-8", errors="replace"),
        }
        await asyncio.to_thread(lake.put_bytes, quarantine_key(at), orjson.dumps(note))
        raise


async def fetch_map(source: TraverseSource, lake: Lake, rover: str, kind: Kind) -> tuple[Document, Put] | None:
    """Fetch one of a rover's two maps (traverse or waypoints) and keep it, unless it has shrunk without a confirmation.

    Returns the document that the lake holds then.

    None where the source has no such file and the lake holds none from before: not every server has every rover's.

    Raises:
        UpstreamError: no usable response.
        LakeError: it could not be stored.
    """
    at = Coordinates(kind, rover)
    try:
        async with _quarantining(lake, at):
            document = await (source.traverse(rover) if kind is Kind.TRAVERSE else source.waypoints(rover))
    except FileMissing:
        if await asyncio.to_thread(lake.head, object_key(at)) is None:
            return None
        raise
    return await shrinkage.keep(lake, document)
