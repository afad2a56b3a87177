"""Which state of the warehouse's file was last seen to be whole, by this process or by one before it.

To look takes a tenth of a second and, where the file ends in free blocks, as long as reading all of it. So what was seen
is noted beside the file. A note that cannot be written or read is none.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


class SeenWhole:
    """The note about one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._note = Path(f"{path}.whole")
        self._seen: str | None = None

    def state(self) -> str:
        """What changes when the file or its write-ahead log is written or replaced."""
        files = (each.stat() if each.exists() else None for each in (self._path, Path(f"{self._path}.wal")))
        return " ".join(f"{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}" if stat else "none" for stat in files)

    def includes(self, state: str) -> bool:
        """Whether the file was seen to be whole in this state."""
        if state != self._seen:
            with suppress(OSError, UnicodeDecodeError):
                self._seen = self._note.read_text()
        return state == self._seen

    def add(self, state: str) -> None:
        """The file was seen to be whole in this state."""
        self._seen = state
        with suppress(OSError):  # a disk that is full, or that only others may write to
            self._note.write_text(state)
