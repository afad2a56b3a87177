"""The original's request specs (corincerami/mars-photo-api, spec/requests), its payloads, and what joined."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest
from starlette.testclient import TestClient

from martian_moments.domain.rovers import ROVERS
from martian_moments.serving.snapshot import Snapshot
from martian_moments.serving.v1 import tables
from martian_moments.serving.v1.documents import manifest
from martian_moments_tests.published_tables import photo, publish_rows
from martian_moments_tests.serving.home import ServedHome
from martian_moments_tests.serving.tables import served_tables
from martian_moments_tests.unit.dbt.test_real_data import MANIFESTS, SOLS

CAMERAS = [
    {"rover": "curiosity", "camera": camera.name, "full_name": camera.full_name}
    for camera in ROVERS["curiosity"].cameras.values()
]


def taken(number: int, sol: int, camera: str = "FHAZ", **columns: Any) -> dict[str, Any]:
    return photo("curiosity", number, sol=sol, camera=camera, image_url=f"https://mars.example/{number}.JPG", **columns)


PHOTOS = [
    taken(1, 829),
    *(taken(number, 1001) for number in range(100, 135)),
    *(taken(number, sol) for number, sol in enumerate((1, 30, 100, 100), 200)),
    # Not in the order of their ids: NAVCAM has a higher id than MAST. One is a thumbnail that v1 never had.
    taken(303, 2000, "NAVCAM"),
    taken(302, 2000, "NAVCAM"),
    taken(304, 2000, "MAST"),
    taken(5_300_000, 2000, "MAST", is_thumbnail=True),
    taken(306, 2000, "PERISCOPE"),
]


@pytest.fixture(scope="module")
def v1(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    ids = [
        {"id": int(row["source_id"]), "method": "v1" if int(row["source_id"]) < 5_000_000 else "derived", "is_current": True}
        | {name: row[name] for name in ("rover", "sol", "photo_key")}
        for row in PHOTOS
    ]
    former = {"id": 7_000_000, "method": "derived", "is_current": False, "rover": "curiosity", "sol": 829}
    with served_tables(tmp_path_factory.mktemp("v1"), PHOTOS) as service:
        publish_rows(
            service.published,
            {"gold/photo_ids": [*ids, former | {"photo_key": "curiosity|v1|1"}], "silver/dim_cameras": CAMERAS},
        )
        service.snapshots.look()
        yield service.client


def asked(v1: TestClient, path: str, prefix: str = "/api/v1") -> Any:
    response = v1.get(prefix + path)
    assert response.status_code == 200, response.text
    return response.json()


def ids(v1: TestClient, path: str, root: str = "photos") -> list[int]:
    return [each["id"] for each in asked(v1, path)[root]]


def test_without_sol_and_earth_date_there_are_no_photos(v1: TestClient) -> None:
    assert asked(v1, "/rovers/curiosity/photos") == {"photos": []}


@pytest.mark.parametrize(
    "query",
    [
        "sol=829",
        "sol=829&camera=FHAZ",
        "earth_date=2014-12-05",
        "earth_date=2014-12-5&camera=fhaz",
        "sol=829&earth_date=2012-08-06",
    ],
)
def test_the_photos_of_a_sol_or_of_its_earth_date(v1: TestClient, query: str) -> None:
    (found,) = asked(v1, f"/rovers/Curiosity/photos?{query}")["photos"]
    assert (found["id"], found["sol"], found["earth_date"], found["camera"]["name"]) == (1, 829, "2014-12-05", "FHAZ")


@pytest.mark.parametrize(
    "path", ["/rovers/this%20doesn't%20exist/photos?sol=829", "/rovers/Rover", "/manifests/Rover", "/rovers/x/latest_photos"]
)
def test_an_unknown_rover_is_refused(v1: TestClient, path: str) -> None:
    response = v1.get(f"/api/v1{path}")
    assert (response.status_code, response.json()) == (400, {"errors": "Invalid Rover Name"})


@pytest.mark.parametrize(
    "query",
    ["sol=-1", "sol=", "sol=99999999999", "sol=2", "sol=829&camera=undefined", "sol=829&camera=", "earth_date=1999-01-01"],
)
def test_what_has_no_photos_is_empty(v1: TestClient, query: str) -> None:
    assert asked(v1, f"/rovers/curiosity/photos?{query}") == {"photos": []}


def test_a_wrong_date_is_refused(v1: TestClient) -> None:
    response = v1.get("/api/v1/rovers/curiosity/photos?earth_date=yesterday")
    assert (response.status_code, response.json()) == (400, {"errors": "Invalid Earth Date: use YYYY-MM-DD"})


@pytest.mark.parametrize(
    ("query", "photos"), [("page=1", 25), ("", 35), ("page=1&per_page=30", 30), ("page=2&per_page=30", 5), ("page=3", 0)]
)
def test_pages_are_of_25_where_a_page_is_asked_for(v1: TestClient, query: str, photos: int) -> None:
    response = v1.get(f"/api/v1/rovers/curiosity/photos?sol=1001&{query}")
    assert len(response.json()["photos"]) == photos
    assert response.headers["X-Total-Count"] == "35"


def test_each_page_names_the_next_one_and_together_they_have_every_photo_once(v1: TestClient) -> None:
    found: list[int] = []
    address = "/api/v1/rovers/curiosity/photos?sol=1001&page=1&per_page=10&camera=FHAZ"
    while address:
        response = v1.get(address)
        found += [each["id"] for each in response.json()["photos"]]
        address = response.links.get("next", {}).get("url", "")
    assert found == list(range(100, 135))


def test_photos_are_ordered_by_camera_and_id(v1: TestClient) -> None:
    # MAST is 22, NAVCAM 26, and a camera that v1 did not know comes after those that it did.
    assert ids(v1, "/rovers/curiosity/photos?sol=2000") == [304, 302, 303, 306]
    assert ids(v1, "/rovers/curiosity/photos?sol=2000&thumbnails=true") == [304, 5_300_000, 302, 303, 306]
    assert ids(v1, "/rovers/curiosity/photos?sol=2000&camera=navcam,periscope") == [302, 303, 306]


def test_the_latest_photos_are_those_of_the_newest_sol_whatever_sol_is_asked_for(v1: TestClient) -> None:
    assert ids(v1, "/rovers/curiosity/latest_photos?sol=1&earth_date=x", "latest_photos") == [304, 302, 303, 306]
    assert ids(v1, "/rovers/curiosity/latest_photos?camera=MAST&page=1&per_page=1", "latest_photos") == [304]
    assert asked(v1, "/rovers/spirit/latest_photos") == {"latest_photos": []}


def test_spans_of_sols_and_dates_come_in_pages(v1: TestClient) -> None:
    everything = [200, 201, 202, 203, 1]
    assert ids(v1, "/rovers/curiosity/photos?sol_min=1&sol_max=829") == everything
    assert ids(v1, "/rovers/curiosity/photos?date_min=2012-08-07&date_max=2014-12-05") == everything
    assert ids(v1, "/rovers/curiosity/photos?date_max=2014-12-05&sol_min=30&per_page=2&page=2") == [203, 1]
    response = v1.get("/api/v1/rovers/curiosity/photos?sol_min=0")
    assert (len(response.json()["photos"]), response.headers["X-Total-Count"]) == (25, "44")


@pytest.mark.parametrize("size", [1, 2, 3, 36, 44, 45, 1000])
@pytest.mark.parametrize(
    ("query", "of_sol_2000"),
    [
        ("", [304, 302, 303, 306]),
        ("&thumbnails=true", [304, 5_300_000, 302, 303, 306]),
        ("&camera=FHAZ,NAVCAM", [302, 303]),
        ("&sol_max=1001", []),
        ("&thumbnails=true&camera=MAST&sol_max=3000", [304, 5_300_000]),
    ],
)
def test_the_pages_of_several_sols_have_every_photo_once_by_sol_camera_and_id(
    v1: TestClient, size: int, query: str, of_sol_2000: list[int]
) -> None:
    before = [] if "=MAST" in query else [200, 201, 202, 203, 1, *range(100, 135)]
    found: list[int] = []
    for page in range(1, 60 if size == 1 else 40):
        response = v1.get(f"/api/v1/rovers/curiosity/photos?sol_min=0{query}&per_page={size}&page={page}")
        assert response.headers["X-Total-Count"] == str(len(before + of_sol_2000))
        some = [each["id"] for each in response.json()["photos"]]
        found += some
        if not some:
            break
        assert len(some) == size or len(found) == len(before + of_sol_2000)
    assert found == before + of_sol_2000


def test_a_page_of_no_photos_is_empty_also_of_several_sols(v1: TestClient) -> None:
    assert asked(v1, "/rovers/curiosity/photos?sol_min=0&per_page=0") == {"photos": []}


def test_a_photo_is_found_by_its_id_and_by_one_that_it_had(v1: TestClient) -> None:
    found = asked(v1, "/photos/1")["photo"]
    assert (found["id"], found["sol"]) == (1, 829)
    assert asked(v1, "/photos/7000000.json")["photo"] == found
    assert asked(v1, "/photos/5300000")["photo"]["id"] == 5_300_000
    for unknown in ("7", "x", "-1", "99999999999", "7000001"):
        response = v1.get(f"/api/v1/photos/{unknown}")
        assert (response.status_code, response.json()) == (404, {"status": 404, "error": "Not Found"})


@pytest.mark.parametrize("prefix", ["/api/v1", "/mars-photos/api/v1"])
def test_an_address_that_there_is_not_gets_the_error_of_the_original(v1: TestClient, prefix: str) -> None:
    for path in ("", "/", "/nothing", "/rovers/curiosity/nothing", "/photos", "/photos/1/camera.json"):
        response = v1.get(prefix + path)
        assert (response.status_code, response.json()) == (404, {"status": 404, "error": "Not Found"}), path
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert response.headers["x-ratelimit-remaining"] == "1000"


def test_every_other_error_has_its_shape_too_and_says_why(v1: TestClient, tmp_path: Path) -> None:
    other = v1.post("/api/v1/rovers")
    assert (other.status_code, other.headers["allow"]) == (405, "GET")
    assert other.json() == {"status": 405, "error": "Method Not Allowed", "detail": other.json()["detail"]}
    long = v1.get(f"/api/v1/{'y' * 8_000}")
    assert (long.status_code, long.json()["error"]) == (414, "Request-URI Too Long")
    host = v1.get("/api/v1/rovers", headers={"Host": "elsewhere.example"})
    assert (host.status_code, host.json()["error"]) == (421, "Misdirected Request")
    with TestClient(ServedHome(tmp_path).app()) as empty:
        early = empty.get("/api/v1/rovers")
    assert (early.status_code, early.json()["error"], int(early.headers["retry-after"]) > 0) == (
        503,
        "Service Unavailable",
        True,
    )
    assert early.json().keys() == {"status", "error", "detail"}
    # The errors of others are theirs.
    assert v1.get("/api/v10/rovers").headers["content-type"] == "application/problem+json"


def test_rovers_have_the_facts_of_the_original_and_are_in_the_order_of_their_ids(v1: TestClient) -> None:
    rovers = asked(v1, "/rovers")["rovers"]
    assert [(rover["id"], rover["name"], rover["status"]) for rover in rovers] == [
        (5, "Curiosity", "active"),
        (6, "Opportunity", "complete"),
        (7, "Spirit", "complete"),
        (8, "Perseverance", "active"),
    ]
    assert asked(v1, "/rovers/cuRiosity") == {"rover": rovers[0]}
    cameras = rovers[0].pop("cameras")
    assert rovers[0] == {
        "id": 5,
        "name": "Curiosity",
        "landing_date": "2012-08-06",
        "launch_date": "2011-11-26",
        "status": "active",
        "max_sol": 2000,
        "max_date": "2018-03-22",
        "total_photos": 44,
    }
    of_the_original = ["FHAZ", "NAVCAM", "MAST", "CHEMCAM", "MAHLI", "MARDI", "RHAZ"]
    assert [camera["name"] for camera in cameras] == [*of_the_original, "PERISCOPE"]


def test_the_manifest_has_each_sol_with_photos_once(v1: TestClient) -> None:
    found = asked(v1, "/manifests/Curiosity")["photo_manifest"]
    assert found["photos"][:3] == [
        {"sol": 1, "earth_date": "2012-08-07", "total_photos": 1, "cameras": ["FHAZ"]},
        {"sol": 30, "earth_date": "2012-09-05", "total_photos": 1, "cameras": ["FHAZ"]},
        {"sol": 100, "earth_date": "2012-11-16", "total_photos": 2, "cameras": ["FHAZ"]},
    ]
    assert found["photos"][-1]["cameras"] == ["MAST", "NAVCAM", "PERISCOPE"]
    del found["photos"]
    assert asked(v1, "/manifests/curiosity.json?without=photos") == {"photo_manifest": found}


@pytest.mark.parametrize(
    "path",
    [
        "/rovers",
        "/rovers/spirit",
        "/rovers/curiosity/photos",
        "/rovers/curiosity/latest_photos",
        "/photos/1",
        "/manifests/spirit",
    ],
)
def test_every_route_has_both_prefixes_the_suffix_and_the_headers_that_clients_read(v1: TestClient, path: str) -> None:
    first = v1.get(f"/api/v1{path}", headers={"Origin": "https://example.org"})
    assert first.headers["Content-Type"] == "application/json; charset=utf-8"
    assert first.headers["Access-Control-Allow-Origin"] == "*"
    assert int(first.headers["X-RateLimit-Remaining"]) <= int(first.headers["X-RateLimit-Limit"])
    for other in (f"/mars-photos/api/v1{path}", f"/api/v1{path}.json", f"/mars-photos/api/v1{path}.json"):
        assert v1.get(other).content == first.content
    assert v1.get(f"/api/v1{path}", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304


def test_curiositys_sol_1000_comes_in_the_original_order_with_its_ids_and_fields(
    client: TestClient, real_payloads: Path
) -> None:
    name, _ = SOLS["curiosity", 1000]
    original = json.loads((real_payloads / name).read_text())["photos"]
    found = asked(client, "/rovers/curiosity/photos?sol=1000")["photos"]
    assert len(found) == 856
    assert [list(each) for each in found] == [list(each) for each in original]
    for each in (*original, *found):
        # Of the day when it was asked for.
        for total in ("max_sol", "max_date", "total_photos"):
            del each["rover"][total]
        each["img_src"] = each["img_src"].replace("http://", "https://")
    assert found == original
    for each in found[::100]:
        assert asked(client, f"/photos/{each['id']}")["photo"]["img_src"] == each["img_src"]


@pytest.mark.parametrize("rover", MANIFESTS)
async def test_the_manifest_is_the_originals_row_by_row(history: Snapshot, real_payloads: Path, rover: str) -> None:
    original = json.loads((real_payloads / MANIFESTS[rover]).read_text())["photo_manifest"]
    made = await manifest(history, ROVERS[rover], with_photos=True)
    assert json.loads(orjson.dumps(made)) == original


@pytest.fixture(scope="module")
def history(real_payloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    """As many photos of each sol and its cameras as the original's manifests promise."""
    connection = duckdb.connect()
    file = tmp_path_factory.mktemp("history") / "photos.parquet"
    connection.execute("create schema silver; create schema gold; create table promises (rover varchar, manifest varchar)")
    for rover, name in MANIFESTS.items():
        connection.execute("insert into promises values (?, ?)", [rover, (real_payloads / name).read_text()])
    connection.execute(
        f"""
        copy (
        select rover, sol, rover || '|' || sol || '|' || number as photo_key,
            null::boolean as is_thumbnail, null::varchar as image_url,
            cameras[1 + number % len(cameras)] as camera, row_number() over () as id
        from (
            select rover, row.sol, row.cameras, unnest(range(row.total_photos)) as number
            from (
                select rover, unnest(from_json(
                    manifest->'photo_manifest'->'photos',
                    '[{{"sol": "INTEGER", "total_photos": "INTEGER", "cameras": ["VARCHAR"]}}]'
                )) as row
                from promises
            )
        )
        ) to '{file}';
        create view silver.fact_photos as select * from read_parquet('{file}');
        create view gold.photo_ids as select id, photo_key, 'v1' as method, true as is_current from silver.fact_photos;
        create table silver.dim_cameras as select distinct rover, camera, camera as full_name from silver.fact_photos
        """
    )
    tables.prepare(connection, {"silver/fact_photos": [file]})

    class Prepared:
        def cursor(self) -> duckdb.DuckDBPyConnection:
            return connection.cursor()

    return Prepared()  # type: ignore[return-value]
