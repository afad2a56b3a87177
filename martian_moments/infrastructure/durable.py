"""Files that survive a power cut: when a call here returns, the disk has the file, its name and the folders above it.

The order is the usual one: write beside the file, wait for the disk, rename, wait for the disk to have the folder. So a name
stands for the old content or the new one at any moment, and for the new one from the return on. obstore renames as well but
never waits (LocalStore of 0.12 has no option for it). Measured on an SSD with ext4 and documents of 20 kB: 500 files one
after the other take 0.7 s instead of 0.1 s, from eight threads 0.2 s.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from glob import escape
from pathlib import Path


class DurableFolder:
    """A folder that files are written into by keys with slashes. Safe between threads and processes.

    Methods raise OSError.
    """

    def __init__(self, root: Path) -> None:
        """Make the folder where it is missing."""
        self._root = root
        self._durable: set[Path] = set()
        make_folder(root)

    def write(self, key: str, content: bytes | Path) -> None:
        """Write a file whole or not at all, from bytes or from another file of any size."""
        path = self._root / key
        self._make(path.parent)
        try:
            _replace(path, content)
        except FileNotFoundError:
            # Somebody removed the folder since it was made.
            self._durable.clear()
            self._make(path.parent)
            _replace(path, content)

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Until the block ends nobody else, in whatever thread or process, is in one for a key of the same folder."""
        folder = (self._root / key).parent
        self._make(folder)
        # The folder itself, so that no file of a lock is left. A killed process lets go of it.
        opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(opened, fcntl.LOCK_EX)
            yield
        finally:
            os.close(opened)

    def _make(self, folder: Path) -> None:
        """Make a folder of a key.

        One that exists is synced as well, once: another writer may have made it a moment ago and not synced it yet.
        """
        if folder in self._durable:
            return
        if folder == self._root:
            make_folder(folder)
        else:
            self._make(folder.parent)
            folder.mkdir(exist_ok=True)
            _sync(folder.parent)
        self._durable.add(folder)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for each in missing:
        _sync(each.parent)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A draft beside a file, for a library to write: the file's content when the block ends, gone when it raises.

    The draft of a process that was killed stays; nobody lists it in the lake, and ``remove_drafts`` removes it.
    """
    with _draft(path) as draft:
        yield draft
        _sync(draft)


def remove_drafts(path: Path, *, untouched_seconds: float) -> None:
    """Remove what killed writers of this file left: its drafts that nobody has written to for this long."""
    for each in path.parent.glob(f".{escape(path.name)}#*"):
        if each.name.rpartition("#")[2].isdigit() and time.time() - each.stat().st_mtime > untouched_seconds:
            each.unlink(missing_ok=True)


def _replace(path: Path, content: bytes | Path) -> None:
    with _draft(path) as draft, draft.open("xb") as file:
        if isinstance(content, bytes):
            file.write(content)
        else:
            with content.open("rb") as source:
                shutil.copyfileobj(source, file)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _draft(path: Path) -> Iterator[Path]:
    """As :func:`replacing`, for who waits for the disk to have the draft."""
    # obstore lists no name that ends in # and digits; so does whoever lists the lake with it, whatever a killed writer left.
    # Arrow reads every file of a table's folder whose name begins with no dot.
    draft = path.with_name(f".{path.name}#{secrets.randbelow(10**12)}")
    try:
        yield draft
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync(path.parent)


def _sync(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
