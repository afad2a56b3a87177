"""Making the files of a table that is published: all of them, before any is put in its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from martian_moments.domain.errors import WarehouseError
from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.blocks import TableRows, key_of
from martian_moments.warehouse.manifest import MadeFile, PublishedFile


def make_files(
    table: PublishedTable, rows: TableRows, folder: Path, kept: Mapping[str, PublishedFile]
) -> Sequence[MadeFile | PublishedFile]:
    """Make a table's files in a folder, but for the blocks that have not changed.

    Args:
        table: the table.
        rows: what is in it.
        folder: where they are made.
        kept: the blocks that stand as they were published, by key.

    Returns:
        The files in the order of the table's rows, those that are made and those that stay.

    Raises:
        WarehouseError: the table changed meanwhile.
    """
    blocks = rows.blocks(table) if table.in_blocks else {}
    if not blocks:
        file = folder / "table.parquet"
        rows.write(table, file)
        return [MadeFile(key_of(table.schema, table.name), file, _rows_of(file))]
    made: list[MadeFile | PublishedFile] = []
    for block, content in sorted(blocks.items()):
        key = key_of(table.schema, table.name, block)
        if key in kept and kept[key].content == content.digest:
            made.append(kept[key])
            continue
        file = folder / f"{len(made)}.parquet"
        rows.write(table, file, block)
        if (written := _rows_of(file)) != content.rows:
            raise WarehouseError(
                f"{table.schema}.{table.name}: of {content.rows} rows of {block.rover} from sol {block.first_sol} on "
                f"{written} were read; another program writes the table, the next build publishes it"
            )
        made.append(MadeFile(key, file, written, content.digest))
    return made


def _rows_of(file: Path) -> int:
    import pyarrow.parquet as pq

    return int(pq.read_metadata(file).num_rows)
