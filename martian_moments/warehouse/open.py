"""Which warehouse an address means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from martian_moments.domain.errors import SettingsError
from martian_moments.infrastructure.addresses import path_of
from martian_moments.warehouse.base import Warehouse

if TYPE_CHECKING:
    from martian_moments.warehouse.snowflake_account import SnowflakeAccount


DUCKDB_FILE: Final = "warehouse.duckdb"
"""The name of DuckDB's file where no other is set."""


def open_warehouse(url: str, snowflake: SnowflakeAccount | None = None, *, wait_seconds: float = 600.0) -> Warehouse:
    """The warehouse at ``duckdb:///file``, or the account's at ``snowflake://``. Nothing is opened or created yet.

    Raises:
        SettingsError: the address is of no warehouse that is built, or a setting of the account is missing or refused.
    """
    match url.partition(":")[0], snowflake:
        case "duckdb", _:
            from martian_moments.warehouse.duckdb import DuckDBWarehouse

            return DuckDBWarehouse(path_of(url), wait_seconds=wait_seconds)
        case "snowflake", account if account is not None:
            from martian_moments.warehouse.snowflake import SnowflakeWarehouse

            return SnowflakeWarehouse(account, wait_seconds=wait_seconds)
        case _:
            raise SettingsError(f"{url!r} is not a warehouse; use duckdb:///file or snowflake:// with an account")
