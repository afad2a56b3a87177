"""Arithmetic on offsets for logs and their readers: where a read starts, how its limit is shared, what is unread."""

from __future__ import annotations

from collections.abc import Mapping

from martian_moments.errors import OffsetOutOfRange
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


def reachable(offsets: Mapping[int, int], marks: Mapping[int, Watermarks]) -> dict[int, int]:
    """Where a reader goes on in each partition: at its offset or, where the log does not reach it, at the low watermark."""
    return {
        partition: offset if mark.low <= (offset := offsets.get(partition, mark.low)) <= mark.high else mark.low
        for partition, mark in marks.items()
    }


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
