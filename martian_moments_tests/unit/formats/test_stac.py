"""``published/stac`` as pystac and stac-geoparquet read it, held against the schemas of STAC without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import geopandas
import pyarrow.parquet as pq
import pystac
import pytest

from martian_moments.domain.rovers import ROVERS, SOL_SECONDS
from martian_moments.formats.export import export
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import PHOTOS, TABLES, photo, publish_rows
from martian_moments_tests.stac_schemas import items_of, offline
from martian_moments_tests.unit.formats.conftest import open_format


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    with offline():
        yield


@pytest.fixture
def stac(published: Published, folder: Path) -> Path:
    export(published, open_format("stac"))
    return folder / "stac"


def test_the_catalogue_leads_to_a_valid_collection_of_each_rover_with_photos(stac: Path) -> None:
    catalog = pystac.Catalog.from_file(str(stac / "catalog.json"))
    catalog.validate()
    collections = list(catalog.get_children())
    assert [each.id for each in collections] == ["curiosity", "spirit"]
    for each in collections:
        assert isinstance(each, pystac.Collection)
        each.validate()
        parent = each.get_parent()
        assert parent is not None
        assert parent.id == catalog.id
        assert (stac / each.id / each.assets["items"].href).is_file()


def test_a_collection_says_where_and_when_its_photos_were_taken(stac: Path) -> None:
    curiosity = json.loads((stac / "curiosity" / "collection.json").read_text())
    assert curiosity["extent"]["spatial"]["bbox"] == [[137.4416, -4.59, 137.442, -4.5895]]
    # The second photo was taken during sol 13, the third during sol 22.
    sol_13, sol_23 = (ROVERS["curiosity"].utc_of(sol) for sol in (13, 23))
    ((first, last),) = curiosity["extent"]["temporal"]["interval"]
    assert (first[:19], last[:19]) == (f"{sol_13:%Y-%m-%dT%H:%M:%S}", f"{sol_23:%Y-%m-%dT%H:%M:%S}")
    assert curiosity["summaries"]["mars:sol"] == {"minimum": 13, "maximum": 22}
    assert curiosity["summaries"]["instruments"] == ["MAST", "NEW"]
    assert curiosity["summaries"]["ssys:targets"] == ["Mars"]


def test_every_item_of_the_parquet_is_valid(stac: Path) -> None:
    items = [item for rover in ("curiosity", "spirit") for item in items_of(stac / rover / "items.parquet")]
    assert [item["id"] for item in items] == ["curiosity.v1.1", "curiosity.v1.2", "spirit.v1.1"]
    for item in items:
        pystac.Item.from_dict(item, preserve_dict=True).validate()


def test_a_wrong_field_would_be_refused(stac: Path) -> None:
    for field, value in (("view:sun_azimuth", 361.0), ("ssys:sol", 3), ("proj:shape", [1]), ("created", "today")):
        item, *_ = items_of(stac / "curiosity" / "items.parquet")
        item["properties"][field] = value
        with pytest.raises(pystac.STACValidationError):
            pystac.Item.from_dict(item).validate()


def test_an_item_has_the_values_of_its_photo(stac: Path) -> None:
    item, *_ = items_of(stac / "curiosity" / "items.parquet")
    row = PHOTOS[0]
    assert item["geometry"] == {"type": "Point", "coordinates": [row["longitude"], row["latitude"], row["elevation_m"]]}
    assert item["collection"] == "curiosity"
    assert item["properties"] == {
        "title": "Curiosity, Mast Camera, sol 13",
        "datetime": "2012-08-19T03:30:00.000000Z",
        "created": "2026-04-01T12:00:00.000000Z",
        "updated": "2026-04-01T12:00:00.000000Z",
        "platform": "curiosity",
        "instruments": ["MAST"],
        "ssys:targets": ["Mars"],
        "ssys:target_class": "planet",
        "ssys:local_time": "31:00013:15:28:38.766",
        "view:azimuth": 12.5,
        "view:sun_azimuth": 270.0,
        "view:sun_elevation": 33.5,
        "proj:code": "IAU_2015:49900",
        "proj:shape": [512, 1024],
        "mars:sol": 13,
        "mars:lmst": "Sol-00013M15:28:38.766",
        "mars:solar_longitude": 158.6,
        "mars:site": 3,
        "mars:drive": 0,
        "mars:camera": "MAST",
        "mars:view_elevation": -3.25,
        "mars:fov_h": 45.1,
        "mars:fov_v": 45.2,
    }
    assert item["assets"] == {
        "image": {"href": "https://mars.example/1.JPG", "type": "image/jpeg", "roles": ["data"]},
        "thumbnail": {"href": "https://mars.example/1-thm.png", "type": "image/png", "roles": ["thumbnail"]},
    }


def test_a_photo_of_which_only_the_sol_is_known_lies_between_its_ends(stac: Path) -> None:
    _, item = items_of(stac / "curiosity" / "items.parquet")
    assert item["properties"]["datetime"] is None
    found = pystac.Item.from_dict(item).common_metadata
    begins = ROVERS["curiosity"].utc_of(13)
    assert found.start_datetime is not None
    assert found.end_datetime is not None
    assert abs(found.start_datetime - begins) < timedelta(milliseconds=1)
    assert abs(found.end_datetime - begins - timedelta(seconds=SOL_SECONDS)) < timedelta(milliseconds=1)
    assert item["properties"]["title"] == "Curiosity, NEW, sol 13"
    assert item["stac_extensions"] == [
        f"https://stac-extensions.github.io/{name}/schema.json" for name in ("ssys/v1.1.0", "projection/v2.0.0")
    ], "the extension view wants one of its fields"
    assert item["assets"] == {}


def test_photos_without_a_place_stand_apart_in_the_same_columns(stac: Path) -> None:
    collection = pystac.Collection.from_file(str(stac / "curiosity" / "collection.json"))
    unplaced = pq.read_table(stac / "curiosity" / collection.assets["unplaced"].href)
    assert unplaced.schema.names == pq.read_schema(stac / "curiosity" / "items.parquet").names
    assert unplaced["id"].to_pylist() == ["curiosity.v1.3"]
    assert unplaced["geometry"].to_pylist() == unplaced["bbox"].to_pylist() == [None]
    assert unplaced["assets"].to_pylist()[0]["image"]["type"] == "application/octet-stream"
    assert not (stac / "spirit" / "unplaced.parquet").exists(), "each of its photos has a place"


def test_the_items_are_of_mars_and_carry_their_collection(stac: Path) -> None:
    found = geopandas.read_parquet(stac / "spirit" / "items.parquet")
    assert found.crs.to_authority() == ("IAU_2015", "49900")
    held = json.loads(pq.read_metadata(stac / "spirit" / "items.parquet").metadata[b"stac-geoparquet"])
    assert held["version"] == "1.1.0"
    assert held["collections"]["spirit"] == json.loads((stac / "spirit" / "collection.json").read_text())


def test_a_new_photo_of_one_rover_rewrites_the_files_of_that_rover_alone(published: Published, stac: Path) -> None:
    publish_rows(published, {"silver/fact_photos": [*PHOTOS, photo("spirit", 2, sol=2, longitude=175.5, latitude=-14.6)]})
    assert export(published, open_format("stac")).written == ["stac/spirit/items.parquet", "stac/spirit/collection.json"]


def test_a_rover_without_photos_leaves_the_catalogue(published: Published, stac: Path) -> None:
    publish_rows(published, {"silver/fact_photos": [row for row in PHOTOS if row["rover"] != "spirit"]})
    written = export(published, open_format("stac")).written
    assert sorted(written) == ["stac/catalog.json", "stac/spirit/collection.json", "stac/spirit/items.parquet"]
    assert [path.name for path in (stac / "spirit").iterdir()] == []
    assert published.damaged() == {}


def test_without_any_photo_the_catalogue_is_empty(published: Published, stac: Path) -> None:
    publish_rows(published, {"silver/fact_photos": []})
    export(published, open_format("stac"))
    assert list(pystac.Catalog.from_file(str(stac / "catalog.json")).get_children()) == []
    assert set(TABLES) >= {"/".join(source) for source in open_format("stac").sources}
