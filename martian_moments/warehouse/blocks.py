"""Where the files of a published table stand: one file or, where the table grows with the history, blocks of sols.

    gold/rover_summary/rover_summary.parquet
    silver/fact_photos/rover=curiosity/00500.parquet

The second has Curiosity's rows of sols 500 to 999, without the column ``rover``: that is in the name of the folder. So
DuckDB (``hive_partitioning``), pandas and pyarrow read the same columns; pandas refuses a column that is in both. A table in
blocks that has no rows is one file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol
from urllib.parse import quote, unquote

from martian_moments.domain.errors import WarehouseError

if TYPE_CHECKING:
    from pathlib import Path

    from martian_moments.warehouse.base import PublishedTable

SOLS_OF_BLOCK: Final = 500
"""Twenty-seven files of a table for the whole history.

To publish one new sol after it takes 2.8 s of the processor; with 250 sols and twice the files 2.2 s, with 1,000 3.8 s.
"""

PARTITION: Final = "rover"
"""The column that is in the names of folders."""

_IN_FOLDER: Final = f"{PARTITION}="


NUMBER: Final = f"floor(coalesce(sol, 0) / {SOLS_OF_BLOCK})"
"""The number of a row's block, for SQL."""


class Block(NamedTuple):
    """The rows of a rover of :data:`SOLS_OF_BLOCK` sols; the first block has those without a sol as well."""

    rover: str
    first_sol: int

    @property
    def of_sols(self) -> str:
        """The condition of its sols, for SQL."""
        condition = f"sol between {self.first_sol} and {self.first_sol + SOLS_OF_BLOCK - 1}"
        return condition if self.first_sol else f"({condition} or sol is null)"


class BlockContent(NamedTuple):
    """What a block holds: how many rows, and a digest that another content has not."""

    rows: int
    digest: str


class TableRows(Protocol):
    """The rows of the tables that are published, in a warehouse."""

    def blocks(self, table: PublishedTable) -> Mapping[Block, BlockContent]:
        """What there is to publish of a table in blocks."""
        ...

    def write(self, table: PublishedTable, file: Path, block: Block | None = None) -> None:
        """Write a table, or a block of it without the column :data:`PARTITION`; the same rows make the same bytes."""
        ...


def block_of(table: PublishedTable, rover: str | None, number: int) -> Block:
    """A block that a query found, by its number among those of its rover. Raises WarehouseError for rows without a rover."""
    if rover is None:
        raise WarehouseError(f"{table.schema}.{table.name} has rows without a rover; its model must give one to each")
    return Block(rover, int(number) * SOLS_OF_BLOCK)


def folder_of(schema: str, table: str) -> str:
    """The beginning of the keys of a table's files."""
    return f"{schema}/{table}/"


def key_of(schema: str, table: str, block: Block | None = None) -> str:
    """The key of a table's file, or of a block."""
    name = table if block is None else f"{_IN_FOLDER}{quote(block.rover, safe='')}/{block.first_sol:05d}"
    return f"{folder_of(schema, table)}{name}.parquet"


def rover_of(key: str) -> str | None:
    """The rover whose rows a file has; None for a whole table's."""
    folder = key.split("/")[-2]
    return unquote(folder.removeprefix(_IN_FOLDER)) if folder.startswith(_IN_FOLDER) else None


def digest_of(sha256s: Iterable[str]) -> str:
    """Of the bytes of a table, by the SHA-256 of each of its files in their order."""
    return " ".join(sha256s)
