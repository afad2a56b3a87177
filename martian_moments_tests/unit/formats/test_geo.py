"""The files of ``published/geo``, read by the programs that people read them with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import geopandas
import pyarrow.parquet as pq
import pyogrio
import pyproj
import pytest

from martian_moments.domain.rovers import MARS_RADIUS_M
from martian_moments.formats.export import export
from martian_moments.formats.geoparquet import lines, points, write_geoparquet
from martian_moments.formats.mars_crs import MARS_CRS, MARS_CRS_CODE
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import PATH, PHOTOS, STOPS, WAYPOINTS, publish_rows
from martian_moments_tests.unit.formats.conftest import open_format

LAYERS = ("waypoints", "path", "stops", "photos")


@pytest.fixture
def geo(published: Published, folder: Path) -> Path:
    export(published, open_format("geo"))
    return folder / "geo"


def test_the_crs_is_the_sphere_of_mars_as_proj_has_it() -> None:
    ours, theirs = pyproj.CRS.from_json_dict(MARS_CRS), pyproj.CRS(MARS_CRS_CODE)
    assert ours == theirs
    assert ours.to_authority() == ("IAU_2015", "49900")
    assert theirs.ellipsoid is not None
    assert theirs.ellipsoid.semi_major_metre == theirs.ellipsoid.semi_minor_metre == MARS_RADIUS_M


@pytest.mark.parametrize("layer", LAYERS)
def test_every_file_is_geoparquet_by_the_validator_of_its_makers(geo: Path, layer: str) -> None:
    validator = Path(sys.executable).with_name("geoparquet-validator")
    command = [str(validator), "check", "--class", "all", str(geo / f"{layer}.parquet")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": conformant") == 3, done.stdout


@pytest.mark.parametrize("layer", LAYERS)
def test_geopandas_reads_mars_and_not_the_earth(geo: Path, layer: str) -> None:
    found = geopandas.read_parquet(geo / f"{layer}.parquet")
    assert found.crs.to_authority() == ("IAU_2015", "49900")
    with pytest.raises(pyproj.exceptions.ProjError, match="celestial body"):
        found.to_crs(4326)


def test_a_waypoint_is_a_point_of_its_coordinates_and_without_an_elevation_one_of_the_plane(geo: Path) -> None:
    found = geopandas.read_parquet(geo / "waypoints.parquet")
    assert [list(each.coords) for each in found.geometry] == [
        [tuple(row[name] for name in ("longitude", "latitude", "elevation_m") if name in row)] for row in WAYPOINTS
    ]
    assert found[["longitude", "latitude"]].values.tolist() == [[row["longitude"], row["latitude"]] for row in WAYPOINTS]


def test_a_leg_has_the_shape_of_its_geojson(geo: Path) -> None:
    found = geopandas.read_parquet(geo / "path.parquet")
    assert list(found["leg"]) == [row["leg"] for row in PATH]
    first = "(137.442 -4.59 -4501.5, 137.4421 -4.59 -4502)"
    last = "(137.4422 -4.59 -4503, 137.4423 -4.5901 -4504.25)"
    assert [None if each is None else each.wkt for each in found.geometry] == [
        # A vertex without an elevation leaves the leg in the plane; a line of one point is none.
        "LINESTRING (137.4416 -4.5895, 137.4418 -4.5897, 137.442 -4.59)",
        f"MULTILINESTRING Z ({first}, {last})",
        "LINESTRING Z (77.45 18.44 -2569.91, 77.4501 18.4401 -2570)",
        None,
        "LINESTRING (175.4729 -14.5692, 175.473 -14.5692)",
    ]


def test_a_stop_stands_where_the_rover_stood(geo: Path) -> None:
    found = geopandas.read_parquet(geo / "stops.parquet")
    assert list(found["stop_id"]) == ["curiosity|3|0", "curiosity|9|6"]
    assert [each and each.coords[0] for each in found.geometry] == [(137.4416, -4.5895, -4500.97), None]


def test_a_photo_without_a_place_is_there_without_a_geometry(geo: Path) -> None:
    found = geopandas.read_parquet(geo / "photos.parquet")
    assert list(found["photo_key"]) == [row["photo_key"] for row in PHOTOS]
    assert [each is None for each in found.geometry] == [False, False, True, False]


@pytest.mark.parametrize("layer", LAYERS)
def test_a_reader_skips_by_the_bounding_boxes_and_finds_the_same(geo: Path, layer: str) -> None:
    everything = geopandas.read_parquet(geo / f"{layer}.parquet")
    part = geopandas.read_parquet(geo / f"{layer}.parquet", bbox=(137, -5, 138, -4))
    assert list(part["rover"]) == list(everything.cx[137:138, -5:-4]["rover"]) != []
    assert set(part["rover"]) == {"curiosity"}


def test_the_columns_are_those_of_silver_but_for_the_geometry(published: Published, geo: Path) -> None:
    for layer, *table in (
        ("waypoints", "silver", "dim_waypoints"),
        ("path", "silver", "fact_path"),
        ("stops", "gold", "stops"),
    ):
        silver = published.read(*table)
        assert silver is not None
        names = [name for name in silver.column_names if name != "geometry"]
        assert pq.read_schema(geo / f"{layer}.parquet").names == [*names, "bbox", "geometry"]
    photos = published.read("silver", "fact_photos")
    assert photos is not None
    assert set(pq.read_schema(geo / "photos.parquet").names) - {"bbox", "geometry"} < set(photos.column_names)


def test_the_geopackage_has_the_small_layers_on_mars(geo: Path) -> None:
    assert pyogrio.list_layers(geo / "mars.gpkg")[:, 0].tolist() == ["waypoints", "path", "stops"]
    for layer, rows in (("waypoints", WAYPOINTS), ("path", PATH), ("stops", STOPS)):
        found = geopandas.read_file(geo / "mars.gpkg", layer=layer)
        parquet = geopandas.read_parquet(geo / f"{layer}.parquet")
        assert len(found) == len(rows)
        assert found.crs == parquet.crs
        assert [each and each.wkb for each in found.geometry] == [each and each.wkb for each in parquet.geometry]
        assert list(found["rover"]) == list(parquet["rover"])


def test_tables_without_a_row_make_files_that_can_be_read(published: Published, geo: Path) -> None:
    publish_rows(published, {"/".join(source): [] for source in open_format("geo").sources})
    export(published, open_format("geo"))
    for layer in LAYERS:
        assert len(geopandas.read_parquet(geo / f"{layer}.parquet")) == 0
    assert pyogrio.list_layers(geo / "mars.gpkg")[:, 0].tolist() == ["waypoints", "path", "stops"]


def test_a_place_beyond_180_degrees_lies_to_the_west_in_the_geometry_and_is_conformant(tmp_path: Path) -> None:
    """Opportunity's: 354.47 in the tables."""
    place = "select 354.47448e0 as longitude, -1.948173e0 as latitude, cast(null as double) as elevation_m"
    leg = """select '{"type":"LineString","coordinates":[[354.47448,-1.948173,-1],[354.4745,-1.9482,-2]]}' as geometry"""
    validator = Path(sys.executable).with_name("geoparquet-validator")
    found = {}
    with duckdb.connect() as connection:
        for name, rows in {"points": points(place), "lines": lines(leg)}.items():
            write_geoparquet(connection, rows, tmp_path / name)
            command = [str(validator), "check", "--class", "all", str(tmp_path / name)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout
            found[name] = geopandas.read_parquet(tmp_path / name)
    assert found["points"].geometry.to_wkt().tolist() == ["POINT (-5.52552 -1.948173)"]
    assert found["points"]["longitude"].tolist() == [354.47448]
    assert found["lines"].geometry.to_wkt().tolist() == ["LINESTRING Z (-5.52552 -1.948173 -1, -5.5255 -1.9482 -2)"]
