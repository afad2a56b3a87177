"""``published/geo``: what has a place, for GIS programs, as GeoParquet, and the small layers once more as a GeoPackage."""
# ruff: noqa: S608 - all SQL is of this package.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from martian_moments.formats.before import Before
from martian_moments.formats.geoparquet import lines, points, write_geoparquet
from martian_moments.formats.mars_crs import MARS_CRS_CODE
from martian_moments.warehouse.manifest import MadeFile

if TYPE_CHECKING:
    import duckdb

WAYPOINTS: Final = ("silver", "dim_waypoints")
PATH: Final = ("silver", "fact_path")
PHOTOS: Final = ("silver", "fact_photos")
STOPS: Final = ("gold", "stops")

SOURCES: Final = (WAYPOINTS, PATH, STOPS, PHOTOS)
"""The published tables that these files are made of."""

_LAYERS: Final = {
    "waypoints": points("select * from silver.dim_waypoints order by rover, sol, site, drive"),
    "path": lines("select * from silver.fact_path order by rover, leg"),
    "stops": points("select * from gold.stops order by rover, first_sol, site, drive"),
}
"""The small layers by name, each in the order of driving: on a rover's path neighbours in time are neighbours in space."""

_OF_A_PHOTO: Final = (
    "photo_key, rover, sol, camera, camera_role, product_type, is_thumbnail, taken_at_utc, lmst, site, drive, longitude, "
    "latitude, elevation_m, heading_deg, location_method, location_quality, location_uncertainty_m, sequence_id, "
    "color_kind, width_px, height_px, view_azimuth_deg, view_elevation_deg, fov_h_deg, fov_v_deg, sun_azimuth_deg, "
    "sun_elevation_deg, solar_longitude_deg, local_true_solar_time, image_url"
)
"""What a map is coloured and filtered by. photo_key leads to the rest in silver.fact_photos: all columns would double that
table (1.2 million photos with all of them take 135 MB instead of 76, and twice the time)."""

_PHOTOS: Final = points(f"select {_OF_A_PHOTO} from silver.fact_photos")

_NO_TIME: Final = "1970-01-01T00:00:00.000Z"
"""A GeoPackage states when it changed; the same data has to make the same bytes."""


def make_geo(connection: duckdb.DuckDBPyConnection, folder: Path, _: Before) -> Iterable[MadeFile]:
    """Make the files in a folder, from the views of :data:`SOURCES` that the connection has. Each has all rovers."""
    files: dict[str, Path] = {}
    for name, placed in {**_LAYERS, "photos": _PHOTOS}.items():
        files[name] = folder / f"{name}.parquet"
        rows = write_geoparquet(connection, placed, files[name])
        yield MadeFile(f"geo/{name}.parquet", files[name], rows)
    yield _geopackage(connection, {name: files[name] for name in _LAYERS}, folder / "mars.gpkg")


def _geopackage(connection: duckdb.DuckDBPyConnection, layers: Mapping[str, Path], file: Path) -> MadeFile:
    """A GeoPackage, which every GIS opens, also where its GDAL cannot read Parquet."""
    import pyogrio

    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _NO_TIME})
    features = 0
    for name, parquet in layers.items():
        table = connection.execute("select * exclude (bbox) from read_parquet(?)", [str(parquet)]).to_arrow_table()
        pyogrio.write_arrow(
            table,
            file,
            layer=name,
            driver="GPKG",
            geometry_name="geometry",
            # The path has legs of one line and of several; lines and points may lack an elevation.
            geometry_type="Unknown",
            crs=MARS_CRS_CODE,
            append=features > 0 or file.exists(),
        )
        features += table.num_rows
    return MadeFile("geo/mars.gpkg", file, features)
