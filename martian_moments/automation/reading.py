"""How a sensor follows a topic: offsets in its cursor, and its lag in its log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from martian_moments.errors import OffsetOutOfRange
from martian_moments.events.log import EventLog, Record
from martian_moments.events.offsets import lag, reachable


@dataclass(frozen=True, slots=True)
class Batch:
    """What one tick reads.

    Attributes:
        records: in the order of their partitions and offsets.
        offsets: where the next tick reads on, for every partition.
        lag: what is still unread after these records, by partition.
    """

    records: list[Record]
    offsets: dict[int, int]
    lag: dict[int, int]


def read_on(log: EventLog, topic: str, offsets: Mapping[int, int], *, limit: int, warn: Callable[[str], None]) -> Batch:
    """Read on from a cursor's offsets.

    Where the log does not reach an offset (its messages were removed, or the log is younger than the cursor), the next tick
    reads on from the oldest message of that partition, after a warning. Raises EventLogError.
    """
    marks = log.watermarks(topic)
    try:
        records = log.read(topic, offsets, limit=limit)
    except OffsetOutOfRange as error:
        warn(f"{error}. Reading on there from the oldest message kept; reconcile finds the objects of lost upload events.")
        marks = log.watermarks(topic)
        return Batch([], reachable(offsets, marks), lag(offsets, marks))
    after = reachable(offsets, marks)
    for record in records:
        after[record.partition] = record.offset + 1
    if len(records) < limit:
        # There was no more. What is left up to the high watermarks are holes, e.g. the end marks of transactions.
        after = {partition: max(offset, marks[partition].high) for partition, offset in after.items()}
    return Batch(records, after, {partition: max(0, marks[partition].high - offset) for partition, offset in after.items()})


def in_words(unread: Mapping[int, int]) -> str:
    """A lag for people."""
    total = sum(unread.values())
    where = ", ".join(f"{count:,} in partition {partition}" for partition, count in sorted(unread.items()) if count)
    return f"lag {total:,} ({where})" if total else "lag 0"
