"""Upload events: what an object store announces for a PUT, written in MinIO's shape and read in every known shape.

An event only names an object. Its size and ETag are for people: a loader reads the object itself.

Shapes read: MinIO and its forks, RustFS, AWS (also wrapped by SNS), Ceph, versitygw, moto. They differ in how the key is
escaped (``/`` as ``%2F``, spaces as ``+``, or not at all), in the ``s3:`` before the event's name, in sizes that are numbers
or text or absent, and in the test message that some send when notifications are switched on. A key of the lake has no
character that any of them escapes in two ways, so that unescaping a raw key leaves it as it is.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote_plus, unquote_plus

import orjson

from martian_moments.domain.errors import EventUnreadable

_WRITES: Final = frozenset(f"ObjectCreated:{how}" for how in ("Put", "Post", "Copy", "CompleteMultipartUpload"))
"""The events after which an object has new content."""

_NO_WRITES: Final = re.compile(
    r"ObjectCreated:(?:(?:Put|Delete)(?:Tagging|Retention|LegalHold|Acl)|PutObject(?:Acl|Tagging|Retention|LegalHold))"
    r"|(?:Object(?:Removed|Accessed|Tagging|Acl|Transition|Restore|Lock|Retention|LegalHold)|Lifecycle[A-Za-z]*"
    r"|ReducedRedundancyLostObject|Replication|IntelligentTiering|Bucket[A-Za-z]*|ILM|Scanner|TestEvent)(?::.*)?",
    re.DOTALL,
)
"""The events after which no object has new content, of AWS, MinIO (changes of tags and locks under ObjectCreated) and Ceph.

What is in neither list may announce an upload in words of its own: nobody says that it does not.
"""

_LONGEST_NAME: Final = 80
LONGEST_KEY: Final = 1_024
"""Characters of a key, as in S3."""

_BOM: Final = b"\xef\xbb\xbf"
_SIZE: Final = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True)
class Upload:
    """An object was written.

    Attributes:
        key: the object key, unescaped.
        event_name: without the ``s3:`` that some stores put before it, e.g. ``ObjectCreated:Put``.
        size: bytes, where the event reports them.
    """

    bucket: str
    key: str
    event_name: str
    etag: str | None = None
    size: int | None = None
    version_id: str | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message, or one of its records, that announces no upload."""

    reason: str


@dataclass(frozen=True, slots=True)
class Odd:
    """A record of no known shape, in a message whose other records may be clear."""

    reason: str


def upload_event(*, bucket: str, key: str, etag: str, size: int, moment: datetime) -> bytes:
    """The JSON that MinIO would send for the PUT of an object, for a store that sends none itself.

    What only a server can know (its endpoint, the request's id) is empty. As in MinIO, a size of 0 is left out.
    """
    name = "s3:ObjectCreated:Put"
    identity = {"principalId": "martian-moments"}
    content_type = "application/octet-stream"
    entity = {
        "key": quote_plus(key),
        **({"size": size} if size else {}),
        "eTag": etag,
        "contentType": content_type,
        "userMetadata": {"content-type": content_type},
        "sequencer": f"{_nanoseconds(moment):016X}",
    }
    record = {
        "eventVersion": "2.0",
        "eventSource": "minio:s3",
        "awsRegion": "",
        "eventTime": moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z",
        "eventName": name,
        "userIdentity": identity,
        "requestParameters": {**identity, "region": "", "sourceIPAddress": ""},
        "responseElements": {
            "x-amz-id-2": "",
            "x-amz-request-id": "",
            "x-minio-deployment-id": "",
            "x-minio-origin-endpoint": "",
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "Config",
            "bucket": {"name": bucket, "ownerIdentity": identity, "arn": f"arn:aws:s3:::{bucket}"},
            "object": entity,
        },
        "source": {"host": "", "port": "", "userAgent": "martian-moments"},
    }
    return orjson.dumps({"EventName": name, "Key": f"{bucket}/{key}", "Records": [record]})


def parse_uploads(value: bytes | None) -> tuple[Upload | Ignored | Odd, ...]:
    """What a message announces, one result for each of its records, in their order.

    Raises:
        EventUnreadable: the message as a whole has no known shape.
    """
    if value is None:
        return (Ignored("a tombstone"),)
    match _unwrapped(_json(value)):
        case {"Records": list(records)}:
            return tuple(map(_parse_record, records)) or (Ignored("a message without records"),)
        case {"Event": "s3:TestEvent"}:
            return (Ignored("a test message, sent when notifications are switched on"),)
        case message:
            raise EventUnreadable(f"not an upload event: a JSON {type(message).__name__} without Records")


def of_records(value: bytes, places: Collection[int]) -> bytes:
    """The message that holds only these records (counted from 0) of a message; the message itself where those are all.

    Also the message itself where a record is nested too deep to be written again.
    """
    match _unwrapped(_json(value)):
        case {"Records": list(records)} if len(places) < len(records):
            try:
                return orjson.dumps({"Records": [records[place] for place in sorted(places)]})
            except orjson.JSONEncodeError:
                return value
        case _:
            return value


def _json(text: bytes | str) -> object:
    try:
        return orjson.loads(text.removeprefix(_BOM) if isinstance(text, bytes) else text)
    except orjson.JSONDecodeError as error:
        raise EventUnreadable(f"not an upload event: not JSON ({error})") from error


def _unwrapped(message: object) -> object:
    match message:
        case {"Type": "Notification", "Message": str(inner)}:  # SNS
            return _json(inner)
        case _:
            return message


def _parse_record(record: object) -> Upload | Ignored | Odd:
    match record:
        case {"eventName": str(full_name)}:
            name = full_name.removeprefix("s3:")
        case _:
            return Odd("an upload event's record has no eventName")
    if _NO_WRITES.fullmatch(name):
        return Ignored(f"{name[:_LONGEST_NAME]} writes no object")
    if name not in _WRITES:
        return Odd(f"{name[:_LONGEST_NAME]!r} is no event that is known to write an object, or not to")
    match record:
        case {"s3": {"bucket": {"name": str(bucket)}, "object": {"key": str(key), **rest}}} if bucket and key:
            unescaped = _unescaped(key)
            if unescaped is None:
                return Odd(f"the object key {key[:LONGEST_KEY]!r} is not percent-encoded UTF-8")
            return Upload(
                bucket,
                unescaped,
                name,
                etag=(_text(rest.get("eTag")) or "").strip('"') or None,
                size=_number(rest.get("size")),
                version_id=_text(rest.get("versionId")),
            )
        case _:
            return Odd(f"the record of {name} names no bucket and object")


def _unescaped(key: str) -> str | None:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        return None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> int | None:
    # Ceph writes sizes as text. A size that is no number is nobody's loss: no loader uses it.
    if isinstance(value, str) and _SIZE.fullmatch(value):
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1_000
