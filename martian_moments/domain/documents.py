"""The document: what one object of the lake holds, its key, its bytes and its fingerprint. Pure.

A document is self-describing JSON, gzipped with a modification time of zero so that equal content gives equal bytes. Its
header fields come first and ``pages`` last, so that a reader who wants the header alone decompresses only the beginning.
``pages`` are the upstream's own bytes, embedded unchanged: no number is ever re-rendered.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final

import orjson

from martian_moments.domain.errors import DocumentError, InputError

SCHEMA: Final = 1
"""The document schema that this release writes. Readers accept it and every older one."""

FOLDERS: Final = ("manifests/", "photos/", "traverse/", "images/")
"""Where the lake keeps documents. Whatever lies elsewhere in it (pictures, indexes, quarantine, tables, logs) is none."""

MAX_SOL: Final = 99_999
"""Sols are written with five digits."""

MAX_OBJECT_BYTES: Final = 64 * 1024**2
"""A larger object is no document, and is not read. The largest real one, a map of a path, has 0.5 MB."""

MAX_TEXT_BYTES: Final = 128 * 1024**2
"""A longer text is no document: decompressing ends there. The longest real one, a sol of 3,702 photos, has 3 MB in the words
of v1 and 11 MB in those of a feed. A gzip file of 1 MB can hold 1 GB."""

MAX_HEADER_BYTES: Final = 1024**2
"""A longer header is none. Every address asked stands in it: 8 kB for the longest real one, a sol of 40 pages."""

_MOST_RECORDS: Final = 10**9
"""A header that counts more is broken: all rovers together have taken 1.2 million photos."""

_PAGES_MARK: Final = b',"pages":['
_SCANNER: Final = json.JSONDecoder()
# Level 1 keeps compression off the critical path: measured on 57 MB of real sols, level 6 takes 3x the time for 20 % less.
_GZIP_LEVEL: Final = 1

# Sols compress forty-fold: unpacking all of an object's first 4 kB takes 70 us, up to the end of its header 9 us.
_HEADER_STEP: Final = 8_192


class Kind(StrEnum):
    """What a document is about."""

    MANIFEST = "manifest"
    PHOTOS = "photos"
    TRAVERSE = "traverse"
    WAYPOINTS = "waypoints"
    IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Coordinates:
    """What an object key says: enough to find the partition that an object belongs to.

    ``source`` is None for traverse maps and images, ``sol`` is None for everything but photos and images.
    """

    kind: Kind
    rover: str
    source: str | None = None
    sol: int | None = None


@dataclass(frozen=True, slots=True)
class Header:
    """A document without its pages.

    Attributes:
        fetched_at: UTC, when the last page arrived.
        fingerprint: SHA-256 hex of what the response says about Mars (volatile fields left out).
        record_count: records that remain after repeats and strays of other sols are set aside.
        promised: the records that the same source promised, or None where it promises nothing.
        complete: whether the distinct records, with ``repeats``, reach the promise. Of a document without ``repeats`` this
            is not believed where ``record_count`` does not reach the promise: see :attr:`whole`.
        requests: the addresses asked, without secrets.
        synthetic: True when the replica generated the response.
        repeats: records reported more than once within one page, which the source counts when it promises: sol 2207 of
            Curiosity has two. A repeat on another page is none: where a server orders a sol anew between two pages, it
            stands in the place of a photo that was never reported. None in a document of a release that did not record it.
    """

    kind: Kind
    rover: str
    source: str
    sol: int | None
    fetched_at: datetime
    fingerprint: str
    record_count: int
    promised: int | None
    complete: bool
    requests: tuple[str, ...] = ()
    synthetic: bool = False
    schema: int = SCHEMA
    repeats: int | None = None

    @property
    def key(self) -> str:
        """The object key."""
        return object_key(Coordinates(self.kind, self.rover, self.source, self.sol))

    @property
    def whole(self) -> bool:
        """Whether this document reached what its source promised when it was fetched."""
        return is_whole(self.record_count, self.repeats, self.promised, complete=self.complete)

    def satisfies(self, promised: int | None) -> bool:
        """Whether this document reaches what its source promises *now*, which may be more than when it was fetched."""
        return self.whole if promised is None else self.record_count + (self.repeats or 0) >= promised


@dataclass(frozen=True, slots=True)
class Document:
    """A header and the upstream's responses, one bytes object of JSON text per page."""

    header: Header
    pages: tuple[bytes, ...]

    def parsed_pages(self) -> list[Any]:
        """The pages as Python values."""
        return [orjson.loads(page) for page in self.pages]


def is_whole(record_count: int, repeats: int | None, promised: int | None, *, complete: bool) -> bool:
    """Whether a document reaches its own promise, by the fields of its header; silver's photo_documents has the same rule.

    The release that recorded no repeats called a sol complete also where repeats on other pages stood in for photos that
    were never reported. Nobody knows that of its documents any more, so that each of them is asked for again.
    """
    return complete and (promised is None or record_count + (repeats or 0) >= promised)


def sol_key(sol: int) -> str:
    """The partition key of a sol: five digits, so that text order is sol order."""
    if not 0 <= sol <= MAX_SOL:
        raise InputError(f"sol {sol} is outside 0 to {MAX_SOL}; ask for a sol of the rover's mission")
    return f"{sol:05d}"


def object_key(at: Coordinates) -> str:
    """The object key of a document."""
    match at:
        case Coordinates(Kind.PHOTOS, rover, str(source), int(sol)):
            key = f"photos/rover={rover}/source={source}/sol={sol_key(sol)}.json.gz"
        case Coordinates(Kind.MANIFEST, rover, str(source), None):
            key = f"manifests/rover={rover}/source={source}/manifest.json.gz"
        case Coordinates(Kind.TRAVERSE | Kind.WAYPOINTS, rover, _, None):
            key = f"traverse/rover={rover}/{at.kind}.json.gz"
        case Coordinates(Kind.IMAGES, rover, _, int(sol)):
            key = f"images/rover={rover}/sol={sol_key(sol)}.json.gz"
        case _:
            raise InputError(
                f"{at} names no object: photos need a source and a sol, manifests a source, images a sol, traverses neither"
            )
    if coordinates(key) is None:
        raise InputError(f"{key!r} is no object key: rovers are written a-z, sources a-z, 0-9 and _")
    return key


_KEY_SHAPES: Final = (
    (
        Kind.PHOTOS,
        re.compile(r"photos/rover=(?P<rover>[a-z]+)/source=(?P<source>[a-z0-9_]+)/sol=(?P<sol>[0-9]{5})\.json\.gz"),
    ),
    (Kind.MANIFEST, re.compile(r"manifests/rover=(?P<rover>[a-z]+)/source=(?P<source>[a-z0-9_]+)/manifest\.json\.gz")),
    (Kind.TRAVERSE, re.compile(r"traverse/rover=(?P<rover>[a-z]+)/traverse\.json\.gz")),
    (Kind.WAYPOINTS, re.compile(r"traverse/rover=(?P<rover>[a-z]+)/waypoints\.json\.gz")),
    (Kind.IMAGES, re.compile(r"images/rover=(?P<rover>[a-z]+)/sol=(?P<sol>[0-9]{5})\.json\.gz")),
)


@lru_cache(maxsize=1 << 16)
def coordinates(key: str) -> Coordinates | None:
    """What an object key says, or None for objects that are no documents (published tables, indexes, quarantine)."""
    for kind, shape in _KEY_SHAPES:
        if found := shape.fullmatch(key):
            groups = found.groupdict()
            sol = groups.get("sol")
            return Coordinates(kind, groups["rover"], groups.get("source"), None if sol is None else int(sol))
    return None


def quarantine_key(at: Coordinates) -> str:
    """Where a broken response for this document is kept: under the document's own key, in a folder without events."""
    return f"quarantine/{object_key(at)}"


def damaged_key(key: str) -> str:
    """Where an object of the lake that turned out to be damaged is kept once it is replaced; the last one of its key."""
    return f"quarantine/damaged/{key}"


def prefix_of(kind: Kind, rover: str, source: str | None = None) -> str:
    """The listing prefix of a rover's documents of one kind (of one source, where given)."""
    folder = {Kind.PHOTOS: "photos", Kind.MANIFEST: "manifests", Kind.IMAGES: "images"}.get(kind, "traverse")
    return f"{folder}/rover={rover}/" + (f"source={source}/" if source else "")


def index_prefix(rover: str, volume: str) -> str:
    """The folder of a bulk input that many sols share (a PDS index volume), ending in a slash. No events are made of it."""
    return f"index/rover={rover}/volume={volume}/"


def fingerprint_of(content: object) -> str:
    """SHA-256 hex of JSON-like content, whatever the order of its keys. The caller leaves volatile fields out."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()


def encode(document: Document) -> bytes:
    """The object's bytes: gzipped JSON, header first, pages last and unchanged."""
    header = document.header
    fields: dict[str, object] = {
        "schema": header.schema,
        "kind": header.kind,
        "rover": header.rover,
        "sol": header.sol,
        "source": header.source,
        "fetched_at": header.fetched_at,
        "fingerprint": header.fingerprint,
        "record_count": header.record_count,
        "promised": header.promised,
        "complete": header.complete,
        "requests": header.requests,
    }
    if header.synthetic:
        fields["synthetic"] = True
    if header.repeats is not None:
        fields["repeats"] = header.repeats
    fields["pages"] = [orjson.Fragment(page) for page in document.pages]
    return gzip.compress(orjson.dumps(fields, option=orjson.OPT_UTC_Z), compresslevel=_GZIP_LEVEL, mtime=0)


def decode(key: str, body: bytes) -> Document:
    """The document in an object.

    Raises:
        DocumentError: the bytes are cut, are not gzip, not JSON, or not a document of a known schema, or say that they
            belong under another key.
    """
    text = decode_text(key, body)
    header = _header_from(key, _loads(key, text))
    try:
        return Document(header, tuple(_split_pages(key, text)))
    except RecursionError as error:
        raise DocumentError(f"{key}: the document's pages are nested too deep; materialize it again") from error


def decode_text(key: str, body: bytes) -> bytes:
    """The JSON text of an object, for loaders that keep it whole.

    Raises:
        DocumentError: the object is cut, not gzip, or holds more than ``MAX_TEXT_BYTES``.
    """
    decompressor = zlib.decompressobj(wbits=31)
    try:
        text = decompressor.decompress(body, MAX_TEXT_BYTES)
    except zlib.error as error:
        raise _not_gzip(key, error) from error
    if not decompressor.eof:
        if len(text) >= MAX_TEXT_BYTES:
            raise DocumentError(f"{key}: the document has more than {MAX_TEXT_BYTES} bytes; materialize it again")
        raise _not_gzip(key, "it ends too early")
    if decompressor.unused_data:
        raise _not_gzip(key, "something follows its end")
    return text


def decode_header(key: str, beginning: bytes) -> Header:
    """The header from an object's first bytes (a few kilobytes are enough), or from all of them.

    Raises:
        DocumentError: as for :func:`decode`, or the header is longer than what was given, or than ``MAX_HEADER_BYTES``.
    """
    decompressor = zlib.decompressobj(wbits=31)
    try:
        text = decompressor.decompress(beginning, _HEADER_STEP)
        while _PAGES_MARK not in text and decompressor.unconsumed_tail and len(text) < MAX_HEADER_BYTES:
            text += decompressor.decompress(decompressor.unconsumed_tail, _HEADER_STEP)
    except zlib.error as error:
        raise _not_gzip(key, error) from error
    head, mark, _ = text.partition(_PAGES_MARK)
    if not mark:
        raise DocumentError(f"{key}: no document header in its first {len(beginning)} bytes; materialize it again")
    return _header_from(key, _loads(key, head + b"}"))


def _not_gzip(key: str, why: object) -> DocumentError:
    return DocumentError(f"{key}: the object is not a whole gzip file ({why}); materialize it again")


def header_from_text(key: str, text: bytes) -> Header:
    """The header of a document whose whole JSON text is at hand; the text is validated whole.

    Raises:
        DocumentError: as for :func:`decode`.
    """
    return _header_from(key, _loads(key, text))


def _loads(key: str, text: bytes) -> dict[str, Any]:
    try:
        fields = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DocumentError(f"{key}: the document is not JSON ({error}); materialize it again") from error
    if not isinstance(fields, dict):
        raise DocumentError(f"{key}: the document is a JSON {type(fields).__name__}, not an object; materialize it again")
    return fields


def _header_from(key: str, fields: dict[str, Any]) -> Header:
    try:
        if not 1 <= int(fields["schema"]) <= SCHEMA:
            raise DocumentError(f"{key}: schema {fields['schema']} is newer than this release reads ({SCHEMA}); upgrade it")
        header = Header(
            kind=Kind(fields["kind"]),
            rover=str(fields["rover"]),
            source=str(fields["source"]),
            sol=None if fields["sol"] is None else int(fields["sol"]),
            fetched_at=datetime.fromisoformat(fields["fetched_at"]),
            fingerprint=str(fields["fingerprint"]),
            record_count=int(fields["record_count"]),
            promised=None if fields["promised"] is None else int(fields["promised"]),
            complete=bool(fields["complete"]),
            requests=tuple(fields["requests"]),
            synthetic=bool(fields.get("synthetic", False)),
            schema=int(fields["schema"]),
            repeats=None if fields.get("repeats") is None else int(fields["repeats"]),
        )
        own_key = header.key
        header.fetched_at.astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError, InputError) as error:
        raise DocumentError(f"{key}: the document's header is broken ({error!r}); materialize it again") from error
    if not all(0 <= count <= _MOST_RECORDS for count in (header.record_count, header.promised or 0)):
        raise DocumentError(f"{key}: the document's header counts records that cannot be; materialize it again")
    if header.fetched_at.tzinfo is None:
        raise DocumentError(f"{key}: fetched_at has no time zone; materialize it again")
    if own_key != key:
        raise DocumentError(f"{key}: the document inside belongs under {own_key}; remove one of the two")
    return header


def _split_pages(key: str, text: bytes) -> Iterator[bytes]:
    # Cut at the end of each value instead of parsed and written again, which would change numbers (1.50 to 1.5). The text is
    # known to be JSON. The standard library's scanner knows where a value ends; loaders that need speed keep the text whole.
    _, mark, rest = text.partition(_PAGES_MARK)
    if not mark:
        raise DocumentError(f"{key}: the document has no pages; materialize it again")
    pages = rest.decode()
    start = _next_value(pages, 0)
    while pages[start] != "]":
        _, end = _SCANNER.raw_decode(pages, start)
        yield pages[start:end].encode()
        start = _next_value(pages, end)


def _next_value(text: str, position: int) -> int:
    while text[position] in " \t\r\n,":
        position += 1
    return position
