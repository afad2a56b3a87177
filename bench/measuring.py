"""Work in a process of its own: how long it takes, imports included, and its peak of memory."""

from __future__ import annotations

import json
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psutil

_SAMPLE_SECONDS: Final = 0.1
_MEGABYTE: Final = 1e6


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement.

    Attributes:
        seconds: from the start of the process to its end.
        peak_mb: the most resident memory that it and its children held at one time, in MB.
        result: what the work reported.
    """

    seconds: float
    peak_mb: float
    result: Mapping[str, Any]


def in_own_process(module: str, *arguments: str) -> Measured:
    """Run ``python -m module arguments`` to its end; its last line of output is its result, a JSON object.

    Raises:
        RuntimeError: it failed; the message has the end of its output.
    """
    began = time.perf_counter()
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        with peak_memory(process.pid) as peak:
            output, errors = process.communicate()
        seconds = time.perf_counter() - began
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{errors[-3_000:]}")
    return Measured(seconds, peak[0], json.loads(output.splitlines()[-1]))


@contextmanager
def server(module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[tuple[str, int]]:
    """``python -m module arguments`` while the block lasts: the address that is its first line of output, and its pid."""
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip(), process.pid
        finally:
            process.terminate()


@contextmanager
def peak_memory(pid: int) -> Iterator[list[float]]:
    """Watch a process and its children; the list's one number is their peak of resident memory so far, in MB."""
    peak = [0.0]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], _resident_mb(pid))

    watcher = threading.Thread(target=watch, name="peak memory")
    watcher.start()
    try:
        yield peak
    finally:
        done.set()
        watcher.join()


def _resident_mb(pid: int) -> float:
    try:
        process = psutil.Process(pid)
        command, children = process.cmdline(), process.children(recursive=True)
        total = process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0.0
    for each in children:
        try:
            # A child that has not begun its own program yet has the memory of its parent, which nobody takes twice.
            total += each.memory_info().rss if each.cmdline() != command else 0
        except psutil.NoSuchProcess:
            continue
    return total / _MEGABYTE


def median_of(measure: Callable[[], Measured], times: int) -> Measured:
    """Measure several times; the median time with the largest peak, and the result of the last."""
    runs = [measure() for _ in range(times)]
    return Measured(
        seconds=statistics.median(run.seconds for run in runs),
        peak_mb=max(run.peak_mb for run in runs),
        result=runs[-1].result,
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest of the values that at least so many percent of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
