"""The check-up: whether each part that the settings name works from here, and what to do where it does not."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from martian_moments.errors import MartianError
from martian_moments.events.log import TOPICS
from martian_moments.operations.platform import find_running
from martian_moments.rooms import Rooms

_ENOUGH_BYTES: Final = 2 * 1024**3
"""The full history takes about 1 GB in lake, warehouse and published tables together."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check. ``detail`` says what was found or, where ``ok`` is False, what to do."""

    what: str
    ok: bool
    detail: str


def check_up(rooms: Rooms) -> Iterator[Finding]:
    """Check each part in turn."""
    checks: list[tuple[str, Callable[[Rooms], str]]] = [
        ("disk", _disk),
        ("lake", _lake),
        ("event log", _log),
        ("warehouse", _warehouse),
        ("dbt project", _models),
        ("platform", _platform),
    ]
    for what, check in checks:
        try:
            yield Finding(what, ok=True, detail=check(rooms))
        except (MartianError, OSError) as error:
            yield Finding(what, ok=False, detail=str(error))


def _disk(rooms: Rooms) -> str:
    home = rooms.settings.home
    home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(home).free
    if free < _ENOUGH_BYTES:
        raise OSError(f"{free / 1024**3:.1f} GB free at {home}; the full history needs {_ENOUGH_BYTES / 1024**3:.0f}")
    return f"{free / 1024**3:.0f} GB free at {home}"


def _lake(rooms: Rooms) -> str:
    body = uuid.uuid4().bytes
    rooms.lake.put_bytes("doctor/probe", body)
    if rooms.lake.get("doctor/probe") != body:
        raise OSError(f"{rooms.settings.lake} gave back other bytes than were written; check the store")
    return f"{rooms.settings.lake}: written and read"


def _log(rooms: Rooms) -> str:
    messages = sum(mark.high - mark.low for topic in TOPICS for mark in rooms.log.watermarks(topic).values())
    return f"{rooms.settings.events}: {len(TOPICS)} topics, {messages} messages"


def _warehouse(rooms: Rooms) -> str:
    # Never opened here: a load may hold it, and its own runs report what is wrong with it.
    ledger = rooms.published.read("bronze", "ledger", ["object_key"])
    return f"{rooms.settings.warehouse}: {0 if ledger is None else ledger.num_rows} objects in the published ledger"


def _models(_: Rooms) -> str:
    from martian_moments.operations.baking import bake

    return "parsed now" if bake() else "parsed"


def _platform(rooms: Rooms) -> str:
    running = find_running(Path(rooms.settings.home))
    return "not running; martian-moments up starts it" if running is None else f"running, {running.url or 'headless'}"
