"""What every warehouse promises, on every implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from martian_moments.domain.documents import Document, Header, Kind, decode_text, encode
from martian_moments.domain.errors import PublishingError
from martian_moments.pipelines.headers import known_headers
from martian_moments.warehouse.base import LEDGER, LOADED_OBJECTS, PHOTO_IDS, BronzeObject, PublishedTable, Warehouse
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.open import open_warehouse
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import Written

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def photos(
    sol: int = 1,
    *,
    etag: str = "a",
    fetched_at: datetime = NOON,
    fingerprint: str = "f",
    count: int = 1,
    repeats: int | None = 0,
) -> BronzeObject:
    about = (fetched_at, fingerprint, count, count + (repeats or 0))
    header = Header(Kind.PHOTOS, "spirit", "v1", sol, *about, complete=True, repeats=repeats)
    page = b'{"photos":[' + b",".join(b'{"id":%d,"sol":%d}' % (number, sol) for number in range(count)) + b"]}"
    return BronzeObject(header.key, etag, header, decode_text(header.key, encode(Document(header, (page,)))))


def waypoints() -> BronzeObject:
    header = Header(Kind.WAYPOINTS, "perseverance", "mmgis", None, NOON, "f", 0, None, complete=True)
    return BronzeObject(header.key, "w", header, decode_text(header.key, encode(Document(header, (b'{"features":[]}',)))))


def images() -> BronzeObject:
    header = Header(Kind.IMAGES, "spirit", "pictures", 1, NOON, "f", 0, None, complete=True, repeats=0)
    return BronzeObject(header.key, "i", header, decode_text(header.key, encode(Document(header, (b'{"images":[]}',)))))


@pytest.fixture
def alter(warehouse: Warehouse) -> Callable[[str], None]:
    """Runs a statement that changes a table of bronze."""

    def run(statement: str) -> None:
        with warehouse._connected() as connection:  # type: ignore[attr-defined]
            (connection if hasattr(connection, "execute") else connection.cursor()).execute(statement)

    return run


@pytest.fixture(params=["duckdb", "snowflake"])
def warehouse(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    if request.param == "snowflake":
        warehouse = open_warehouse("snowflake://", request.getfixturevalue("fakesnow")())
    else:
        warehouse = open_warehouse(f"duckdb://{tmp_path}/home/bronze.duckdb")
    warehouse.ensure()
    return warehouse


def held(warehouse: Warehouse) -> dict[str, tuple[str, str, int]]:
    rows = warehouse.ledger().to_pylist()
    return {row["object_key"]: (row["etag"], row["fingerprint"], row["record_count"]) for row in rows}


def test_a_load_writes_each_object_once_and_repeating_it_changes_nothing(warehouse: Warehouse) -> None:
    objects = [photos(sol) for sol in range(1, 4)] + [waypoints()]
    first = warehouse.load(objects)
    ledger = warehouse.ledger()
    again = warehouse.load(objects)
    assert sorted(first.loaded) == sorted(item.key for item in objects)
    assert sorted(again.unchanged) == sorted(first.loaded)
    assert not again.loaded
    assert warehouse.ledger().equals(ledger)


def test_the_ledger_has_what_the_header_says_in_the_order_of_the_keys(warehouse: Warehouse) -> None:
    warehouse.load([photos(2, count=3, repeats=2), photos(1, repeats=None)])
    rows = warehouse.ledger().to_pylist()
    assert [row["object_key"] for row in rows] == [
        "photos/rover=spirit/source=v1/sol=00001.json.gz",
        "photos/rover=spirit/source=v1/sol=00002.json.gz",
    ]
    loaded_at = rows[1].pop("loaded_at")
    assert rows[1] == {
        "object_key": "photos/rover=spirit/source=v1/sol=00002.json.gz",
        "rover": "spirit",
        "sol": 2,
        "kind": "photos",
        "source": "v1",
        "etag": "a",
        "fingerprint": "f",
        "record_count": 3,
        "promised": 5,
        "complete": True,
        "fetched_at": NOON,
        "repeats": 2,
    }
    assert rows[0]["repeats"] is None
    assert abs(datetime.now(UTC) - loaded_at) < timedelta(minutes=5)


def test_bronze_of_the_release_before_goes_on_and_takes_the_column_that_joined(
    warehouse: Warehouse, alter: Callable[[str], None], tmp_path: Path
) -> None:
    warehouse.load([photos(1, repeats=None), photos(2, repeats=None)])
    for table in ("raw_manifests", "raw_photos", "raw_traverse"):
        alter(f"alter table {table} drop column repeats")
    for _ in range(2):
        warehouse.ensure()
    assert [(row["sol"], row["repeats"]) for row in warehouse.ledger().to_pylist()] == [(1, None), (2, None)]
    assert warehouse.load([photos(1, repeats=None)]).unchanged
    assert warehouse.load([photos(1, etag="b", repeats=2)]).loaded
    assert [(row["sol"], row["repeats"]) for row in warehouse.ledger().to_pylist()] == [(1, 2), (2, None)]
    published = Published((tmp_path / "published").as_uri())
    warehouse.publish(published, [LEDGER])
    assert [header.repeats for _, header in known_headers(published).values()] == [2, None]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_newest_document_wins_whatever_the_order_of_arrival(warehouse: Warehouse, order: tuple[int, int]) -> None:
    newer = photos(etag="new", fingerprint="a", fetched_at=NOON + timedelta(seconds=1), count=2)
    versions = [photos(etag="old", fingerprint="z"), newer]
    reports = [warehouse.load([versions[index]]) for index in order]
    assert held(warehouse) == {versions[0].key: ("new", "a", 2)}
    assert bool(reports[1].stale) == (order == (1, 0))


YEARS = timedelta(days=5 * 365)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_document_that_is_dated_ahead_wins_against_nothing_whatever_the_order_of_arrival(
    warehouse: Warehouse, order: tuple[int, int]
) -> None:
    """Ten items fetched while the clock stood five years ahead, and the 250 of the right time."""
    now = datetime.now(UTC).replace(microsecond=0)
    versions = [
        photos(etag="ahead", fingerprint="z", fetched_at=now + YEARS, count=10),
        photos(etag="right", fingerprint="a", fetched_at=now, count=250),
    ]
    reports = [warehouse.load([versions[index]]) for index in order]
    assert held(warehouse) == {versions[0].key: ("right", "a", 250)}
    assert bool(reports[1].stale) == (order == (1, 0))


def test_of_documents_that_are_all_dated_ahead_the_one_that_came_last_stays(warehouse: Warehouse) -> None:
    now = datetime.now(UTC)
    for years, etag in ((5, "first"), (3, "second")):
        assert warehouse.load([photos(etag=etag, fetched_at=now + years * YEARS)]).loaded
    assert held(warehouse)[photos().key][0] == "second"


def test_what_is_known_to_be_the_lakes_own_document_replaces_whatever_is_held(warehouse: Warehouse) -> None:
    warehouse.load([photos(etag="held")])
    behind = photos(etag="lake", fetched_at=NOON - YEARS)
    assert warehouse.load([behind]).stale
    assert warehouse.load([behind], whatever_is_held=True).loaded
    assert held(warehouse)[photos().key][0] == "lake"


def test_equal_moments_are_decided_by_the_fingerprint(warehouse: Warehouse) -> None:
    warehouse.load([photos(etag="a", fingerprint="b")])
    assert warehouse.load([photos(etag="b", fingerprint="a")]).stale
    assert warehouse.load([photos(etag="c", fingerprint="c")]).loaded


def test_the_same_document_under_another_etag_takes_the_new_etag(warehouse: Warehouse) -> None:
    warehouse.load([photos(etag="files")])
    assert warehouse.load([photos(etag="s3")]).loaded
    assert held(warehouse)[photos().key][0] == "s3"


def test_two_versions_in_one_load_leave_the_newest(warehouse: Warehouse) -> None:
    report = warehouse.load([photos(etag="2", fetched_at=NOON + timedelta(1)), photos(etag="1")])
    assert held(warehouse)[photos().key][0] == "2"
    assert (len(report.loaded), len(report.stale)) == (1, 1)


def test_a_broken_iterable_keeps_what_was_committed_and_nothing_of_the_open_batch(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("martian_moments.warehouse.bronze.BATCH_OBJECTS", 2)

    def objects() -> Iterator[BronzeObject]:
        yield from (photos(sol) for sol in (1, 2, 3))
        raise OSError("the lake went away")

    with pytest.raises(OSError, match="went away"):
        warehouse.load(objects())
    assert [row["sol"] for row in warehouse.ledger().to_pylist()] == [1, 2]


def test_the_published_ledger_is_the_ledger_and_an_unchanged_one_is_left_alone(warehouse: Warehouse, tmp_path: Path) -> None:
    published = Published((tmp_path / "published").as_uri())
    warehouse.load([photos(1), photos(2)])
    assert warehouse.publish(published, [LEDGER]) == [LEDGER]
    table = published.read("bronze", "ledger")
    assert table is not None
    assert table.to_pylist() == warehouse.ledger().to_pylist()
    (file,) = (tmp_path / "published").rglob("ledger.parquet")
    written = file.stat().st_mtime_ns
    assert warehouse.publish(published, [LEDGER]) == []
    assert file.stat().st_mtime_ns == written
    warehouse.load([photos(3)])
    assert warehouse.publish(published, [LEDGER]) == [LEDGER]


def test_a_table_that_cannot_be_read_stops_no_other_and_nothing_says_that_all_are_current(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    published = Published(tmp_path.as_uri())
    missing = [PublishedTable("bronze", "gone", ("rover",)), PublishedTable("silver", "nowhere", ("rover",))]
    loaded_objects = PublishedTable(*LOADED_OBJECTS, ("object_key",))
    with pytest.raises(PublishingError, match=r"bronze\.gone") as raised:
        warehouse.publish(published, [*missing, LEDGER, loaded_objects])
    assert raised.value.tables == ["bronze.gone", "silver.nowhere", "silver.loaded_objects"]
    assert published.read(LEDGER.schema, LEDGER.name) is not None


def test_two_loads_at_once_leave_the_newest_of_every_document_once(warehouse: Warehouse) -> None:
    older = [photos(sol, etag=f"old{sol}") for sol in range(1, 41)]
    newer = [photos(sol, etag=f"new{sol}", fetched_at=NOON + timedelta(seconds=1)) for sol in range(40, 0, -1)]
    with ThreadPoolExecutor() as threads:
        reports = list(threads.map(warehouse.load, [older, newer, older, newer]))
    assert [(row["sol"], row["etag"]) for row in warehouse.ledger().to_pylist()] == [(n, f"new{n}") for n in range(1, 41)]
    # Whoever came first, each document was written at most once.
    written = [(key, number % 2) for number, report in enumerate(reports) for key in report.loaded]
    assert len(written) == len(set(written))
    assert sum(is_newer for _, is_newer in written) == 40


def drop(warehouse: Warehouse, *tables: str) -> None:
    with warehouse._connected() as connection:  # type: ignore[attr-defined]
        for table in tables:
            (connection if hasattr(connection, "sql") else connection.cursor()).execute(f"drop table {table}")


@pytest.mark.parametrize("lost", [["raw_photos"], ["raw_traverse"], ["raw_manifests", "raw_photos", "raw_traverse"]])
def test_what_was_dropped_is_made_anew_and_the_ledger_claims_nothing_until_it_is_loaded_again(
    warehouse: Warehouse, tmp_path: Path, lost: list[str]
) -> None:
    published = Published((tmp_path / "published").as_uri())
    objects = [*(photos(sol) for sol in (1, 2)), waypoints()]
    warehouse.load(objects)
    warehouse.publish(published, [LEDGER])
    drop(warehouse, *lost)
    assert warehouse.ensure(published)
    assert published.read("bronze", "ledger") is None
    assert not warehouse.ensure(published)
    warehouse.load(objects)
    warehouse.publish(published, [LEDGER])
    table = published.read("bronze", "ledger")
    assert table is not None
    assert table["object_key"].to_pylist() == sorted(item.key for item in objects)
    assert warehouse.damage() == ""


def test_a_warehouse_of_the_release_before_gets_the_table_of_images_and_has_lost_nothing(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    published = Published((tmp_path / "published").as_uri())
    warehouse.load([photos()])
    warehouse.publish(published, [LEDGER])
    drop(warehouse, "raw_images")
    assert (warehouse.exists(), warehouse.damage()) == (True, "")
    assert not warehouse.ensure(published)
    assert published.read("bronze", "ledger") is not None
    assert warehouse.load([photos(), images()]).loaded == [images().key]


def test_a_table_of_images_that_was_dropped_is_loaded_again(warehouse: Warehouse, tmp_path: Path) -> None:
    published = Published((tmp_path / "published").as_uri())
    warehouse.load([photos(), images()])
    warehouse.publish(published, [LEDGER])
    drop(warehouse, "raw_images")
    assert warehouse.ensure(published)
    assert published.read("bronze", "ledger") is None
    assert warehouse.load([photos(), images()]).loaded == [images().key]


def test_a_ledger_is_left_alone_while_bronze_is_whole(warehouse: Warehouse, tmp_path: Path) -> None:
    published = Published((tmp_path / "published").as_uri())
    warehouse.load([photos()])
    warehouse.publish(published, [LEDGER])
    assert not warehouse.ensure(published)
    warehouse.mend()
    assert (warehouse.exists(), warehouse.damage()) == (True, "")
    assert published.read("bronze", "ledger") is not None


def test_a_table_that_was_withdrawn_is_as_if_it_had_never_been_published(warehouse: Warehouse, tmp_path: Path) -> None:
    published = Published((tmp_path / "published").as_uri())
    warehouse.publish(published, [LEDGER])
    for _ in range(2):
        published.withdraw(LEDGER.schema, LEDGER.name)
        assert published.read(LEDGER.schema, LEDGER.name) is None
    assert warehouse.publish(published, [LEDGER]) == [LEDGER]


def publish_ids(folder: Path, *numbers: int) -> Published:
    """Where ids of photos are published, one photo for each."""
    columns: dict[str, pa.Array] = {
        "id": pa.array(numbers, pa.int32()),
        "sol": pa.array([1] * len(numbers), pa.int32()),
        "is_current": pa.array([True] * len(numbers)),
        "is_thumbnail": pa.array([None] * len(numbers), pa.bool_()),
    }
    texts = (name for name in photo_ids().types if name not in columns)
    columns |= {name: pa.array([f"{name} {number}" for number in numbers]) for name in texts}
    published = Published(folder.as_uri())
    rows = pa.table(columns).select(list(photo_ids().types))
    published.publish([photo_ids()], Written(lambda _, file: pq.write_table(rows, file)))
    return published


def photo_ids() -> PublishedTable:
    (table,) = (each for each in published_models() if (each.schema, each.name) == PHOTO_IDS)
    return table


def test_a_new_warehouse_has_the_ids_of_photos_that_are_published_and_keeps_its_own(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    # In the order in which they are published, which is that of their texts.
    published = publish_ids(tmp_path / "published", 2147483647, 4194304, 7)
    columns = list(photo_ids().types)
    held = published.read(*PHOTO_IDS, columns)
    again = Published((tmp_path / "again").as_uri())
    for other in (published, publish_ids(tmp_path / "other", 1), None):
        assert not warehouse.ensure(other)
        warehouse.publish(again, [photo_ids()])
        assert again.read(*PHOTO_IDS, columns) == held


def test_damaged_ids_of_photos_are_not_taken_over(warehouse: Warehouse, tmp_path: Path) -> None:
    published = publish_ids(tmp_path / "published", 7)
    pq.write_table(pa.table({"id": [8]}), tmp_path / "published" / "gold" / "photo_ids" / "photo_ids.parquet")
    assert not warehouse.ensure(published)
    with pytest.raises(PublishingError, match="photo_ids"):
        warehouse.publish(published, [photo_ids()])
