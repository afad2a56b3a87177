"""Picks the event log for an address."""

from __future__ import annotations

from collections.abc import Mapping

from martian_moments.domain.errors import EventLogError
from martian_moments.events.kafka import KafkaEventLog
from martian_moments.events.log import EventLog
from martian_moments.events.sqlite import SqliteEventLog
from martian_moments.infrastructure.addresses import path_of


def open_log(url: str, kafka: Mapping[str, str] | None = None) -> EventLog:
    """The log at ``sqlite:///file`` (an absolute path) or ``kafka://host:port,host:port[/prefix]``.

    Args:
        url: the address.
        kafka: librdkafka's options, for a log on Kafka.

    Raises:
        EventLogError: the address is of neither kind.
        SettingsError: an option that the log itself must set.
    """
    match url.partition(":")[0]:
        case "sqlite":
            return SqliteEventLog(path_of(url))
        case "kafka":
            return KafkaEventLog(url, kafka)
        case _:
            raise EventLogError(
                f"{url} is not the address of an event log; use sqlite:///file or kafka://host:port,host:port[/prefix]"
            )
