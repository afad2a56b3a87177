"""The service's own folder, for copies of the tables: in the folder of temporary files, gone when the process ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

_PREFIX: Final = "martian-moments-serving-"
_LOCK: Final = "owner.lock"


@contextmanager
def private_folder() -> Iterator[Path]:
    """A new folder that only this user may read; those of processes that were killed are removed first.

    The system releases the lock of a process that ends, however it ends.
    """
    parent = Path(tempfile.gettempdir())
    for left in parent.glob(f"{_PREFIX}*"):
        _remove_abandoned(left)
    folder = Path(tempfile.mkdtemp(prefix=f"new-{_PREFIX}", dir=parent))
    try:
        with FileLock(folder / _LOCK):
            # Under this name only when it is locked: another process that starts takes it for abandoned otherwise.
            folder = folder.rename(parent / folder.name.removeprefix("new-"))
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(folder: Path) -> None:
    # It is held, or another user's.
    with suppress(Timeout, OSError), FileLock(folder / _LOCK, timeout=0):
        shutil.rmtree(folder, ignore_errors=True)
