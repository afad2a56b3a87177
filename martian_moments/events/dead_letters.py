"""Dead letters: what a reader could not use, kept with its coordinates and the reason."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import orjson

from martian_moments.events.log import Message, Record


def dead_letter(record: Record, reason: str) -> Message:
    """The message for the dead-letter topic: JSON with the record's coordinates, the reason, and its value unchanged.

    ``value`` is the original text, or null for a tombstone; bytes that are not UTF-8 are in ``value_base64`` instead.
    """
    return Message(
        record.key,
        orjson.dumps(
            {
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "timestamp": datetime.fromtimestamp(record.timestamp_ms / 1000, UTC),
                "reason": reason,
                "key": record.key,
                **_readable(record.value),
            },
            option=orjson.OPT_UTC_Z,
        ),
    )


def _readable(value: bytes | None) -> dict[str, str | None]:
    if value is None:
        return {"value": None}
    try:
        return {"value": value.decode()}
    except UnicodeDecodeError:
        return {"value_base64": base64.b64encode(value).decode()}


def broken_object(key: str, etag: str, reason: str) -> Message:
    """The message for an object that an event named and that no loader can read: its key, its ETag and the reason."""
    fields = {"object_key": key, "etag": etag, "reason": reason, "timestamp": datetime.now(UTC)}
    return Message(key, orjson.dumps(fields, option=orjson.OPT_UTC_Z))
