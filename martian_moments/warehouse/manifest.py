"""The manifest of the published tables: the files, and their bytes, that make one build of all of them.

    {"schema": 1, "published_at": "2026-04-01T12:00:00Z",
     "tables": {"gold/rover_summary": [{"key": "gold/rover_summary/rover_summary.parquet", "size": 1234, "etag": "...",
                                        "sha256": "...", "rows": 4}]}}

A table is a list of files. ``etag`` is the store's own, without quotes: in a folder it changes with each write, on S3 with
the bytes. ``sha256`` is of the bytes everywhere.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

KEY: Final = "manifest.json"

_SCHEMA: Final = 1


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """One file of a published table; ``size`` is in bytes."""

    key: str
    size: int
    etag: str
    sha256: str
    rows: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is published: the files of each table, by ``schema/table``, and when the last of them changed (UTC)."""

    tables: Mapping[str, tuple[PublishedFile, ...]]
    published_at: datetime

    def dump(self) -> bytes:
        """As JSON."""
        tables = {name: [asdict(file) for file in files] for name, files in sorted(self.tables.items())}
        moment = self.published_at.isoformat(timespec="seconds").replace("+00:00", "Z")
        return json.dumps({"schema": _SCHEMA, "published_at": moment, "tables": tables}, indent=1).encode()

    @classmethod
    def load(cls, body: bytes) -> Manifest:
        """From JSON. Raises ValueError for what is no manifest of this schema; fields of later releases are passed over."""
        try:
            found = json.loads(body)
            if found["schema"] != _SCHEMA:
                raise ValueError(f"schema {found['schema']} is not known here")
            tables = {name: tuple(_file(each) for each in files) for name, files in found["tables"].items()}
            return cls(tables, datetime.fromisoformat(found["published_at"]))
        except (KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(f"it is no manifest: {error!r}") from error


def _file(found: Mapping[str, object]) -> PublishedFile:
    match found:
        case {"key": str(key), "size": int(size), "etag": str(etag), "sha256": str(sha256), "rows": int(rows)}:
            return PublishedFile(key, size, etag, sha256, rows)
        case _:
            raise ValueError("a file lacks its key, size, etag, sha256 or rows")
