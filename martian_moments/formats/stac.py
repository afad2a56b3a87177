"""``published/stac``: a catalogue with a Collection for each rover, and its photos as items in one stac-geoparquet.

Photos without a place stand in a file of their own, in the same columns: an item may have no geometry, but the readers of
stac-geoparquet (stac-geoparquet 0.8 and rustac 0.9) fail at the first one.

STAC 1.1.0 with the extensions ssys (which body), view (where the camera looked, where the sun stood) and projection. Places
are those of Mars, which GeoJSON does not foresee: ssys says so, as in the catalogues of the USGS. What has no field there
has one that begins with ``mars:``.
"""
# ruff: noqa: S608 - all SQL is of this package; values are quoted.

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.rovers import SOL_SECONDS
from martian_moments.formats.before import Before
from martian_moments.formats.geoparquet import points, signed_longitude, write_geoparquet
from martian_moments.formats.mars_crs import MARS_CRS_CODE
from martian_moments.infrastructure.sql import quoted
from martian_moments.warehouse.manifest import MadeFile, PublishedFile

if TYPE_CHECKING:
    import duckdb

SOURCES: Final = (("silver", "dim_cameras"), ("silver", "dim_rovers"), ("silver", "fact_photos"))
"""The published tables that these files are made of."""

_SSYS: Final = "https://stac-extensions.github.io/ssys/v1.1.0/schema.json"
_VIEW: Final = "https://stac-extensions.github.io/view/v1.1.0/schema.json"
_PROJECTION: Final = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"

_VERSION: Final = "1.1.0"
"""Of STAC, and of stac-geoparquet."""

_COORDINATES: Final = ("longitude", "latitude", "elevation_m")

_JSON: Final = "application/json"
_PARQUET: Final = "application/vnd.apache.parquet"

_MIDNIGHT: Final = f"first_midnight_utc + to_microseconds(cast(({{}} - first_sol) * {SOL_SECONDS * 1e6} as bigint))"

_SOL: Final = {"begins": _MIDNIGHT.format("sol"), "ends": _MIDNIGHT.format("(sol + 1)")}
"""The moments between which a sol lies."""

_PLACED: Final = "(longitude is not null and latitude is not null)"

ROVERS_WITH_PHOTOS: Final = f"""
    select
        rover, title, {signed_longitude("landing_longitude")} as landing_longitude, landing_latitude,
        west, south, east, north, oldest_sol, newest_sol, instruments, unplaced,
        least(first_taken, {_MIDNIGHT.format("oldest_untimed")}) as first_taken,
        greatest(last_taken, {_MIDNIGHT.format("(newest_untimed + 1)")}) as last_taken
    from (
        select
            rover, min({signed_longitude("longitude")}) as west, min(latitude) as south,
            max({signed_longitude("longitude")}) as east, max(latitude) as north,
            min(taken_at_utc) as first_taken, max(taken_at_utc) as last_taken,
            min(sol) filter (where taken_at_utc is null) as oldest_untimed,
            max(sol) filter (where taken_at_utc is null) as newest_untimed,
            min(sol) as oldest_sol, max(sol) as newest_sol,
            list_sort(list(distinct source_camera)) as instruments, count(*) filter (where not {_PLACED}) as unplaced
        from silver.fact_photos
        group by rover
    )
    inner join silver.dim_rovers using (rover)
    order by rover
"""
"""A query of what a collection says of each rover with photos, for :func:`collection_of`."""

_ASSET: Final = """case when {url} is not null then {{
    'href': {url},
    'type': case lower(regexp_extract({url}, '[.]([A-Za-z]+)$', 1))
        when 'jpg' then 'image/jpeg' when 'jpeg' then 'image/jpeg' when 'png' then 'image/png'
        else 'application/octet-stream'
    end,
    'roles': ['{role}']
}} end"""


_MIRROR: Final = {
    "type": _PARQUET,
    "title": "All items that have a place, as stac-geoparquet",
    "description": "One row per photo, by sol; the reference system of its geometries is that of Mars.",
    "roles": ["collection-mirror"],
}
_UNPLACED: Final = {
    "type": _PARQUET,
    "title": "Items of which nobody knows the place",
    "description": "In the same columns, without geometry.",
    "roles": ["metadata"],
}


def make_stac(connection: duckdb.DuckDBPyConnection, folder: Path, before: Before) -> Iterator[MadeFile | PublishedFile]:
    """Make the files in a folder, from the views of :data:`SOURCES` that the connection has.

    A rover without photos has none, and the items of a rover of which nothing has changed stay as they are: of 1.2 million
    photos one rover's take 1 to 2.7 of 5 s. The catalogue comes last: what it names is there.
    """
    found = connection.execute(ROVERS_WITH_PHOTOS).to_arrow_table().to_pylist()
    for row in found:
        rover = row["rover"]
        collection = collection_of(
            row, mirrors(row, "."), [_link("root", "../catalog.json"), _link("parent", "../catalog.json")]
        )
        metadata = {"stac-geoparquet": {"version": _VERSION, "collections": {rover: collection}}}
        content = before.content_of(rover)
        for name, which in {"items": _PLACED, **({"unplaced": f"not {_PLACED}"} if row["unplaced"] else {})}.items():
            key, file = f"stac/{rover}/{name}.parquet", folder / f"{rover}.{name}.parquet"
            if same := before.file(key, content):
                yield same
                continue
            items = item_rows(f"select * from silver.fact_photos where rover = {quoted(rover)} and {which}", _LINKS)
            rows = write_geoparquet(connection, points(items), file, metadata, without=_COORDINATES)
            yield MadeFile(key, file, rows, content)
        yield _document(collection, f"stac/{rover}/collection.json", folder / f"{rover}.json")
    yield _document(_catalog(found), "stac/catalog.json", folder / "catalog.json")


def _document(content: Mapping[str, Any], key: str, file: Path) -> MadeFile:
    file.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    return MadeFile(key, file, 1)


def _catalog(rovers: list[dict[str, Any]]) -> dict[str, Any]:
    children = [_link("child", f"./{row['rover']}/collection.json") | {"title": title_of(row)} for row in rovers]
    return catalog_of([_link("root", "./catalog.json"), *children])


def catalog_of(links: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The catalogue, with these links."""
    return {
        "type": "Catalog",
        "stac_version": _VERSION,
        "id": "martian-moments",
        "title": "martian-moments",
        "description": "What the rovers on Mars photographed, by rover. Places are planetocentric coordinates of Mars, and "
        "not of the Earth.",
        "links": [*links],
    }


def mirrors(row: Mapping[str, Any], folder: str) -> dict[str, Any]:
    """The assets of a rover's collection: its items as files, in a folder."""
    files = {"items": _MIRROR, **({"unplaced": _UNPLACED} if row["unplaced"] else {})}
    return {name: {"href": f"{folder}/{name}.parquet", **asset} for name, asset in files.items()}


def collection_of(row: Mapping[str, Any], assets: Mapping[str, Any], links: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The collection of a rover, of a row of :data:`ROVERS_WITH_PHOTOS`, with these assets and links."""
    place = [row["west"], row["south"], row["east"], row["north"]]
    if place[0] is None:
        place = [row["landing_longitude"], row["landing_latitude"]] * 2
    times = [row["first_taken"], row["last_taken"]]
    return {
        "type": "Collection",
        "stac_version": _VERSION,
        "stac_extensions": [_SSYS],
        "id": row["rover"],
        "title": title_of(row),
        "description": f"Every photo of {row['title']} that its sources report, with where the rover stood (longitude and "
        f"latitude on the sphere of Mars, {MARS_CRS_CODE}) and when it was taken.",
        "keywords": ["Mars", "rover", row["title"], "raw images"],
        # Of SPDX; its text is the policy that the link leads to.
        "license": "JPL-image",
        "providers": [{"name": "NASA/JPL-Caltech", "roles": ["producer", "licensor"], "url": "https://www.jpl.nasa.gov"}],
        "extent": {
            "spatial": {"bbox": [place]},
            "temporal": {"interval": [[each and each.strftime("%Y-%m-%dT%H:%M:%S.%fZ") for each in times]]},
        },
        "summaries": {
            "ssys:targets": ["Mars"],
            "instruments": row["instruments"],
            "mars:sol": {"minimum": row["oldest_sol"], "maximum": row["newest_sol"]},
        },
        "assets": dict(assets),
        "links": [
            *links,
            {"rel": "license", "href": "https://www.jpl.nasa.gov/jpl-image-use-policy", "type": "text/html"},
        ],
    }


def title_of(row: Mapping[str, Any]) -> str:
    """The title of a rover's collection."""
    return f"Photos of {row['title']}"


def _link(relation: str, href: str) -> dict[str, str]:
    return {"rel": relation, "href": href, "type": _JSON}


_LINKS: Final = (
    _link("root", "../catalog.json"),
    _link("parent", "./collection.json"),
    _link("collection", "./collection.json"),
)
"""Of an item in the file of its rover."""


def item_rows(photos: str, links: Sequence[Mapping[str, str]]) -> str:
    """A query of photos (rows of silver.fact_photos), with a column for each field of an item, and its coordinates.

    Where it is not known when a photo was taken, its sol says between what.
    """
    return f"""
        select
            'Feature' as type,
            '{_VERSION}' as stac_version,
            ['{_SSYS}', '{_PROJECTION}'] || case
                when coalesce(view_azimuth_deg, sun_azimuth_deg, sun_elevation_deg) is not null then ['{_VIEW}'] else []
            end as stac_extensions,
            -- Neither the name of a rover nor that of a source has a dot.
            replace(photo_key, '|', '.') as id,
            rover as collection,
            concat_ws(', ', title, coalesce(full_name, camera), 'sol ' || sol) as title,
            taken_at_utc as datetime,
            case when taken_at_utc is null then {_SOL["begins"]} end as start_datetime,
            case when taken_at_utc is null then {_SOL["ends"]} end as end_datetime,
            fetched_at as created,
            fetched_at as updated,
            rover as platform,
            [source_camera] as instruments,
            ['Mars'] as "ssys:targets",
            'planet' as "ssys:target_class",
            lpad(cast(mars_year as varchar), 2, '0') || ':' || replace(substr(lmst, 5), 'M', ':') as "ssys:local_time",
            view_azimuth_deg as "view:azimuth",
            sun_azimuth_deg as "view:sun_azimuth",
            sun_elevation_deg as "view:sun_elevation",
            '{MARS_CRS_CODE}' as "proj:code",
            case when width_px is not null and height_px is not null then [height_px, width_px] end as "proj:shape",
            sol as "mars:sol",
            lmst as "mars:lmst",
            solar_longitude_deg as "mars:solar_longitude",
            site as "mars:site",
            drive as "mars:drive",
            location_method as "mars:location_method",
            location_uncertainty_m as "mars:location_uncertainty_m",
            taken_at_uncertainty_s as "mars:taken_at_uncertainty_s",
            camera as "mars:camera",
            camera_role as "mars:camera_role",
            product_identity as "mars:product_identity",
            product_type as "mars:product_type",
            color_kind as "mars:color_kind",
            view_elevation_deg as "mars:view_elevation",
            fov_h_deg as "mars:fov_h",
            fov_v_deg as "mars:fov_v",
            {{
                'image': {_ASSET.format(url="image_url", role="data")},
                'full': {_ASSET.format(url="image_url_full", role="data")},
                'thumbnail': {_ASSET.format(url="image_url_small", role="thumbnail")}
            }} as assets,
            [{", ".join(_struct(link) for link in links)}] as links,
            longitude,
            latitude,
            elevation_m
        from ({photos})
        inner join (select rover, title, first_sol, first_midnight_utc from silver.dim_rovers) using (rover)
        left join (select rover, camera, full_name from silver.dim_cameras) using (rover, camera)
    """


def _struct(fields: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{quoted(name)}: {quoted(value)}" for name, value in fields.items()) + "}"
