"""Long pauses that upstreams ask for, kept in the lake: every process on every host keeps them, and ``status`` shows them.

A run lives for minutes and a pause for hours. The lake is the one place that all runs share, embedded and deployed. The
objects are no documents and announced to nobody; removing one lets its host be asked again at once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

import orjson

from martian_moments.domain.errors import LakeError
from martian_moments.lake.store import Lake

LONG: Final = timedelta(hours=1)
"""A shorter pause is waited for, or the gap sensor's delays cover it."""

_FOLDER: Final = "pauses/"

_log = logging.getLogger(__name__)


def keep(lake: Lake, host: str, until: datetime) -> None:
    """Keep until when (UTC) a host wants no requests. Where the lake does not take it, a warning says so."""
    body = orjson.dumps({"host": host, "until": until.isoformat()})
    try:
        lake.put_bytes(f"{_FOLDER}{quote(host, safe='')}.json", body)
    except LakeError as error:
        _log.warning("the pause of %s until %s is not kept: %s", host, until, error)


def kept(lake: Lake, now: datetime, *, longest: timedelta) -> Mapping[str, datetime]:
    """The moments (UTC) until which hosts want no requests, of those that lie ahead; ``longest`` bounds what is believed."""
    found: dict[str, datetime] = {}
    try:
        objects = lake.list(_FOLDER)
    except LakeError as error:
        _log.warning("nobody knows which hosts asked for a pause: %s", error)
        return found
    for info in objects:
        try:
            content = orjson.loads(lake.get(info.key))
            host, until = str(content["host"]), datetime.fromisoformat(content["until"]).astimezone(UTC)
        except (LakeError, ValueError, TypeError, KeyError, OverflowError) as error:
            _log.warning("%s is not what keeps a pause (%s); it counts as absent", info.key, type(error).__name__)
            continue
        if until > now:
            found[host] = min(until, now + longest)
    return found
