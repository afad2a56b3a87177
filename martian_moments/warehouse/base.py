"""What every warehouse offers: idempotent bronze loads, its ledger, and the export of tables."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from martian_moments.documents import Header, Kind

if TYPE_CHECKING:
    import pyarrow as pa

TABLE_OF: Final[dict[Kind, str]] = {
    Kind.MANIFEST: "raw_manifests",
    Kind.PHOTOS: "raw_photos",
    Kind.TRAVERSE: "raw_traverse",
    Kind.WAYPOINTS: "raw_traverse",
}
"""The bronze table of each kind of document."""


@dataclass(frozen=True, slots=True)
class BronzeObject:
    """One lake object to load: its key, its ETag as the lake lists it, its header, its whole JSON text."""

    key: str
    etag: str
    header: Header
    text: bytes


@dataclass(slots=True)
class LoadReport:
    """What a load did, by object key."""

    loaded: list[str] = field(default_factory=list)
    """Rows written, new or replaced."""
    unchanged: list[str] = field(default_factory=list)
    """The same (object_key, etag) was there."""
    stale: list[str] = field(default_factory=list)
    """A newer document was there (by fetched_at, then fingerprint); nothing was written."""


class Warehouse(Protocol):
    """Bronze and what leaves the warehouse. Opened for a short time, by one process at a time.

    Every method but ``close`` raises WarehouseError, and WarehouseBusy when another writer did not finish in time.
    """

    def ensure(self) -> None:
        """Create what is missing: the schema ``bronze``, its three tables, and the reference tables ``bronze.rovers`` and
        ``bronze.cameras`` made from rovers.py. Repeating it changes nothing."""
        ...

    def load(self, objects: Iterable[BronzeObject]) -> LoadReport:
        """Load objects of any kinds, batch by batch, each batch in one transaction; memory is bounded by the batch size
        whatever the number of objects (the iterable is consumed lazily)."""
        ...

    def ledger(self) -> pa.Table:
        """Bronze without documents: object_key, rover, sol, kind, source, etag, fingerprint, record_count, promised,
        complete, fetched_at, loaded_at, ordered by object_key."""
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Hold the writer's place for another program (dbt) while this object keeps no connection open."""
        ...

    def export(self, schema: str, table: str, order_by: str) -> pa.Table | bytes:
        """One table's content as Parquet bytes in the given order."""
        ...

    def close(self) -> None:
        """Release what the warehouse holds."""
        ...
