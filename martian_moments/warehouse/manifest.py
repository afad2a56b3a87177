"""The manifest of what is published: the files, and their bytes, that make one build of all tables.

    {"schema": 1, "published_at": "2026-04-01T12:00:00Z",
     "tables": {"gold/rover_summary": [{"key": "gold/rover_summary/rover_summary.parquet", "size": 1234, "etag": "...",
                                        "sha256": "...", "rows": 4}],
                "silver/fact_photos": [{"key": "silver/fact_photos/rover=spirit/00000.parquet", ..., "content": "..."}]},
     "open_formats": {"geo": {"files": [{"key": "geo/waypoints.parquet", ...}], "made_by": "...",
                              "made_from": {"silver/dim_waypoints": "..."}}}}

A table is a list of files, as is an open format; what that is made of are digests (formats/export.py). ``etag`` is the
store's own, without quotes: in a folder it changes with each write, on S3 with the bytes. ``sha256`` is of the bytes
everywhere. ``content`` says of which rows of the warehouse a block was made (warehouse/blocks.py), or of which files an open
format's (formats/before.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

KEY: Final = "manifest.json"

_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a published table or open format; ``size`` is in bytes.

    ``rows`` are those of a table, the features of all layers, or 1 for a document of JSON. ``content`` is a digest of the
    rows of a block, as the warehouse has them, or of what a rover's file of an open format was made of; else empty.
    """

    key: str
    size: int
    etag: str
    sha256: str
    rows: int
    content: str = ""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that was made and is to be published: under which key, where it stands now, its rows; see PublishedFile."""

    key: str
    file: Path
    rows: int
    content: str = ""


@dataclass(frozen=True, slots=True)
class FormatFiles:
    """The files of an open format.

    Attributes:
        files: as they are published.
        made_from: a digest of each published table that they were made of, by ``schema/table``.
        made_by: a digest of the code that made them.
    """

    files: tuple[PublishedFile, ...]
    made_from: Mapping[str, str]
    made_by: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is published, and when the last of it changed (UTC).

    Attributes:
        tables: the files of each table, by ``schema/table``.
        published_at: when one of them, or of the open formats, changed last.
        open_formats: the files of each open format, by its name. Older releases had none.
    """

    tables: Mapping[str, tuple[PublishedFile, ...]]
    published_at: datetime
    open_formats: Mapping[str, FormatFiles] = field(default_factory=dict)

    def files(self) -> Iterator[tuple[str, PublishedFile]]:
        """The name of each table and of each open format with each of its files."""
        for name, files in self.tables.items():
            yield from ((name, file) for file in files)
        for name, made in self.open_formats.items():
            yield from ((name, file) for file in made.files)

    def dump(self) -> bytes:
        """As JSON."""
        tables = {name: [_described(file) for file in files] for name, files in sorted(self.tables.items())}
        formats = {
            name: {**asdict(made), "files": [_described(file) for file in made.files]}
            for name, made in sorted(self.open_formats.items())
        }
        found = {"schema": _SCHEMA, "published_at": as_text(self.published_at), "tables": tables, "open_formats": formats}
        return json.dumps(found, indent=1).encode()

    @classmethod
    def load(cls, body: bytes) -> Manifest:
        """From JSON. Raises ValueError for what is no manifest of this schema; fields of later releases are passed over."""
        try:
            found = json.loads(body)
            if found["schema"] != _SCHEMA:
                raise ValueError(f"schema {found['schema']} is not known here")
            tables = {name: tuple(_file(each) for each in files) for name, files in found["tables"].items()}
            formats = {name: _format(each) for name, each in found.get("open_formats", {}).items()}
            return cls(tables, datetime.fromisoformat(found["published_at"]), formats)
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"it is no manifest: {error!r}") from error


def as_text(moment: datetime) -> str:
    """A time of publishing (UTC), as the manifest and every response have it."""
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")


def _described(file: PublishedFile) -> dict[str, Any]:
    """The fields of a file; the content only where there is one."""
    return {name: value for name, value in asdict(file).items() if name != "content" or value}


def _format(found: Mapping[str, Any]) -> FormatFiles:
    files = tuple(_file(each) for each in found["files"])
    made_from = {str(name): str(digest) for name, digest in found["made_from"].items()}
    return FormatFiles(files, made_from, str(found["made_by"]))


def _file(found: Mapping[str, object]) -> PublishedFile:
    match found:
        case {"key": str(key), "size": int(size), "etag": str(etag), "sha256": str(sha256), "rows": int(rows)}:
            return PublishedFile(key, size, etag, sha256, rows, str(found.get("content", "")))
        case _:
            raise ValueError("a file lacks its key, size, etag, sha256 or rows")
