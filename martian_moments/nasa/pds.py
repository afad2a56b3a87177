"""The imaging archive of the Planetary Data System: every picture of Spirit and Opportunity, by the index of each volume.

A rover has one volume per instrument. The archive has no question by sol: it has one index table per volume, hundreds of
megabytes, beside a label that says where its columns lie. So a refresh (the manifest) downloads what has changed into the
store, and photos are read from there; only a sol asked for before the first refresh makes one.

Lines of thumbnails and of every other product of an exposure are kept: IMAGE_TYPE and the PRODUCT_ID tell what they are.

Sources: the label of mer1po_0xxx and one line of its table; james-langridge/mars-vista-api for the volumes.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import orjson

from martian_moments.domain.clock import is_ahead
from martian_moments.domain.documents import Document, Header, Kind, fingerprint_of, index_prefix
from martian_moments.domain.errors import (
    BrokenAnswer,
    DocumentError,
    InputError,
    LakeError,
    ObjectMissing,
    UpstreamError,
    UpstreamUnavailable,
)
from martian_moments.domain.promises import Promises
from martian_moments.nasa.answers import Answer
from martian_moments.nasa.pds_index import IDENTITY, SOL, IndexFolder, IndexStore, Refusal, Scan, Volume, scan
from martian_moments.nasa.pds_label import Label, Row, read_label

if TYPE_CHECKING:
    from martian_moments.nasa.http import Download, PoliteClient

_log = logging.getLogger(__name__)

SOURCE: Final = "pds"

VOLUMES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        rover: tuple(f"{spacecraft}{instrument}o_0xxx" for instrument in "pnhmd")
        for rover, spacecraft in (("opportunity", "mer1"), ("spirit", "mer2"))
    }
)
"""A rover's volumes: the panoramic, navigation, hazard, microscopic and descent cameras. ``0xxx`` is literal."""

_EXCERPT_BYTES: Final = 4_096
"""What is kept of a table that is none."""

_MOST_UNREAD: Final = 0.01
"""With a larger share of lines without a sol or an identity, label and table do not belong together."""

_FEW_UNREAD: Final = 10
"""Fewer lines than these say nothing about the rest: a descent volume has a handful of lines in all."""


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
        self._indexes: dict[str, list[_Index]] = {}
        self._refreshing = asyncio.Lock()

    @staticmethod
    def serves(rover: str) -> bool:
        """Whether the archive has this rover."""
        return rover in VOLUMES

    async def manifest(self, rover: str) -> Document:
        """Refresh the rover's indexes, and tell how many lines each sol has. ``record_count`` is the number of sols.

        A volume that failed has an ``error`` in it, and what is held of the volume; the others go on. The document is not
        ``complete`` then, nor when the server lacks a volume or a table has fewer lines than its label states.

        Raises:
            InputError: the archive never has this rover.
            UpstreamUnavailable: no volume was answered. Indexes that had arrived before are kept.
            BrokenAnswer: nothing that arrived is an index, or each is less of one than is held, or the server has none.
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
                # Why a volume failed is told in other words every time; that it failed is what matters.
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
            promised: the lines that a manifest tells of, perhaps one of newer indexes: with fewer the sol is short.

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

    async def _held(self, rover: str) -> list[_Index]:
        async with self._refreshing:
            if rover not in self._indexes:
                try:
                    self._indexes[rover] = await asyncio.to_thread(self._stored, rover)
                except (ObjectMissing, DocumentError):
                    self._indexes[rover] = await self._refreshed(rover)
            return self._indexes[rover]

    async def _renewed(self, rover: str, damaged: Sequence[_Index]) -> list[_Index]:
        """The rover's indexes after a damaged one was set aside; of several sols that meet it the first one refreshes."""
        async with self._refreshing:
            if self._indexes[rover] is damaged:
                self._indexes[rover] = await self._refreshed(rover)
            return self._indexes[rover]

    def _stored(self, rover: str) -> list[_Index]:
        return [_Index.stored(folder) for folder in self._folders(rover)]

    def _folders(self, rover: str) -> list[IndexFolder]:
        if not self.serves(rover):
            raise InputError(f"{SOURCE} has no photos of {rover}; ask for a rover that it serves")
        return [IndexFolder(self._store, volume, index_prefix(rover, volume)) for volume in VOLUMES[rover]]

    async def _refreshed(self, rover: str) -> list[_Index]:
        indexes: list[_Index] = []
        errors: list[UpstreamError] = []
        for folder in self._folders(rover):
            held = await asyncio.to_thread(_Index.stored_or_none, folder)
            try:
                indexes.append(await self._refresh(rover, folder, held))
            except UpstreamError as error:
                _log.warning("%s: the other volumes go on without it: %s", folder.volume, error)
                errors.append(error)
                known = held or await asyncio.to_thread(_Index.noted_or_none, folder)
                absent = _Index.absent(folder, self._address(rover, folder.volume), datetime.now(UTC))
                indexes.append((known or absent).failed(error))
        self._check_answered(rover, indexes, errors)
        return [index if index.note.present else await asyncio.to_thread(index.kept) for index in indexes]

    def _check_answered(self, rover: str, indexes: Sequence[_Index], errors: Sequence[UpstreamError]) -> None:
        present = any(index.note.present for index in indexes)
        if errors and (not present or len(errors) == len(indexes)):
            raise errors[0]
        if not present:
            raise BrokenAnswer(
                f"{self._url}: the archive has none of {', '.join(VOLUMES[rover])}; check its address",
                url=indexes[0].note.url,
                body=b"",
            )

    async def _refresh(self, rover: str, folder: IndexFolder, held: _Index | None) -> _Index:
        address = self._address(rover, folder.volume)
        labelled = await self._client.get(f"{address}.lbl", _labelled)
        if labelled.label is None:
            return held or _Index.absent(folder, labelled.answer.url, labelled.answer.fetched_at)
        arrival = _Arrival(folder.volume, labelled.answer.body, labelled.label, held.note if held else None)
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
                await asyncio.to_thread(folder.write, note, labelled.answer.body, table)
        return await asyncio.to_thread(_Index.stored, folder)

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


@dataclass(frozen=True, slots=True)
class _Index:
    """A volume's index as it is held; ``label`` is None for a volume that is not present, or whose files are gone."""

    folder: IndexFolder
    note: Volume
    label: Label | None

    @classmethod
    def absent(cls, folder: IndexFolder, url: str, moment: datetime) -> _Index:
        """The index of a volume that is not there."""
        return cls(folder, Volume(folder.volume, url, moment), None)

    @classmethod
    def stored(cls, folder: IndexFolder) -> _Index:
        """The index in the store. Raises ObjectMissing and DocumentError."""
        note = folder.read()
        return cls(folder, note, read_label(folder.label(note)) if note.present else None)

    @classmethod
    def stored_or_none(cls, folder: IndexFolder) -> _Index | None:
        """The index in the store, unless there is none, or none that can be read."""
        try:
            held = cls.stored(folder)
        except (ObjectMissing, DocumentError):
            return None
        return held if held.note.present else None

    @classmethod
    def noted_or_none(cls, folder: IndexFolder) -> _Index | None:
        """What was known of an index whose table or label is gone: its sols stay promised."""
        try:
            note = folder.note()
        except (ObjectMissing, DocumentError):
            return None
        return cls(folder, note, None) if note.present else None

    def failed(self, error: UpstreamError) -> _Index:
        """The same index, with the reason why it could not be refreshed."""
        return replace(self, note=replace(self.note, error=str(error)))

    def kept(self) -> _Index:
        """The index in the store once this one's note, which needs no files, is written."""
        self.folder.write_note(self.note)
        return self.stored(self.folder)

    def page(self, sol: int) -> dict[str, Any] | None:
        """The volume's part of a sol's document, or None where it has no line of the sol.

        Raises ObjectMissing, DocumentError, and UpstreamUnavailable where the volume's files are gone.
        """
        if sol not in self.note.sols:
            return None
        if self.label is None:
            raise UpstreamUnavailable(f"{self.note.url}: the index is gone from the lake and was not had again")
        lines: list[Row] = self.folder.rows(self.note, self.label, sol)
        page = {"volume": self.note.volume, "table_sha256": self.note.table, "label_sha256": self.note.label, "lines": lines}
        return page | ({"synthetic": True} if self.note.synthetic else {})


def _pages(indexes: Sequence[_Index], sol: int) -> list[dict[str, Any]]:
    """The parts of a sol's document, volume by volume."""
    return [page for index in indexes if (page := index.page(sol))]


@dataclass(frozen=True, slots=True)
class _Labelled:
    """The answer to a label's address; ``label`` is None where the server says that there is none."""

    answer: Answer
    label: Label | None


def _labelled(answer: Answer) -> _Labelled:
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        return _Labelled(answer, None)
    if answer.status != HTTPStatus.OK:
        raise answer.broken("an error instead of a label")
    try:
        label = read_label(answer.body)
    except InputError as error:
        raise answer.broken(f"a label that {error}") from error
    if missing := {SOL, IDENTITY} - label.columns.keys():
        raise answer.broken(f"a label without {' and '.join(sorted(missing))}")
    return _Labelled(answer, label)


@dataclass(slots=True)
class _Arrival:
    """A table that is asked for, with its label and what is held of it; ``held`` is None where nothing is.

    ``refused`` is the table that was refused, now or before.
    """

    volume: str
    label_body: bytes
    label: Label
    held: Volume | None
    refused: Refusal | None = field(init=False)

    def __post_init__(self) -> None:
        self.refused = self.held.refused if self.held else None

    @property
    def conditions(self) -> dict[str, str]:
        """The headers that ask for the table only if it has changed. With another label it is read anew."""
        verdict, held = self._verdict, self.held if self.held and self.held.label == self._label_hash else None
        etags = [each.etag for each in (held, verdict) if each and each.etag]
        since = held.last_modified if held and not verdict else None
        told = {"If-None-Match": ", ".join(etags), "If-Modified-Since": since}
        return {name: value for name, value in told.items() if value}

    @property
    def _verdict(self) -> Refusal | None:
        """The table that is refused for good, as long as the label is this one."""
        told = self.refused
        return told if told and told.confirmed and told.label == self._label_hash else None

    @property
    def _label_hash(self) -> str:
        return hashlib.sha256(self.label_body).hexdigest()

    def accept(self, download: Download) -> Volume:
        """The note of what arrived, or the one that is held where nothing has changed. Raises BrokenAnswer."""
        answer = download.answer
        if answer.status == HTTPStatus.NOT_MODIFIED and self.held is not None:
            if (verdict := self._verdict) and download.etag == verdict.etag:
                raise answer.refused(verdict.reason)
            return self._timed(self.held, answer)
        if answer.status != HTTPStatus.OK:
            raise answer.broken("an error instead of a table")
        with download.path.open("rb") as table:
            found = scan(table, self.label)
        if reason := self._unusable(found):
            with download.path.open("rb") as table:
                excerpt = replace(answer, body=table.read(_EXCERPT_BYTES))
            if self.held is None or not download.etag or not found.whole:
                raise excerpt.broken(reason)
            self.refused = self._refusal(download.etag, found.sha256, reason)
            raise excerpt.refused(reason)
        if self.held is not None and (self.held.table, self.held.label) == (found.sha256, self._label_hash):
            same = replace(self.held, etag=download.etag, last_modified=download.last_modified, refused=None)
            return self._timed(same, answer)
        note = Volume(
            volume=self.volume,
            url=answer.url,
            fetched_at=answer.fetched_at,
            present=True,
            etag=download.etag,
            last_modified=download.last_modified,
            bytes=found.bytes,
            lines=found.lines,
            lines_stated=self.label.rows,
            lines_unread=found.unread,
            table=found.sha256,
            label=self._label_hash,
            synthetic=self.label.synthetic,
            sols=found.sols,
        )
        # A table that was cut where a line ends cannot be told from one that its label overstates. Its ETag is that of the
        # whole, so it is asked for without conditions until the same bytes have come twice.
        return replace(note, etag=None, last_modified=None) if note.short else note

    @staticmethod
    def _timed(held: Volume, answer: Answer) -> Volume:
        """The note of what is held; its time is this answer's where the clock was wrong that wrote it."""
        return replace(held, fetched_at=answer.fetched_at) if is_ahead(held.fetched_at) else held

    def _refusal(self, etag: str, sha256: str, reason: str) -> Refusal:
        """What is noted of a table. One that was cut on its way has the ETag of the whole: it is asked for once more."""
        refusal = Refusal(etag, sha256, self._label_hash, reason)
        return replace(refusal, confirmed=self.refused in {refusal, replace(refusal, confirmed=True)})

    def _unusable(self, found: Scan) -> str | None:
        """Why a table must not take the place of what is held, or None."""
        stated = self.label.rows
        if found.unread == found.lines or (found.unread >= _FEW_UNREAD and found.unread > found.lines * _MOST_UNREAD):
            return f"a table in which {found.unread} of {found.lines} lines have no sol or no product where the label says"
        if not found.whole and found.lines != stated:
            return f"a table that ends within line {found.lines}"
        if self.held is not None and found.lines < self.held.lines and found.lines != stated:
            return f"a table of {found.lines} lines (its label states {stated}) where {self.held.lines} are held"
        return None


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
