"""The topics for other programs: every accepted shape, and a reason for each refused one."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from martian_moments.domain.errors import EventUnreadable
from martian_moments.events.messages import (
    RefreshRequest,
    SolsRequest,
    load_complete,
    parse_request,
    refresh_request,
    sols_request,
)


def test_both_shapes_of_the_documentation_are_read() -> None:
    sols = parse_request(b'{"schema": 1, "rover": "curiosity", "first_sol": 100, "last_sol": 120}')
    assert sols == SolsRequest(schema=1, rover="curiosity", first_sol=100, last_sol=120, refetch=False)
    refresh = parse_request(b'{"schema": 1, "refresh": ["curiosity", "spirit"]}')
    assert refresh == RefreshRequest(schema=1, refresh=("curiosity", "spirit"), young=True)


def test_what_is_written_is_read_back() -> None:
    assert parse_request(refresh_request(["spirit"], young=False).value) == RefreshRequest(
        schema=1, refresh=("spirit",), young=False
    )
    message = sols_request("spirit", [7, 5], refetch=True)
    assert parse_request(message.value) == SolsRequest(schema=1, rover="spirit", first_sol=5, last_sol=7, refetch=True)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "message"),
        (b"", "message"),
        (b"[]", "should be an object"),
        (b"\xff", "message"),
        (b'{"rover": "spirit", "first_sol": 1, "last_sol": 2}', "schema: Field required"),
        (b'{"schema": 2, "rover": "spirit", "first_sol": 1, "last_sol": 2}', "schema: Input should be 1"),
        (b'{"schema": 1, "rover": "Spirit", "first_sol": 1, "last_sol": 2}', "no rover 'Spirit'; use one of curiosity"),
        (b'{"schema": 1, "rover": "spirit", "first_sol": -1, "last_sol": 2}', "first_sol"),
        (b'{"schema": 1, "rover": "spirit", "first_sol": 1, "last_sol": 100000}', "last_sol"),
        (b'{"schema": 1, "rover": "spirit", "first_sol": 3, "last_sol": 2}', "first_sol is above last_sol"),
        (b'{"schema": 1, "rover": "spirit", "first_sol": 1, "last_sol": 2, "refech": true}', "refech: Extra inputs"),
        (b'{"schema": 1, "refresh": []}', "refresh: Tuple should have at least 1 item"),
        (b'{"schema": 1, "refresh": ["sojourner"]}', "no rover 'sojourner'"),
        (b'{"schema": 1, "refresh": ["spirit"], "rover": "spirit"}', "rover: Extra inputs"),
    ],
)
def test_what_is_no_request_is_refused_with_the_field_that_is_wrong(value: bytes | None, reason: str) -> None:
    with pytest.raises(EventUnreadable) as raised:
        parse_request(value)
    assert "not an ingestion request" in str(raised.value)
    assert reason in str(raised.value)


def test_a_load_is_reported_with_its_objects_in_order() -> None:
    moment = datetime(2026, 4, 1, 12, tzinfo=UTC)
    message = load_complete("bronze/curiosity/photos", moment, ["b", "a"], 856)
    assert message.key == "bronze/curiosity/photos"
    assert json.loads(message.value) == {
        "schema": 1, "asset": "bronze/curiosity/photos", "loaded_at": "2026-04-01T12:00:00Z", "objects": ["a", "b"],
        "records": 856,
    }  # fmt: skip
