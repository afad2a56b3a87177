from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from martian_moments.domain.errors import OffsetOutOfRange
from martian_moments.events.log import UPLOADS, Watermarks
from martian_moments.events.offsets import beyond_end, fair_shares, in_log, lag, reachable, starts

MARKS = {0: Watermarks(100, 250), 1: Watermarks(0, 0), 2: Watermarks(7, 7)}


@given(st.dictionaries(st.integers(0, 9), st.integers(0, 50), min_size=1), st.integers(0, 200))
def test_shares_use_the_whole_limit_and_differ_only_where_nothing_waits(waiting: dict[int, int], limit: int) -> None:
    shares = fair_shares(waiting, limit)
    assert sum(shares.values()) == min(limit, sum(waiting.values()))
    for partition, share in shares.items():
        assert 0 <= share <= waiting[partition]
        if share < waiting[partition]:
            assert share >= max(shares.values()) - 1


def test_a_read_starts_where_its_reader_is_or_at_the_low_watermark() -> None:
    assert starts(UPLOADS, {}, MARKS) == {0: 100, 1: 0, 2: 7}
    assert starts(UPLOADS, {0: 250, 2: 7}, MARKS) == {0: 250, 1: 0, 2: 7}


@pytest.mark.parametrize(
    ("offsets", "message"),
    [
        ({0: 99}, r"minio-events\[0\]: offset 99 is outside 100 to 250"),
        ({0: 251}, r"minio-events\[0\]: offset 251 is outside 100 to 250"),
        ({0: 100, 3: 0}, "minio-events has 3 partitions, there is no partition 3"),
    ],
)
def test_a_start_outside_the_log_is_refused(offsets: dict[int, int], message: str) -> None:
    with pytest.raises(OffsetOutOfRange, match=message):
        starts(UPLOADS, offsets, MARKS)


def test_a_reader_goes_on_at_the_oldest_message_only_where_the_log_does_not_reach_it() -> None:
    assert reachable({0: 99, 1: 0, 2: 7, 5: 3}, MARKS) == {0: 100, 1: 0, 2: 7}
    assert reachable({0: 200, 2: 7}, MARKS) == {0: 200, 1: 0, 2: 7}


@pytest.mark.parametrize("offsets", [{0: 251}, {0: 200, 2: 8}, {0: 200, 1: 1, 2: 7}])
def test_with_one_offset_beyond_the_end_none_is_trusted(offsets: dict[int, int]) -> None:
    assert beyond_end(offsets, MARKS)
    assert reachable(offsets, MARKS) == {0: 100, 1: 0, 2: 7}
    assert lag(offsets, MARKS) == {0: 150, 1: 0, 2: 0}


@pytest.mark.parametrize("offsets", [{}, {0: 99}, {0: 250, 1: 0, 2: 7}, {0: 100, 5: 3}])
def test_the_end_and_what_retention_took_are_not_beyond_the_end(offsets: dict[int, int]) -> None:
    assert not beyond_end(offsets, MARKS)


@pytest.mark.parametrize(
    ("of", "now", "worth"),
    [("a", "a", {0: 5}), ("a", "b", {}), (None, "a", {0: 5}), ("a", None, {0: 5}), (None, None, {0: 5})],
)
def test_offsets_mean_nothing_in_another_log_and_are_believed_where_no_identity_is_known(
    of: str | None, now: str | None, worth: dict[int, int]
) -> None:
    assert in_log({0: 5}, of=of, now=now) == worth


def test_the_lag_is_what_is_left_of_each_partition() -> None:
    assert lag({0: 200}, MARKS) == {0: 50, 1: 0, 2: 0}
    assert lag({0: 5}, MARKS) == {0: 150, 1: 0, 2: 0}
