"""Reading one file of a published table: its columns, and the rover, which is in the name of its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from martian_moments.domain.errors import PublishedDamaged
from martian_moments.warehouse.blocks import PARTITION

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


@dataclass(frozen=True, slots=True)
class Part:
    """A file of a published table. What is read of it raises PublishedDamaged where it cannot be read.

    Attributes:
        file: the file.
        rover: whose rows these are, where the file is a block, which has no column of it.
        damaged: makes the error of a reason.
    """

    file: pq.ParquetFile
    rover: str | None
    damaged: Callable[[str], PublishedDamaged]

    @property
    def names(self) -> list[str]:
        """The columns of the table."""
        names: list[str] = self.file.schema_arrow.names
        return names if self.rover is None else [PARTITION, *names]

    def rows_by_rover(self) -> Counter[str]:
        """How many rows it has of each rover. Of a block the file's end says so, and no column is read."""
        if self.rover is not None:
            return Counter({self.rover: self.file.metadata.num_rows})
        if PARTITION not in self.names:
            raise self.damaged(f"it lacks {PARTITION}")
        counts = self.read([PARTITION])[PARTITION].value_counts().to_pylist()
        return Counter({each["values"]: each["counts"] for each in counts})

    def first(self, rows: int) -> list[dict[str, Any]]:
        """The first rows, with all columns."""
        first_group = range(self.file.num_row_groups)[:1]
        with _readable(self.damaged):
            batch = next(self.file.iter_batches(rows, row_groups=first_group, use_threads=False), None)
        of_block = {} if self.rover is None else {PARTITION: self.rover}
        return [of_block | row for row in batch.to_pylist()] if batch else []

    def read(self, columns: Sequence[str]) -> pa.Table:
        """Those of these columns that it has, in this order."""
        return self._with_rover(columns, lambda read: self.file.read(columns=read, use_threads=False))

    def read_group(self, group: int, columns: Sequence[str]) -> pa.Table:
        """As :meth:`read`, but the rows of a row group."""
        return self._with_rover(columns, lambda read: self.file.read_row_group(group, columns=read, use_threads=False))

    def _with_rover(self, columns: Sequence[str], read: Callable[[list[str]], pa.Table]) -> pa.Table:
        import pyarrow as pa

        held = [name for name in columns if self.rover is None or name != PARTITION]
        with _readable(self.damaged):
            table = read(held)
        if len(held) < len(columns):
            table = table.append_column(PARTITION, pa.repeat(pa.scalar(self.rover, pa.string()), table.num_rows))
        return table.select([name for name in columns if name in table.column_names])


@contextmanager
def open_part(source: Any, rover: str | None, damaged: Callable[[str], PublishedDamaged]) -> Iterator[Part]:
    """Open a Parquet file. Raises PublishedDamaged for one that is none."""
    # Without threads, and not by read_table (pyarrow.dataset, which has its own): a thread of Arrow's that lets go of a
    # Python buffer while the interpreter ends aborts the process: one status in forty, one in twelve with read_table.
    import pyarrow.parquet as pq

    with _readable(damaged):
        file = pq.ParquetFile(source, pre_buffer=False)
    with file:
        yield Part(file, rover, damaged)


@contextmanager
def _readable(damaged: Callable[[str], PublishedDamaged]) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise damaged(str(error).partition("\n")[0]) from error
