"""What bronze holds on every warehouse: the columns of its ledger, the batches of a load."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from martian_moments.domain.documents import Kind
from martian_moments.domain.errors import PublishedDamaged
from martian_moments.warehouse.base import LEDGER, TABLE_OF, BronzeObject
from martian_moments.warehouse.published import Published

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_OBJECTS: Final = 500
BATCH_BYTES: Final = 32 * 1024 * 1024

TABLES: Final = tuple(sorted(set(TABLE_OF.values())))
"""The bronze tables."""

LEDGER_QUERY: Final = " union all ".join(f"select {', '.join(LEDGER.types)} from {table}" for table in TABLES)  # noqa: S608
"""Bronze without documents. The schema bronze is the current one."""


JOINED_TABLES: Final = frozenset({"raw_images"})
"""Tables that a later release added: a warehouse of the release before lacks them and has lost nothing."""

JOINED_COLUMNS: Final = "alter table {table} add column if not exists repeats bigint"
"""Columns that a later release added. They come this way to new tables as well, so that all are alike. Rows of the release
before have null in them until their document is written again."""


def were_held(lacking: Collection[str], published: Published | None) -> bool:
    """Whether tables that bronze lacks were there before: whatever was in them has to be loaded again.

    Of tables that a later release added the published ledger knows; what is damaged in it proves nothing.
    """
    if not lacking or published is None or not JOINED_TABLES.issuperset(lacking):
        return bool(lacking)
    try:
        ledger = published.read(LEDGER.schema, LEDGER.name, ["kind"])
    except PublishedDamaged:
        return True
    return ledger is not None and any(TABLE_OF[Kind(kind)] in lacking for kind in ledger["kind"].unique().to_pylist())


def batches(objects: Iterable[BronzeObject], size_at_most: int = BATCH_BYTES) -> Iterator[list[BronzeObject]]:
    """The objects in their order, in batches of bounded size (bytes of text), none of which holds a key twice."""
    batch: dict[str, BronzeObject] = {}
    size = 0
    for item in objects:
        if item.key in batch:
            yield list(batch.values())
            batch, size = {}, 0
        batch[item.key] = item
        size += len(item.text)
        if len(batch) >= BATCH_OBJECTS or size >= size_at_most:
            yield list(batch.values())
            batch, size = {}, 0
    if batch:
        yield list(batch.values())


def as_arrow(items: Sequence[BronzeObject]) -> pa.Table:
    """The rows of the items, all columns but loaded_at."""
    import pyarrow as pa

    headers = [item.header for item in items]
    return pa.table(
        {
            "object_key": [item.key for item in items],
            "rover": [header.rover for header in headers],
            "sol": pa.array([header.sol for header in headers], pa.int32()),
            "kind": [header.kind.value for header in headers],
            "source": [header.source for header in headers],
            "etag": [item.etag for item in items],
            "fingerprint": [header.fingerprint for header in headers],
            "record_count": [header.record_count for header in headers],
            "promised": pa.array([header.promised for header in headers], pa.int64()),
            "complete": [header.complete for header in headers],
            "fetched_at": pa.array([header.fetched_at for header in headers], pa.timestamp("us", tz="UTC")),
            "repeats": pa.array([header.repeats for header in headers], pa.int64()),
            "document": pa.array([item.text for item in items], pa.binary()).cast(pa.string()),
        }
    )
