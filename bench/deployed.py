"""The deployed platform on the services of ``make services-up``: more workers, and a flood of upload events."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import dagster as dg

from bench.launching import Launcher, launcher
from bench.report import Line
from bench.upstream import ROVER, Upstream, upstream
from martian_moments.defs.assets.lake import MANIFESTS, photos_key
from martian_moments.defs.partitions import PARTITION, Span
from martian_moments.defs.sensors import upload_sensor
from martian_moments.domain.documents import Coordinates, Kind, object_key
from martian_moments.events.log import UPLOADS, Message
from martian_moments.events.uploads import upload_event
from martian_moments_tests.e2e.cluster import DeployedLoop, deployed
from martian_moments_tests.services import Services, find_services

_GOALS: Final = {4: 3.6, 8: 6.5}
"""How many times what one Celery worker takes in so many shall take in."""

_RUNS: Final = max(_GOALS)
"""Equal runs, for one worker as for eight. Each has one request under way: as many together as runs may go on at a time."""

_LATENCY_MS: Final = 200
"""Of the replica, on the same two cores: a worker waits for it nearly all of its time, as it waits for NASA."""

_TICK_BUDGET_SECONDS: Final = 60.0
"""Dagster ends a tick that takes longer."""

_LOOK_SECONDS: Final = 0.2
_PATIENCE_SECONDS: Final = 900.0


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the deployed platform."""
    services = find_services()
    yield from _scale_out(services, sols=8 if quick else 800)
    yield from _drain(services, events=500 if quick else 50_000)


def _scale_out(services: Services, *, sols: int) -> Iterator[Line]:
    rates = {}
    with upstream(sols) as mars:
        mars.latency(_LATENCY_MS)
        for workers in (1, *_GOALS):
            with _cluster(services, mars, workers, module="bench.quiet") as (_, launching):
                rates[workers] = len(mars.sols) / _ingest(launching, mars)
    for workers, goal in _GOALS.items():
        yield Line(
            name=f"ingest {sols} sols, {_LATENCY_MS} ms: {workers} Celery workers",
            ours=rates[workers],
            unit="sols/s",
            baseline=rates[1],
            against="1 worker",
            ratio_at_least=goal,
        )


def _ingest(launching: Launcher, mars: Upstream) -> float:
    """Seconds from the launch of all runs to the end of the last one."""
    manifest = dg.RunRequest(asset_selection=[MANIFESTS], tags={PARTITION: ROVER})
    _finish(launching.instance, [launching.launch(manifest)])
    share = -(-len(mars.sols) // _RUNS)
    began = time.time()
    parts = [mars.sols[first : first + share] for first in range(0, len(mars.sols), share)]
    return _finish(launching.instance, [launching.launch(_photos(sols)) for sols in parts]) - began


def _photos(sols: Sequence[int]) -> dg.RunRequest:
    asset = photos_key(ROVER)
    span = Span(sols[0], sols[-1], tuple(sols))
    config = {"ops": {asset.to_python_identifier(): {"config": {"sols": list(sols)}}}}
    return dg.RunRequest(asset_selection=[asset], run_config=config, tags=span.tags())


def _finish(instance: dg.DagsterInstance, runs: Sequence[str]) -> float:
    """Wait for runs to succeed; POSIX seconds of the last one's end."""
    ends = []
    deadline = time.monotonic() + _PATIENCE_SECONDS
    for run_id in runs:
        while (record := instance.get_run_record_by_id(run_id)) is None or record.end_time is None:
            if time.monotonic() > deadline:
                raise RuntimeError(f"run {run_id} has not ended after {_PATIENCE_SECONDS:.0f} s")
            time.sleep(_LOOK_SECONDS)
        if not record.dagster_run.is_success:
            raise RuntimeError(f"run {run_id} is {record.dagster_run.status}")
        ends.append(record.end_time)
    return max(ends)


def _drain(services: Services, *, events: int) -> Iterator[Line]:
    """Events of sols that nobody has uploaded: all of the sensor's work, and bronze runs that find nothing to load."""
    with upstream(2) as mars, _cluster(services, mars, 1, module="martian_moments.definitions") as (loop, _):
        # The topic holds what other platforms have announced on the same services.
        _read_to_the_end(loop)
        began = time.time()
        loop.resources.event_log.publish(UPLOADS, _uploads(loop, events))
        published = time.time()
        _read_to_the_end(loop)
        drained = time.time()
        with loop.instance() as instance:
            ticks = _ticks(instance, after=began)
    name = f"{events:,} upload events through Kafka"
    yield Line(name=f"{name}: published in", ours=published - began, unit="s")
    yield Line(name=f"{name}: drained in", ours=drained - published, unit="s")
    yield Line(name=f"{name}: longest of {len(ticks)} ticks", ours=max(ticks), unit="s", at_most=_TICK_BUDGET_SECONDS)


def _read_to_the_end(loop: DeployedLoop) -> None:
    """Wait until the upload sensor has read every event."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while lag := sum(loop.status().lag[UPLOADS].values()):
        if time.monotonic() > deadline:
            raise RuntimeError(f"{lag} upload events are still unread after {_PATIENCE_SECONDS:.0f} s")
        # Each look opens a dozen connections to PostgreSQL.
        time.sleep(1)


def _uploads(loop: DeployedLoop, events: int) -> Iterator[Message]:
    bucket, moment = loop.resources.settings.lake_bucket, datetime.now(UTC)
    for number in range(events):
        key = object_key(Coordinates(Kind.PHOTOS, ROVER, "v1", number % 4_000))
        yield Message(f"{bucket}/{key}", upload_event(bucket=bucket, key=key, etag="e", size=1, moment=moment))


def _ticks(instance: dg.DagsterInstance, *, after: float) -> list[float]:
    """How long the upload sensor's ticks took, in seconds."""
    (state,) = [state for state in instance.all_instigator_state() if state.name == upload_sensor.NAME]
    ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, after=after)
    return [tick.end_timestamp - tick.timestamp for tick in ticks if tick.end_timestamp is not None]


@contextmanager
def _cluster(services: Services, mars: Upstream, workers: int, *, module: str) -> Iterator[tuple[DeployedLoop, Launcher]]:
    extra = {
        "MARS_ROVERS": ROVER,
        # The upstream's counts and the drained events are of v1.
        "MARS_SOURCES": "v1",
        "MARS_REQUESTS_PER_MINUTE": "1000000",
        "MARS_NASA_SLOTS": str(_RUNS),
        "MARS_CONCURRENCY": str(_RUNS),
    }
    with (
        tempfile.TemporaryDirectory() as folder,
        deployed(Path(folder), services, mars.replica, workers=workers, module=module, extra=extra) as loop,
        loop.instance() as instance,
        launcher(instance, loop.on.grpc_port) as launching,
    ):
        yield loop, launching
