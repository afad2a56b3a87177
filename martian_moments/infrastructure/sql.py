"""Values inside statements that take no parameters: ``attach``, ``copy``, ``create view``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def quoted(text: object) -> str:
    """A text or path as a literal of SQL."""
    return "'" + str(text).replace("'", "''") + "'"


def from_folder(folder: Path) -> str:
    """What DuckDB selects a table from, given the folder of its Parquet files or a copy of it."""
    return from_files(sorted(folder.rglob("*.parquet")))


def from_files(files: Iterable[Path]) -> str:
    """As :func:`from_folder`, of some files. Names of folders like ``rover=spirit`` are a column."""
    return f"read_parquet([{', '.join(map(quoted, files))}], hive_partitioning = true)"
