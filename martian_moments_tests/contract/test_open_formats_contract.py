"""Open formats, in a folder and on S3: made again when their tables changed or a file is gone, and else left alone."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from martian_moments.domain.errors import WarehouseError
from martian_moments.formats import export as export_module
from martian_moments.formats import stac
from martian_moments.formats.export import OPEN_FORMATS, OpenFormat, export, outdated
from martian_moments.formats.geoparquet import write_geoparquet
from martian_moments.lake.store import Lake
from martian_moments.warehouse.blocks import digest_of
from martian_moments.warehouse.manifest import MadeFile
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import TABLES, photo, publish_rows

if TYPE_CHECKING:
    import duckdb

NAMES = [each.name for each in OPEN_FORMATS]


@pytest.fixture
def tables(published: Published) -> Published:
    """All that the open formats are made of."""
    publish_rows(published)
    return published


def exported(published: Published) -> list[str]:
    """The keys that were written."""
    return [key for each in OPEN_FORMATS for key in export(published, each).written]


def objects(lake: Lake) -> dict[str, tuple[str, bytes]]:
    """The ETag and the bytes of every file of the open formats."""
    listed = [each.key for name in NAMES for each in lake.list(f"published/{name}")]
    return {key: (lake.read(key).info.etag, lake.get(key)) for key in listed}


def test_the_manifest_names_every_file_and_what_it_was_made_of(tables: Published, lake: Lake) -> None:
    assert outdated(tables.manifest()) == NAMES
    written = exported(tables)
    manifest = tables.manifest()
    assert manifest is not None
    assert outdated(manifest) == []
    assert {f"published/{key}" for key in written} == set(objects(lake))
    for each in OPEN_FORMATS:
        held = manifest.open_formats[each.name]
        read = {name: manifest.tables[name] for name in map("/".join, each.sources)}
        assert held.made_from == {name: digest_of(file.sha256 for file in files) for name, files in read.items()}
        for file in held.files:
            assert objects(lake)[f"published/{file.key}"][0] == file.etag
    assert set(manifest.tables) == set(TABLES)
    assert tables.damaged() == tables.unreadable() == {}


def test_nothing_is_made_where_nothing_changed(tables: Published, lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    exported(tables)
    before, manifest = objects(lake), lake.read("published/manifest.json").info
    monkeypatch.setattr(export_module, "_make", None)
    assert exported(tables) == []
    assert objects(lake) == before
    assert lake.read("published/manifest.json").info == manifest


def test_the_same_tables_make_the_same_bytes_whatever_made_them(
    tables: Published, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(tables)
    before = objects(lake)
    monkeypatch.setattr(export_module, "_code", lambda: "another release")
    assert outdated(tables.manifest()) == NAMES
    assert exported(tables) == []
    assert objects(lake) == before
    assert outdated(tables.manifest()) == []


def test_only_the_files_of_what_changed_are_written(tables: Published, lake: Lake) -> None:
    exported(tables)
    before = objects(lake)
    publish_rows(tables, {"silver/dim_waypoints": TABLES["silver/dim_waypoints"][:2]})
    assert outdated(tables.manifest()) == ["geo"]
    assert exported(tables) == ["geo/waypoints.parquet", "geo/mars.gpkg"]
    assert {key for key, held in objects(lake).items() if held != before[key]} == {
        "published/geo/waypoints.parquet", "published/geo/mars.gpkg"
    }  # fmt: skip


def test_the_items_of_a_rover_of_which_nothing_changed_are_not_made_again(
    tables: Published, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(tables)
    made: list[str] = []

    def write(connection: duckdb.DuckDBPyConnection, placed: str, file: Path, *rest: Any, **named: Any) -> int:
        made.append(file.name)
        return write_geoparquet(connection, placed, file, *rest, **named)

    monkeypatch.setattr(stac, "write_geoparquet", write)
    photos = [*TABLES["silver/fact_photos"], photo("spirit", 77, sol=700, longitude=175.5, latitude=-14.5)]
    publish_rows(tables, {"silver/fact_photos": photos})
    before = objects(lake)
    written = [key for key in exported(tables) if key.startswith("stac/")]
    assert written == ["stac/spirit/items.parquet", "stac/spirit/collection.json"]
    assert {name.split(".")[0] for name in made} == {"spirit"}
    assert {key for key, held in objects(lake).items() if held != before[key] and "/stac/" in key} == {
        f"published/{key}" for key in written
    }
    # Made anew, they have the same bytes.
    made.clear()
    monkeypatch.setattr(export_module, "_code", lambda: "another release")
    assert exported(tables) == []
    assert {name.split(".")[0] for name in made} == {"curiosity", "spirit"}
    # The name of a camera stands in the items of every rover that may have it.
    publish_rows(tables, {"silver/dim_cameras": [{"rover": "curiosity", "camera": "MAST", "full_name": "Mast"}]})
    assert exported(tables) == ["stac/curiosity/items.parquet", "stac/curiosity/unplaced.parquet"]
    assert tables.damaged() == tables.unreadable() == {}


@pytest.mark.parametrize("body", [b"garbage", None])
def test_a_file_that_is_gone_or_damaged_is_known_and_made_again(tables: Published, lake: Lake, body: bytes | None) -> None:
    exported(tables)
    before = objects(lake)
    for name in NAMES:
        key = next(key for key in before if key.startswith(f"published/{name}/") and key.endswith(".parquet"))
        if body is None:
            lake.remove(key)
        else:
            lake.put_bytes(key, body)
        for found in (tables.damaged(), tables.unreadable()):
            assert list(found) == [name]
            assert key.removeprefix("published/") in found[name]
        assert [f"published/{written}" for written in exported(tables)] == [key]
        assert objects(lake)[key][1] == before[key][1]
        assert tables.damaged() == tables.unreadable() == {}


def test_tables_that_are_published_again_leave_the_open_formats_in_the_manifest(tables: Published) -> None:
    exported(tables)
    before = tables.manifest()
    publish_rows(tables, {"silver/dim_waypoints": []})
    tables.withdraw("silver", "dim_waypoints")
    after = tables.manifest()
    assert before is not None
    assert after is not None
    assert after.open_formats == before.open_formats
    assert outdated(after) == [], "nothing is made of a table that is not there"


def test_a_file_that_an_open_format_has_no_more_is_removed(tables: Published, lake: Lake, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bytes")
    for keys in (["other/a", "other/b"], ["other/b"]):
        made = [MadeFile(key, tmp_path / "file", 1) for key in keys]
        tables.publish_format("other", made, made_from={}, made_by="")
    assert [each.key for each in lake.list("published/other")] == ["published/other/b"]
    assert tables.damaged() == {}


def test_two_that_write_the_manifest_at_once_lose_nothing_of_each_other(tables: Published, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bytes")
    names = [f"format{number}" for number in range(4)]

    def publish(name: str) -> None:
        for _ in range(5):
            tables.publish_format(name, [MadeFile(f"{name}/file", tmp_path / "file", 1)], made_from={}, made_by=name)

    writers = [threading.Thread(target=publish, args=(name,)) for name in names]
    for writer in writers:
        writer.start()
    for _ in range(5):
        for rows in (TABLES["silver/fact_path"], []):
            publish_rows(tables, {"silver/fact_path": rows})
    for writer in writers:
        writer.join()
    manifest = tables.manifest()
    assert manifest is not None
    assert set(manifest.open_formats) == set(names)
    assert manifest.tables["silver/fact_path"][0].rows == 0
    assert tables.damaged() == tables.unreadable() == {}


def test_a_table_that_cannot_be_read_is_named(tables: Published, lake: Lake) -> None:
    lake.put_bytes("published/silver/fact_path/fact_path.parquet", b"garbage")
    wanted: OpenFormat = OPEN_FORMATS[0]
    with pytest.raises(WarehouseError, match=r"geo cannot be made of the published tables .*doctor"):
        export(tables, wanted)
    lake.remove("published/silver/fact_path/fact_path.parquet")
    with pytest.raises(WarehouseError, match=r"silver/fact_path/fact_path\.parquet is damaged"):
        export(tables, wanted)
