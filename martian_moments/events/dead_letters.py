"""Dead letters: what a reader could not use, kept with its coordinates and the reason."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Final

import orjson

from martian_moments.events.log import Message, Record

_KEPT_BYTES: Final = 128 * 1024
"""Of a longer value the beginning is kept: a letter that is longer than its message would be refused by a broker whose limit
(1 MB) the message just met. JSON writes a byte as six at worst."""

_KEPT_KEY: Final = 4_096
"""Characters of a key. Those of objects have 1,024 at most."""


def dead_letter(record: Record, reason: str) -> Message:
    """The message for the dead-letter topic: JSON with the record's coordinates, the reason, and its value unchanged.

    Where a part of a message can be used, its reader replaces the value by a message of the rest.

    ``value`` is the original text, or null for a tombstone; bytes that are not UTF-8 are in ``value_base64`` instead. Of a
    value over 128 KiB only the beginning is kept; ``truncated`` is true then and ``size`` its length in bytes.
    """
    return Message(
        record.key[:_KEPT_KEY],
        orjson.dumps(
            {
                "topic": record.topic,
                "partition": record.partition,
                "offset": record.offset,
                "timestamp": datetime.fromtimestamp(record.timestamp_ms / 1000, UTC),
                "reason": reason,
                "key": record.key[:_KEPT_KEY],
                **_readable(record.value),
            },
            option=orjson.OPT_UTC_Z,
        ),
    )


def _readable(value: bytes | None) -> dict[str, str | int | None]:
    if value is None:
        return {"value": None}
    kept = value[:_KEPT_BYTES]
    cut: dict[str, int] = {} if kept == value else {"truncated": True, "size": len(value)}
    try:
        return {"value": kept.decode(), **cut}
    except UnicodeDecodeError:
        return {"value_base64": base64.b64encode(kept).decode(), **cut}


def broken_object(key: str, etag: str, reason: str) -> Message:
    """The message for an object that an event named and that no loader can read: its key, its ETag and the reason."""
    fields = {"object_key": key, "etag": etag, "reason": reason, "timestamp": datetime.now(UTC)}
    return Message(key, orjson.dumps(fields, option=orjson.OPT_UTC_Z))
