"""From NASA to the lake: which sols to ask for, asking for them at once, keeping what arrives.

This is where the rooms ``nasa`` and ``lake`` meet; it knows nothing of Dagster, so the benchmarks run it alone.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

import orjson

from martian_moments.documents import Coordinates, Document, Header, Kind, decode, object_key, prefix_of, quarantine_key
from martian_moments.errors import (
    BrokenAnswer,
    DocumentError,
    MartianError,
    ObjectMissing,
    UnknownRover,
)
from martian_moments.lake.store import Lake, Put
from martian_moments.nasa.promises import Promises
from martian_moments.nasa.sources import PhotoSource, TraverseSource, read_promises


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
        header: what the lake holds for the sol now; None when it failed or no photos were promised.
        error: why it failed.
        seconds: from the first request to the stored object.
        put: the write, where one was made or found unnecessary.
    """

    sol: int
    outcome: Outcome
    header: Header | None = None
    put: Put | None = None
    error: MartianError | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LakeView:
    """What the lake holds and what it is promised for one rover and source.

    Attributes:
        promises: the manifest's promises, None before the first manifest.
        headers: the photo documents by sol.
    """

    rover: str
    source: str
    promises: Promises | None
    headers: Mapping[int, Header]

    def promised(self, sol: int) -> int | None:
        """The photos promised for a sol: 0 where the manifest does not list it, None where it has no number for it."""
        return self.promises.sols.get(sol, 0) if self.promises else 0

    def holds(self, sol: int) -> bool:
        """Whether the lake holds all that is promised for a sol."""
        header = self.headers.get(sol)
        return header is not None and header.satisfies(self.promised(sol))


def view(lake: Lake, rover: str, source: str) -> LakeView:
    """Read what the lake holds for a rover and source: one manifest, and the headers of its photo documents."""
    photos = lake.heads(prefix_of(Kind.PHOTOS, rover, source))
    return LakeView(
        rover=rover,
        source=source,
        promises=promises(lake, rover, source),
        headers={header.sol: header for header in photos.values() if header.sol is not None},
    )


def promises(lake: Lake, rover: str, source: str) -> Promises | None:
    """What the source's manifest in the lake promises, or None where the lake holds no readable manifest."""
    key = object_key(Coordinates(Kind.MANIFEST, rover, source))
    try:
        return read_promises(decode(key, lake.get(key)))
    except (ObjectMissing, DocumentError):
        return None


def served(lake: Lake, rover: str, source: str) -> bool:
    """Whether the manifest in the lake says that the source serves the rover; False before the first manifest."""
    promised = promises(lake, rover, source)
    return promised is not None and promised.served


async def fetch_manifest(source: PhotoSource, lake: Lake, rover: str) -> tuple[Document, Put]:
    """Fetch a rover's manifest and keep it.

    Raises:
        UnknownRover: the source says that it does not serve the rover, but the lake holds a manifest of it that lists
            photos. What was known is never replaced by a denial.
        UpstreamError: no usable answer.
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
    return document, await lake.put_if_changed(document)


async def fetch_sols(
    source: PhotoSource,
    lake: Lake,
    known: LakeView,
    sols: Iterable[int],
    *,
    refetch: bool,
    in_flight: int,
) -> AsyncIterator[SolResult]:
    """Ask for sols, ``in_flight`` at once, keep what arrives, and tell of each sol as soon as it is settled.

    A sol that the lake holds whole is not asked for again unless ``refetch``. One sol's failure does not stop the others.
    """
    todo = []
    for sol in sols:
        if not refetch and known.holds(sol):
            yield SolResult(sol, Outcome.HELD, known.headers[sol])
        else:
            todo.append(sol)
    queue = iter(todo)
    results: asyncio.Queue[SolResult] = asyncio.Queue()

    async def worker() -> None:
        for sol in queue:
            await results.put(await _fetch_sol(source, lake, known, sol))

    async with asyncio.TaskGroup() as group:
        for _ in range(min(in_flight, len(todo))):
            group.create_task(worker())
        for _ in todo:
            yield await results.get()


async def _fetch_sol(source: PhotoSource, lake: Lake, known: LakeView, sol: int) -> SolResult:
    began = time.monotonic()
    try:
        async with _quarantining(lake, Coordinates(Kind.PHOTOS, known.rover, source.name, sol)):
            document = await source.photos(known.rover, sol, known.promised(sol))
        put = await lake.put_if_changed(document)
    except MartianError as error:
        return SolResult(sol, Outcome.FAILED, error=error, seconds=time.monotonic() - began)
    outcome = Outcome.STORED if put.changed else Outcome.UNCHANGED
    return SolResult(sol, outcome, document.header, put, seconds=time.monotonic() - began)


@asynccontextmanager
async def _quarantining(lake: Lake, at: Coordinates) -> AsyncIterator[None]:
    """Keep a broken answer in the lake's quarantine, with the reason, while the error goes on its way."""
    try:
        yield
    except BrokenAnswer as error:
        note = {
            "reason": str(error),
            "url": error.url,
            "kept_at": datetime.now(UTC),
            "body": error.body.decode("utf-8", errors="replace"),
        }
        await asyncio.to_thread(lake.put_bytes, quarantine_key(at), orjson.dumps(note))
        raise


async def fetch_map(source: TraverseSource, lake: Lake, rover: str, kind: Kind) -> tuple[Document, Put]:
    """Fetch one of a rover's two maps (traverse or waypoints) and keep it.

    Raises:
        UpstreamError: no usable answer.
        LakeError: it could not be stored.
    """
    async with _quarantining(lake, Coordinates(kind, rover)):
        document = await (source.traverse(rover) if kind is Kind.TRAVERSE else source.waypoints(rover))
    return document, await lake.put_if_changed(document)
