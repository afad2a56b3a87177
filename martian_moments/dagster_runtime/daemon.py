"""The embedded platform's daemon: Dagster's, which acts within a moment on a change in what it looks at.

Dagster's own looks every five seconds which sensors are due, every second or more what is queued, and every half a minute
what has become of a backfill. To look more often would multiply what it takes when nothing happens. So this one looks when
the file of what a loop looks at was written, which is a look at a file's time ten times a second. A sensor whose interval is
not over yet ticks only where the file of what it follows has been written since its last tick. Nothing depends on it: what
is overlooked waits for the interval, as on a deployed platform, whose event log and storage are servers.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Final

import dagster as dg
from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData
from dagster._daemon import controller
from dagster._daemon import sensor as sensor_daemon
from dagster._daemon.cli import main as run_daemon
from dagster._daemon.daemon import BackfillDaemon, SensorDaemon, SpanMarker
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon

from martian_moments.dagster_runtime.follows import EVENTS, FOLLOWS, RUNS
from martian_moments.dagster_runtime.launcher import WatchedRunLauncher
from martian_moments.infrastructure.addresses import path_of
from martian_moments.settings import Settings

if TYPE_CHECKING:
    from dagster._core.workspace.context import IWorkspaceProcessContext
    from dagster._daemon.daemon import DaemonIterator

_LOOK_SECONDS: Final = 0.1
"""How often files' times are looked at."""

_SHARE: Final = 5
"""A tick before its time comes at the earliest so many times the duration of the last one after it."""

_BEHIND_SECONDS: Final = 0.02
"""Times of files are some milliseconds behind."""

_LINGER_SECONDS: Final = 5.0
"""So long after a change sensors are looked at: of several that follow it, some tick already or have just ticked."""

_SENSORS_APART: Final = 0.25
"""Seconds between two looks at the sensors: one is 5 ms of CPU."""

_BACKFILLS_APART: Final = 1.0
"""Seconds between two looks at the backfills, of which each under way is evaluated."""


class Wakes:
    """Decides in Dagster's place whether it is too early for a sensor's next tick."""

    def __init__(self, changed: Mapping[str, Callable[[], float]]) -> None:
        """``changed`` says when something has changed last (POSIX seconds), by what sensors follow."""
        self._changed = changed

    def is_too_early(
        self, state: InstigatorState, sensor: RemoteSensor, minimum_allowed_min_interval: int | None = None
    ) -> bool:
        """As ``is_under_min_interval`` of Dagster's sensor daemon."""
        if not _is_under_min_interval(state, sensor, minimum_allowed_min_interval):
            return False
        data, changed = state.instigator_data, self._changed.get(sensor.tags.get(FOLLOWS, ""))
        if changed is None or not isinstance(data, SensorInstigatorData) or not data.last_tick_start_timestamp:
            return True
        took = max(0.0, (data.last_tick_success_timestamp or 0.0) - data.last_tick_start_timestamp)
        elapsed = sensor_daemon.get_elapsed(state) or 0.0
        return elapsed < _SHARE * took or changed() + _BEHIND_SECONDS < data.last_tick_start_timestamp


_ENDS: Final = (
    dg.DagsterEventType.PIPELINE_SUCCESS,
    dg.DagsterEventType.PIPELINE_FAILURE,
    dg.DagsterEventType.PIPELINE_CANCELED,
)
_NEWEST_END: Final = "select id from event_logs where dagster_event_type in (?, ?, ?) order by id desc limit 1"

_is_under_min_interval = sensor_daemon.is_under_min_interval


class RunEnds:
    """When a run was last seen to have ended, by Dagster's index of events; a call takes 0.2 ms.

    What else is written there, twice as often, changes nothing for those who follow runs: they wait for the ends.
    """

    def __init__(self, index: Path) -> None:
        self._index = index
        self._looked_at = 0.0
        self._newest: int | None = None
        self._seen_at = time.time()

    def __call__(self) -> float:
        """In POSIX seconds; now where the index cannot be read."""
        now = time.time()
        if written(self._index) + _BEHIND_SECONDS >= self._looked_at:
            self._looked_at = now
            newest = self._read()
            if newest is None or newest != self._newest:
                self._newest, self._seen_at = newest, now
        return self._seen_at

    def _read(self) -> int | None:
        try:
            with closing(sqlite3.connect(f"{self._index.as_uri()}?mode=ro", uri=True)) as connection:
                row = connection.execute(_NEWEST_END, [event.value for event in _ENDS]).fetchone()
        except sqlite3.Error:
            return None
        return 0 if row is None else int(row[0])


class Alarm(Event):
    """A loop's signal to end, whose ``wait`` is over as soon as one of some files has been written.

    Written since the last time that it was over: what was written while the loop looked is looked at again.
    """

    def __init__(self, end: Event, files: Sequence[Path], *, apart: float = 0.0, linger: float = _BEHIND_SECONDS) -> None:
        """An alarm.

        Args:
            end: the signal itself.
            files: SQLite's.
            apart: seconds that it waits at least.
            linger: seconds for which a file counts as written.
        """
        super().__init__()
        self._end = end
        self._files = files
        self._apart = apart
        self._linger = linger
        self._rang = time.time()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether the loop shall end."""
        began = time.monotonic()
        while not self._end.wait(_LOOK_SECONDS):
            waited = time.monotonic() - began
            is_written = waited >= self._apart and max(map(written, self._files)) + self._linger >= self._rang
            if is_written or (timeout is not None and waited >= timeout):
                self._rang = time.time()
                return False
        return True


def written(file: Path) -> float:
    """When a SQLite file was last written (POSIX seconds), or its log of what is not in it yet."""
    times = [0.0]
    for each in (file, file.with_name(f"{file.name}-wal")):
        try:
            found = each.stat()
        except OSError:
            continue
        # An empty log belongs to somebody who only reads.
        times += [found.st_mtime] if found.st_size else []
    return max(times)


def followed(settings: Settings) -> dict[str, Path]:
    """The files of what sensors follow, where they are files."""
    files = {RUNS[FOLLOWS]: _history() / "runs" / "index.db"}
    if settings.events.startswith("sqlite:"):
        files[EVENTS[FOLLOWS]] = path_of(settings.events)
    return files


def changes(settings: Settings) -> dict[str, Callable[[], float]]:
    """When what sensors follow has changed last."""
    files = followed(settings)
    return {name: RunEnds(file) if name == RUNS[FOLLOWS] else partial(written, file) for name, file in files.items()}


def _history() -> Path:
    return Path(os.environ["DAGSTER_HOME"]) / "history"


def _runs() -> Path:
    """The file of the runs, their states and the backfills."""
    return _history() / "runs.db"


class _Sensors(SensorDaemon):
    """Looks which sensors are due after a change in what any of them follows."""

    def core_loop(self, workspace_process_context: IWorkspaceProcessContext[Any], shutdown_event: Event) -> DaemonIterator:
        files = list(followed(Settings.load()).values())
        alarm = Alarm(shutdown_event, files, apart=_SENSORS_APART, linger=_LINGER_SECONDS)
        return super().core_loop(workspace_process_context, alarm)


class _Backfills(BackfillDaemon):
    """Looks at the backfills after each has been asked for, and after a run has changed its state."""

    def core_loop(self, workspace_process_context: IWorkspaceProcessContext[Any], shutdown_event: Event) -> DaemonIterator:
        alarm = Alarm(shutdown_event, [_runs()], apart=_BACKFILLS_APART)
        return super().core_loop(workspace_process_context, alarm)


class _Queue(QueuedRunCoordinatorDaemon):
    """Looks at the queue after a run has been put into it, and after one has ended."""

    def core_loop(self, workspace_process_context: IWorkspaceProcessContext[Any], shutdown_event: Event) -> DaemonIterator:
        launcher = workspace_process_context.instance.run_launcher
        if isinstance(launcher, WatchedRunLauncher):
            launcher.prepare()
        alarm = Alarm(shutdown_event, [_runs()])
        # Dagster's loop sleeps for half a second at a time.
        interval, self.interval_seconds = self.interval_seconds, 0
        for step in super().core_loop(workspace_process_context, shutdown_event):
            yield step
            if step is SpanMarker.END_SPAN:
                alarm.wait(interval)


def main() -> None:
    """``dagster-daemon``, with its arguments."""
    sensor_daemon.is_under_min_interval = Wakes(changes(Settings.load())).is_too_early  # type: ignore[assignment]
    for name, loop in (("SensorDaemon", _Sensors), ("BackfillDaemon", _Backfills), ("QueuedRunCoordinatorDaemon", _Queue)):
        setattr(controller, name, loop)
    run_daemon()


if __name__ == "__main__":
    main()
