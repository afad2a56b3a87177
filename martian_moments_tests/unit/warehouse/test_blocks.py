"""Tables in blocks of sols: always the rows of the warehouse, and of the files only those are written that changed."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from martian_moments.domain.errors import PublishedDamaged, WarehouseError
from martian_moments.infrastructure.durable import replacing
from martian_moments.infrastructure.object_store import StoredFile
from martian_moments.infrastructure.sql import from_folder
from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.blocks import SOLS_OF_BLOCK
from martian_moments.warehouse.duckdb_rows import DuckDBRows
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments.warehouse.published_files import PublishedFiles
from martian_moments_tests.published_tables import Written

(TABLE,) = (table for table in published_models() if table.name == "photo_locations")
NAMES = list(TABLE.types)

Photo = tuple[str, str | None, int | None, float | None]
"""Key, rover, sol and longitude."""


class Place:
    """A warehouse with one table in blocks, and where it is published."""

    def __init__(self, home: Path) -> None:
        self.published = Published(home.as_uri())
        self.folder = home / "gold" / "photo_locations"
        self._connection = duckdb.connect()
        self._connection.execute("set TimeZone = 'UTC'; create schema gold")
        self._connection.execute(f"create table gold.photo_locations ({', '.join(map(' '.join, TABLE.types.items()))})")

    def hold(self, photos: Sequence[Photo]) -> None:
        """Have these rows and no others, in any order."""
        self._connection.execute("delete from gold.photo_locations")
        for row in random.Random(len(photos)).sample(photos, len(photos)):
            self._connection.execute(
                "insert into gold.photo_locations (photo_key, rover, sol, longitude, taken_at_utc)"
                " values ($1, $2, $3, $4, timestamptz '2020-01-01T00:00:00Z' + to_seconds($3))",
                row,
            )

    def publish(self) -> list[PublishedTable]:
        return self.published.publish(
            [TABLE], DuckDBRows(self._connection, lambda table: f"from {table.schema}.{table.name}"), unreadable=duckdb.Error
        )

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What the warehouse has, in the order of the table."""
        found = self._connection.execute(f"from gold.photo_locations order by {', '.join(TABLE.order_by)}")
        return list(found.to_arrow_table().to_pylist())

    def read(self) -> list[dict[str, Any]]:
        """What readers of the platform see."""
        table = self.published.read(TABLE.schema, TABLE.name, NAMES)
        assert table is not None
        return list(table.to_pylist())

    def glob(self) -> list[dict[str, Any]]:
        """What DuckDB sees of the folder."""
        with duckdb.connect() as connection:
            connection.execute("set TimeZone = 'UTC'")
            files = f"read_parquet('{self.folder}/**/*.parquet', hive_partitioning = true)"
            found = connection.execute(f"select {', '.join(NAMES)} from {files} order by {', '.join(TABLE.order_by)}")
            return list(found.to_arrow_table().to_pylist())

    def files(self) -> dict[str, tuple[int, int]]:
        """The place and time of writing of every file, by its name."""
        found = {str(file.relative_to(self.folder)): file.stat() for file in self.folder.rglob("*.parquet")}
        return {name: (stat.st_ino, stat.st_mtime_ns) for name, stat in found.items()}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "published")


def photos(*places: tuple[str, int]) -> list[Photo]:
    return [(f"{rover}|v1|{number}", rover, sol, float(number)) for number, (rover, sol) in enumerate(places)]


def block_of(photo: Photo) -> str:
    return f"rover={photo[1]}/{(photo[2] or 0) // SOLS_OF_BLOCK * SOLS_OF_BLOCK:05}.parquet"


ODD = "it's a rover/../50% <b>\n{new}*?"

STORY = photos(("curiosity", 0), ("curiosity", 499), ("curiosity", 500), ("curiosity", 4567), ("spirit", 1), ("spirit", 1))


def test_every_reader_finds_the_rows_and_columns_of_the_warehouse(place: Place) -> None:
    place.hold(STORY)
    assert place.publish() == [TABLE]
    assert sorted(place.files()) == [
        "rover=curiosity/00000.parquet",
        "rover=curiosity/00500.parquet",
        "rover=curiosity/04500.parquet",
        "rover=spirit/00000.parquet",
    ]
    assert place.read() == place.glob() == place.rows
    assert len(place.rows) == len(STORY)
    with duckdb.connect() as connection:
        described = connection.execute(f"describe from {from_folder(place.folder)}").fetchall()
    assert {name: kind.lower() for name, kind, *_ in described} == {
        name: {"timestamptz": "timestamp with time zone"}.get(kind, kind) for name, kind in TABLE.types.items()
    }
    by_pyarrow = ds.dataset(place.folder, partitioning="hive").to_table()
    assert sorted(by_pyarrow.select(NAMES).to_pylist(), key=str) == sorted(place.rows, key=str)
    by_pandas = pd.read_parquet(place.folder)
    assert set(by_pandas.columns) == set(pq.read_table(place.folder).column_names) == set(NAMES)
    assert sorted(zip(by_pandas["photo_key"], by_pandas["rover"], by_pandas["sol"], strict=True)) == sorted(
        (key, rover, sol) for key, rover, sol, _ in STORY
    )


CHANGES: dict[str, tuple[list[Photo], set[str]]] = {
    "nothing": (STORY, set()),
    "a new sol": ([*STORY, ("new", "curiosity", 4568, 1.0)], {"rover=curiosity/04500.parquet"}),
    "a new block": ([*STORY, ("new", "spirit", 2208, 1.0)], {"rover=spirit/02000.parquet"}),
    "a late photo of an old sol": ([*STORY, ("late", "curiosity", 499, None)], {"rover=curiosity/00000.parquet"}),
    "a place that is not known any more": (
        [*STORY[:2], (*STORY[2][:3], None), *STORY[3:]],
        {"rover=curiosity/00500.parquet"},
    ),
    "a photo that went": (STORY[1:], {"rover=curiosity/00000.parquet"}),
    "the only photo of a block went": ([*STORY[:3], *STORY[4:]], {"rover=curiosity/04500.parquet"}),
    "a photo of another sol": (
        [("curiosity|v1|0", "curiosity", 900, 0.0), *STORY[1:]],
        {"rover=curiosity/00000.parquet", "rover=curiosity/00500.parquet"},
    ),
    "two photos with each other's place": (
        [*STORY[:4], (*STORY[4][:3], STORY[5][3]), (*STORY[5][:3], STORY[4][3])],
        {"rover=spirit/00000.parquet"},
    ),
    "a rover that vanished": (STORY[:4], {"rover=spirit/00000.parquet"}),
}


@pytest.mark.parametrize("change", CHANGES)
def test_of_a_change_only_its_blocks_are_written_and_the_table_is_that_of_the_warehouse(place: Place, change: str) -> None:
    place.hold(STORY)
    place.publish()
    before = place.files()
    after, written = CHANGES[change]
    place.hold(after)
    assert place.publish() == ([TABLE] if written else [])
    assert place.read() == place.glob() == place.rows
    assert len(place.rows) == len(after)
    now = place.files()
    assert {name for name in {*before, *now} if before.get(name) != now.get(name)} == written
    assert set(now) == {block_of(photo) for photo in after}
    assert place.published.damaged() == place.published.unreadable() == {}


def test_after_any_changes_the_table_is_that_of_the_warehouse(place: Place) -> None:
    draw = random.Random(16)
    held: dict[str, Photo] = {}
    for _ in range(12):
        before, files = dict(held), None if not held else place.files()
        for _ in range(draw.randrange(6)):
            key = str(draw.randrange(40))
            held.pop(key, None)
            if draw.random() < 0.7:
                sol, longitude = draw.choice([1, 499, 500, 501, 1300]), draw.choice([None, 1.5])
                held[key] = (key, draw.choice(["curiosity", "opportunity", "spirit"]), sol, longitude)
        held["always"] = ("always", "spirit", 1, None)
        place.hold(list(held.values()))
        place.publish()
        assert place.read() == place.glob() == place.rows
        touched = {block_of(photo) for photo in {*before.values()} ^ {*held.values()}}
        if files is not None:
            now = place.files()
            assert {name for name in {*files, *now} if files.get(name) != now.get(name)} == touched


def test_a_table_without_rows_is_one_file_until_it_has_some(place: Place) -> None:
    for held in ([], STORY, [], STORY):
        place.hold(held)
        assert place.publish() == [TABLE]
        assert place.read() == place.glob() == place.rows
        assert len(place.rows) == len(held)
        assert ("photo_locations.parquet" in place.files()) is (held == [])
        assert place.published.damaged() == {}


def test_the_one_file_of_the_release_before_goes_when_the_blocks_are_there(place: Place, tmp_path: Path) -> None:
    place.hold(STORY)
    place.publish()
    whole = place.published.read(TABLE.schema, TABLE.name, NAMES)
    home = Place(tmp_path / "home")
    home.published.publish([TABLE], Written(lambda _, file: pq.write_table(whole, file)))
    assert list(home.files()) == ["photo_locations.parquet"]
    assert home.read() == home.glob() == place.rows
    (reason,) = home.published.damaged().values()
    assert "photo_locations.parquet is one file, as an earlier release published it; the running platform makes" in reason
    home.hold(STORY)
    assert home.publish() == [TABLE]
    assert set(home.files()) == set(place.files())
    assert home.read() == home.glob() == home.rows == place.rows
    assert home.published.damaged() == {}


class Ended(Exception):
    """The process was killed here."""


AFTER = [*STORY[1:4], ("new", "curiosity", 4568, 1.0), ("late", "curiosity", 499, 1.0), ("far", "opportunity", 5000, 2.0)]
"""Blocks that are changed, that come and that go."""


def killed_at(place: Place, number: int, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Publish until the files are changed for the nth time; whether that many changes were needed."""
    left = iter(range(number))
    with monkeypatch.context() as patch:
        for name in ("put", "remove", "change"):
            patch.setattr(PublishedFiles, name, _counted(getattr(PublishedFiles, name), left))
        try:
            place.publish()
        except Ended:
            return True
    return False


def _counted(call: Any, left: Iterator[int]) -> Any:
    def counted(*arguments: Any) -> Any:
        if next(left, None) is None:
            raise Ended
        return call(*arguments)

    return counted


@pytest.mark.parametrize("then", ["the same", "as before"])
def test_a_publishing_that_was_killed_anywhere_is_known_and_the_next_one_is_exact(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    for number in range(20):
        place = Place(tmp_path / str(number))
        place.hold(STORY)
        place.publish()
        former = place.rows
        place.hold(AFTER)
        if not killed_at(place, number, monkeypatch):
            break
        if number > 0:
            assert list(place.published.damaged()) == ["gold/photo_locations"]
        else:
            assert place.read() == former
        place.hold(AFTER if then == "the same" else STORY)
        place.publish()
        assert place.read() == place.glob() == place.rows
        assert place.published.damaged() == place.published.unreadable() == {}
    assert number == 5, "three files are put, one is removed, and the manifest is written"


def test_the_rows_of_each_rover_are_known_without_reading_them(place: Place) -> None:
    place.hold([])
    place.publish()
    assert place.published.rows_by_rover(TABLE.schema, TABLE.name) == {}
    place.hold(STORY)
    place.publish()
    for file in place.folder.rglob("*.parquet"):
        body = file.read_bytes()
        (length,) = struct.unpack("<i", body[-8:-4])
        file.write_bytes(bytes(len(body) - length - 8) + body[-length - 8 :])
    assert place.published.rows_by_rover(TABLE.schema, TABLE.name) == {"curiosity": 4, "spirit": 2}


def test_the_rows_of_each_rover_are_counted_in_the_one_file_of_the_release_before(place: Place, tmp_path: Path) -> None:
    def put(**columns: list[str]) -> None:
        pq.write_table(pa.table(columns), tmp_path / "table")
        place.published.put("gold/photo_locations/photo_locations.parquet", tmp_path / "table")

    put(rover=["spirit", "curiosity", "spirit"])
    assert place.published.rows_by_rover(TABLE.schema, TABLE.name) == {"curiosity": 1, "spirit": 2}
    put(photo_key=["spirit|v1|1"])
    with pytest.raises(PublishedDamaged, match=r"photo_locations.* \(it lacks rover\)"):
        place.published.rows_by_rover(TABLE.schema, TABLE.name)


def test_the_rows_are_counted_also_while_another_file_takes_the_place_of_a_block(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Torn(StoredFile):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(size)[::-1]

    place.hold(STORY)
    place.publish()
    monkeypatch.setattr("martian_moments.warehouse.published.StoredFile", Torn)
    assert place.published.rows_by_rover(TABLE.schema, TABLE.name) == {"curiosity": 4, "spirit": 2}


def test_a_block_that_is_being_written_disturbs_no_reader(place: Place) -> None:
    place.hold(STORY)
    place.publish()
    with replacing(place.folder / "rover=spirit" / "00000.parquet") as draft:
        draft.write_bytes(b"PAR1 and no more yet")
        assert len(pd.read_parquet(place.folder)) == len(STORY)
        assert place.read() == place.glob() == place.rows
        assert place.published.damaged() == {}
        draft.write_bytes((place.folder / "rover=spirit" / "00000.parquet").read_bytes())


def test_a_block_that_is_gone_or_foreign_is_known_and_made_again(place: Place) -> None:
    place.hold(STORY)
    place.publish()
    (place.folder / "rover=spirit" / "00000.parquet").unlink()
    (reason,) = place.published.damaged().values()
    assert "gold/photo_locations/rover=spirit/00000.parquet is gone" in reason
    with pytest.raises(PublishedDamaged, match=r"rover=spirit/00000\.parquet is damaged \(it was published and is gone"):
        place.read()
    assert place.publish() == [TABLE]
    foreign = place.folder / "rover=spirit" / "09000.parquet"
    foreign.write_bytes((place.folder / "rover=spirit" / "00000.parquet").read_bytes())
    (reason,) = place.published.damaged().values()
    assert "gold/photo_locations/rover=spirit/09000.parquet is not in manifest.json" in reason
    assert place.read() == place.rows, "it is not among the files of the build"
    assert place.publish() == [TABLE]
    assert place.glob() == place.rows
    assert place.published.damaged() == {}


def test_blocks_of_two_releases_are_not_read_as_one_table(place: Place) -> None:
    place.hold(STORY)
    place.publish()
    block = place.folder / "rover=spirit" / "00000.parquet"
    pq.write_table(pq.ParquetFile(block).read().drop_columns(["longitude"]), block)
    with pytest.raises(PublishedDamaged, match=r"photo_locations.* \(its files are of two releases"):
        place.published.read(TABLE.schema, TABLE.name)
    with pytest.raises(PublishedDamaged, match=r"photo_locations.* \(it lacks longitude"):
        place.read()
    assert place.publish() == [TABLE]
    assert place.read() == place.rows


def test_who_has_the_manifest_of_the_build_before_still_finds_every_block_that_has_not_changed(place: Place) -> None:
    place.hold(STORY)
    place.publish()
    former = place.published.manifest()
    place.hold([*STORY, ("new", "curiosity", 4568, 1.0)])
    place.publish()
    assert former is not None
    same = {
        file.key: place.published.fetch_file(file.key, place.folder.parent / "copy" / file.sha256) == file.sha256
        for file in former.tables["gold/photo_locations"]
    }
    assert [key for key, is_same in same.items() if not is_same] == ["gold/photo_locations/rover=curiosity/04500.parquet"]


def test_a_rover_may_be_called_anything(place: Place) -> None:
    place.hold([*STORY, ("odd", ODD, 1, 1.0)])
    place.publish()
    assert place.read() == place.glob() == place.rows
    assert sorted(pd.read_parquet(place.folder)["rover"]) == sorted([ODD, *(str(rover) for _, rover, *_ in STORY)])
    assert place.published.damaged() == place.published.unreadable() == {}


def test_rows_without_a_sol_are_in_the_first_block(place: Place) -> None:
    place.hold([*STORY, ("nowhen", "spirit", None, 1.0)])
    place.publish()
    assert sorted(place.read(), key=str) == sorted(place.glob(), key=str) == sorted(place.rows, key=str)
    assert len(place.rows) == len(STORY) + 1


def test_a_table_that_cannot_be_published_in_blocks_stays_as_it_was(place: Place) -> None:
    place.hold(STORY)
    place.publish()
    before = place.read()
    place.hold([*STORY, ("odd", None, 1, 1.0)])
    with pytest.raises(WarehouseError, match=r"gold\.photo_locations has rows without a rover"):
        place.publish()
    assert place.read() == place.glob() == before
    assert place.published.damaged() == {}
