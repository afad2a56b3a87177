"""Dead letters: looking at them, and sending what they hold on its way again.

A letter that was replayed stays where it is, as every message does; if what it holds is still of no use, another one comes.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from martian_moments.domain.errors import InputError
from martian_moments.events.log import DEAD_LETTERS, UPLOADS, EventLog, Message, Record
from martian_moments.events.uploads import upload_event
from martian_moments.resources import Resources

_PAGE: Final = 5_000
"""Letters read at a time."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message of a dead-letter topic.

    Attributes:
        topic, partition, offset: where the letter is.
        reason: why its message could not be used.
        key: the message's key; of a letter about a broken object, the object's.
        written_at: UTC, by the log's clock.
        content: all that it says; empty when the letter itself cannot be read.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    key: str
    written_at: datetime
    content: dict[str, Any]

    @classmethod
    def of(cls, record: Record) -> DeadLetter:
        """The letter in a record."""
        try:
            content = orjson.loads(record.value or b"")
        except orjson.JSONDecodeError:
            content = None
        if not isinstance(content, dict):
            content = {}
        reason = str(content.get("reason", "the letter itself cannot be read"))
        written_at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
        return cls(record.topic, record.partition, record.offset, reason, record.key, written_at, content)

    def to_json(self) -> dict[str, Any]:
        """As ``dead-letters --json`` prints it."""
        return {
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "written_at": self.written_at,
            "reason": self.reason,
            "key": self.key,
            "letter": self.content,
        }

    def replayed(self, bucket: str, moment: datetime) -> tuple[str, Message]:
        """The topic and the message that replaying it means.

        For a message that could not be read that is the message itself; for an object that could not be loaded, an upload
        event of that moment, in the lake's bucket. Raises InputError where there is nothing to replay.
        """
        match self.content:
            case {"object_key": str(key), "etag": str(etag)}:
                event = upload_event(bucket=bucket, key=key, etag=etag, size=0, moment=moment)
                return UPLOADS, Message(f"{bucket}/{key}", event)
            case {"truncated": True, "topic": topic, "partition": partition, "offset": offset}:
                raise InputError(
                    f"{self.topic} {self.partition} {self.offset} holds the beginning of a message only; "
                    f"the whole of it is {topic} {partition} {offset}, as long as the log keeps it"
                )
            case {"value": str(text)}:
                return DEAD_LETTERS[self.topic], Message(self.key, text.encode())
            case {"value_base64": str(text)}:
                return DEAD_LETTERS[self.topic], Message(self.key, self._decoded(text))
            case _:
                raise InputError(f"{self.topic} {self.partition} {self.offset} holds no message that could be replayed")

    def _decoded(self, text: str) -> bytes:
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error as error:
            raise InputError(f"{self.topic} {self.partition} {self.offset} holds a message that is no base64") from error


@dataclass(frozen=True, slots=True)
class Replay:
    """What was replayed: the number of messages by topic, and why some letters could not be."""

    messages: dict[str, int]
    refused: list[str]


def dead_letters(log: EventLog) -> list[DeadLetter]:
    """Every letter that the log keeps, by topic, partition and offset."""
    return [DeadLetter.of(record) for topic in DEAD_LETTERS for record in _records(log, topic)]


def find(log: EventLog, topic: str, partition: int, offset: int) -> DeadLetter:
    """One letter. Raises InputError when there is none at these coordinates."""
    if topic not in DEAD_LETTERS:
        raise InputError(f"{topic} is no topic of dead letters; use one of {', '.join(DEAD_LETTERS)}")
    for record in _records(log, topic):
        if (record.partition, record.offset) == (partition, offset):
            return DeadLetter.of(record)
    raise InputError(f"there is no letter {topic} {partition} {offset}; martian-moments dead-letters lists them")


def replay(resources: Resources, letters: Iterable[DeadLetter]) -> Replay:
    """Publish what the letters hold again; a message that several letters hold, once."""
    moment = datetime.now(UTC)
    messages: dict[str, dict[Message, None]] = {}  # without repeats, in the order of the letters
    refused: list[str] = []
    for letter in letters:
        try:
            topic, message = letter.replayed(resources.settings.lake_bucket, moment)
        except InputError as error:
            refused.append(str(error))
        else:
            messages.setdefault(topic, {})[message] = None
    for topic, found in messages.items():
        resources.event_log.publish(topic, found)
    return Replay({topic: len(found) for topic, found in messages.items()}, refused)


def _records(log: EventLog, topic: str) -> Iterator[Record]:
    offsets = {partition: mark.low for partition, mark in log.watermarks(topic).items()}
    while records := log.read(topic, offsets, limit=_PAGE):
        yield from records
        offsets |= {record.partition: record.offset + 1 for record in records}
