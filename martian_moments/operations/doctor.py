"""The check-up: whether each part that the settings name works from here, and what to do where it does not."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from martian_moments.domain.clock import is_ahead, latest_plausible
from martian_moments.domain.documents import FOLDERS, coordinates
from martian_moments.domain.errors import MartianError, PublishedDamaged, WarehouseBusy
from martian_moments.events.log import TOPICS, UPLOADS
from martian_moments.infrastructure.space import require_space
from martian_moments.infrastructure.web import check_environment
from martian_moments.operations.dated_ahead import dated_ahead
from martian_moments.operations.failures import described
from martian_moments.operations.instance import open_instance
from martian_moments.operations.parts import Part, parts
from martian_moments.operations.platform import find_running, require_running
from martian_moments.operations.service import service_status
from martian_moments.resources import Resources
from martian_moments.settings.environment import given_secrets
from martian_moments.warehouse.base import LEDGER
from martian_moments.warehouse.models import published_models

_ENOUGH_BYTES: Final = 2 * 1024**3
"""The full history takes about 1 GB in lake, warehouse and published tables together."""

_LATEST_EVENTS: Final = 200
"""How many of a partition's last events are looked at for one of this lake."""

_EVENT_DELAY: Final = timedelta(seconds=60)
"""An event takes under a second; after a broker's restart MinIO sends what it kept within half a minute."""


_WORKER_SECONDS: Final = 3.0
"""Workers respond beside the run that they execute, within milliseconds."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. ``detail`` says what was found or, where ``ok`` is False, what to do."""

    what: str
    ok: bool
    detail: str


class _Fault(MartianError):
    """A check found something that a person has to set right."""


def check_up(resources: Resources) -> Iterator[Finding]:
    """Check that each part is there, then that what is there works."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("disk", partial(_disk, resources)),
        ("web access", _web),
        *((part.what, partial(_part, part)) for part in parts(resources)),
        ("lake", partial(_lake, resources)),
        ("event log", partial(_log, resources)),
        *([("upload events", partial(_upload_events, resources))] if resources.settings.lake_announces_itself else []),
        ("bronze", partial(_bronze, resources)),
        ("published tables", partial(_published, resources)),
        ("platform", partial(_platform, resources)),
        ("service", partial(_service, resources)),
        *([("workers", _workers)] if resources.settings.broker_url else []),
    ]
    for what, check in checks:
        yield _finding(resources, what, check)


def _finding(resources: Resources, what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, ok=True, detail=check())
    except Exception as error:  # noqa: BLE001 - whatever a library raises is this finding, and takes no other one along
        return Finding(what, ok=False, detail=described(error, resources.settings.home))


def _disk(resources: Resources) -> str:
    home = resources.settings.home
    home.mkdir(parents=True, exist_ok=True)
    require_space(resources.settings.folders)
    free = shutil.disk_usage(home).free
    if free < _ENOUGH_BYTES:
        raise _Fault(f"{free / 1024**3:.1f} GB free at {home}; the full history needs {_ENOUGH_BYTES / 1024**3:.0f}")
    return f"{free / 1024**3:.0f} GB free at {home}"


def _web() -> str:
    check_environment()
    return "proxies and certificates of the environment are accepted"


def _part(part: Part) -> str:
    lacking = part.lacking()
    if lacking and not part.on_demand:
        raise _Fault(f"{part.where}: {lacking}; martian-moments init sets it right")
    return f"{part.where}: {lacking}; the first start makes it, or martian-moments init" if lacking else part.where


def _lake(resources: Resources) -> str:
    resources.lake.probe()
    if ahead := dated_ahead(resources.lake, resources.settings.rovers):
        raise _Fault(ahead)
    return f"{resources.settings.lake}: written and read"


def _log(resources: Resources) -> str:
    resources.event_log.probe()
    messages = sum(mark.high - mark.low for topic in TOPICS for mark in resources.event_log.watermarks(topic).values())
    for topic in TOPICS:
        resources.event_log.read(topic, _last(resources, topic, 1), limit=1)
    return f"{resources.settings.events}: {len(TOPICS)} topics read, {messages} messages"


def _upload_events(resources: Resources) -> str:
    """Whether the lake's newest document was announced. A probe of its own would be a document that nobody can load."""
    documents = [each for folder in FOLDERS for each in resources.lake.list(folder) if coordinates(each.key)]
    if not documents:
        return "nothing was uploaded yet"
    # What a clock that was wrong has dated ahead is newest for years, and says nothing about today's events.
    newest = max(documents, key=lambda each: (not is_ahead(each.modified), each.modified))
    records = resources.event_log.read(
        UPLOADS, _last(resources, UPLOADS, _LATEST_EVENTS), limit=TOPICS[UPLOADS] * _LATEST_EVENTS
    )
    mine = [each.timestamp_ms / 1_000 for each in records if each.key.startswith(f"{resources.settings.lake_bucket}/")]
    plausible = (moment for moment in mine if moment <= latest_plausible().timestamp())
    latest = datetime.fromtimestamp(max(plausible, default=0), UTC)
    if newest.modified > latest + _EVENT_DELAY and newest.modified < datetime.now(UTC) - _EVENT_DELAY:
        raise _Fault(
            f"{newest.key} was written at {newest.modified:%Y-%m-%d %H:%M} UTC and no event has come since "
            f"{f'{latest:%Y-%m-%d %H:%M}' if mine else 'the log began'}; see what the object store's log says about its "
            "Kafka target. Nothing is lost: reconcile loads what no event reported"
        )
    return f"{newest.key}, the newest document, was announced"


def _last(resources: Resources, topic: str, count: int) -> dict[int, int]:
    return {partition: max(mark.low, mark.high - count) for partition, mark in resources.event_log.watermarks(topic).items()}


def _bronze(resources: Resources) -> str:
    """Whether everything in the warehouse can be read, and bronze holds what its published ledger claims."""
    where = resources.settings.warehouse
    try:
        if why := resources.warehouse.damage():
            raise _Fault(
                f"{where}: {why}; the next load or build sets it aside and makes it anew from the lake: with the platform "
                "running that takes minutes, or martian-moments init does it now"
            )
        if not resources.warehouse.exists():
            return f"{where}: nothing was loaded yet"
        held = resources.warehouse.ledger()["object_key"].to_pylist()
    except WarehouseBusy:
        return f"{where}: a load or a build is at work; it finds what is damaged by itself"
    try:
        claimed = resources.published.read(LEDGER.schema, LEDGER.name, ["object_key"])
    except PublishedDamaged:
        claimed = None  # the check of the published tables finds it
    # A load that has not published yet has more; bronze never has less than was published.
    if claimed is not None and (lost := set(claimed["object_key"].to_pylist()).difference(held)):
        raise _Fault(
            f"{where}: {len(lost)} documents that the published ledger reports are gone from bronze ({min(lost)} for one); "
            "materialize bronze/manifests, which publishes what is true: reconcile then loads the rest"
        )
    return f"{where}: {len(held)} documents, every table was read"


def _published(resources: Resources) -> str:
    published = resources.published
    if damaged := published.damaged() or published.unreadable():
        raise _Fault("; ".join(damaged.values()) + " (unless a build is publishing just now)")
    # Also whether they are Parquet, which a comparison of bytes does not show.
    tables = [published.read(table.schema, table.name, []) for table in published_models()]
    ledger = published.read(LEDGER.schema, LEDGER.name, ["object_key"])
    manifest = published.manifest()
    return (
        f"{resources.settings.published}: {sum(table is not None for table in tables)} tables of dbt and "
        f"{len(manifest.open_formats) if manifest else 0} open formats as they were published, "
        f"{0 if ledger is None else ledger.num_rows} objects in the published ledger"
    )


def _platform(resources: Resources) -> str:
    settings = resources.settings
    if not settings.deployed:
        running = find_running(settings.home)
        return "not running; martian-moments up starts it" if running is None else f"running, {running.url or 'headless'}"
    with open_instance(settings) as instance:
        require_running(settings, instance)
    return "running, every daemon beats"


def _service(resources: Resources) -> str:
    settings = resources.settings
    found = service_status(settings)
    if found is None:
        return (
            "not running; martian-moments up starts it, or martian-moments serve" if settings.serve else "MARS_SERVE is off"
        )
    if not found.responds:
        raise _Fault(
            f"{found.url} does not respond; see its log (logs/service.log of the home, or docker compose logs api), or set "
            "MARS_SERVE=False where there is to be none"
        )
    if found.published_at is None:
        return f"{found.url}: {found.reason}"
    return f"{found.url}: tables of {found.published_at:%Y-%m-%d %H:%M} UTC{f'; {found.reason}' if found.reason else ''}"


def _workers() -> str:
    from kombu.exceptions import OperationalError

    from martian_moments.dagster_runtime.celery_app import app

    try:
        responses = app.control.ping(timeout=_WORKER_SECONDS)
    except OperationalError as error:
        why = given_secrets().line(error)
        raise _Fault(
            f"the broker of MARS_BROKER_URL does not respond ({why}); start Redis, or correct the address"
        ) from None
    names = sorted(name for response in responses for name in response)
    if not names:
        raise _Fault(
            "no worker responds, so that runs stay in the queue; start one with "
            "celery -A martian_moments.dagster_runtime.celery_app worker -Q dagster"
        )
    return ", ".join(names)
