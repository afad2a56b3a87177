"""Uploads to a platform that is running and settled, and what readers wait for after each."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import dagster as dg
import orjson

from bench.measuring import percentile
from bench.report import Line
from martian_moments.defs.assets.models import FIRST_MODEL
from martian_moments.domain.documents import Coordinates, Document, Kind, decode, fingerprint_of, object_key
from martian_moments.operations.status import status
from martian_moments.resources import Resources
from martian_moments.warehouse.base import LEDGER
from martian_moments_tests.waiting import wait_until

_LOOK_SECONDS: Final = 0.1
_PATIENCE_SECONDS: Final = 300.0
_BUILD_SECONDS: Final = 10.0


def upload(resources: Resources, instance: dg.DagsterInstance, rover: str, sol: int, number: int) -> tuple[float, float]:
    """Upload one of v1's sols with one photo more, and wait until all is settled.

    Returns:
        Seconds until readers see it in the ledger of bronze and in gold.
    """
    key = object_key(Coordinates(Kind.PHOTOS, rover, "v1", sol))
    document = _with_one_more(decode(key, resources.lake.get(key)), number)
    photos = photos_in_gold(resources)
    uploaded = time.monotonic()
    put = asyncio.run(resources.lake.put_if_changed(document))
    _wait("bronze to show the upload", lambda: _etag_in_bronze(resources, key) == put.etag)
    in_bronze = time.monotonic()
    _wait("gold to show the upload", lambda: photos_in_gold(resources) == photos + 1)
    in_gold = time.monotonic()
    settle(resources, instance)
    return in_bronze - uploaded, in_gold - uploaded


def settle(resources: Resources, instance: dg.DagsterInstance) -> None:
    """Wait until nothing is under way and nothing lacks."""
    _wait("the platform to settle", lambda: status(resources, instance, running=True).settled)


def builds(instance: dg.DagsterInstance, since: datetime) -> list[float]:
    """What each build since then took that succeeded, from its launch to its end, in seconds."""
    found = instance.get_run_records(dg.RunsFilter(created_after=since, statuses=[dg.DagsterRunStatus.SUCCESS]))
    of_models = [record for record in found if FIRST_MODEL in (record.dagster_run.asset_selection or ())]
    return [record.end_time - record.create_timestamp.timestamp() for record in of_models if record.end_time]


def line_of(builds_of: str, seconds: Sequence[float]) -> Line:
    """What builds took, from :func:`builds`, beside the goal."""
    name = f"{builds_of}, launch to end, p50 of {len(seconds)}"
    return Line(name=name, ours=percentile(seconds, 50), unit="s", at_most=_BUILD_SECONDS)


def photos_in_gold(resources: Resources) -> int:
    """How many photos readers see in gold; none before it is published."""
    summary = resources.published.read("gold", "rover_summary", ["photos"])
    return 0 if summary is None else sum(summary["photos"].to_pylist())


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


def _wait(what: str, reached: Callable[[], bool]) -> None:
    wait_until(reached, what, _PATIENCE_SECONDS, pause=_LOOK_SECONDS)
