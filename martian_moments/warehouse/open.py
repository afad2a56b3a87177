"""Which warehouse an address means."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from martian_moments.errors import SettingsError
from martian_moments.warehouse.base import Warehouse


def open_warehouse(url: str, *, wait_seconds: float = 600.0) -> Warehouse:
    """The warehouse at ``duckdb:///file``. Nothing is opened or created yet.

    Raises:
        SettingsError: the address is of no warehouse that is built.
    """
    parts = urlsplit(url)
    match parts.scheme:
        case "duckdb":
            from martian_moments.warehouse.duckdb import DuckDBWarehouse

            return DuckDBWarehouse(Path(parts.netloc + parts.path), wait_seconds=wait_seconds)
        case _:
            raise SettingsError(f"{url!r} is not a warehouse; use duckdb:///file")
