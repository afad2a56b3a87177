"""Which process is which: identities that survive the reuse of a pid, and the rule that nothing outlives its supervisor.

Imports only the standard library and psutil: every process of the platform loads it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

SUPERVISOR_VARIABLE: Final = "MARTIAN_MOMENTS_SUPERVISOR"
"""Set by the supervisor in the environment of everything it starts: its own identity, as ``pid@start``."""

WATCH_SECONDS: Final = 1.0
"""How often a process looks whether its supervisor is still there."""

_STAT_STATE, _STAT_START = 0, 19
"""Positions in /proc/<pid>/stat behind the command's name (proc(5): fields 3 and 22)."""


@dataclass(frozen=True, slots=True)
class ProcessId:
    """One process, for as long as it lives: a pid is given to another process sooner or later, its start time is not.

    Attributes:
        pid: the operating system's number.
        start: when it started, as the system reports it; opaque, to be compared only.
    """

    pid: int
    start: str

    def __str__(self) -> str:
        return f"{self.pid}@{self.start}"

    @classmethod
    def parse(cls, text: str) -> ProcessId:
        """The identity that ``str`` wrote.

        Raises:
            ValueError: the text is not ``pid@start``.
        """
        pid, _, start = text.partition("@")
        return cls(int(pid), start)

    @classmethod
    def of(cls, pid: int) -> ProcessId | None:
        """The process that has this pid now, or None. One that has ended and waits for its parent counts as gone."""
        start = _start_of(pid)
        return None if start is None else cls(pid, start)

    @classmethod
    def mine(cls) -> ProcessId:
        """The calling process."""
        pid = os.getpid()
        return cls(pid, _start_of(pid) or "")

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return _start_of(self.pid) == self.start

    def send(self, signal_number: int) -> None:
        """Sends a signal, unless the process is gone."""
        if self.alive:
            try:
                os.kill(self.pid, signal_number)
            except ProcessLookupError:
                return


def _start_of(pid: int) -> str | None:
    # Linux: ticks since boot. psutil.create_time() adds the wall clock, and two processes disagree after a clock step.
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return _portable_start_of(pid)
    except (ProcessLookupError, PermissionError):
        return None
    return None if fields[_STAT_STATE] in "ZX" else fields[_STAT_START]


def _portable_start_of(pid: int) -> str | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else str(process.create_time())
    except psutil.NoSuchProcess:
        return None


def supervisor() -> ProcessId | None:
    """The supervisor of this process, or None when nothing supervises it (``dagster dev``, tests)."""
    text = os.environ.get(SUPERVISOR_VARIABLE)
    return ProcessId.parse(text) if text else None


def die_with_supervisor() -> None:
    """From now on this process ends within seconds of its supervisor, however that one died."""
    watched = supervisor()
    if watched is not None:
        die_with(watched)


def die_with(watched: ProcessId) -> None:
    """From now on this process ends within seconds of another one, however that one died.

    A thread looks for it: the kernel's own way (PR_SET_PDEATHSIG) exists on Linux only, and fires when the *thread* that
    started the process ends. Nothing is cleaned up, because everything that the platform does may be cut at any point.
    """
    threading.Thread(target=_end_after, args=(watched,), name=f"watch-{watched}", daemon=True).start()


def _end_after(watched: ProcessId) -> None:
    pause = threading.Event()
    while watched.alive:
        pause.wait(WATCH_SECONDS)
    os._exit(1)


def supervised_by(owner: ProcessId) -> Iterator[ProcessId]:
    """Every living process that descends from this supervisor, also those whose own parent is gone. Not the supervisor."""
    for process in psutil.process_iter():
        try:
            mark = process.environ().get(SUPERVISOR_VARIABLE)
        except psutil.Error:
            continue
        identity = ProcessId.of(process.pid) if mark == str(owner) else None
        if identity is not None:
            yield identity
