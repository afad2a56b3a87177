"""The embedded event log: one SQLite file that several processes append to and read at the same time.

The file is in WAL mode: readers never wait for a writer, writers take turns. A message is durable when ``publish`` returns,
also against a power cut, and no reader sees it earlier: with ``synchronous = FULL`` SQLite syncs its log at each commit and
shows the commit to others only then (0.6 ms a commit on an SSD, several on a busy one; threads that publish at the same time
share one). So no cursor ever counts a message that may still be lost.
Messages are never removed, so that offsets are contiguous; a history of 11,476 sols takes about 15 MB. The file must lie on
a local disk: WAL needs shared memory between its users. What becomes of a file that is deleted or damaged is in
sqlite_file.py.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from martian_moments.domain.errors import EventLogError, MartianError
from martian_moments.events.log import TOPICS, Message, Record, Watermarks
from martian_moments.events.offsets import fair_shares, starts
from martian_moments.events.sqlite_file import BUSY_SECONDS, LogFile, identity

_Result = TypeVar("_Result")


def partition_of(key: str, partitions: int) -> int:
    """The partition of a key: its CRC-32 modulo the number of partitions, as in librdkafka's ``consistent`` partitioners."""
    return zlib.crc32(key.encode()) % partitions


@dataclass(slots=True)
class _Publication:
    """Messages that a thread wants to publish, and what became of them."""

    topic: str
    messages: Sequence[Message]
    is_settled: bool = False
    error: MartianError | None = None


class SqliteEventLog:
    """An EventLog in a SQLite file. Safe to use from several threads and, each with its own instance, processes."""

    def __init__(self, path: Path, topics: Mapping[str, int] = TOPICS) -> None:
        """Open the log; the file is created when missing. Raises EventLogError and, before it begins, DiskFull."""
        self._path = path
        self._topics = topics
        self._lock = threading.Lock()
        self._waiting: deque[_Publication] = deque()
        self._file = LogFile(path)
        self._run("DEFERRED", identity)

    def ensure(self) -> None:
        """See :class:`martian_moments.events.log.EventLog`; here a topic needs no creation."""

    def publish(self, topic: str, messages: Iterable[Message]) -> None:
        """Append messages in one transaction: all of them or, when it raises, none."""
        self._partitions(topic)
        publication = _Publication(topic, list(messages))
        self._waiting.append(publication)
        with self._lock:
            if not publication.is_settled:
                self._commit(publication)
        if publication.error:
            raise publication.error

    def _commit(self, first: _Publication) -> None:
        """Append the messages of a thread, and of those that have come to wait for this one, in one transaction."""
        together = [first]
        while self._waiting:
            if (other := self._waiting.popleft()) is not first:
                together.append(other)
        waiting = [
            ((each.topic, partition_of(message.key, self._topics[each.topic])), message)
            for each in together
            for message in each.messages
        ]
        waiting.sort(key=lambda pair: pair[0])

        def append(connection: sqlite3.Connection) -> None:
            now = time.time_ns() // 1_000_000
            for (topic, partition), group in groupby(waiting, key=lambda pair: pair[0]):
                start = _high(connection, topic, partition)
                connection.executemany(
                    "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)",
                    ((topic, partition, start + n, message.key, message.value, now) for n, (_, message) in enumerate(group)),
                )

        try:
            with self._errors():
                self._file.run("IMMEDIATE", append)
        except MartianError as error:
            first.error = error
            for other in together[1:]:
                other.error = type(error)(str(error))
        for each in together:
            each.is_settled = True

    def read(self, topic: str, offsets: Mapping[int, int], *, limit: int) -> list[Record]:
        """See :class:`martian_moments.events.log.EventLog`."""

        def select(connection: sqlite3.Connection) -> list[Record]:
            marks = self._marks(connection, topic)
            start = starts(topic, offsets, marks)
            waiting = {partition: mark.high - start[partition] for partition, mark in marks.items()}
            return [
                Record(*row)
                for partition, share in sorted(fair_shares(waiting, limit).items())
                for row in connection.execute(
                    'SELECT topic, partition, "offset", key, value, timestamp_ms FROM messages'
                    ' WHERE topic = ? AND partition = ? AND "offset" >= ? ORDER BY "offset" LIMIT ?',
                    (topic, partition, start[partition], share),
                )
            ]

        return self._run("DEFERRED", select)  # one snapshot for watermarks and messages

    def watermarks(self, topic: str) -> dict[int, Watermarks]:
        """Per partition of the topic; the low one is always 0."""
        return self._run("DEFERRED", lambda connection: self._marks(connection, topic))

    def identity(self, topic: str) -> str | None:
        """The random id of the file: one for all its topics."""
        self._partitions(topic)
        return self._run("DEFERRED", identity)

    def probe(self) -> None:
        """Read every page of the file, and look whether a damaged one was set aside."""
        with self._lock, self._errors():
            self._file.look_through()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._file.close()

    def _marks(self, connection: sqlite3.Connection, topic: str) -> dict[int, Watermarks]:
        partitions = range(self._partitions(topic))
        return {partition: Watermarks(0, _high(connection, topic, partition)) for partition in partitions}

    def _partitions(self, topic: str) -> int:
        try:
            return self._topics[topic]
        except KeyError:
            raise EventLogError(f"there is no topic {topic}; use one of {', '.join(sorted(self._topics))}") from None

    def _run(self, kind: str, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        with self._lock, self._errors():
            return self._file.run(kind, work)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise EventLogError(
                f"event log {self._path}: {error}; check that its disk has space, that this user may write there,"
                f" and that no program holds it for more than {BUSY_SECONDS:.0f} s"
            ) from error


def _high(connection: sqlite3.Connection, topic: str, partition: int) -> int:
    row = connection.execute(
        'SELECT coalesce(max("offset") + 1, 0) FROM messages WHERE topic = ? AND partition = ?', (topic, partition)
    ).fetchone()
    return int(row[0])
