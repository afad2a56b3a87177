"""The formats of a page have the same rows, are read by the programs that people use, and cut nothing without a word."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import geopandas
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from martian_moments.serving.v2 import responses
from martian_moments.warehouse.models import published_models
from martian_moments_tests.published_tables import photo
from martian_moments_tests.serving.home import ServedHome
from martian_moments_tests.serving.tables import served_tables

API = "/api/v2"
COLUMNS = "photo_key,sol,taken_at_utc,earth_date,is_thumbnail,sun_elevation_deg,caption"


def test_every_format_has_the_same_rows(client: TestClient) -> None:
    def asked(format_: str) -> bytes:
        params = {"rover": "curiosity", "limit": 50, "fields": COLUMNS, "sort": "-taken_at_utc", "format": format_}
        response = client.get(f"{API}/photos", params=params)
        assert response.status_code == 200, response.text
        return bytes(response.content)

    rows = json.loads(asked("json"))["data"]
    assert len(rows) == 50
    assert [each["properties"] for each in json.loads(asked("geojson"))["features"]] == rows

    parquet = pq.read_table(io.BytesIO(asked("parquet")))
    assert parquet.equals(pa.ipc.open_stream(asked("arrow")).read_all())
    assert parquet.schema.field("taken_at_utc").type == pa.timestamp("us", tz="UTC")
    assert [as_json(row) for row in parquet.to_pylist()] == rows

    table = pd.read_csv(io.BytesIO(asked("csv")), parse_dates=["taken_at_utc"])
    assert list(table.columns) == COLUMNS.split(",")
    assert table["photo_key"].tolist() == [row["photo_key"] for row in rows]
    assert table["taken_at_utc"].tolist() == [pd.Timestamp(row["taken_at_utc"]) for row in rows]
    assert table["is_thumbnail"].tolist() == [row["is_thumbnail"] for row in rows]


def as_json(row: dict[str, Any]) -> dict[str, Any]:
    """A row of Arrow as JSON has it."""
    moment, day = row["taken_at_utc"], row["earth_date"]
    return row | {
        "taken_at_utc": moment and moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "earth_date": day and day.isoformat(),
    }


def test_a_row_has_every_column_of_the_contract_with_the_value_that_is_published(
    client: TestClient, served: ServedHome
) -> None:
    (contract,) = (table for table in published_models() if table.name == "fact_photos")
    published = served.published.read("silver", "fact_photos")
    assert published is not None
    expected = published.slice(0, 20).to_pylist()
    table = pq.read_table(io.BytesIO(client.get(f"{API}/photos?limit=20&format=parquet").content))
    assert table.column_names == list(contract.types)
    assert table.to_pylist() == expected
    rows = client.get(f"{API}/photos?limit=20").json()["data"]
    assert [list(row) for row in rows] == [list(contract.types)] * 20
    assert [row["longitude"] for row in rows] == [row["longitude"] for row in expected]


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("text/csv", "text/csv; charset=utf-8"),
        ("application/geo+json", "application/geo+json"),
        ("application/json;q=0.5, application/vnd.apache.parquet", "application/vnd.apache.parquet"),
        ("application/vnd.apache.arrow.stream;q=0.9, text/csv;q=0.1", "application/vnd.apache.arrow.stream"),
        ("text/csv;q=0.1, */*;q=0.9", "application/json"),
        ("application/json;q=0.1, application/*;q=0.9", "application/geo+json"),
        ("application/json;q=0, */*", "application/geo+json"),
        ("*/*, text/csv", "text/csv; charset=utf-8"),
        ("text/*", "text/csv; charset=utf-8"),
        ("TEXT/CSV ; Q=1.0 , application/json; charset=utf-8; q=0.999", "text/csv; charset=utf-8"),
        ("text/csv;q=7, application/geo+json;q=0.1", "application/geo+json"),
        ("text/csv;q=0", "application/json"),
        ("text/csv;q=much", "application/json"),
    ],
)
def test_the_header_accept_chooses_the_format_where_no_parameter_does(
    client: TestClient, accept: str, media_type: str
) -> None:
    response = client.get(f"{API}/stops?limit=1", headers={"Accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, media_type)
    assert "Accept" in response.headers["vary"]
    # As one line, or as several.
    lines = client.get(f"{API}/stops?limit=1", headers=[("Accept", each) for each in accept.split(",")])
    assert (lines.headers["content-type"], lines.headers["etag"] != "") == (media_type, True)
    told = client.get(f"{API}/stops?limit=1&format=csv", headers={"Accept": accept})
    assert told.headers["content-type"] == "text/csv; charset=utf-8"


def test_a_table_without_a_limit_is_whole_or_refused_and_with_one_the_header_link_goes_on(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pd.read_csv(io.BytesIO(client.get(f"{API}/photos?format=csv&fields=photo_key").content))
    assert len(whole) == 1190
    monkeypatch.setattr(responses, "MOST_ROWS", 500)
    refused = client.get(f"{API}/photos?format=csv")
    assert refused.status_code == 400
    assert "more than 500 rows" in refused.json()["detail"]
    keys: list[str] = []
    address: str | None = f"{API}/photos?format=csv&fields=photo_key&limit=500"
    while address is not None:
        response = client.get(address)
        keys += pd.read_csv(io.BytesIO(response.content))["photo_key"].tolist()
        address = response.links.get("next", {}).get("url")
    assert keys == whole["photo_key"].tolist()


def test_geojson_is_of_mars_with_longitudes_of_gis_and_no_place_where_none_is_known(tmp_path: Path) -> None:
    photos = [
        photo("curiosity", 1, longitude=137.4416, latitude=-4.5895, elevation_m=-4500.97),
        photo("opportunity", 2, longitude=354.4742, latitude=-1.9483),
        photo("spirit", 3),
    ]
    with served_tables(tmp_path, photos) as served:
        body = served.client.get(f"{API}/photos?format=geojson").content
        features = json.loads(body)["features"]
        assert [(each["id"], each["geometry"]) for each in features] == [
            ("curiosity|v1|1", {"type": "Point", "coordinates": [137.4416, -4.5895, -4500.97]}),
            ("opportunity|v1|2", {"type": "Point", "coordinates": [-5.5258, -1.9483]}),
            ("spirit|v1|3", None),
        ]
        assert features[1]["properties"]["longitude"] == 354.4742
        frame = geopandas.read_file(io.BytesIO(body))
        assert frame.crs is not None
        assert "Mars" in frame.crs.name
        legs = geopandas.read_file(io.BytesIO(served.client.get(f"{API}/path?format=geojson").content))
        assert legs["rover"].value_counts().to_dict() == {"curiosity": 2, "perseverance": 2, "spirit": 1}
        # A line of one point is left out, and one leg has no shape.
        kinds = [
            None if shape is None else (shape.geom_type, len(getattr(shape, "geoms", [shape]))) for shape in legs.geometry
        ]
        assert kinds == [("LineString", 1), ("MultiLineString", 2), ("LineString", 1), None, ("LineString", 1)]


def test_what_is_not_a_number_is_null_and_names_are_text(tmp_path: Path) -> None:
    photos = [photo("curiosity", 1, sun_elevation_deg=float("nan"), camera='<img src=x onerror="alert(1)">')]
    with served_tables(tmp_path, photos) as served:
        response = served.client.get(f"{API}/photos?fields=sun_elevation_deg,camera")
        assert response.json()["data"] == [{"sun_elevation_deg": None, "camera": '<img src=x onerror="alert(1)">'}]
        assert response.headers["content-type"] == "application/json"
        assert response.headers["x-content-type-options"] == "nosniff"
