"""What has arrived of a file, on disk, so that a later attempt asks for the rest only (RFC 9110, sections 13.1.5 and 14)."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import Any, Final

import httpx
import orjson
import psutil

from martian_moments.domain.errors import DiskFull

_HELD_BYTES: Final = 1024**2
_HELD_S: Final = 1.0
"""What of a file may wait in memory, and how long. Each write of a piece of 64 kB costs its thread a turn of the others."""

_RANGE: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+)")


class Partial:
    """A file that is arriving, and a note beside it: of which version it is, and how long that is.

    What a killed process leaves is gone on with, but for what came in the last second. What a power cut leaves is not,
    because it may have holes: nothing here waits for the disk. Neither file is there before bytes are written: of most
    pictures when they are whole, in the thread that reads them. Made at once they took the event loop 1 ms a picture.
    """

    def __init__(self, path: Path, *, is_begun: bool) -> None:
        """What is there of the file, where any of it may be. Raises OSError."""
        self.path = path
        self._file = _locked(path, "r+b") if is_begun else None
        self._on_disk = os.fstat(self._file.fileno()).st_size if self._file else 0
        self._unwritten = bytearray()
        self._waiting_since = 0.0
        self._note: dict[str, Any] = self._kept_note()
        self._note_is_kept = True

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self._on_disk + len(self._unwritten)

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
        self._set_note({"validator": _validator(response), "total": total})

    def write(self, piece: bytes) -> None:
        """Add what comes next."""
        if not self._unwritten:
            self._waiting_since = time.monotonic()
        self._unwritten += piece
        if len(self._unwritten) >= _HELD_BYTES or time.monotonic() > self._waiting_since + _HELD_S:
            self._write()

    def end(self) -> None:
        """The response has ended well; where it did not announce its length, it is what has arrived."""
        if self._note.get("total") is None:
            self._set_note(self._note | {"total": self.size})

    def content(self) -> bytes:
        """All that has arrived, which the disk then has as well."""
        arrived = bytes(self._unwritten)
        from_disk = self._on_disk > 0
        self._write()
        if self._file is None or not from_disk:
            return arrived
        self._file.seek(0)
        return self._file.read()

    def forget(self) -> None:
        """Remove what has arrived."""
        self._unwritten.clear()
        self._note = {}
        self._on_disk = 0
        if self._file:
            # First the bytes: a note without bytes claims nothing, bytes with another version's note would be mixed with it.
            for path in (self.path, self._note_path):
                path.unlink(missing_ok=True)
            self._file.close()
            self._file = None

    def close(self) -> None:
        """Leave what is worth going on with, and nothing else."""
        try:
            self._write()
        finally:
            if not self._on_disk:
                self.forget()
            if self._file:
                self._file.close()

    def _write(self) -> None:
        if self._unwritten and self._file is None:
            self._open()
        if self._file is None:
            return
        if not self._note_is_kept:
            self._note_path.write_bytes(orjson.dumps(self._note))
            self._note_is_kept = True
        self._file.seek(0, os.SEEK_END)
        while self._unwritten:  # a disk that is nearly full takes a part
            written = self._file.write(self._unwritten)
            self._on_disk += written
            del self._unwritten[:written]

    def _open(self) -> None:
        """Make the file. Where somebody else is downloading it now, one of one's own."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _locked(self.path, "a+b")
        if self._file is None:
            self.path = self.path.with_suffix(f".part-{secrets.token_hex(4)}")
            self._file = self.path.open("a+b", buffering=0)
        self._file.truncate(0)

    @property
    def _note_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}-note")

    def _set_note(self, note: dict[str, Any]) -> None:
        self._note = note
        self._note_is_kept = False

    def _kept_note(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            if self._file and self._on_disk and os.fstat(self._file.fileno()).st_mtime > psutil.boot_time():
                note = orjson.loads(self._note_path.read_bytes())
                return note if isinstance(note, dict) else {}
        return {}


class Arriving:
    """A folder where files arrive, each of an address.

    It is looked at once: a look for each file, from the event loop, would cost more than reading the file from the network.
    What another process leaves here later is not gone on with, but by the next one that looks.
    """

    def __init__(self, folder: Path, *, forget_after_s: float) -> None:
        """Make the folder, and remove what nobody has gone on with for so many seconds."""
        self._folder = folder
        self._begun: set[str] = set()
        self._refused: OSError | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            self._begun = {path.name for path in folder.iterdir() if not _removed(path, forget_after_s)}
        except OSError as error:
            self._refused = error

    @contextmanager
    def file(self, url: str) -> Iterator[Partial]:
        """What has arrived of an address; nothing where somebody else is downloading it now.

        Raises:
            DiskFull: the folder takes nothing.
        """
        if self._refused:
            raise self._full(self._refused)
        name = f"{hashlib.sha256(url.encode()).hexdigest()[:32]}.part"
        try:
            part = Partial(self._folder / name, is_begun=name in self._begun)
            try:
                yield part
            finally:
                part.close()
                if part.size:
                    self._begun.add(name)
        except OSError as error:
            raise self._full(error) from error

    def _full(self, error: OSError) -> DiskFull:
        return DiskFull(f"{self._folder} did not take a file ({error.strerror or error}); make room there, or correct it")


def _removed(path: Path, forget_after_s: float) -> bool:
    """Whether a file was too old to be kept, and is gone."""
    with suppress(OSError):
        if path.stat().st_mtime < time.time() - forget_after_s:
            path.unlink()
            return True
    return False


def _locked(path: Path, mode: str) -> FileIO | None:
    """A file that nobody else has, as long as it is open; None where it is missing, or somebody has it."""
    try:
        file = FileIO(path, mode)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file


def _validator(response: httpx.Response) -> str | None:
    """What names a version for If-Range: a strong ETag, else the time of its last change."""
    etag, changed = (response.headers.get(name, "") for name in ("etag", "last-modified"))
    return etag if etag.startswith('"') else changed or None


def _is_coded(response: httpx.Response) -> bool:
    """Whether the bytes were compressed on their way: then lengths and ranges count other bytes than those that are kept."""
    return response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}
