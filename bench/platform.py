"""What a user waits for: from ``martian-moments up`` to settled, on an empty home, and of a home that has only its lake.

The platform is the one that people start, in processes of its own, with every sensor and schedule and the service; only its
upstream is a replica, which knows no limit. A home that has lost its warehouse and published tables is made anew by the same
command (a restore).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.family import Family, watch
from bench.report import Line
from bench.uploads import builds, line_of, photos_in_gold, upload
from bench.upstream import real_counts, replica_process
from martian_moments.dagster_runtime.pruning import prune
from martian_moments.domain.documents import Kind
from martian_moments.nasa import m20, msl, pds, v1
from martian_moments.nasa.sources import sources_of
from martian_moments.nasa.upstream import Upstream
from martian_moments.operations.demo import compare
from martian_moments.operations.instance import open_instance
from martian_moments.operations.status import status
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.running import RunningReplica
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments.warehouse.base import LEDGER

_LOOK_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 3_600.0
_IDLE_SECONDS: Final = 60.0
_IDLE_PERCENT: Final = 3.0
_BRONZE_MB: Final = 500.0
_STORAGE_MB: Final = 150.0
_UPLOADS: Final = 3
_AT_REST_SECONDS: Final = 7_200.0
"""So long after the last run has ended the schedule has pruned what it can."""

_STAGES: Final = ("lake", "bronze", "silver", "settled")


@dataclass(frozen=True, slots=True)
class Size:
    """What one platform is filled with.

    Attributes:
        what: in words.
        replica: the upstream.
        rovers: which of its rovers are asked for.
        sources: the dialects.
        fill_at_most: the goal for an empty home, in seconds; None without one.
        restore_at_most: the goal for a home that has only its lake.
        before: seconds to settled, filled and restored, before this benchmark was there; None where nobody had measured.
    """

    what: str
    replica: ReplicaConfig
    rovers: tuple[str, ...]
    sources: tuple[str, ...]
    fill_at_most: float | None = None
    restore_at_most: float | None = None
    before: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Start:
    """One start of the platform.

    Attributes:
        stages: seconds from the start to each stage.
        family: what its processes took.
        idle: shares of a core that the processes of a kind take once everything is settled, in percent.
        runs: how many runs Dagster's storage knows in the end.
        storage_mb: what that storage takes then.
        pruned_mb: what it takes once its runs are at rest and the schedule has pruned it.
        builds: seconds from launch to end of each build that followed an upload of one sol.
    """

    stages: Mapping[str, float]
    family: Family
    idle: Mapping[str, float]
    runs: int
    storage_mb: float
    pruned_mb: float
    builds: Sequence[float]


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the platform."""
    for size in _sizes(quick=quick):
        with replica_process(size.replica) as replica, tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            yield from _lines(f"{size.what}, empty home", _start(home, size, replica, uploads=0), size, "fill")
            shutil.rmtree(home / "published")
            for each in home.glob("warehouse.duckdb*"):
                each.unlink()
            # Last of all: afterwards the lake has photos that the replica does not know.
            uploads = _UPLOADS if v1.SOURCE in size.sources else 0
            yield from _lines(f"{size.what}, restore", _start(home, size, replica, uploads=uploads), size, "restore")


def _sizes(*, quick: bool) -> Iterator[Size]:
    counts = real_counts()
    dialects = {m20.SOURCE: "perseverance", msl.SOURCE: "curiosity", pds.SOURCE: "opportunity"}
    yield Size(
        "2 sols by v1" if quick else "the full history by v1",
        ReplicaConfig(counts=counts, sols=2 if quick else None),
        tuple(ReplicaConfig().rovers),
        (v1.SOURCE,),
        fill_at_most=None if quick else 180.0,
        restore_at_most=None if quick else 90.0,
        before={} if quick else {"fill": 540.0},
    )
    sols = 2 if quick else 500
    yield Size(
        f"{sols} sols of each dialect",
        ReplicaConfig(counts=counts, sols=sols, rovers=tuple(dialects.values())),
        tuple(dialects.values()),
        tuple(dialects),
    )


def _start(home: Path, size: Size, replica: RunningReplica, *, uploads: int) -> Start:
    """``martian-moments up`` until everything is settled and held against the truth, and uploads; then it is stopped."""
    environment = os.environ | {
        "MARS_HOME": str(home),
        "MARS_ROVERS": ",".join(size.rovers),
        "MARS_SOURCES": ",".join(size.sources),
        **{f"MARS_{name.upper()}": address for name, address in replica.addresses.items()},
        "MARS_REQUESTS_PER_MINUTE": "1000000",
        "MARS_CONCURRENCY": "16",
        "MARS_SERVE_PORT": "0",
    }
    settings = Settings.load(
        home=home, rovers=size.rovers, sources=size.sources, upstream=Upstream(**replica.addresses), dagster_home=None
    )
    seen = _Seen(Resources(settings), replica)
    command = [str(Path(sys.executable).with_name("martian-moments")), "up", "--headless"]
    with (
        home.with_name("up.log").open("ab") as log,
        subprocess.Popen(command, env=environment, stdout=log) as up,
        watch(up.pid) as family,
    ):
        try:
            stages = _stages(seen, up)
            idle = _idle(family)
            one_sol = _upload(seen.resources, uploads) if uploads else ()
        finally:
            up.terminate()
            up.wait()
    with open_instance(settings) as instance:
        family.name_runs(instance)
        runs, before = instance.get_runs_count(), _megabytes(settings.instance_home)
        prune(instance, settings, now=time.time() + _AT_REST_SECONDS)
    return Start(stages, family, idle, runs, before, _megabytes(settings.instance_home), one_sol)


def _stages(seen: _Seen, up: subprocess.Popen[bytes]) -> dict[str, float]:
    """Seconds from now until each stage holds everything."""
    began = time.monotonic()
    stages: dict[str, float] = {}
    for stage in _STAGES:
        while not seen.whole(stage):
            if up.poll() is not None or time.monotonic() > began + _PATIENCE_SECONDS:
                raise RuntimeError(f"the platform did not come to {stage}; it has come to {stages}")
            time.sleep(_LOOK_SECONDS)
        stages[stage] = time.monotonic() - began
    return stages


def _idle(family: Family) -> dict[str, float]:
    """What a platform takes that has nothing to do, by kind of process, in percent of a core."""
    before = dict(family.cpu_by_kind())
    time.sleep(_IDLE_SECONDS)
    return {kind: 100 * (now - before.get(kind, 0.0)) / _IDLE_SECONDS for kind, now in family.cpu_by_kind().items()}


def _upload(resources: Resources, uploads: int) -> Sequence[float]:
    """A sol of the first rover, again and again with one photo more: seconds of the builds that follow, launch to end."""
    rover = resources.settings.rovers[0]
    with open_instance(resources.settings) as instance:
        headers = [header for header in resources.lake.heads("photos/").values() if header.rover == rover]
        newest = max(header.sol for header in headers if header.sol is not None and header.record_count)
        began = datetime.now(UTC)
        for number in range(uploads):
            upload(resources, instance, rover, newest, number)
        return builds(instance, began)


class _Seen:
    """Whether lake, bronze and silver hold what the upstream has, as readers see it from outside."""

    def __init__(self, resources: Resources, replica: RunningReplica) -> None:
        self.resources = resources
        self._replica = replica
        settings = resources.settings
        ids = [replica.control.ids(sources_of(rover, settings.sources)[0], rover) for rover in settings.rovers]
        self._sols = sum(1 for by_sol in ids for of_sol in by_sol.values() if of_sol)
        self._photos = sum(len(of_sol) for by_sol in ids for of_sol in by_sol.values())

    def whole(self, stage: str) -> bool:
        """Whether a stage is reached."""
        return {"lake": self._lake, "bronze": self._bronze, "silver": self._silver, "settled": self._settled}[stage]()

    def _lake(self) -> bool:
        folder = self.resources.settings.home / "lake" / "photos"
        return sum(1 for each in folder.rglob("*.json.gz")) >= self._sols

    def _bronze(self) -> bool:
        ledger = self.resources.published.read(LEDGER.schema, LEDGER.name, ["kind"])
        return ledger is not None and ledger["kind"].to_pylist().count(Kind.PHOTOS) >= self._sols

    def _silver(self) -> bool:
        return photos_in_gold(self.resources) >= self._photos

    def _settled(self) -> bool:
        with open_instance(self.resources.settings) as instance:
            now = status(self.resources, instance, running=True)
        if not now.settled:
            return False
        found = compare(self.resources, now, self._replica.control)
        if wrong := [each for each in found if not each.identical or len(set(each.photos)) > 1]:
            raise RuntimeError(f"what settled is not what the upstream has: {wrong}")
        return True


def _megabytes(folder: Path) -> float:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file()) / 1e6


def _lines(what: str, start: Start, size: Size, step: str) -> Iterator[Line]:
    goals = {"fill": size.fill_at_most, "restore": size.restore_at_most}
    before = size.before.get(step)
    for stage, seconds in start.stages.items():
        last = stage == _STAGES[-1]
        yield Line(
            name=f"{what}: {stage}",
            ours=seconds,
            unit="s",
            baseline=before if last else None,
            against="in November 2026" if last and before else "",
            at_most=goals[step] if last else None,
            peak_mb=start.family.peak_mb if last else None,
        )
    for kind, seconds in start.family.cpu_by_kind().items():
        yield Line(name=f"{what}: CPU of {kind}", ours=seconds, unit="s", peak_mb=start.family.peak_of(kind))
    for kind in ("daemon", "code server"):
        share, goal = start.idle.get(kind, 0.0), _IDLE_PERCENT if kind == "daemon" else None
        yield Line(name=f"{what}: {kind} when idle", ours=share, unit="% of a core", at_most=goal)
    if start.builds:
        yield line_of(f"{what}: build of one new sol", start.builds)
    bronze = start.family.peak_of("runs of bronze")
    yield Line(name=f"{what}: most memory of a load", ours=bronze, unit="MB", at_most=_BRONZE_MB)
    yield Line(name=f"{what}: Dagster's storage, {start.runs} runs", ours=start.storage_mb, unit="MB")
    yield Line(name=f"{what}: Dagster's storage, pruned", ours=start.pruned_mb, unit="MB", at_most=_STORAGE_MB)
