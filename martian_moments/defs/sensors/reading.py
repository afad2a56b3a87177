"""How a sensor follows a topic: offsets in its cursor, and its lag in its log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from martian_moments.domain.errors import OffsetOutOfRange
from martian_moments.events.log import EventLog, Record
from martian_moments.events.offsets import in_log, lag, reachable

_LOST: Final = "reconcile finds the objects of lost upload events"


@dataclass(frozen=True, slots=True)
class Batch:
    """What one tick reads.

    Attributes:
        records: in the order of their partitions and offsets.
        log: the identity of the log that the offsets are of; None where it is not known.
        offsets: where the next tick reads on, for every partition.
        lag: what is still unread after these records, by partition.
    """

    records: list[Record]
    log: str | None
    offsets: dict[int, int]
    lag: dict[int, int]


def read_on(
    log: EventLog, topic: str, offsets: Mapping[int, int], *, of: str | None, limit: int, warn: Callable[[str], None]
) -> Batch:
    """Read on from a cursor's offsets, which are those of the log with the identity ``of``.

    Another log is read from its beginning. Where the log does not reach an offset (its messages were removed, or it was put
    back to an earlier state), the next tick reads on from the oldest message, after a warning. Raises EventLogError.
    """
    # First: of a log that is replaced from here on, the next tick finds another identity and reads all of it.
    identity = log.identity(topic)
    if (known := in_log(offsets, of=of, now=identity)) != offsets:
        warn(f"{topic} is another log than the one that was read until now. Reading it from its beginning; {_LOST}.")
        offsets = known
    identity = identity or of
    marks = log.watermarks(topic)
    try:
        records = log.read(topic, offsets, limit=limit)
    except OffsetOutOfRange as error:
        warn(f"{error}. Reading on there from the oldest message kept; {_LOST}.")
        marks = log.watermarks(topic)
        return Batch([], identity, reachable(offsets, marks), lag(offsets, marks))
    after = reachable(offsets, marks)
    for record in records:
        after[record.partition] = record.offset + 1
    if len(records) < limit:
        # There was no more. What is left up to the high watermarks are holes, e.g. the end marks of transactions.
        after = {partition: max(offset, marks[partition].high) for partition, offset in after.items()}
    unread = {partition: max(0, marks[partition].high - offset) for partition, offset in after.items()}
    return Batch(records, identity, after, unread)


def in_words(unread: Mapping[int, int]) -> str:
    """A lag for people."""
    total = sum(unread.values())
    where = ", ".join(f"{count:,} in partition {partition}" for partition, count in sorted(unread.items()) if count)
    return f"lag {total:,} ({where})" if total else "lag 0"
