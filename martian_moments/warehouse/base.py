"""What every warehouse offers: idempotent bronze loads, its ledger, a place for dbt to write, and published tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

from martian_moments.domain.documents import Header, Kind

if TYPE_CHECKING:
    import pyarrow as pa

    from martian_moments.warehouse.published import Published

TABLE_OF: Final[dict[Kind, str]] = {
    Kind.MANIFEST: "raw_manifests",
    Kind.PHOTOS: "raw_photos",
    Kind.TRAVERSE: "raw_traverse",
    Kind.WAYPOINTS: "raw_traverse",
    Kind.IMAGES: "raw_images",
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
    """What a load did, by object key. An object given twice is listed twice."""

    loaded: list[str] = field(default_factory=list)
    """Rows written, new or replaced."""
    unchanged: list[str] = field(default_factory=list)
    """The same (object_key, etag) was there."""
    stale: list[str] = field(default_factory=list)
    """A newer document was there, by fetched_at, then fingerprint, as ``clock.outdates`` has it; nothing was written."""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table to publish.

    Attributes:
        schema: its schema.
        name: its name.
        order_by: the columns that put its rows into one order only.
        types: of its columns, in the words of the dbt contracts (``integer`` has 32 bits, ``bigint`` 64).
        description: what one row is.
        descriptions: of its columns.
        in_blocks: whether it grows with the history, so that it is published in blocks of sols (warehouse/blocks.py).
    """

    schema: str
    name: str
    order_by: tuple[str, ...]
    types: Mapping[str, str] = field(default_factory=dict, hash=False)
    description: str = field(default="", compare=False)
    descriptions: Mapping[str, str] = field(default_factory=dict, compare=False)
    in_blocks: bool = False


ROWS_OF_A_GROUP: Final = 24_576
"""Rows in one row group of a published table, a multiple of DuckDB's vectors of 2,048.

Whoever wants a few photos reads whole groups. Of 1.2 million photos, 101 with all columns take 30 ms instead of 90, and less
than 100 MB instead of more than 200, than with the 122,880 that DuckDB would take; the file is 1.4 % larger.
"""

LEDGER: Final = PublishedTable(
    "bronze",
    "ledger",
    ("object_key",),
    {
        "object_key": "varchar",
        "rover": "varchar",
        "sol": "integer",
        "kind": "varchar",
        "source": "varchar",
        "etag": "varchar",
        "fingerprint": "varchar",
        "record_count": "bigint",
        "promised": "bigint",
        "complete": "boolean",
        "fetched_at": "timestamptz",
        "loaded_at": "timestamptz",
        "repeats": "bigint",
    },
)
"""Bronze without documents, published after each load."""

LOADED_OBJECTS: Final = ("silver", "loaded_objects")
"""Schema and name of the model that says which objects the published models were built from."""

PHOTO_IDS: Final = ("gold", "photo_ids")
"""Schema and name of the model whose rows stay for ever: a warehouse without it takes it over from the published tables."""


class Warehouse(Protocol):
    """Bronze and what leaves the warehouse. Opened for a short time, by one process at a time.

    Every method raises WarehouseError, WarehouseBusy when another writer did not finish in time, and WarehouseDamaged when
    what is stored turned out to be unreadable: it has been set aside then, and bronze is made anew by the next ensure().
    """

    def ensure(self, published: Published | None = None) -> bool:
        """Create what is missing; repeating it changes nothing. What is damaged is set aside first, with a warning.

        The schema ``bronze`` and its tables; and PHOTO_IDS, where that was published and is missing here.

        Args:
            published: where the tables of this warehouse are published. The ledger is withdrawn before a table of bronze is
                made anew, so that nobody takes for loaded what is not there any more: reconcile then loads the lake.

        Returns:
            Whether a table of bronze was made anew; not where it is one that the release before did not have.
        """
        ...

    def exists(self) -> bool:
        """Whether there is anything to read; False after the warehouse was deleted or damaged. Never waits for a writer."""
        ...

    def damage(self) -> str:
        """What is wrong with what is stored, in words; empty where all of it can be read, and where there is nothing.

        Everything is read, nothing is changed, and a writer is not waited for: WarehouseBusy.
        """
        ...

    def mend(self) -> None:
        """Read everything, as the writer, after another program (dbt) has failed. Raises WarehouseDamaged, nothing else."""
        ...

    def dbt_environment(self) -> dict[str, str]:
        """The environment variables that lead dbt here (see profiles.yml)."""
        ...

    def load(self, objects: Iterable[BronzeObject], *, whatever_is_held: bool = False) -> LoadReport:
        """Load objects of any kinds, batch by batch, each batch in one transaction; the newest of each stays.

        With ``whatever_is_held`` nothing counts as stale: for what is known to be the lake's own document.

        Memory is bounded by the batch size whatever the number of objects: the iterable is consumed lazily, outside the
        writer's place.
        """
        ...

    def ledger(self) -> pa.Table:
        """Bronze without documents, ordered by object_key.

        Columns: object_key, rover, sol, kind, source, etag, fingerprint, record_count, promised, complete, fetched_at,
        loaded_at (moments are UTC with time zone), repeats (null in rows of a release that did not record them).
        """
        ...

    def writing(self) -> AbstractContextManager[None]:
        """Hold the writer's place for another program (dbt) while this object keeps no connection open."""
        ...

    def publish(self, published: Published, tables: Iterable[PublishedTable]) -> list[PublishedTable]:
        """Publish tables and views in their deterministic order; an unchanged table is left alone. Returns those written.

        A table or view that cannot be read does not stop the others, but for LOADED_OBJECTS, which says that all before it
        are current; PublishingError then names what was not published.
        """
        ...
