"""Pages lose and repeat nothing, in any order, also while builds come; a cursor that does not fit is refused."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from starlette.testclient import TestClient

from martian_moments_tests.published_tables import photo
from martian_moments_tests.serving.tables import ServedTables, served_tables

API = "/api/v2"


def pages(client: TestClient, path: str, **parameters: object) -> Iterator[list[dict[str, Any]]]:
    """The pages of what is asked for, until there is no next one."""
    address: str | None = f"{API}/{path}?" + "&".join(f"{name}={value}" for name, value in parameters.items())
    while address is not None:
        response = client.get(address)
        assert response.status_code == 200, response.text
        page = response.json()
        yield page["data"]
        address = page["next"]


def rows_of(client: TestClient, path: str, **parameters: object) -> list[dict[str, Any]]:
    return [row for page in pages(client, path, **parameters) for row in page]


KEYS = {
    "photos": ("photo_key",),
    "changes": ("photo_key",),
    "stops": ("stop_id",),
    "path": ("rover", "leg"),
    "waypoints": ("rover", "site", "drive"),
    "panoramas": ("panorama_id",),
    "stereo-pairs": ("pair_id",),
    "image-sequences": ("image_sequence_id",),
    "rovers": ("rover",),
    "cameras": ("rover", "camera"),
    "gaps": ("rover", "sol", "source"),
}
"""What identifies a row of each collection."""


@pytest.mark.parametrize("path", KEYS)
def test_pages_of_any_length_have_every_row_once(client: TestClient, path: str) -> None:
    def identity(row: dict[str, Any]) -> tuple[Any, ...]:
        return tuple(row[column] for column in KEYS[path])

    fields = ",".join(KEYS[path])
    every = [identity(row) for row in rows_of(client, path, limit=1000, fields=fields)]
    assert len(every) == len(set(every)) > 1
    length = max(1, min(997, len(every) // 4))
    assert [identity(row) for row in rows_of(client, path, limit=length, fields=fields)] == every
    if len(every) <= 1000:
        assert [len(page) for page in pages(client, path, limit=len(every), fields=fields)] == [len(every)]


@pytest.mark.parametrize(
    "sort",
    ["sol", "-sol", "taken_at_utc", "-taken_at_utc", "sun_elevation_deg", "-sun_elevation_deg,camera", "-earth_date",
     "is_thumbnail,-width_px", "source,-photo_key", "rover,-sol", "-lmst"],
)  # fmt: skip
def test_pages_in_an_order_have_every_photo_once_in_that_order_and_null_last(client: TestClient, sort: str) -> None:
    columns = {"rover", "sol", "photo_key"} | {each.removeprefix("-") for each in sort.split(",")}
    rows = rows_of(client, "photos", limit=299, sort=sort, fields=",".join(columns))
    assert len({row["photo_key"] for row in rows}) == len(rows) == 1190
    # Python sorts stably: by the last column first.
    expected = sorted(rows, key=lambda row: (row["rover"], row["sol"], row["photo_key"]))
    for name in reversed(sort.split(",")):
        expected = sorted_stably(expected, name.removeprefix("-"), descending=name.startswith("-"))
    assert [row["photo_key"] for row in rows] == [row["photo_key"] for row in expected]


def sorted_stably(rows: list[dict[str, Any]], column: str, *, descending: bool) -> list[dict[str, Any]]:
    """Rows by a column, equal ones as they were, null last."""
    values = sorted({row[column] for row in rows if row[column] is not None}, reverse=descending)
    place = {value: number for number, value in enumerate(values)}
    return sorted(rows, key=lambda row: place.get(row[column], len(place)))


SUNS = [None, -5.0, 0.1, 0.1, 12.25]
NOON = datetime(2020, 1, 1, 12, tzinfo=UTC)


def photos_of(numbers: range) -> list[dict[str, Any]]:
    """Photos of two rovers, of which each has always the same columns."""
    made = []
    for number in numbers:
        rover, sol = ("curiosity", "spirit")[number % 2], number % 13
        taken = None if number % 11 == 0 else NOON + timedelta(minutes=number // 3)
        made.append(photo(rover, number, sol=sol, taken_at_utc=taken, sun_elevation_deg=SUNS[number % 5]))
    return made


@pytest.fixture(scope="module")
def changing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedTables]:
    """A service whose photos tests change."""
    with served_tables(tmp_path_factory.mktemp("changing"), photos_of(range(100))) as served:
        yield served


@pytest.mark.parametrize("sort", [None, "-sol", "taken_at_utc", "-sun_elevation_deg,sol", "-photo_key"])
def test_while_photos_come_and_go_those_that_are_there_all_the_time_come_exactly_once(
    changing: ServedTables, sort: str | None
) -> None:
    draw = random.Random(7)
    stays = photos_of(range(0, 120, 2)) + photos_of(range(1, 121, 4))
    others = photos_of(range(3, 121, 4))
    changing.publish(stays + others[:15])
    seen: list[str] = []
    for page in pages(changing.client, "photos", limit=17, **({"sort": sort} if sort else {})):
        seen += [row["photo_key"] for row in page]
        # The row that the page ended with may go too.
        changing.publish(stays + draw.sample(others, 15))
    staying = {row["photo_key"] for row in stays}
    assert sorted(key for key in seen if key in staying) == sorted(staying)
    assert len(seen) == len(set(seen))


def test_a_cursor_goes_on_where_its_row_was_although_the_row_has_gone(changing: ServedTables) -> None:
    everything = photos_of(range(40))
    changing.publish(everything)
    first = changing.client.get(f"{API}/photos?limit=10").json()
    rest = [row["photo_key"] for row in rows_of(changing.client, "photos", limit=1000)][10:]
    gone = {row["photo_key"] for row in first["data"]}
    changing.publish([row for row in everything if row["photo_key"] not in gone])
    assert [row["photo_key"] for row in changing.client.get(first["next"]).json()["data"]] == rest[:10]
    # All that came before is gone, and so is the whole rover.
    changing.publish([row for row in everything if row["rover"] == "spirit"])
    after = [row["photo_key"] for row in changing.client.get(first["next"]).json()["data"]]
    assert after == [key for key in rest if key.startswith("spirit")][:10]


def test_the_same_tables_published_anew_have_the_same_pages_and_cursors(changing: ServedTables, tmp_path: Path) -> None:
    rows = photos_of(range(60))
    changing.publish(rows)
    first = changing.client.get(f"{API}/photos?limit=7&sort=-sol").json()
    with served_tables(tmp_path, rows) as again:
        assert again.client.get(f"{API}/photos?limit=7&sort=-sol").json() == first
        assert again.client.get(first["next"]).json() == changing.client.get(first["next"]).json()


def cursor_of(address: str) -> str:
    return dict(parse_qsl(urlsplit(address).query))["cursor"]


def test_a_cursor_is_refused_where_filters_or_sort_are_others_and_accepted_for_other_fields(client: TestClient) -> None:
    asked = {"rover": "curiosity", "sort": "-sol", "limit": 5}
    first = client.get(f"{API}/photos", params=asked).json()
    cursor = cursor_of(first["next"])
    for path, others in [
        ("photos", {"rover": "spirit"}),
        ("photos", {"sort": "sol"}),
        ("photos", {"camera": "MAST"}),
        ("changes", {"sort": "-sol"}),
    ]:
        response = client.get(f"{API}/{path}", params={**asked, "cursor": cursor, **others})
        assert response.status_code == 400
        assert response.json()["errors"][0]["parameter"] == "cursor"
    second = client.get(f"{API}/photos", params={**asked, "cursor": cursor, "fields": "photo_key", "limit": 3})
    assert second.json()["data"] == [{"photo_key": row["photo_key"]} for row in client.get(first["next"]).json()["data"][:3]]


def test_a_damaged_cursor_is_refused_wherever_it_was_damaged(client: TestClient) -> None:
    cursor = cursor_of(client.get(f"{API}/photos?limit=5&sort=sol").json()["next"])
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    for place in range(0, len(raw), 5):
        damaged = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
        text = base64.urlsafe_b64encode(damaged).decode().rstrip("=")
        assert client.get(f"{API}/photos", params={"limit": 5, "sort": "sol", "cursor": text}).status_code == 400
    for text in ("", "*", "=", cursor[:-1], cursor + "A", cursor * 50, "\u00e4"):
        assert client.get(f"{API}/photos", params={"limit": 5, "sort": "sol", "cursor": text}).status_code == 400


def test_a_cursor_that_was_made_up_is_refused(client: TestClient) -> None:
    from martian_moments.serving.cursors import encode
    from martian_moments.serving.v2.collection import Order
    from martian_moments.serving.v2.pages import Request
    from martian_moments.serving.v2.photos import PHOTOS

    question = Request(PHOTOS, {}, sort=(Order("sun_elevation_deg"),)).question
    for value in ("not a number", "", "'; drop table x"):
        cursor = encode(question, (value, "curiosity", "1", "key"))
        response = client.get(f"{API}/photos", params={"sort": "sun_elevation_deg", "cursor": cursor})
        assert (response.status_code, response.json()["errors"][0]["parameter"]) == (400, "cursor")
    for values in ((), ("1", "curiosity", "1"), json.loads('["1", "curiosity", 1, "key"]')):
        response = client.get(
            f"{API}/photos", params={"sort": "sun_elevation_deg", "cursor": encode(question, tuple(values))}
        )
        assert response.status_code == 400
