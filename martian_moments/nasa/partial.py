"""What has arrived of a file, on disk, so that a later attempt asks for the rest only (RFC 9110, sections 13.1.5 and 14)."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final

import httpx
import orjson
import psutil

_HELD_BYTES: Final = 1024**2
_HELD_S: Final = 1.0
"""What of a file may wait in memory, and how long. Each write of a piece of 64 kB costs its thread a turn of the others."""

_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Partial:
    """A file that is arriving, and a note beside it: of which version it is, and how long that is.

    What a killed process leaves is gone on with, but for what came in the last second. What a power cut leaves is not,
    because it may have holes: nothing here waits for the disk.
    """

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self.path = path
        self._file = file
        self._unwritten = bytearray()
        self._written_at = time.monotonic()
        self._note_path = path.with_name(f"{path.name}-note")
        self._note: dict[str, Any] = self._kept_note()

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return os.fstat(self._file.fileno()).st_size + len(self._unwritten)

    @property
    def is_whole(self) -> bool:
        """Whether all has arrived that the server announced."""
        return self.size > 0 and self.size == self._note.get("total")

    def rest(self) -> Mapping[str, str]:
        """The headers that ask for the rest of this very version; none where it cannot be asked for."""
        validator = self._note.get("validator")
        if not validator or not 0 < self.size < (self._note.get("total") or 0):
            self.forget()
            return {}
        return {"Range": f"bytes={self.size}-", "If-Range": validator}

    def goes_on(self, response: httpx.Response) -> bool:
        """Whether a response with status 206 is what comes behind the bytes that have arrived, up to the end."""
        found = _RANGE.fullmatch(response.headers.get("content-range", ""))
        if not found or _is_coded(response):
            return False
        first, last, total = map(int, found.groups())
        return first == self.size and last == total - 1 and total == self._note.get("total")

    def begin(self, response: httpx.Response) -> None:
        """Begin anew with a response whose status is 200."""
        self.forget()
        length = None if _is_coded(response) else response.headers.get("content-length", "")
        total = int(length) if length and length.isascii() and length.isdigit() else None
        self._keep_note({"validator": _validator(response), "total": total})

    def write(self, piece: bytes) -> None:
        """Add what comes next."""
        self._unwritten += piece
        if len(self._unwritten) >= _HELD_BYTES or time.monotonic() > self._written_at + _HELD_S:
            self._write()

    def _write(self) -> None:
        self._file.write(self._unwritten)
        self._unwritten.clear()
        self._written_at = time.monotonic()

    def end(self) -> None:
        """The response has ended well; where it did not announce its length, it is what has arrived."""
        self._write()
        if self._note.get("total") is None:
            self._keep_note(self._note | {"total": self.size})

    def content(self) -> bytes:
        """All that has arrived."""
        self._write()
        self._file.seek(0)
        return self._file.read()

    def forget(self) -> None:
        """Remove what has arrived."""
        # First the bytes: a note without bytes claims nothing, bytes with another version's note would be mixed with it.
        self._unwritten.clear()
        if self.size:
            self._file.truncate(0)
        self._note = {}

    def close(self) -> None:
        """Leave what is worth going on with, and nothing else."""
        self._write()
        if not self.size:
            for path in (self.path, self._note_path):
                path.unlink(missing_ok=True)
        self._file.close()

    def _keep_note(self, note: dict[str, Any]) -> None:
        self._note = note
        self._note_path.write_bytes(orjson.dumps(note))

    def _kept_note(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            if self.size and os.fstat(self._file.fileno()).st_mtime > psutil.boot_time():
                note = orjson.loads(self._note_path.read_bytes())
                return note if isinstance(note, dict) else {}
        return {}


@contextmanager
def partial_file(folder: Path, url: str) -> Iterator[Partial]:
    """What has arrived of an address. Where somebody else is downloading it now, a file of one's own. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.part"
    file = path.open("a+b", buffering=0)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        path = path.with_suffix(f".part-{secrets.token_hex(4)}")
        file = path.open("a+b", buffering=0)
    part = Partial(path, file)
    try:
        yield part
    finally:
        part.close()


def _validator(response: httpx.Response) -> str | None:
    """What names a version for If-Range: a strong ETag, else the time of its last change."""
    etag, changed = (response.headers.get(name, "") for name in ("etag", "last-modified"))
    return etag if etag.startswith('"') else changed or None


def _is_coded(response: httpx.Response) -> bool:
    """Whether the bytes were compressed on their way: then lengths and ranges count other bytes than those that are kept."""
    return response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}
