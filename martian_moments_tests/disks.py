"""Small file systems of a test's own: one that fills up, one that loses its power."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_SHUTDOWN = 2 << 30 | 4 << 16 | ord("X") << 8 | 125
"""EXT4_IOC_SHUTDOWN of linux/fs/ext4: from then on every call fails and nothing more reaches the disk."""

_WITHOUT_FLUSHING_THE_JOURNAL = struct.pack("I", 2)


@dataclass
class Disk:
    """A mounted file system.

    Attributes:
        folder: where it is mounted.
    """

    folder: Path
    _source: Path
    _options: str

    def mount(self) -> None:
        _run("mount", "-o", self._options, str(self._source), str(self.folder))

    def unmount(self) -> None:
        _run("umount", str(self.folder))

    def cut_the_power(self) -> None:
        """What was not synced is lost, as in the moment of a power cut; until ``mend`` every call fails."""
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, _WITHOUT_FLUSHING_THE_JOURNAL)
        finally:
            os.close(descriptor)

    def mend(self) -> None:
        """The power is back. Nothing of the file system may be open."""
        self.unmount()
        self.mount()


@contextmanager
def ext4(parent: Path, *, megabytes: int, block_bytes: int = 4096) -> Iterator[Disk]:
    """An empty ext4 that keeps nothing that was not synced; skips the test where this user cannot mount it."""
    image, folder = parent / "disk.img", parent / "disk"
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    folder.mkdir()
    _or_skip("mkfs.ext4", "-q", "-F", "-m", "0", "-b", str(block_bytes), str(image))
    # Without these options the kernel syncs by itself: every few seconds, and what replaces a file by a rename.
    disk = Disk(folder, image, "loop,noauto_da_alloc,commit=3600")
    _or_skip("mount", "-o", disk._options, str(image), str(folder))
    try:
        yield disk
    finally:
        # A test that fails may leave files open.
        _run("umount", "--lazy", str(folder))
        image.unlink()


@contextmanager
def tmpfs(parent: Path, *, megabytes: int) -> Iterator[Path]:
    """An empty tmpfs; skips the test where this user cannot mount it."""
    folder = parent / "memory"
    folder.mkdir()
    _or_skip("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", "--lazy", str(folder))


def fill(folder: Path, *, leave: int = 0) -> Path:
    """A file of somebody else that takes what is free but for some bytes."""
    filler = folder / "filler"
    free = shutil.disk_usage(folder).free
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, (free - leave) // 2))
        # The rest bit by bit: the file system needs some of it for its own books.
        for size in (65_536, 4_096, 1):
            _append_until_full(file.fileno(), folder, size, leave)
    return filler


def _append_until_full(descriptor: int, folder: Path, size: int, leave: int) -> None:
    try:
        while leave == 0 or shutil.disk_usage(folder).free > leave:
            os.lseek(descriptor, 0, os.SEEK_END)
            os.write(descriptor, b"x" * size)
            os.fsync(descriptor)
    except OSError:
        return


def _or_skip(*command: str) -> None:
    reason = _failure(command)
    if reason:
        pytest.skip(f"{command[0]} is not possible here, it needs Linux and root: {reason}")


def _run(*command: str) -> None:
    reason = _failure(command)
    assert not reason, f"{command}: {reason}"


def _failure(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr.strip() or f"code {done.returncode}"
