"""One photo with everything that is known of it, counts of photos, movies, and what the tables are."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from frictionless import Package, Resource
from starlette.testclient import TestClient

from martian_moments.warehouse.models import published_models
from martian_moments_tests.published_tables import photo, publish_rows
from martian_moments_tests.serving.home import MOVIE, ServedHome
from martian_moments_tests.serving.tables import served_tables

API = "/api/v2"


def test_a_photo_comes_with_its_sources_its_pair_its_panorama_and_what_happened_to_it(tmp_path: Path) -> None:
    photos = [photo("curiosity", number, product_identity=f"P{number}") for number in (1, 2, 3)]
    key = "curiosity|v1|1"
    at = {"rover": "curiosity", "sol": 13}
    others: dict[str, list[dict[str, Any]]] = {
        "gold/photo_provenance": [
            {"rover": "curiosity", "product_identity": "P1", "source": "msl", "sources": 2},
            {"rover": "curiosity", "product_identity": "P1", "source": "v1", "sources": 2},
            {"rover": "curiosity", "product_identity": "P2", "source": "v1", "sources": 1},
        ],
        "gold/stereo_pairs": [
            {**at, "pair_id": "A", "left_photo_key": "curiosity|v1|2", "right_photo_key": key},
            {**at, "pair_id": "B", "left_photo_key": "curiosity|v1|2", "right_photo_key": "curiosity|v1|3"},
        ],
        "gold/panoramas": [{**at, "panorama_id": "wide"}, {**at, "panorama_id": "other"}],
        "gold/panorama_frames": [{**at, "panorama_id": "wide", "photo_key": key}],
        "gold/photo_changes": [{**at, "photo_key": key, "change": "appeared"}],
        "gold/photo_ids": [
            {**at, "photo_key": key, "id": 424905, "method": "v1", "is_current": True},
            {**at, "photo_key": key, "id": 2_000_000_001, "method": "derived", "is_current": False},
            {**at, "photo_key": "curiosity|v1|2", "id": 424906, "method": "v1", "is_current": True},
        ],
        "silver/fact_images": [{**at, "photo_key": key, "picture_key": "pictures/rover=curiosity/sol=00013/1.jpg"}],
    }
    with served_tables(tmp_path, photos) as served:
        publish_rows(served.published, others)
        served.snapshots.look()
        found = served.client.get(f"{API}/photos/{key}").json()
        assert (found["photo"]["photo_key"], found["photo"]["product_identity"]) == (key, "P1")
        assert [row["source"] for row in found["provenance"]] == ["msl", "v1"]
        assert [row["pair_id"] for row in found["stereo_pairs"]] == ["A"]
        assert [row["panorama_id"] for row in found["panoramas"]] == ["wide"]
        assert [row["change"] for row in found["changes"]] == ["appeared"]
        assert [row["picture_key"] for row in found["pictures"]] == ["pictures/rover=curiosity/sol=00013/1.jpg"]
        assert found["image_sequences"] == []
        assert sorted(row["id"] for row in found["ids"]) == [424905, 2_000_000_001]
        for number in (424905, 2_000_000_001):
            (row,) = served.client.get(f"{API}/photos?v1_id={number}").json()["data"]
            assert row["photo_key"] == key
        assert served.client.get(f"{API}/photos?v1_id=7").json()["data"] == []
        # In an address a stroke may be written as it is, or as %7C.
        assert served.client.get(f"{API}/photos/curiosity%7Cv1%7C1").json() == found


@pytest.mark.parametrize("key", ["nobody", "curiosity|v1|0", "a/b", "..%2f..%2fetc", "%00", "x" * 300, "' or true --"])
def test_a_photo_that_is_not_there_is_404_or_refused(client: TestClient, key: str) -> None:
    response = client.get(f"{API}/photos/{key}")
    assert response.status_code in {400, 404}
    assert response.headers["content-type"] == "application/problem+json"


def test_photos_are_counted_by_what_they_are_grouped_by(client: TestClient) -> None:
    (total,) = client.get(f"{API}/statistics").json()["data"]
    assert (total["photos"], total["first_sol"]) == (1190, 0)
    by_rover = {row["rover"]: row["photos"] for row in client.get(f"{API}/statistics?group_by=rover").json()["data"]}
    assert by_rover == {"curiosity": 873, "opportunity": 1, "perseverance": 239, "spirit": 77}
    asked = {"group_by": "camera,lmst_hour", "rover": "perseverance", "sort": "-photos", "limit": 5}
    rows: list[dict[str, Any]] = []
    address: str | None = None
    while address is not None or not rows:
        page = client.get(address).json() if address else client.get(f"{API}/statistics", params=asked).json()
        rows += page["data"]
        address = page["next"]
    assert sum(row["photos"] for row in rows) == 239
    assert [row["photos"] for row in rows] == sorted((row["photos"] for row in rows), reverse=True)
    groups = [(row["camera"], row["lmst_hour"]) for row in rows]
    assert len(groups) == len(set(groups)) > 5


def test_a_count_of_no_photos_is_zero_and_a_group_of_none_is_not_there(client: TestClient) -> None:
    (none,) = client.get(f"{API}/statistics?sol=99999").json()["data"]
    assert (none["photos"], none["sols"], none["first_sol"]) == (0, 0, None)
    assert client.get(f"{API}/statistics?sol=99999&group_by=rover").json()["data"] == []


def test_movies_come_with_the_addresses_of_their_files(client: TestClient) -> None:
    (movie,) = client.get(f"{API}/movies").json()["data"]
    assert (movie["name"], movie["rover"], movie["is_still"]) == (MOVIE, "perseverance", False)
    assert (movie["frames"], movie["seconds"]) == (5, 0.5)
    for kind, begin in {"movie_url": b"\0\0\0", "poster_url": b"\xff\xd8\xff", "captions_url": b"WEBVTT"}.items():
        assert client.get(movie[kind]).content.startswith(begin), kind
    assert client.get(f"{API}/movies?rover=spirit").json() == {"data": [], "next": None}


def test_the_descriptor_of_the_tables_is_a_data_package_that_says_what_the_files_hold(
    client: TestClient, served: ServedHome
) -> None:
    descriptor = client.get(f"{API}/tables").json()
    assert list(Package.metadata_validate(of_frictionless(descriptor))) == []
    names = [each["name"] for each in descriptor["resources"]]
    assert names == [f"{table.schema}.{table.name}" for table in published_models()]
    arrow = {"string": pa.string(), "integer": (pa.int32(), pa.int64()), "number": pa.float64(), "boolean": pa.bool_()}
    arrow |= {"date": pa.date32(), "datetime": pa.timestamp("us", tz="UTC")}
    for each in descriptor["resources"]:
        paths = [each["path"]] if isinstance(each["path"], str) else each["path"]
        files = [served.home / path.removeprefix("http://testserver/") for path in paths]
        stored = [pq.ParquetFile(file) for file in files]
        assert each["bytes"] == sum(file.stat().st_size for file in files)
        assert each["rows"] == sum(file.metadata.num_rows for file in stored)
        # The rover of a block is in its address.
        fields = [field for field in each["schema"]["fields"] if isinstance(each["path"], str) or field["name"] != "rover"]
        for schema in (file.schema_arrow for file in stored):
            assert [field["name"] for field in fields] == schema.names
            for field in fields:
                types = arrow[field["type"]]
                assert schema.field(field["name"]).type in (types if isinstance(types, tuple) else (types,))
                assert field["description"]
    in_blocks = {each["name"]: each["path"] for each in descriptor["resources"] if isinstance(each["path"], list)}
    assert set(in_blocks) == {f"{table.schema}.{table.name}" for table in published_models() if table.in_blocks}
    assert client.get(in_blocks["silver.fact_photos"][-1], headers={"Range": "bytes=0-3"}).content == b"PAR1"


def of_frictionless(descriptor: dict[str, Any]) -> dict[str, Any]:
    """Its own form of a descriptor: a list of paths is one path and further ones."""
    made = copy.deepcopy(descriptor)
    for each in made.get("resources", [made]):
        Resource.metadata_transform(each)
    return made


def test_the_descriptor_of_a_table_has_units_and_its_key(client: TestClient) -> None:
    descriptor = client.get(f"{API}/tables/silver.fact_photos").json()
    assert list(Resource.metadata_validate(of_frictionless(descriptor))) == []
    fields = {field["name"]: field.get("unit") for field in descriptor["schema"]["fields"]}
    units = {name: fields[name] for name in ("elevation_m", "sun_elevation_deg", "longitude", "width_px", "rover")}
    assert units == {"elevation_m": "m", "sun_elevation_deg": "°", "longitude": "°", "width_px": "px", "rover": None}
    assert descriptor["schema"]["primaryKey"] == ["rover", "sol", "photo_key"]
    missing = client.get(f"{API}/tables/silver.nothing")
    assert (missing.status_code, missing.headers["content-type"]) == (404, "application/problem+json")
