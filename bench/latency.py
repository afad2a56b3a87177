"""From an upload to bronze and to gold, on an idle platform with all its sensors and schedules."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import dagster as dg
import orjson

from bench.embedded import Platform, platform
from bench.measuring import percentile
from bench.report import Line
from bench.upstream import ROVER, upstream
from martian_moments.defs.assets.models import FIRST_MODEL
from martian_moments.domain.documents import Coordinates, Document, Kind, decode, fingerprint_of, object_key
from martian_moments.events.log import INGESTION_REQUESTS
from martian_moments.events.messages import refresh_request
from martian_moments.operations.status import status
from martian_moments.resources import Resources
from martian_moments.warehouse.base import LEDGER

_SOLS: Final = 40
_LOOK_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 300.0
_PERCENTILES: Final = (50, 95)
_GOALS: Final = {"bronze": (3.0, 5.0), "gold": (9.0, 13.0)}
"""At most so many seconds, of each percentile."""

_BEFORE: Final = {"bronze": (5.97, 10.84), "gold": (22.96, 27.59)}
"""What they were on the same machine when they were first measured."""

_BUILD_P50: Final = 10.0


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the latency benchmark."""
    uploads = 1 if quick else 20
    with upstream(2 if quick else _SOLS) as mars, tempfile.TemporaryDirectory() as home:
        addresses, module = mars.replica.addresses, "martian_moments.definitions"
        with platform(Path(home), addresses, rover=ROVER, module=module, in_flight=16) as mine:
            mine.resources.event_log.publish(INGESTION_REQUESTS, [refresh_request([ROVER], young=False)])
            _settle(mine)
            settled = datetime.now(UTC)
            times = [_upload(mine, mars.sols[-1], number) for number in range(uploads)]
            builds = _builds(mine.instance, settled)
    for what, found in zip(_GOALS, zip(*times, strict=True), strict=True):
        for percent, goal, before in zip(_PERCENTILES, _GOALS[what], _BEFORE[what], strict=True):
            yield Line(
                name=f"upload to {what}, p{percent} of {uploads}",
                ours=percentile(found, percent),
                unit="s",
                baseline=before,
                against="in November 2026",
                at_most=goal,
            )
    yield Line(
        name=f"build of them, launch to end, p50 of {len(builds)}", ours=percentile(builds, 50), unit="s", at_most=_BUILD_P50
    )


def _builds(instance: dg.DagsterInstance, since: datetime) -> list[float]:
    """What each build since then took that succeeded, from its launch to its end, in seconds."""
    found = instance.get_run_records(dg.RunsFilter(created_after=since, statuses=[dg.DagsterRunStatus.SUCCESS]))
    of_models = [record for record in found if FIRST_MODEL in (record.dagster_run.asset_selection or ())]
    return [record.end_time - record.create_timestamp.timestamp() for record in of_models if record.end_time]


def _upload(mine: Platform, sol: int, number: int) -> tuple[float, float]:
    """Upload a sol with one photo more; seconds until readers see it in the ledger of bronze and in gold."""
    # Ticks come at fixed intervals: an upload may find any moment between two of them.
    time.sleep(random.Random(number).uniform(0, 5))
    key = object_key(Coordinates(Kind.PHOTOS, ROVER, "v1", sol))
    document = _with_one_more(decode(key, mine.resources.lake.get(key)), number)
    photos = _photos_in_gold(mine.resources)
    uploaded = time.monotonic()
    put = asyncio.run(mine.resources.lake.put_if_changed(document))
    _wait("bronze to show the upload", lambda: _etag_in_bronze(mine.resources, key) == put.etag)
    in_bronze = time.monotonic()
    _wait("gold to show the upload", lambda: _photos_in_gold(mine.resources) == photos + 1)
    in_gold = time.monotonic()
    _settle(mine)
    return in_bronze - uploaded, in_gold - uploaded


def _with_one_more(document: Document, number: int) -> Document:
    page = orjson.loads(document.pages[0])
    page["photos"].append(page["photos"][-1] | {"id": 1_000_000_000 + number})
    header = dataclasses.replace(
        document.header,
        fetched_at=datetime.now(UTC),
        fingerprint=fingerprint_of(page),
        record_count=document.header.record_count + 1,
    )
    return Document(header, (orjson.dumps(page),))


def _etag_in_bronze(resources: Resources, key: str) -> str | None:
    ledger = resources.published.read(LEDGER.schema, LEDGER.name, ["object_key", "etag"])
    held = [] if ledger is None else ledger.to_pylist()
    return next((row["etag"] for row in held if row["object_key"] == key), None)


def _photos_in_gold(resources: Resources) -> int:
    summary = resources.published.read("gold", "rover_summary", ["photos"])
    return 0 if summary is None else sum(summary["photos"].to_pylist())


def _settle(mine: Platform) -> None:
    _wait("the platform to settle", lambda: status(mine.resources, mine.instance, running=True).settled)


def _wait(what: str, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {_PATIENCE_SECONDS:.0f} s for {what}")
        time.sleep(_LOOK_SECONDS)
