"""Upload events for a lake that does not send them itself."""

from __future__ import annotations

from martian_moments.events.log import UPLOADS, EventLog, Message
from martian_moments.events.uploads import upload_event
from martian_moments.lake.store import ObjectInfo


def announce(event_log: EventLog, bucket: str, written: ObjectInfo) -> None:
    """Report to the event log an object that was written, as an object store would. Raises EventLogError."""
    event = upload_event(bucket=bucket, key=written.key, etag=written.etag, size=written.size, moment=written.modified)
    event_log.publish(UPLOADS, [Message(f"{bucket}/{written.key}", event)])
