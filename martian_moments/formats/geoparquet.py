"""GeoParquet 1.1 by DuckDB alone: geometries as WKB, a bounding box of each row that readers can skip by, and the planet."""
# ruff: noqa: S608 - all SQL is of this package.

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.formats.mars_crs import MARS_CRS
from martian_moments.infrastructure.sql import quoted

if TYPE_CHECKING:
    import duckdb

_ROWS_OF_A_GROUP: Final = 100_000
"""GeoParquet advises 50,000 to 150,000."""


def signed_longitude(degrees: str) -> str:
    """A longitude of the tables, beyond 180 for Opportunity, as GeoJSON, STAC and GeoParquet have it: -180 to 180."""
    return f"case when {degrees} > 180 then round({degrees} - 360, 10) else {degrees} end"


def points(rows: str) -> str:
    """A query of rows with longitude, latitude and elevation_m, and a point for each; null where no place is known.

    Without an elevation it is a point of the plane: nothing is invented. The point's longitude is that of
    :func:`signed_longitude`; the column stays as it is.
    """
    return f"""
        select
            * exclude (is_placed, signed),
            case
                when is_placed then {{'xmin': signed, 'ymin': latitude, 'xmax': signed, 'ymax': latitude}}
            end as bbox,
            case
                when is_placed and elevation_m is null
                    then st_aswkb(cast('POINT (' || signed || ' ' || latitude || ')' as geometry))
                when is_placed
                    then st_aswkb(cast('POINT Z (' || signed || ' ' || latitude || ' ' || elevation_m || ')' as geometry))
            end as geometry,
            case when is_placed then case when elevation_m is null then 'Point' else 'Point Z' end end as geometry_type,
            elevation_m as zmin,
            elevation_m as zmax
        from (
            select *, longitude is not null and latitude is not null as is_placed, {signed_longitude("longitude")} as signed
            from ({rows})
        )
    """


def lines(rows: str) -> str:
    """A query of rows whose geometry is GeoJSON text, with WKB in its place; a line of less than two points is none.

    A leg of which one point has no elevation is a line of the plane. Longitudes are those of :func:`signed_longitude`.
    """
    signed = f"list_concat([{signed_longitude('vertex[1]')}], vertex[2:])"
    return f"""
        select
            * exclude (geometry, kind, lines, written, vertices, is_high, text),
            case when text is not null then {{
                'xmin': list_min(list_transform(vertices, lambda vertex: vertex[1])),
                'ymin': list_min(list_transform(vertices, lambda vertex: vertex[2])),
                'xmax': list_max(list_transform(vertices, lambda vertex: vertex[1])),
                'ymax': list_max(list_transform(vertices, lambda vertex: vertex[2]))
            }} end as bbox,
            st_aswkb(cast(text as geometry)) as geometry,
            case when text is not null then kind || case when is_high then ' Z' else '' end end as geometry_type,
            case when is_high then list_min(list_transform(vertices, lambda vertex: vertex[3])) end as zmin,
            case when is_high then list_max(list_transform(vertices, lambda vertex: vertex[3])) end as zmax
        from (
            select
                *,
                upper(kind) || case when is_high then ' Z ' else ' ' end || case
                    when kind = 'LineString' then written[1] else '(' || array_to_string(written, ', ') || ')'
                end as text
            from (
                select
                    *,
                    list_transform(lines, lambda line: '(' || array_to_string(list_transform(
                        line, lambda vertex: array_to_string(vertex[1:case when is_high then 3 else 2 end], ' ')
                    ), ', ') || ')') as written
                from (
                    select *, flatten(lines) as vertices, list_bool_and(list_transform(
                        flatten(lines), lambda vertex: vertex[3] is not null
                    )) as is_high
                    from (
                        select * exclude (reported), list_transform(
                            reported, lambda line: list_transform(line, lambda vertex: {signed})
                        ) as lines
                        from (select *, geometry ->> '$.type' as kind, list_filter(case geometry ->> '$.type'
                            when 'MultiLineString' then from_json(geometry -> '$.coordinates', '[[["DOUBLE"]]]')
                            when 'LineString' then [from_json(geometry -> '$.coordinates', '[["DOUBLE"]]')]
                        end, lambda line: len(line) > 1) as reported
                        from ({rows}))
                    )
                )
            )
        )
    """


def write_geoparquet(
    connection: duckdb.DuckDBPyConnection,
    placed: str,
    file: Path,
    metadata: Mapping[str, Any] | None = None,
    *,
    without: Sequence[str] = (),
) -> int:
    """Write the rows of a query, in their order, and return how many there are.

    Args:
        connection: reads what the query names.
        placed: has geometry (WKB), geometry_type, bbox (xmin, ymin, xmax, ymax), zmin and zmax, as of :func:`points` and
            :func:`lines`.
        file: to be written; the same rows make the same bytes.
        metadata: joins that of GeoParquet in the footer, as JSON.
        without: columns of the query that the file does not get.
    """
    found = connection.execute(f"""
        select
            count(*), list_sort(list(distinct geometry_type) filter (where geometry_type is not null)),
            min(bbox.xmin), min(bbox.ymin), min(zmin), max(bbox.xmax), max(bbox.ymax), max(zmax)
        from ({placed})
    """).fetchone()
    assert found is not None  # noqa: S101 - an aggregate has a row
    count, kinds, *extent = found
    corners = ("xmin", "ymin", "xmax", "ymax")
    column: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": kinds or [],
        "crs": MARS_CRS,
        "edges": "planar",
        "covering": {"bbox": {corner: ["bbox", corner] for corner in corners}},
    }
    if kinds:
        column["bbox"] = extent if extent[2] is not None else [extent[i] for i in (0, 1, 3, 4)]
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    footer = ", ".join(f"{quoted(key)}: {quoted(_text(value))}" for key, value in {"geo": geo, **(metadata or {})}.items())
    others = f"* exclude ({', '.join(('bbox', 'geometry', 'geometry_type', 'zmin', 'zmax', *without))})"
    connection.execute(f"""
        copy (select {others}, bbox, geometry from ({placed})) to {quoted(file)} (
            format parquet, compression zstd, geoparquet_version 'NONE', row_group_size {_ROWS_OF_A_GROUP},
            kv_metadata {{{footer}}}
        )
    """)
    return int(count)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
