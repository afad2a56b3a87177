"""What the processes of a running platform take: CPU and memory by what they do, sampled while they live."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

import dagster as dg
import psutil

from martian_moments.dagster_runtime.processes import ProcessId
from martian_moments.dagster_runtime.worker import WORKER_TAG

_SAMPLE_SECONDS: Final = 0.2
_MEGABYTE: Final = 1e6

_FORKED: Final = "runs"

_BY_COMMAND: Final = (
    ("martian_moments.dagster_runtime.worker", _FORKED),
    ("martian_moments.dagster_runtime.daemon", "daemon"),
    ("martian_moments.serving", "service"),
    ("grpc", "code server"),
    ("dbt", "dbt"),
    ("up", "up"),
)
"""What a process does, by a word of its command line; the first that is found counts."""


@dataclass(slots=True)
class Family:
    """The processes that one process has started, with itself, over their whole lives.

    Attributes:
        peak_mb: the most resident memory of all of them at one time.
        cpu_s: by process, user and system seconds at the last sample; up to a fifth of a second is missing of each.
        memory_mb: by process, the most resident memory of it alone.
        kinds: by process, what it does.
        parents: by process, who started it.
    """

    peak_mb: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=dict)
    memory_mb: dict[str, float] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    parents: dict[str, str] = field(default_factory=dict)

    def name_runs(self, instance: dg.DagsterInstance) -> None:
        """Tell the processes that execute runs apart, by what their runs materialize, and from dbt, which they fork."""
        workers = {run.tags.get(WORKER_TAG): run for run in instance.get_runs()}
        for process in self.kinds:
            if process in workers:
                first, *_ = sorted(workers[process].asset_selection or {dg.AssetKey("others")})
                self.kinds[process] = f"runs of {_layer(first)}"
            elif self.parents.get(process) in workers and self.kinds[process] == _FORKED:
                self.kinds[process] = "dbt"

    def cpu_by_kind(self) -> Mapping[str, float]:
        """CPU seconds of the processes of a kind together, most first."""
        found: dict[str, float] = defaultdict(float)
        for process, seconds in self.cpu_s.items():
            found[self.kinds[process]] += seconds
        return dict(sorted(found.items(), key=lambda each: -each[1]))

    def peak_of(self, kind: str) -> float:
        """The most resident memory of one process of a kind, in MB."""
        return max((peak for process, peak in self.memory_mb.items() if self.kinds[process] == kind), default=0.0)


def _layer(asset: dg.AssetKey) -> str:
    return "models" if asset.path[0] in {"silver", "gold"} else asset.path[0]


@contextmanager
def watch(pid: int) -> Iterator[Family]:
    """Watch a process and those that it starts, until the block ends."""
    family = Family()
    done = threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            _sample(pid, family)

    watcher = threading.Thread(target=sample, name="family")
    watcher.start()
    try:
        yield family
    finally:
        done.set()
        watcher.join()


def _sample(pid: int, family: Family) -> None:
    total = 0.0
    try:
        first = psutil.Process(pid)
        alive = [first, *first.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for each in alive:
        try:
            with each.oneshot():
                times, resident = each.cpu_times(), each.memory_info().rss / _MEGABYTE
                name = str(ProcessId.of(each.pid))
                if name not in family.kinds:
                    family.kinds[name] = _kind(each.cmdline())
                    family.parents[name] = str(ProcessId.of(each.ppid()))
        except psutil.NoSuchProcess:
            continue
        family.cpu_s[name] = times.user + times.system
        family.memory_mb[name] = max(family.memory_mb.get(name, 0.0), resident)
        total += resident
    family.peak_mb = max(family.peak_mb, total)


def _kind(command: list[str]) -> str:
    words = [part for argument in command for part in (argument, argument.rpartition("/")[2])]
    return next((kind for word, kind in _BY_COMMAND if word in words), "others")
