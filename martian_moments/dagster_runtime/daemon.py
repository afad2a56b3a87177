"""The embedded platform's daemon: Dagster's, which ticks a sensor within a second of a change in what it follows.

Dagster's own looks every five seconds which sensors are due. To tick them every second would multiply what the bookkeeping
of ticks takes, in two processes. So this one looks every second, and a sensor whose interval is not over yet ticks only
where the file of what it follows has been written since its last tick. Nothing depends on it: what is overlooked waits for
the sensor's interval, as on a deployed platform, whose event log and storage are servers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dagster._core.remote_representation.external import RemoteSensor
from dagster._core.scheduler.instigation import InstigatorState, SensorInstigatorData
from dagster._daemon import sensor as sensor_daemon
from dagster._daemon.cli import main as run_daemon

from martian_moments.dagster_runtime.follows import EVENTS, FOLLOWS, RUNS
from martian_moments.infrastructure.addresses import path_of
from martian_moments.settings import Settings

_LOOK_SECONDS: Final = 1
_SHARE: Final = 10
"""A tick before its time comes at the earliest so many times the duration of the last one after it: a tenth of a core."""

_BEHIND_SECONDS: Final = 0.02


class Wakes:
    """Decides in Dagster's place whether it is too early for a sensor's next tick."""

    def __init__(self, files: Mapping[str, Path]) -> None:
        """``files`` are SQLite's, by what sensors follow."""
        self._files = files

    def is_too_early(
        self, state: InstigatorState, sensor: RemoteSensor, minimum_allowed_min_interval: int | None = None
    ) -> bool:
        """As ``is_under_min_interval`` of Dagster's sensor daemon."""
        if not _is_under_min_interval(state, sensor, minimum_allowed_min_interval):
            return False
        data, file = state.instigator_data, self._files.get(sensor.tags.get(FOLLOWS, ""))
        if file is None or not isinstance(data, SensorInstigatorData) or not data.last_tick_start_timestamp:
            return True
        took = max(0.0, (data.last_tick_success_timestamp or 0.0) - data.last_tick_start_timestamp)
        elapsed = sensor_daemon.get_elapsed(state) or 0.0
        # Times of files are some milliseconds behind.
        return elapsed < _SHARE * took or _written(file) + _BEHIND_SECONDS < data.last_tick_start_timestamp


_is_under_min_interval = sensor_daemon.is_under_min_interval


def _written(file: Path) -> float:
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
    files = {RUNS[FOLLOWS]: Path(os.environ["DAGSTER_HOME"]) / "history" / "runs" / "index.db"}
    if settings.events.startswith("sqlite:"):
        files[EVENTS[FOLLOWS]] = path_of(settings.events)
    return files


def main() -> None:
    """``dagster-daemon``, with its arguments."""
    sensor_daemon.MIN_INTERVAL_LOOP_TIME = _LOOK_SECONDS
    sensor_daemon.is_under_min_interval = Wakes(followed(Settings.load())).is_too_early  # type: ignore[assignment]
    run_daemon()


if __name__ == "__main__":
    main()
