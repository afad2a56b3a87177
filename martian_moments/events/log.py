"""What every event log offers: topics with partitions, offsets, and reads from given offsets, as Kafka has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

UPLOADS: Final = "minio-events"
"""Upload events in MinIO's shape, one per PUT under a notified prefix."""

INGESTION_DEAD: Final = "ingestion-scheduling-dlq"
"""Requests that could not be read or ask for what does not exist, with their coordinates."""

UPLOADS_DEAD: Final = "minio-events-dlq"
"""What could not be read as an upload event, or names an object that cannot be loaded, with its coordinates."""

INGESTION_REQUESTS: Final = "ingestion-scheduling"
"""Sols that others ask for."""

LOADS_COMPLETE: Final = "warehouse-load-complete"
"""What was loaded into bronze."""

TOPICS: Final[Mapping[str, int]] = {UPLOADS: 4, UPLOADS_DEAD: 1, INGESTION_REQUESTS: 1, INGESTION_DEAD: 1, LOADS_COMPLETE: 1}
"""Every topic and its number of partitions."""

DEAD_LETTERS: Final[Mapping[str, str]] = {UPLOADS_DEAD: UPLOADS, INGESTION_DEAD: INGESTION_REQUESTS}
"""Each dead-letter topic, and the topic that its letters come from."""

RETENTION_DAYS: Final[Mapping[str, int]] = {
    UPLOADS: 7,  # what a platform that was down for longer missed, reconcile finds in the lake
    UPLOADS_DEAD: 30,
    INGESTION_REQUESTS: 7,
    INGESTION_DEAD: 30,
    LOADS_COMPLETE: 30,
}
"""How long a log that forgets keeps each topic's messages. It is set when a topic is created; operators may change it."""


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: the key decides the partition, so that messages of one key stay in order."""

    key: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """A message with its coordinates. ``timestamp_ms`` is the log's clock, UTC milliseconds."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes | None
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Watermarks:
    """The first offset that is still kept and the offset that the next message will get."""

    low: int
    high: int


class EventLog(Protocol):
    """An append-only log. At least once, in order within a partition; readers keep their own offsets."""

    def ensure(self) -> None:
        """Create the topics that are missing; repeating it changes nothing. Raises EventLogError."""
        ...

    def publish(self, topic: str, messages: Iterable[Message]) -> None:
        """Append messages; on return they are durable. Raises EventLogError (unknown topic, log not writable).

        When it raises, some of the messages may have been appended.
        """
        ...

    def read(self, topic: str, offsets: Mapping[int, int], *, limit: int) -> list[Record]:
        """At most ``limit`` records from the given offsets on; it never waits for more.

        Partitions that are not given start at the low watermark. The limit is shared fairly between partitions; within each,
        records come in the order of their offsets, which may have holes. Fewer records than ``limit`` mean that there was no
        more below the high watermarks at the time of the call. Raises OffsetOutOfRange when an offset lies below the low or
        above the high watermark, EventLogUnavailable when the log does not respond.
        """
        ...

    def watermarks(self, topic: str) -> dict[int, Watermarks]:
        """Per partition of the topic."""
        ...

    def identity(self, topic: str) -> str | None:
        """What distinguishes this topic from a deleted one of the same name: an offset means something in one only.

        None where the log does not know it. Raises EventLogError.
        """
        ...

    def probe(self) -> None:
        """Look through what is stored as far as the log itself can. Raises EventLogError for damage, past or present."""
        ...

    def close(self) -> None:
        """Release what the log holds."""
        ...
