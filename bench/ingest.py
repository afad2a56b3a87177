"""Backfill of 500 sols of Curiosity from an upstream that responds from memory, at 0 and at 100 ms latency."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import dagster as dg

from bench.contenders import Work
from bench.embedded import Platform, platform
from bench.measuring import Measured, in_own_process, median_of
from bench.report import Line
from bench.upstream import ROVER, Upstream, upstream
from martian_moments.defs.assets.lake import photos_run
from martian_moments.defs.partitions import Span, register_sols
from martian_moments.pipelines import ingest

_IN_FLIGHT: Final = 16
_TIMES: Final = 5
_RATIO: Final = {0: 1.4, 100: 1.15}
"""By latency in ms: how much longer than the bare loop the pipelines may take."""
_PEAK_MB: Final = 350


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the ingest benchmark."""
    times = 1 if quick else _TIMES
    with upstream(20 if quick else 500) as mars, tempfile.TemporaryDirectory() as home:
        through_dagster = _through_dagster(mars, Path(home), times)
        for latency, dagster in zip(_RATIO, through_dagster, strict=True):
            mars.latency(latency)
            yield from _lines(latency, mars, dagster, times)


def _lines(latency: int, mars: Upstream, dagster: Measured, times: int) -> Iterator[Line]:
    found = {name: _contender(name, mars, times) for name in ("floor", "pipelines", "bronze", "dlt")}
    what = f"ingest {len(mars.sols)} sols, {latency} ms"
    floor, dlt = found["floor"], found["dlt"]
    for name, title, goal in (
        ("pipelines", "pipelines alone", _RATIO[latency]),
        ("bronze", "pipelines by way of bronze", None),
    ):
        yield _beside(f"{what}: {title}", found[name], floor, "bare loop", goal)
    yield _beside(f"{what}: through Dagster", dagster, dlt, "dlt", 1.0)
    yield Line(name=f"{what}: peak of the run worker", ours=dagster.peak_mb, unit="MB", at_most=_PEAK_MB)


def _beside(name: str, ours: Measured, baseline: Measured, against: str, ratio_at_most: float | None) -> Line:
    return Line(
        name=name,
        ours=ours.seconds,
        unit="s",
        baseline=baseline.seconds,
        against=against,
        ratio_at_most=ratio_at_most,
        peak_mb=ours.peak_mb,
        baseline_peak_mb=baseline.peak_mb,
    )


def _contender(name: str, mars: Upstream, times: int) -> Measured:
    def once() -> Measured:
        with tempfile.TemporaryDirectory() as folder:
            work = Work(mars.replica.v1_url, mars.sols, _IN_FLIGHT, folder)
            measured = in_own_process("bench.contenders", *work.arguments(name))
        if measured.result["photos"] != mars.photos:
            raise RuntimeError(f"{name} ended with {measured.result['photos']} of {mars.photos} photos")
        return measured

    return median_of(once, times)


def _through_dagster(mars: Upstream, home: Path, times: int) -> list[Measured]:
    """The backfill as one run on a platform where nothing else runs, at each latency."""
    with platform(home, mars.replica.addresses, rover=ROVER, module="bench.quiet", in_flight=_IN_FLIGHT) as mine:
        asyncio.run(_fetch_manifest(mine))
        register_sols(mine.instance, ROVER, mars.sols[-1])
        measured = []
        _run(mine, mars, home)  # the first run of a platform also starts the process that forks the workers
        for latency in _RATIO:
            mars.latency(latency)
            measured.append(median_of(lambda: _run(mine, mars, home), times))
        return measured


async def _fetch_manifest(mine: Platform) -> None:
    async with mine.resources.nasa.client() as client:
        for source in mine.resources.nasa.photo_sources(client, ROVER):
            await ingest.fetch_manifest(source, mine.resources.lake, ROVER)


def _run(mine: Platform, mars: Upstream, home: Path) -> Measured:
    """From the launch to the last materialization, with an empty lake."""
    shutil.rmtree(home / "lake" / "photos", ignore_errors=True)
    launched = time.time()
    # As the sensors ask for them: the sols between them that have no photos are asked for by nobody else either.
    run_id = mine.launcher.launch(photos_run(ROVER, Span(mars.sols[0], mars.sols[-1], mars.sols)))
    peak_mb = mine.finish(run_id)
    reported = mine.instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    partitions = {record.partition_key for record in reported}
    if len(partitions) < len(mars.sols):
        raise RuntimeError(f"{len(partitions)} of {len(mars.sols)} sols are materialized")
    return Measured(max(record.timestamp for record in reported) - launched, peak_mb, {"sols": len(partitions)})
