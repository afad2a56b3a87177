"""Room on the disks. Work pauses while there is still some, and goes on by itself when somebody has made more.

On a disk that is full to the last byte every library fails in its own way: a commit is refused, a log ends in half a line,
and SQLite, which maps its shared memory into the process, dies of SIGBUS where the blocks of the file system are smaller
than a page and none is left for the rest of one (seen on ext4 with 1 kB, its default below 512 MB, never with 4 kB). So a
part of each disk that the platform writes to stays free. It is looked at where work begins: sensors ask for nothing, runs
do not start, a run asks for no further sol, the supervisor stops the daemon.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from martian_moments.domain.errors import DiskFull

_RESERVE_BYTES: Final = 256 * 1024**2
"""For what is under way when the pause begins: the documents that four runs have in hand, their bookkeeping, a load. A build
of dbt that needs more than there is fails and is rolled back; the published tables stay."""

_RESERVE_SHARE: Final = 8
"""A small disk keeps an eighth, 8 MB of 64. From 2 GB on, which the full history needs anyway, it is the whole reserve."""

_RESERVE_FILES: Final = 1_000
"""A disk can also have no more files to give. A batch of runs makes some hundreds."""

_LEAST_BYTES: Final = 1024**2
"""Below this no database is opened: SQLite makes 32 kB of shared memory for each, and there are a handful."""


def shortage(folders: Iterable[Path]) -> str | None:
    """Which folder's disk has less free than is kept in reserve, and what to do, in words; None when all have enough.

    A folder that does not exist yet counts where it would be made. Takes some microseconds a folder. Raises OSError.
    """
    for folder in folders:
        disk = os.statvfs(_existing(folder))
        free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
        reserve = min(_RESERVE_BYTES, total // _RESERVE_SHARE)
        if free < reserve:
            return f"{_megabytes(free)} free at {folder}, less than the {_megabytes(reserve)} kept in reserve; {_ADVICE}"
        # Some file systems have no limit and count none.
        spare = min(_RESERVE_FILES, disk.f_files // _RESERVE_SHARE)
        if disk.f_files and disk.f_favail < spare:
            return f"room for {disk.f_favail} more files at {folder}, less than the {spare} kept in reserve; {_ADVICE}"
    return None


def require_space(folders: Iterable[Path]) -> None:
    """Raise DiskFull unless there is room for work on the disk of each folder."""
    if short := shortage(folders):
        raise DiskFull(short)


def require_least(folder: Path) -> None:
    """Raise DiskFull where a folder's disk has not even the room that it takes to open a database."""
    disk = os.statvfs(_existing(folder))
    free = disk.f_bavail * disk.f_frsize
    if free < _LEAST_BYTES:
        raise DiskFull(f"the disk is full: {free // 1024} kB free at {folder}; {_ADVICE}")


_ADVICE: Final = "free space there, and everything goes on by itself"


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _megabytes(size: int) -> str:
    return f"{size / 1024**2:.1f} MB"
