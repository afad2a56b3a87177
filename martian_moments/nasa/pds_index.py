"""The index of a PDS volume as it is kept between runs: label and table unchanged, and where in the table each sol lies.

A table has up to 366,510 lines (350 MB), so none is ever in memory: a refresh reads it once, in pieces, and notes the byte
ranges of each sol; a sol's lines are then read by their ranges. Label and table are stored under their own hash and the note
that names them is written last, so a reader meets the old index or the new one, whole, whatever dies in between. The old one
stays until the next one is replaced in turn: a run keeps to the note that it read first, and tables change months apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from functools import partial, reduce
from pathlib import Path
from typing import Any, BinaryIO, Final, Protocol
from zlib import crc32

import orjson

from martian_moments.domain.clock import is_ahead
from martian_moments.domain.errors import DocumentError, ObjectMissing
from martian_moments.nasa.pds_label import LONGEST_LINE, Label, Row
from martian_moments.nasa.responses import a_sol, identity

SOL: Final = "PLANET_DAY_NUMBER"
IDENTITY: Final = "PRODUCT_ID"

_HASH_CHARACTERS: Final = 16


class Sized(Protocol):
    """What a store reports about an object."""

    @property
    def size(self) -> int:
        """Bytes."""
        ...


class IndexStore(Protocol):
    """Where indexes are kept: the lake, for one. Every method blocks and is called from worker threads."""

    def get(self, key: str) -> bytes:
        """An object's bytes. Raises ObjectMissing, and DocumentError where it is larger than any note or label."""
        ...

    def head(self, key: str) -> Sized | None:
        """An object's size, or None where there is none."""
        ...

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Parts of an object, from the first byte to before the second. Raises ObjectMissing."""
        ...

    def put_bytes(self, key: str, body: bytes) -> object:
        """Write an object, atomically."""
        ...

    def put_file(self, key: str, path: Path) -> object:
        """Write an object of any size from a file, atomically and without holding it in memory."""
        ...

    def remove(self, key: str) -> None:
        """Remove an object, if it is there."""
        ...

    def set_aside(self, key: str) -> None:
        """Move a damaged object to where a person can look at it, if it is there."""
        ...


@dataclass(slots=True)
class SolLines:
    """The lines of one sol: how many, the byte ranges ``[start, end)`` in which they lie, and the CRC-32 of their bytes.

    Notes that an older release wrote have no ``crc``.
    """

    lines: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)
    crc: int | None = None

    def add(self, start: int, line: bytes) -> None:
        """One line more, which begins at a byte; lines that follow each other make one range."""
        end = start + len(line)
        self.lines += 1
        self.crc = crc32(line, self.crc or 0)
        if self.ranges and self.ranges[-1][1] == start:
            self.ranges[-1] = (self.ranges[-1][0], end)
        else:
            self.ranges.append((start, end))


@dataclass(frozen=True, slots=True)
class Scan:
    """What one reading of a table found.

    Attributes:
        sha256: of the whole table, hex.
        bytes: the table's size.
        lines: how many it has, blank ones not counted.
        unread: the lines among them without a sol or an identity. They stay in the table.
        whole: whether its last line has an end.
        sols: where the lines of each sol are, ascending.
    """

    sha256: str
    bytes: int
    lines: int
    unread: int
    whole: bool
    sols: dict[int, SolLines]


def scan(table: BinaryIO, label: Label) -> Scan:
    """Read a table once, line by line, by a label that has the columns of sol and identity."""
    sol_of, identity_of = label.columns[SOL].text, label.columns[IDENTITY].text
    digest, sols = hashlib.sha256(), dict[int, SolLines]()
    position = lines = unread = 0
    line = b"\n"
    for line in iter(partial(table.readline, LONGEST_LINE), b""):
        digest.update(line)
        end = position + len(line)
        if not line.isspace():
            lines += 1
            sol = a_sol(sol_of(line))
            if sol is not None and identity(identity_of(line)):
                sols.setdefault(sol, SolLines()).add(position, line)
            else:
                unread += 1
        position = end
    return Scan(digest.hexdigest(), position, lines, unread, line.endswith(b"\n"), dict(sorted(sols.items())))


@dataclass(frozen=True, slots=True)
class Refusal:
    """A table that arrived whole and was refused, so that it is not downloaded (350 MB) at every refresh.

    Attributes:
        etag: as the server gave it.
        sha256: of the bytes that arrived, hex.
        label: hash of the label that it was read by: by another one it may be better.
        reason: why.
        confirmed: whether the same bytes have come twice: a table that was cut on its way has the ETag of the whole one.
    """

    etag: str
    sha256: str
    label: str
    reason: str
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Volume:
    """The note of one volume's index.

    Attributes:
        volume: its name, e.g. ``mer1po_0xxx``.
        url: where the table came from, without secrets.
        fetched_at: UTC, when it had arrived.
        present: False for a volume that the server does not have, or that never arrived; what follows is then empty, up to
            ``error``.
        etag: of the table, as the server gave it, for asking whether it has changed; likewise ``last_modified``. None while
            the table may have been cut on its way.
        bytes: the table's size.
        lines: how many it has; ``lines_stated`` as its label has it, ``lines_unread`` those without a sol or an identity.
        table: hash of the table; likewise ``label``.
        synthetic: whether the replica generated it.
        error: why the last refresh could not have it; None where it could.
        refused: the table that was refused last, because what is held is better; None where none was.
        previous: the files of the index that this one replaced.
        sols: where the lines of each sol are, ascending.
    """

    volume: str
    url: str
    fetched_at: datetime
    present: bool = False
    etag: str | None = None
    last_modified: str | None = None
    bytes: int = 0
    lines: int = 0
    lines_stated: int | None = None
    lines_unread: int = 0
    table: str = ""
    label: str = ""
    synthetic: bool = False
    error: str | None = None
    refused: Refusal | None = None
    previous: tuple[str, ...] = ()
    sols: dict[int, SolLines] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of label and table; none of a volume that is not present."""
        return (_file("lbl", self.label), _file("tab", self.table)) if self.present else ()

    @property
    def short(self) -> bool:
        """Whether the table has fewer lines than its label states."""
        return self.lines_stated is not None and self.lines < self.lines_stated

    def facts(self) -> dict[str, Any]:
        """Everything but where the sols are, what was there before, and what was refused."""
        hidden = {"sols", "previous", "refused"}
        return {each.name: getattr(self, each.name) for each in fields(self) if each.name not in hidden}


class IndexFolder:
    """The folder of one volume's index in a store.

    Args:
        store: holds it.
        volume: its name.
        prefix: the folder's key, ending in a slash.
    """

    def __init__(self, store: IndexStore, volume: str, prefix: str) -> None:
        self.volume = volume
        self._store = store
        self._prefix = prefix

    def read(self) -> Volume:
        """The note of the index that is held, whose table has the length that it had.

        Raises:
            ObjectMissing: none is held, or its table is gone.
            DocumentError: the note is not readable, or the table is cut: it has been set aside.
        """
        note = self.note()
        if note.present:
            key = self._key("tab", note.table)
            held = self._store.head(key)
            if held is None:
                raise ObjectMissing(f"{key}: the table of the index is gone; refresh the manifest")
            if held.size != note.bytes:
                raise self._damaged(key, f"it has {held.size} bytes instead of {note.bytes}")
        return note

    def note(self) -> Volume:
        """The note of the index, whatever became of its table. Raises ObjectMissing and DocumentError."""
        key = f"{self._prefix}volume.json"
        body = self._store.get(key)
        try:
            content = orjson.loads(body)
            sols = {
                int(sol): SolLines(
                    int(lines["lines"]), [(int(start), int(end)) for start, end in lines["ranges"]], lines.get("crc")
                )
                for sol, lines in content.pop("sols").items()
            }
            reported = {"previous": tuple(content["previous"]), "fetched_at": datetime.fromisoformat(content["fetched_at"])}
            refused = Refusal(**content["refused"]) if content.get("refused") else None
            return Volume(**content | reported | {"sols": sols, "refused": refused})
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._damaged(key, repr(error)) from error

    def write(self, note: Volume, label: bytes, table: Path) -> None:
        """Keep an index: label and table first, then the note that names them."""
        self._store.put_bytes(self._key("lbl", note.label), label)
        self._store.put_file(self._key("tab", note.table), table)
        self.write_note(note)

    def write_note(self, note: Volume) -> None:
        """Keep a note whose label and table are held, and remove the files that nobody reads any more.

        Of two runs at once neither takes back what the other one brought: a note that is newer stays, and so does one of an
        index where this note has none.
        """
        held = self._held()
        if held and (held.present, held.fetched_at) > (note.present, note.fetched_at) and not is_ahead(held.fetched_at):
            return
        gone = held.previous if held else ()
        if held:
            note = replace(note, previous=held.previous if held.files == note.files else held.files)
        self._store.put_bytes(f"{self._prefix}volume.json", orjson.dumps(note, option=orjson.OPT_NON_STR_KEYS))
        for name in set(gone).difference(note.files, note.previous):
            self._store.remove(self._prefix + name)

    def label(self, note: Volume) -> bytes:
        """The label of an index. Raises ObjectMissing, and DocumentError where it is not what was stored."""
        key = self._key("lbl", note.label)
        body = self._store.get(key)
        if hashlib.sha256(body).hexdigest() != note.label:
            raise self._damaged(key, "its SHA-256 is not that of the label that was stored")
        return body

    def rows(self, note: Volume, label: Label, sol: int) -> list[Row]:
        """The lines of a sol that has some, in the table's order.

        Raises ObjectMissing, and DocumentError where they are not what was stored.
        """
        key, expected = self._key("tab", note.table), note.sols[sol]
        parts = self._store.get_ranges(key, expected.ranges)
        lines = list(_lines(parts))
        if expected.crc is None:
            # Read as the table was read when it arrived.
            reported = [label.columns[SOL].text(line) for line in lines]
            whole = len(lines) == expected.lines and all(text.isdecimal() and int(text) == sol for text in reported)
        else:
            whole = reduce(lambda crc, part: crc32(part, crc), parts, 0) == expected.crc
        if not whole:
            raise self._damaged(key, f"the lines of sol {sol} are not those that were stored")
        return [label.row(line) for line in lines]

    def _damaged(self, key: str, why: str) -> DocumentError:
        """The error to raise for a damaged object, which is set aside: what is missing is fetched again."""
        self._store.set_aside(key)
        return DocumentError(f"{key}: the index is damaged ({why}) and was set aside; refresh the manifest")

    def _held(self) -> Volume | None:
        try:
            return self.note()
        except (ObjectMissing, DocumentError):
            return None

    def _key(self, extension: str, digest: str) -> str:
        return self._prefix + _file(extension, digest)


def _file(extension: str, digest: str) -> str:
    return f"edrindex-{digest[:_HASH_CHARACTERS]}.{extension}"


def _lines(parts: Sequence[bytes]) -> Iterator[bytes]:
    for part in parts:
        yield from (line for line in part.split(b"\n") if line and not line.isspace())
