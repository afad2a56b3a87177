"""Arithmetic on offsets for logs and their readers: where a read starts, how its limit is shared, what is unread."""

from __future__ import annotations

from collections.abc import Mapping

from martian_moments.domain.errors import OffsetOutOfRange
from martian_moments.events.log import Watermarks


def starts(topic: str, offsets: Mapping[int, int], marks: Mapping[int, Watermarks]) -> dict[int, int]:
    """Where a read starts in each partition: at the offset given or, without one, at the low watermark.

    Raises:
        OffsetOutOfRange: an offset lies outside the log, or its partition does not exist.
    """
    if unknown := sorted(set(offsets) - set(marks)):
        raise OffsetOutOfRange(f"{topic} has {len(marks)} partitions, there is no partition {unknown[0]}")
    for partition, offset in offsets.items():
        mark = marks[partition]
        if not mark.low <= offset <= mark.high:
            raise OffsetOutOfRange(f"{topic}[{partition}]: offset {offset} is outside {mark.low} to {mark.high}")
    return {partition: offsets.get(partition, mark.low) for partition, mark in marks.items()}


def in_log(offsets: Mapping[int, int], *, of: str | None, now: str | None) -> Mapping[int, int]:
    """What a reader's offsets in the log ``of`` are worth in the log that is there ``now``: nothing in another one.

    None is an identity that nobody knows: a cursor of an earlier release, a broker that does not report one.
    """
    return {} if of is not None and now is not None and of != now else offsets


def beyond_end(offsets: Mapping[int, int], marks: Mapping[int, Watermarks]) -> bool:
    """Whether an offset lies where the log has never been: it is of another log, or of this one before it was put back."""
    return any(partition in marks and offset > marks[partition].high for partition, offset in offsets.items())


def reachable(offsets: Mapping[int, int], marks: Mapping[int, Watermarks]) -> dict[int, int]:
    """Where a reader goes on in each partition: at its offset or, where its messages were removed, at the low watermark.

    With one offset beyond the end of its partition none can be trusted: every partition is read from its low watermark.
    """
    trusted = {} if beyond_end(offsets, marks) else offsets
    return {partition: max(mark.low, trusted.get(partition, mark.low)) for partition, mark in marks.items()}


def lag(offsets: Mapping[int, int], marks: Mapping[int, Watermarks]) -> dict[int, int]:
    """How many offsets a reader has not read, by partition."""
    return {partition: marks[partition].high - offset for partition, offset in reachable(offsets, marks).items()}


def fair_shares(waiting: Mapping[int, int], limit: int) -> dict[int, int]:
    """Split ``limit`` between partitions: equal shares, and what one does not need goes to those that have more waiting."""
    shares: dict[int, int] = {}
    for left, (partition, messages) in zip(
        range(len(waiting), 0, -1), sorted(waiting.items(), key=lambda item: item[1]), strict=True
    ):
        shares[partition] = min(messages, -(-limit // left))
        limit -= shares[partition]
    return shares
