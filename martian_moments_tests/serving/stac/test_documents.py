"""What STAC API responds, held against the schemas of STAC, the published items, and pystac-client as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import geopandas
import pyarrow.parquet as pq
import pystac
import pystac_client
import pytest
from pystac.validation import validate_dict
from starlette.testclient import TestClient

from martian_moments_tests.serving.home import ServedHome
from martian_moments_tests.stac_schemas import items_of, offline

PHOTOS = {"curiosity": 873, "opportunity": 1, "perseverance": 239, "spirit": 77}
"""Of the real records of each rover."""


@pytest.fixture(autouse=True)
def _offline() -> Iterator[None]:
    with offline():
        yield


def json_of(client: TestClient, path: str) -> Any:
    found = client.get(path)
    assert found.status_code == 200, found.text
    return found.json()


def links_of(document: Any) -> dict[str, str]:
    return {link["rel"]: link["href"] for link in document["links"]}


def test_the_landing_page_leads_to_everything_that_there_is(client: TestClient) -> None:
    page = json_of(client, "/stac")
    validate_dict(page)
    links = links_of(page)
    assert json_of(client, links["conformance"])["conformsTo"] == page["conformsTo"]
    assert [each["id"] for each in json_of(client, links["data"])["collections"]] == [*PHOTOS]
    assert json_of(client, links["search"])["numberReturned"] == 100
    assert json_of(client, links["service-desc"])["openapi"].startswith("3.1")
    assert client.get(links["service-doc"]).headers["content-type"].startswith("text/html")
    children = [link["href"] for link in page["links"] if link["rel"] == "child"]
    assert [json_of(client, child)["id"] for child in children] == [*PHOTOS]


def test_every_collection_is_valid_and_its_links_lead_somewhere(client: TestClient) -> None:
    for collection in json_of(client, "/stac/collections")["collections"]:
        validate_dict(collection)
        links = links_of(collection)
        assert json_of(client, links["self"]) == collection
        assert json_of(client, links["items"])["features"][0]["collection"] == collection["id"]


def published_item(item: dict[str, Any]) -> dict[str, Any]:
    """An item of the published files as the API has it, but for its links."""
    times = ("datetime", "start_datetime", "end_datetime", "created", "updated")
    held = item["properties"]
    for name in set(times) & set(held):
        held[name] = held[name] and datetime.fromisoformat(held[name])
    return {name: value for name, value in item.items() if name != "links"}


def all_items(client: TestClient, path: str) -> Iterator[dict[str, Any]]:
    following: str | None = path
    while following:
        page = json_of(client, following)
        yield from page["features"]
        following = links_of(page).get("next")


@pytest.mark.parametrize("rover", PHOTOS)
def test_the_items_of_a_collection_are_those_of_the_published_files(
    client: TestClient, served: ServedHome, rover: str
) -> None:
    folder = served.home / "published" / "stac" / rover
    placed = {item["id"]: published_item(item) for item in items_of(folder / "items.parquet")}
    # The reader of stac-geoparquet fails at an item without a place.
    lost = pq.read_table(folder / "unplaced.parquet")["id"].to_pylist() if (folder / "unplaced.parquet").exists() else []
    found = {item["id"]: published_item(item) for item in all_items(client, f"/stac/collections/{rover}/items?limit=70")}
    assert len(placed) + len(lost) == len(found) == PHOTOS[rover]
    assert [name for name, item in placed.items() if found[name] != item] == []
    assert [(found[name]["geometry"], "bbox" in found[name]) for name in lost] == [(None, False)] * len(lost)


def test_every_item_is_valid_and_is_found_by_its_own_address(client: TestClient) -> None:
    page = json_of(client, "/stac/search?limit=1000&sortby=-id")
    for item in page["features"][::20]:
        validate_dict(item)
        assert json_of(client, links_of(item)["self"]) == item
        assert json_of(client, links_of(item)["collection"])["id"] == item["collection"]
    assert pystac.ItemCollection.from_dict(page).items


def test_pystac_client_finds_photos_by_rover_time_place_and_property(address: str) -> None:
    api = pystac_client.Client.open(f"{address}/stac")
    assert [each.id for each in api.get_collections()] == [*PHOTOS]
    search = api.search(collections=["perseverance"], query={"mars:sol": {"eq": 367}}, sortby="-datetime", limit=50)
    items = list(search.items())
    assert len(items) == search.matched() == 162
    times = [item.datetime for item in items if item.datetime]
    assert times == sorted(times, reverse=True)
    assert items[0].bbox is not None
    west, south, *_ = items[0].bbox
    corners = [[west, south], [west + 1e-9, south], [west, south + 1e-9], [west, south]]
    outline = {"type": "Polygon", "coordinates": [corners]}
    here = list(api.search(collections=["perseverance"], intersects=outline, datetime="2022-03-02/2022-03-04").items())
    places = [tuple(item.geometry["coordinates"][:2]) for item in here if item.geometry]
    assert (len(here), set(places)) == (places.count((west, south)), {(west, south)})
    by_get = api.search(ids=[items[0].id], method="GET")
    assert [item.id for item in by_get.items()] == [items[0].id]
    collection = api.get_collection("perseverance")
    assert isinstance(collection, pystac_client.CollectionClient)
    assert [item.id for item in collection.get_items(items[0].id)] == [items[0].id]


def test_a_program_for_maps_knows_that_a_page_of_items_is_of_mars(address: str) -> None:
    found = geopandas.read_file(f"{address}/stac/search?collections=perseverance&limit=500")
    assert found.crs.name == "Mars (2015) - Sphere / Ocentric"
    assert len(found) == PHOTOS["perseverance"]
    assert {round(place.x, 2) for place in found.geometry if place} == {77.36, 77.45}
