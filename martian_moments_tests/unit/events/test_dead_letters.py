from __future__ import annotations

import base64
import json

import pytest

from martian_moments.events.dead_letters import broken_object, dead_letter
from martian_moments.events.log import UPLOADS, Record

BYTES = b"\xff\x00 not text"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ('{"Records": "é"}'.encode(), {"value": '{"Records": "é"}'}),
        (BYTES, {"value_base64": base64.b64encode(BYTES).decode()}),
        (b"", {"value": ""}),
        (None, {"value": None}),
    ],
    ids=["text", "bytes", "empty", "tombstone"],
)
def test_a_dead_letter_keeps_the_value_its_coordinates_and_the_reason(value: bytes | None, kept: dict[str, object]) -> None:
    letter = dead_letter(Record(UPLOADS, 2, 41, "mars/key", value, 1_775_044_800_123), "no known shape")
    assert letter.key == "mars/key"
    assert json.loads(letter.value) == {
        "topic": "minio-events",
        "partition": 2,
        "offset": 41,
        "timestamp": "2026-04-01T12:00:00.123000Z",
        "reason": "no known shape",
        "key": "mars/key",
        **kept,
    }


def test_a_broken_object_is_named_with_its_etag_and_the_reason() -> None:
    letter = broken_object("photos/a", "etag", "cut")
    fields = json.loads(letter.value)
    assert letter.key == "photos/a"
    assert (fields["object_key"], fields["etag"], fields["reason"]) == ("photos/a", "etag", "cut")


@pytest.mark.parametrize(
    "value", ["é".encode() * 500_000, b"\x00" * 1_000_000, b"\xff" * 1_000_000], ids=["text", "zeros", "bytes"]
)
def test_the_letter_of_the_longest_message_fits_into_the_log(value: bytes) -> None:
    letter = dead_letter(Record(UPLOADS, 2, 41, "k" * 10_000, value, 0), "too long")
    assert len(letter.value) + len(letter.key) < 1_000_000
    kept = json.loads(letter.value)
    assert (kept["truncated"], kept["size"], kept["offset"]) == (True, 1_000_000, 41)
