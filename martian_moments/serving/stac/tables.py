"""What STAC asks of a snapshot: a view of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from martian_moments.formats.geoparquet import signed_longitude
from martian_moments.formats.stac import item_rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb


def prepare(connection: duckdb.DuckDBPyConnection, _: Mapping[str, Sequence[Path]]) -> None:
    """Make the view ``stac.items``: a row per photo, with a column for each field of its item."""
    items = item_rows("select * from silver.fact_photos", ())
    columns = f"* exclude (links) replace ({signed_longitude('longitude')} as longitude)"
    connection.execute("create schema stac")
    connection.execute(f"create view stac.items as select {columns} from ({items})")  # noqa: S608 - of fixed names
