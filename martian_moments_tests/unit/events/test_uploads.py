from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from martian_moments.domain.errors import EventUnreadable
from martian_moments.events.uploads import Ignored, Odd, Upload, of_records, parse_uploads, upload_event

KEY = "photos/rover=curiosity/source=v1/sol=00890.json.gz"
# As a real MinIO escaped it on its way through a real Kafka.
ESCAPED = "photos%2Frover%3Dcuriosity%2Fsource%3Dv1%2Fsol%3D00890.json.gz"
MOMENT = datetime(2026, 4, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))

lake_keys = st.text("ABYZabyz0189/_=.-", min_size=1)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["Records", "eventName", "s3", "bucket", "name", "object", "key", "size", "Event", "Message", "Type"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def record(
    name: str = "ObjectCreated:Put", key: str = ESCAPED, *, bucket: str = "mars", **of_object: object
) -> dict[str, Any]:
    return {"eventName": name, "s3": {"bucket": {"name": bucket}, "object": {"key": key, **of_object}}}


def message(*records: object, **top: object) -> bytes:
    return json.dumps({**top, "Records": list(records)}).encode()


def test_the_event_has_minios_shape() -> None:
    event = json.loads(upload_event(bucket="mars", key=KEY, etag="abc", size=20_000, moment=MOMENT))
    assert list(event) == ["EventName", "Key", "Records"]
    assert event["EventName"] == "s3:ObjectCreated:Put"
    assert event["Key"] == f"mars/{KEY}"
    (only,) = event["Records"]
    assert list(only) == [
        "eventVersion", "eventSource", "awsRegion", "eventTime", "eventName", "userIdentity", "requestParameters",
        "responseElements", "s3", "source",
    ]  # fmt: skip
    assert (only["eventVersion"], only["eventSource"]) == ("2.0", "minio:s3")
    assert (only["eventName"], only["eventTime"]) == ("s3:ObjectCreated:Put", "2026-04-01T12:00:00.123Z")
    assert set(only["s3"]) == {"s3SchemaVersion", "configurationId", "bucket", "object"}
    assert only["s3"]["bucket"]["name"] == "mars"
    assert only["s3"]["bucket"]["arn"] == "arn:aws:s3:::mars"
    entity = only["s3"]["object"]
    assert (entity["key"], entity["size"], entity["eTag"]) == (ESCAPED, 20_000, "abc")
    nanoseconds = int(datetime(2026, 4, 1, 12, tzinfo=UTC).timestamp()) * 10**9 + 123_456_000
    assert entity["sequencer"] == f"{nanoseconds:X}"
    assert len(entity["sequencer"]) == 16


def test_the_sequencer_of_a_later_write_is_greater() -> None:
    def sequencer(moment: datetime) -> str:
        event = json.loads(upload_event(bucket="mars", key=KEY, etag="e", size=1, moment=moment))
        return str(event["Records"][0]["s3"]["object"]["sequencer"])

    assert sequencer(MOMENT) < sequencer(MOMENT + timedelta(microseconds=1)) < sequencer(MOMENT + timedelta(days=400))


@given(key=lake_keys, size=st.integers(0, 2**40))
def test_what_is_announced_is_what_is_read(key: str, size: int) -> None:
    event = upload_event(bucket="mars", key=key, etag="abc", size=size, moment=MOMENT)
    assert parse_uploads(event) == (Upload("mars", key, "ObjectCreated:Put", "abc", size or None, None),)


@given(key=lake_keys, data=st.data())
def test_a_key_is_read_however_its_store_escapes_it(key: str, data: st.DataObject) -> None:
    mixed = "".join(
        f"%{ord(c):02{data.draw(st.sampled_from('xX'))}}" if data.draw(st.booleans(), label=f"escape {c}") else c
        for c in key
    )
    for escaped in (key, quote(key), quote(key, safe=""), quote_plus(key), mixed):
        (upload,) = parse_uploads(message(record(key=escaped)))
        assert isinstance(upload, Upload)
        assert upload.key == key


FULL = Upload("mars", KEY, "ObjectCreated:Put", "d41d8cd9", 1024, "v1")
ENTITY: dict[str, Any] = {"size": 1024, "eTag": "d41d8cd9", "versionId": "v1"}
SHAPES = {
    "aws": message({**record(key=quote(KEY), **ENTITY), "eventVersion": "2.6", "eventSource": "aws:s3"}),
    "minio": message(
        {**record("s3:ObjectCreated:Put", **ENTITY), "eventSource": "minio:s3"},
        EventName="s3:ObjectCreated:Put",
        Key=f"mars/{KEY}",
    ),
    "rustfs": message(
        {**record("s3:ObjectCreated:Put", quote_plus(KEY), **ENTITY), "eventSource": "rustfs:s3"}, Key=f"mars/{KEY}"
    ),
    "ceph": message(
        {**record(key=KEY, **ENTITY | {"size": "1024"}), "eventSource": "ceph:s3"},
    ),
    "versitygw": message({**record("s3:ObjectCreated:Put", KEY, **ENTITY), "glacierEventData": {}}),
    "moto": message({**record(key=quote_plus(KEY), **ENTITY), "eventVersion": "2.1"}),
    "sns": json.dumps(
        {"Type": "Notification", "TopicArn": "arn:aws:sns:::t", "Message": message(record(**ENTITY)).decode()}
    ).encode(),
    "byte order mark": b"\xef\xbb\xbf" + message(record(**ENTITY)),
    "quoted etag": message(record(**ENTITY | {"eTag": '"d41d8cd9"'})),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_stores_shape_is_read(shape: str) -> None:
    assert parse_uploads(SHAPES[shape]) == (FULL,)


@pytest.mark.parametrize("how", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
def test_every_way_to_write_an_object_is_an_upload(how: str) -> None:
    assert parse_uploads(message(record(f"s3:ObjectCreated:{how}"))) == (Upload("mars", KEY, f"ObjectCreated:{how}"),)


@pytest.mark.parametrize(
    "name",
    [
        "s3:ObjectCreated:PutTagging", "s3:ObjectCreated:DeleteTagging", "s3:ObjectCreated:PutRetention",
        "s3:ObjectCreated:PutLegalHold", "s3:ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated",
        "s3:ObjectRemoved:NoOP", "s3:LifecycleDelMarkerExpiration:Delete", "s3:ObjectAccessed:Get", "s3:TestEvent",
        "s3:ReducedRedundancyLostObject", "s3:Replication:OperationFailedReplication", "s3:BucketCreated:*", "ObjectAcl:Put",
        "ObjectTagging:Put", "s3:ObjectRestore:Completed", "s3:ObjectTransition:Complete", "s3:Scanner:ManyVersions",
    ],
)  # fmt: skip
def test_an_event_that_writes_no_object_is_ignored_with_its_name(name: str) -> None:
    (ignored,) = parse_uploads(message({"eventName": name}))
    assert isinstance(ignored, Ignored)
    assert name.removeprefix("s3:") in ignored.reason


@pytest.mark.parametrize(
    "value",
    [None, b'{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"mars"}', b'{"Records":[]}'],
    ids=["tombstone", "test event", "no records"],
)
def test_a_message_that_announces_nothing_is_ignored(value: bytes | None) -> None:
    (ignored,) = parse_uploads(value)
    assert isinstance(ignored, Ignored)


def test_every_record_of_a_message_is_returned_in_order() -> None:
    found = parse_uploads(message(record(key="a"), record("s3:ObjectRemoved:Delete"), record(key="b", bucket="other")))
    assert [type(each) for each in found] == [Upload, Ignored, Upload]
    assert [(each.bucket, each.key) for each in found if isinstance(each, Upload)] == [("mars", "a"), ("other", "b")]


@pytest.mark.parametrize("size", ["many", True, None, -1.5, [1]])
def test_a_size_that_is_no_number_is_left_out(size: object) -> None:
    assert parse_uploads(message(record(size=size))) == (Upload("mars", KEY, "ObjectCreated:Put"),)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"[]", "without Records"),
        (b'{"a":1}', "without Records"),
        (b'{"Type":"Notification","Message":"<html>"}', "not JSON"),
    ],
)
def test_a_message_of_no_known_shape_is_unreadable_with_the_reason(value: bytes, reason: str) -> None:
    with pytest.raises(EventUnreadable, match=reason):
        parse_uploads(value)


ODD = [
    ("text", "no eventName"),
    ({"eventName": 3}, "no eventName"),
    ({"eventName": "ObjectCreated:Put"}, "names no bucket and object"),
    (record("ObjectSynced:Create"), "ObjectSynced:Create.* is no event that is known"),
    (record("s3:ObjectCreated:Upload"), "ObjectCreated:Upload.* is no event that is known"),
    (record("ObjectCreatedByPut"), "is no event that is known"),
    (record("X" * 1_000_000), "^'X{80}' is no event that is known"),
    (record(key=""), "names no bucket and object"),
    ({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "mars"}, "object": [KEY]}}, "names no bucket and object"),
    (record(key="%ff%fe"), "not percent-encoded UTF-8"),
]


@pytest.mark.parametrize(("odd", "reason"), ODD)
@pytest.mark.parametrize("place", [0, 2, 3])
def test_a_record_of_no_known_shape_is_odd_with_the_reason_and_the_others_are_read(
    odd: object, reason: str, place: int
) -> None:
    records: list[object] = [record(key="a"), record(key="b"), record(key="c")]
    records.insert(place, odd)
    results = list(parse_uploads(message(*records)))
    found = results.pop(place)
    assert isinstance(found, Odd)
    assert re.search(reason, found.reason)
    assert [each.key for each in results if isinstance(each, Upload)] == ["a", "b", "c"]


def test_the_message_of_some_records_holds_these_and_no_other() -> None:
    four = message(record(key="a"), "odd", record(key="b"), {"eventName": None}, EventName="s3:ObjectCreated:Put")
    assert json.loads(of_records(four, {3, 1})) == {"Records": ["odd", {"eventName": None}]}
    assert of_records(four, {0, 1, 2, 3}) == four, "with all of its records a message stays what it is"
    wrapped = json.dumps({"Type": "Notification", "Message": four.decode()}).encode()
    assert json.loads(of_records(wrapped, {1})) == {"Records": ["odd"]}


def test_a_message_with_a_record_that_is_nested_too_deep_to_be_written_is_kept_whole() -> None:
    deep = b'{"Records": [' + b"[" * 400 + b"]" * 400 + b", " + json.dumps(record()).encode() + b"]}"
    odd, good = parse_uploads(deep)
    assert isinstance(odd, Odd)
    assert isinstance(good, Upload)
    assert of_records(deep, {0}) == deep


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(message(record(size="9" * 5000)))
@example(message(record(size="\u0661\u0662")))
def test_no_message_raises_anything_but_unreadable(value: bytes) -> None:
    try:
        results = parse_uploads(value)
    except EventUnreadable:
        return
    assert results
    assert all(isinstance(each, Upload | Ignored | Odd) for each in results)
    odd = [place for place, each in enumerate(results) if isinstance(each, Odd)]
    assert all(isinstance(each, Odd) for each in parse_uploads(of_records(value, odd))) or not odd
