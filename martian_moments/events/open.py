"""Picks the event log for an address."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from martian_moments.errors import EventLogError
from martian_moments.events.log import EventLog
from martian_moments.events.sqlite import SqliteEventLog


def open_log(url: str, kafka: Mapping[str, str] | None = None) -> EventLog:  # noqa: ARG001 - for the log on Kafka
    """The log at ``sqlite:///file`` (an absolute path). Raises EventLogError for any other address."""
    match urlsplit(url).scheme:
        case "sqlite":
            return SqliteEventLog(Path(url.removeprefix("sqlite://")))
        case _:
            raise EventLogError(f"{url} is not the address of an event log; use sqlite:///file")
