"""The rows of published tables in Snowflake."""
# ruff: noqa: S608 - names of tables and columns come from this package; values are bound.

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from martian_moments.warehouse.base import LEDGER, ROWS_OF_A_GROUP, PublishedTable
from martian_moments.warehouse.blocks import NUMBER, PARTITION, Block, BlockContent, block_of
from martian_moments.warehouse.bronze import LEDGER_QUERY
from martian_moments.warehouse.snowflake_types import as_published, published_schema

if TYPE_CHECKING:
    import pyarrow as pa
    from snowflake.connector.cursor import SnowflakeCursor


class SnowflakeRows:
    """See :class:`martian_moments.warehouse.blocks.TableRows`."""

    def __init__(self, run: Callable[[str, dict[str, Any] | None], SnowflakeCursor]) -> None:
        """What ``run`` finds, given a statement and its values."""
        self._run = run

    def blocks(self, table: PublishedTable) -> Mapping[Block, BlockContent]:
        """Of each block Snowflake's own hash of its rows, so that nothing but what changed leaves it."""
        statement = f"select rover, {NUMBER}, count(*), hash_agg(*) from {table.schema}.{table.name} as held group by 1, 2"
        made_by = repr((table.order_by, sorted(table.types.items()), ROWS_OF_A_GROUP))
        return {
            block_of(table, rover, block): BlockContent(rows, hashlib.sha256(f"{made_by} {found}".encode()).hexdigest())
            for rover, block, rows, found in self._run(statement, None).fetchall()
        }

    def write(self, table: PublishedTable, file: Path, block: Block | None = None) -> None:
        """Sorted, in row groups of a fixed length."""
        query = LEDGER_QUERY if table == LEDGER else f"select * from {table.schema}.{table.name}"
        values, order = None, table.order_by
        if block is not None:
            query += f" where {PARTITION} = %(rover)s and {block.of_sols}"
            values = {"rover": block.rover}
            order = tuple(name for name in order if name != PARTITION)
        cursor = self._run(f"{query} order by {', '.join(order)}", values)
        schema = published_schema(cursor.description, table.types)
        _write(file, schema, as_published(cursor, schema), without=() if block is None else (PARTITION,))


def _write(file: Path, schema: pa.Schema, pieces: Iterable[pa.Table], *, without: tuple[str, ...] = ()) -> None:
    """Results come in pieces of any size; the same rows make the same file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rest = schema.empty_table().drop_columns(list(without))
    with pq.ParquetWriter(file, rest.schema, compression="zstd") as writer:
        for piece in pieces:
            rest = pa.concat_tables([rest, piece.drop_columns(list(without))])
            while rest.num_rows >= ROWS_OF_A_GROUP:
                writer.write_table(rest.slice(0, ROWS_OF_A_GROUP).combine_chunks())
                rest = rest.slice(ROWS_OF_A_GROUP)
        writer.write_table(rest.combine_chunks())
