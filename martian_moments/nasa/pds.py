"""The imaging archive of the Planetary Data System: every picture of Spirit and Opportunity, by the index of each volume.

A rover has one volume per instrument. The archive has no question by sol: it has one index table per volume, hundreds of
megabytes, beside a label that says where its columns lie. So a refresh (the manifest) downloads what has changed into the
store, and photos are read from there; only a sol asked for before the first refresh makes one.

Lines of thumbnails and of every other product of an exposure are kept: IMAGE_TYPE and the PRODUCT_ID state what they are.

Sources: the label of mer1po_0xxx and one line of its table; james-langridge/mars-vista-api for the volumes.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from martian_moments.domain.documents import Document, Header, Kind, fingerprint_of, index_prefix
from martian_moments.domain.errors import (
    BrokenResponse,
    DocumentError,
    InputError,
    LakeError,
    ObjectMissing,
    UpstreamError,
)
from martian_moments.domain.promises import Promises
from martian_moments.infrastructure.threads import in_thread
from martian_moments.nasa.pds_arrival import Arrival, labelled
from martian_moments.nasa.pds_held import HeldIndex
from martian_moments.nasa.pds_index import IDENTITY, IndexFolder, IndexStore, Volume

if TYPE_CHECKING:
    from martian_moments.nasa.http import PoliteClient

_log = logging.getLogger(__name__)

SOURCE: Final = "pds"

VOLUMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        rover: tuple(f"{spacecraft}{instrument}o_0xxx" for instrument in "pnhmd")
        for rover, spacecraft in (("opportunity", "mer1"), ("spirit", "mer2"))
    }
)
"""A rover's volumes: the panoramic, navigation, hazard, microscopic and descent cameras. ``0xxx`` is literal."""


class PDS:
    """The archive.

    Args:
        client: asks.
        url: the archive's address, above ``/data/mer``.
        store: keeps the indexes.
        scratch: the folder for a download on its way to the store, made when missing. A table has up to 350 MB, which is
            memory where the system's folder of temporary files is.
    """

    name: Final = SOURCE

    def __init__(self, client: PoliteClient, url: str, store: IndexStore, scratch: Path) -> None:
        self._client = client
        self._url = url.rstrip("/")
        self._store = store
        self._scratch = scratch
        self._indexes: dict[str, list[HeldIndex]] = {}
        self._refreshing = asyncio.Lock()

    @staticmethod
    def serves(rover: str) -> bool:
        """Whether the archive has this rover."""
        return rover in VOLUMES

    async def manifest(self, rover: str) -> Document:
        """Refresh the rover's indexes, and report how many lines each sol has. ``record_count`` is the number of sols.

        A volume that failed has an ``error`` in it, and what is held of the volume; the others go on. The document is not
        ``complete`` then, nor when the server lacks a volume or a table has fewer lines than its label states.

        Raises:
            InputError: the archive never has this rover.
            UpstreamUnavailable: no response for any volume. Indexes that had arrived before are kept.
            BrokenResponse: nothing that arrived is an index, or each is less of one than is held, or the server has none.
        """
        async with self._refreshing:
            indexes = self._indexes[rover] = await self._refreshed(rover)
        notes = [index.note for index in indexes]
        sols = _counts(notes)
        page = {"rover": rover, "volumes": [note.facts() for note in notes], "sols": sols}
        synthetic = any(note.synthetic for note in notes)
        return Document(
            Header(
                kind=Kind.MANIFEST,
                rover=rover,
                source=SOURCE,
                sol=None,
                fetched_at=datetime.now(UTC),
                # The words that say why a volume failed differ every time; that it failed is what matters.
                fingerprint=fingerprint_of(
                    [sols, [(note.volume, note.table, note.label, not note.error) for note in notes]]
                ),
                record_count=len(sols),
                promised=None,
                complete=all(note.present and not note.short and not note.error for note in notes),
                requests=tuple(note.url for note in notes),
                synthetic=synthetic,
            ),
            (orjson.dumps(page | ({"synthetic": True} if synthetic else {})),),
        )

    async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
        """Every line of one sol. The header's promise is the number of lines that the indexes hold for it, or ``promised``.

        Args:
            rover: the rover's name.
            sol: the mission sol.
            promised: the lines that a manifest reports, perhaps one of newer indexes: with fewer the sol is short.

        Raises:
            InputError: the archive never has this rover.
            UpstreamError: the store held no index of it, or a damaged one, and it could not be had.
            DocumentError: what was fetched again is damaged in the store as well.
        """
        indexes = await self._held(rover)
        try:
            pages = await asyncio.to_thread(_pages, indexes, sol)
        except (ObjectMissing, DocumentError) as error:
            _log.warning("%s: it is fetched again", error)
            indexes = await self._renewed(rover, indexes)
            pages = await asyncio.to_thread(_pages, indexes, sol)
        rows = {str(row[IDENTITY]): row for page in pages for row in page["lines"]}
        received = sum(len(page["lines"]) for page in pages)
        notes = [index.note for index in indexes if index.note.present]
        promise = max(sum(note.sols[sol].lines for note in notes if sol in note.sols), promised or 0)
        return Document(
            Header(
                kind=Kind.PHOTOS,
                rover=rover,
                source=SOURCE,
                sol=sol,
                fetched_at=max(note.fetched_at for note in notes),
                fingerprint=fingerprint_of([rows[identity] for identity in sorted(rows)]),
                record_count=len(rows),
                promised=promise,
                complete=received >= promise,
                requests=tuple(note.url for note in notes),
                synthetic=any(note.synthetic for note in notes),
                # A table is a file and has one order: a line that is there twice stands in the place of no other one.
                repeats=received - len(rows),
            ),
            tuple(orjson.dumps(page) for page in pages or [{"lines": []}]),
        )

    async def _held(self, rover: str) -> list[HeldIndex]:
        async with self._refreshing:
            if rover not in self._indexes:
                try:
                    self._indexes[rover] = await asyncio.to_thread(self._stored, rover)
                except (ObjectMissing, DocumentError):
                    self._indexes[rover] = await self._refreshed(rover)
            return self._indexes[rover]

    async def _renewed(self, rover: str, damaged: Sequence[HeldIndex]) -> list[HeldIndex]:
        """The rover's indexes after a damaged one was set aside; of several sols that meet it the first one refreshes."""
        async with self._refreshing:
            if self._indexes[rover] is damaged:
                self._indexes[rover] = await self._refreshed(rover)
            return self._indexes[rover]

    def _stored(self, rover: str) -> list[HeldIndex]:
        return [HeldIndex.stored(folder) for folder in self._folders(rover)]

    def _folders(self, rover: str) -> list[IndexFolder]:
        if not self.serves(rover):
            raise InputError(f"{SOURCE} has no photos of {rover}; ask for a rover that it serves")
        return [IndexFolder(self._store, volume, index_prefix(rover, volume)) for volume in VOLUMES[rover]]

    async def _refreshed(self, rover: str) -> list[HeldIndex]:
        indexes: list[HeldIndex] = []
        errors: list[UpstreamError] = []
        for folder in self._folders(rover):
            held = await asyncio.to_thread(HeldIndex.stored_or_none, folder)
            try:
                indexes.append(await self._refresh(rover, folder, held))
            except UpstreamError as error:
                _log.warning("%s: the other volumes go on without it: %s", folder.volume, error)
                errors.append(error)
                known = held or await asyncio.to_thread(HeldIndex.noted_or_none, folder)
                absent = HeldIndex.absent(folder, self._address(rover, folder.volume), datetime.now(UTC))
                indexes.append((known or absent).failed(error))
        self._check_answered(rover, indexes, errors)
        return [index if index.note.present else await asyncio.to_thread(index.kept) for index in indexes]

    def _check_answered(self, rover: str, indexes: Sequence[HeldIndex], errors: Sequence[UpstreamError]) -> None:
        present = any(index.note.present for index in indexes)
        if errors and (not present or len(errors) == len(indexes)):
            raise errors[0]
        if not present:
            raise BrokenResponse(
                f"{self._url}: the archive has none of {', '.join(VOLUMES[rover])}; check its address",
                url=indexes[0].note.url,
                body=b"",
            )

    async def _refresh(self, rover: str, folder: IndexFolder, held: HeldIndex | None) -> HeldIndex:
        address = self._address(rover, folder.volume)
        found = await self._client.get(f"{address}.lbl", labelled)
        if found.label is None:
            return held or HeldIndex.absent(folder, found.response.url, found.response.fetched_at)
        arrival = Arrival(folder.volume, found.response.body, found.label, held.note if held else None)
        with _download_folder(self._scratch) as scratch:
            table = scratch / "edrindex.tab"
            try:
                note = await self._client.download(f"{address}.tab", table, arrival.accept, headers=arrival.conditions)
            except UpstreamError:
                if held and arrival.refused != held.note.refused:
                    await asyncio.to_thread(folder.write_note, replace(held.note, refused=arrival.refused))
                raise
            if held and note is held.note:
                return held
            if held and note.files == held.note.files:
                await asyncio.to_thread(folder.write_note, note)
            else:
                await in_thread(folder.write, note, found.response.body, table)
        return await asyncio.to_thread(HeldIndex.stored, folder)

    def _address(self, rover: str, volume: str) -> str:
        return index_address(self._url, rover, volume)


@contextmanager
def _download_folder(parent: Path) -> Iterator[Path]:
    """A folder for a download, gone when the block ends. What the disk refuses inside the block is raised as LakeError."""
    try:
        parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="pds-index-", dir=parent) as folder:
            yield Path(folder)
    except OSError as error:
        raise LakeError(
            f"{parent} cannot take an index on its way to the lake ({error}); free space there, or check who owns it"
        ) from error


def index_address(url: str, rover: str, volume: str) -> str:
    """Where a volume's index lies in the archive at an address; ``.lbl`` and ``.tab`` follow."""
    return f"{url.rstrip('/')}/data/mer/{rover}/{volume}/index/edrindex"


def _pages(indexes: Sequence[HeldIndex], sol: int) -> list[dict[str, Any]]:
    """The parts of a sol's document, volume by volume."""
    return [page for index in indexes if (page := index.page(sol))]


def read_promises(document: Document) -> Promises:
    """What a manifest document of this dialect promises."""
    (page,) = document.parsed_pages()
    sols = {row["sol"]: row["photos"] for row in page["sols"]}
    return Promises(
        rover=document.header.rover,
        source=SOURCE,
        served=True,
        sols=sols,
        newest_sol=max(sols, default=None),
        stated_total=sum(volume["lines"] for volume in page["volumes"]),
        unanswered=[each["volume"] for each in page["volumes"] if each.get("error") and not each["present"]],
    )


def _counts(notes: Sequence[Volume]) -> list[dict[str, Any]]:
    """Per sol, ascending: its lines, and how many of them each volume has."""
    return [
        {"sol": sol, "photos": sum(volumes.values()), "volumes": volumes}
        for sol in sorted({sol for note in notes for sol in note.sols})
        for volumes in ({note.volume: note.sols[sol].lines for note in notes if sol in note.sols},)
    ]
