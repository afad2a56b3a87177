"""Snowflake's types as the published tables have them on every warehouse."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from martian_moments.domain.errors import WarehouseError

if TYPE_CHECKING:
    import pyarrow as pa
    from snowflake.connector.cursor import ResultMetadata, SnowflakeCursor


def published_schema(description: Sequence[ResultMetadata], types: Mapping[str, str]) -> pa.Schema:
    """The Arrow schema of a result: names in lower case, moments in UTC.

    Args:
        description: what Snowflake reports about the columns. It has one type for whole numbers.
        types: what the contract reports, by column: ``integer`` has 32 bits; every other whole number has 64.

    Raises:
        WarehouseError: a column has a type that no published table may have.
    """
    import pyarrow as pa

    return pa.schema([(column.name.lower(), _type(column, types)) for column in description])


def as_published(cursor: SnowflakeCursor, schema: pa.Schema) -> Iterator[pa.Table]:
    """The rows of a result piece by piece, as they come from Snowflake, in this schema."""
    for piece in cursor.fetch_arrow_batches(force_microsecond_precision=True):
        yield piece.rename_columns(schema.names).cast(schema)


def _type(column: ResultMetadata, types: Mapping[str, str]) -> pa.DataType:
    import pyarrow as pa
    from snowflake.connector.constants import FIELD_ID_TO_NAME

    name = column.name.lower()
    match FIELD_ID_TO_NAME[column.type_code]:
        case "FIXED" if not column.scale:
            return pa.int32() if types.get(name) == "integer" else pa.int64()
        case "REAL":
            return pa.float64()
        case "TEXT":
            return pa.string()
        case "BOOLEAN":
            return pa.bool_()
        case "DATE":
            return pa.date32()
        case "TIMESTAMP_TZ":
            return pa.timestamp("us", tz="UTC")
        case other:
            raise WarehouseError(f"column {name} is a {other} ({column.precision}, {column.scale}); cast it in its model")
