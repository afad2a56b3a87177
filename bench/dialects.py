"""Records per second from raw responses to silver, by dialect: fetch, check, keep, load into bronze, build source_photos.

``python -m bench.dialects STEP ROVER HOME SETTINGS`` does one step (fetch, silver), in a home where the empty tables are.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bench.contenders import Work
from bench.dbt_builds import dbt_build
from bench.measuring import Measured, in_own_process, median_of
from bench.report import Line
from bench.upstream import ROVER, real_counts, replica_process
from martian_moments.nasa import m20, msl, pds, v1
from martian_moments.replica.config import ReplicaConfig
from martian_moments.warehouse.open import DUCKDB_FILE

if TYPE_CHECKING:
    from martian_moments.replica.running import RunningReplica
    from martian_moments.resources import Resources

ROVERS: Final[Mapping[str, str]] = {m20.SOURCE: "perseverance", msl.SOURCE: ROVER, pds.SOURCE: "opportunity"}
"""The rover that stands for a dialect; v1 has all of them."""

_IN_FLIGHT: Final = 16
_FETCH_MB: Final = 500
"""What the process that fetches may take, whatever the dialect."""

_EMPTY: Final = "empty.duckdb"


def measure(*, quick: bool) -> Iterator[Line]:
    """A line per dialect: beside v1 for the same rover's sols, and v1 beside the bare loop of the ingest benchmark."""
    sols, times = (5, 1) if quick else (500, 3)
    config = ReplicaConfig(sols=sols, counts=real_counts())
    with replica_process(config) as replica, tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _prepare(home)

        def median(source: str, rover: str) -> Measured:
            return median_of(partial(_once, replica, home, source, rover), times)

        by_v1 = {rover: median(v1.SOURCE, rover) for rover in ROVERS.values()}
        for source, rover in ROVERS.items():
            ours = median(source, rover)
            yield _line(source, rover, ours, by_v1[rover], "v1")
            yield _peak(source, sols, ours)
        yield _line(v1.SOURCE, ROVER, by_v1[ROVER], median_of(partial(_bare_loop, replica), times), "bare loop")
        yield _peak(v1.SOURCE, sols, by_v1[ROVER])


def _line(source: str, rover: str, ours: Measured, baseline: Measured, against: str) -> Line:
    return Line(
        name=f"{source}: {ours.result['photos']:,} records of {rover} to silver",
        ours=ours.result["photos"] / ours.seconds,
        unit="records/s",
        baseline=baseline.result["photos"] / baseline.seconds,
        against=against,
        peak_mb=ours.peak_mb,
        baseline_peak_mb=baseline.peak_mb,
    )


def _peak(source: str, sols: int, ours: Measured) -> Line:
    return Line(name=f"{source}: peak of fetching {sols} sols", ours=ours.result["fetch_mb"], unit="MB", at_most=_FETCH_MB)


def _prepare(home: Path) -> None:
    """Make the empty tables, and let dbt parse the project, as on a platform that has long been running."""
    parts = _resources(home, {})
    parts.warehouse.ensure()
    _build(parts)
    (home / DUCKDB_FILE).rename(home / _EMPTY)


def _once(replica: RunningReplica, home: Path, source: str, rover: str) -> Measured:
    for folder in (home / "lake", home / "scratch"):
        shutil.rmtree(folder, ignore_errors=True)
    shutil.copy(home / _EMPTY, home / DUCKDB_FILE)
    fetched, built = (step_of(step, replica, home, source, rover) for step in ("fetch", "silver"))
    photos = built.result["photos"]
    truth = sum(map(len, replica.control.ids(source, rover).values()))
    if photos != truth:
        raise RuntimeError(f"{source} ended with {photos} of {truth} records of {rover}")
    result = {"photos": photos, "fetch_mb": fetched.peak_mb}
    return Measured(fetched.seconds + built.seconds, max(fetched.peak_mb, built.peak_mb), result)


def step_of(step: str, replica: RunningReplica, home: Path, source: str, rover: str) -> Measured:
    """One of STEPS in a process of its own, with a replica as its upstream and no limit to its requests."""
    settings = {
        "upstream": replica.addresses,
        "sources": source,
        "requests_per_minute": 1_000_000,
        "concurrency": _IN_FLIGHT,
        "nasa_slots": 1,
    }
    return in_own_process("bench.dialects", step, rover, str(home), json.dumps(settings))


def _bare_loop(replica: RunningReplica) -> Measured:
    with tempfile.TemporaryDirectory() as folder:
        work = Work(replica.v1_url, tuple(replica.control.ids(v1.SOURCE, ROVER)), _IN_FLIGHT, folder)
        return in_own_process("bench.contenders", *work.arguments("floor"))


def _resources(home: Path, settings: Mapping[str, Any]) -> Resources:
    from martian_moments.resources import Resources
    from martian_moments.settings import Settings

    return Resources(Settings.load(home=home, **settings))


def fetch(parts: Resources, rover: str) -> dict[str, int]:
    """From the responses to the lake."""
    from martian_moments.pipelines import ingest
    from martian_moments.pipelines.coverage import coverage

    async def ask() -> int:
        async with parts.nasa.client() as client:
            (source,) = parts.nasa.photo_sources(client, rover)
            await ingest.fetch_manifest(source, parts.lake, rover)
            known = coverage(parts.lake, rover, [source.name])
            asked = ingest.fetch_sols([source], parts.lake, known, known.sols, refetch=False, in_flight=_IN_FLIGHT)
            return sum([result.header.record_count async for result in asked if result.header])

    return {"photos": asyncio.run(ask())}


def silver(parts: Resources, _rover: str) -> dict[str, int]:
    """From the lake to silver."""
    import duckdb

    from martian_moments.pipelines.load import load

    load(parts.lake, parts.warehouse, parts.lake.list())
    _build(parts)
    with duckdb.connect(str(parts.settings.home / DUCKDB_FILE), read_only=True) as connection:
        ((photos,),) = connection.execute("select count(*) from silver.source_photos").fetchall()
    return {"photos": photos}


def _build(parts: Resources) -> None:
    dbt_build(parts, "--select", "+source_photos", "--exclude", "resource_type:test", "resource_type:unit_test")


STEPS: Final[dict[str, Callable[[Resources, str], dict[str, int]]]] = {"fetch": fetch, "silver": silver}


def main() -> None:
    """Do one step, and print how many records there are then."""
    step, rover, home, settings = sys.argv[1:]
    print(json.dumps(STEPS[step](_resources(Path(home), json.loads(settings)), rover)))


if __name__ == "__main__":
    main()
