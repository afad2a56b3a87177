"""Snapshots: requests see one build, whole, whatever is being published; what cannot be read is said in a sentence."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest
from starlette.testclient import TestClient

from martian_moments.domain.errors import NotReady
from martian_moments.domain.rovers import ROVERS
from martian_moments.serving.private import private_folder
from martian_moments.serving.snapshots import Snapshots
from martian_moments.warehouse.manifest import KEY
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import STOPS, photo, publish_file, publish_rows
from martian_moments_tests.serving.home import ServedHome
from martian_moments_tests.serving.tables import served_tables
from martian_moments_tests.waiting import wait_until

COUNT = "select count(*) from gold.stops"


@pytest.fixture
def home(served: ServedHome, tmp_path: Path) -> ServedHome:
    """One whose published tables a test may change."""
    return served.copy_published(tmp_path / "home")


def file_of(home: ServedHome, name: str) -> Path:
    return home.home / "published" / name / f"{name.rpartition('/')[2]}.parquet"


def reason(published: Published) -> str:
    """Why there is no snapshot."""
    with Snapshots(published) as snapshots:
        assert snapshots.wait(30)
        with pytest.raises(NotReady) as refused, snapshots.lease():
            pass
    return str(refused.value)


def test_a_request_keeps_its_build_and_the_next_one_has_the_new_one(home: ServedHome) -> None:
    with Snapshots(home.published) as snapshots:
        assert snapshots.wait(30)
        with snapshots.lease() as old:
            stops = old.cursor().execute(COUNT).fetchone()
            publish_rows(home.published, {"gold/stops": STOPS})
            wait_until(lambda: snapshots.current_build != old.build, "the new build", pause=0.05)
            with snapshots.lease() as new:
                assert new.cursor().execute(COUNT).fetchone() == (len(STOPS),)
                # Of what is unchanged there is one copy.
                photos = "silver/fact_photos"
                assert [each.stat().st_ino for each in new.paths[photos]] == [
                    each.stat().st_ino for each in old.paths[photos]
                ]
            assert old.cursor().execute(COUNT).fetchone() == stops != (len(STOPS),)
            folder = old.paths["gold/stops"][0].parent
            assert folder.is_dir()
        assert not folder.exists()
        everything = new.paths["gold/stops"][0].parents[3]
    assert not everything.exists()


def test_of_a_table_in_blocks_only_those_that_changed_are_copied_and_the_build_before_is_served_as_it_was(
    tmp_path: Path,
) -> None:
    photos = "silver/fact_photos"
    before = [photo("curiosity", 1), photo("curiosity", 2, sol=700), photo("spirit", 3)]
    count = "select rover, count(*) from silver.fact_photos group by rover order by rover"
    with served_tables(tmp_path, before) as served, served.snapshots.lease() as old:
        assert [path.parent.name for path in old.paths[photos]] == ["rover=curiosity", "rover=curiosity", "rover=spirit"]
        served.publish([*before, photo("curiosity", 4, sol=701)])
        with served.snapshots.lease() as new:
            assert new.cursor().execute(count).fetchall() == [("curiosity", 3), ("spirit", 1)]
            assert list(map(os.path.samefile, new.paths[photos], old.paths[photos])) == [True, False, True]
        assert old.cursor().execute(count).fetchall() == [("curiosity", 2), ("spirit", 1)]


def test_the_same_tables_are_the_same_build_wherever_and_whenever_they_are_published(home: ServedHome) -> None:
    with Snapshots(home.published) as snapshots:
        assert snapshots.wait(30)
        before = snapshots.current_build
        publish_rows(home.published, {"gold/stops": STOPS})
        wait_until(lambda: snapshots.current_build != before, "the new build", pause=0.05)
    again = ServedHome(home.home)
    with Snapshots(again.published) as snapshots:
        assert snapshots.wait(30)
        second = snapshots.current_build
    assert second != before
    body = json.loads((home.home / "published" / KEY).read_bytes())
    body["published_at"] = "2020-01-01T00:00:00Z"
    (home.home / "published" / KEY).write_text(json.dumps(body))
    with Snapshots(home.published) as snapshots:
        assert snapshots.wait(30)
        assert snapshots.current_build == second


def test_while_tables_are_being_published_the_present_build_goes_on(home: ServedHome) -> None:
    manifest = home.home / "published" / KEY
    with Snapshots(home.published) as snapshots:
        assert snapshots.wait(30)
        before = snapshots.current_build
        publish_rows(home.published, {"gold/stops": STOPS})
        wait_until(lambda: snapshots.current_build != before, "the new build", pause=0.05)
        present = snapshots.current_build
        # The files of one build with the manifest of another, as between the first file and the manifest.
        body = json.loads(manifest.read_bytes())
        body["tables"]["gold/stops"][0]["sha256"] = "0" * 64
        manifest.write_text(json.dumps(body))
        wait_until(lambda: snapshots.reason, "the look at it", pause=0.05)
        assert "gold/stops is not the one of the manifest" in (snapshots.reason or "")
        assert snapshots.current_build == present


def test_a_home_without_data_says_when_there_will_be_some(tmp_path: Path) -> None:
    empty = ServedHome(tmp_path)
    with TestClient(empty.app(), raise_server_exceptions=False) as client:
        assert client.app.state.snapshots.wait(30)  # type: ignore[attr-defined]
        assert client.get("/health").json() == {"ready": False, "reason": reason(empty.published)}
    assert "nothing is published yet; martian-moments up publishes the tables" in reason(empty.published)


def test_tables_of_an_earlier_release_are_named(home: ServedHome) -> None:
    home.published.withdraw("gold", "stops")
    home.published.withdraw("silver", "fact_path")
    assert reason(home.published).startswith("gold/stops, silver/fact_path is not published yet: an earlier release")


def test_a_table_without_a_column_of_this_release_is_named(home: ServedHome) -> None:
    whole = home.published.read("silver", "fact_photos")
    assert whole is not None
    less = whole.drop_columns(["view_azimuth_deg"])
    other = home.home / "other.parquet"
    pq.write_table(less, other)
    publish_file(home.published, "silver", "fact_photos", other)
    assert reason(home.published).startswith("silver/fact_photos lacks a column: an earlier release published it")


@pytest.mark.parametrize(
    "damage",
    [
        lambda home: file_of(home, "gold/stops").write_bytes(b"PAR1"),
        lambda home: file_of(home, "gold/stops").unlink(),
        lambda home: (home.home / "published" / KEY).write_text("{"),
    ],
    ids=["a table has other bytes", "a table is gone", "the manifest is cut"],
)
def test_what_is_damaged_is_said_without_a_folder_of_this_machine(
    home: ServedHome, damage: Callable[[ServedHome], object]
) -> None:
    damage(home)
    said = reason(home.published)
    assert "damaged" in said or "cannot be read now" in said
    assert str(home.home) not in said


def test_a_damaged_table_that_was_made_again_is_served(home: ServedHome) -> None:
    file = file_of(home, "gold/stops")
    whole = file.read_bytes()
    file.write_bytes(b"PAR1")
    with Snapshots(home.published) as snapshots:
        assert snapshots.wait(30)
        assert snapshots.current_build is None
        file.write_bytes(whole)
        wait_until(lambda: snapshots.current_build, "the snapshot", pause=0.05)
        assert snapshots.reason is None


@pytest.mark.parametrize(
    "statement",
    [
        "select * from read_text('/etc/hostname')",
        "select * from read_parquet('{published}')",
        "select * from '{published}'",
        "attach '{published}.db'",
        "copy (select 1) to '{published}.csv'",
        "create table gold.mine (number integer)",
        "install httpfs",
        "set memory_limit = '8GB'",
        "set enable_external_access = true",
    ],
)
def test_a_query_reaches_nothing_but_the_tables(served: ServedHome, statement: str) -> None:
    published = file_of(served, "gold/stops")
    with Snapshots(served.published) as snapshots:
        assert snapshots.wait(30)
        with snapshots.lease() as snapshot, pytest.raises(duckdb.Error, match=r"disabled|read-only|locked|access"):
            snapshot.cursor().execute(statement.format(published=published))


def test_times_are_utc_wherever_the_service_runs(served: ServedHome, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    with Snapshots(served.published) as snapshots:
        assert snapshots.wait(30)
        with snapshots.lease() as snapshot:
            found = snapshot.cursor().execute("select timestamptz '2020-01-01T00:00:00Z'::varchar").fetchone()
    assert found == ("2020-01-01 00:00:00+00",)


def test_what_is_prepared_is_there_before_anybody_sees_the_snapshot(served: ServedHome) -> None:
    def prepare(connection: duckdb.DuckDBPyConnection, _: object) -> None:
        connection.execute("create schema mine; create table mine.rovers as select rover from silver.dim_rovers")

    with Snapshots(served.published, [prepare]) as snapshots:
        assert snapshots.wait(30)
        with snapshots.lease() as snapshot:
            assert snapshot.cursor().execute("select count(*) from mine.rovers").fetchone() == (4,)


def test_many_readers_and_many_builds_never_meet(home: ServedHome) -> None:
    """Every build of this test has as many stops as photos at each of them, and of one rover."""
    seen: set[int] = set()
    wrong: list[object] = []
    stop = threading.Event()

    def read(snapshots: Snapshots) -> None:
        while not stop.wait(0.005):
            with snapshots.lease() as snapshot:
                stops = snapshot.cursor().execute("select photos from gold.stops").fetchall()
                rovers = snapshot.cursor().execute("select photos from gold.rover_summary").fetchall()
            if len(rovers) != len(ROVERS) and (stops != [(len(stops),)] * len(stops) or rovers != stops[:1]):
                wrong.append((stops, rovers))
            seen.add(len(stops))

    with Snapshots(home.published) as snapshots:
        assert snapshots.wait(30)
        readers = [threading.Thread(target=read, args=(snapshots,)) for _ in range(2)]
        for reader in readers:
            reader.start()
        for number in range(1, 6):
            stops = [{**STOPS[0], "stop_id": str(each), "site": each, "photos": number} for each in range(number)]
            rovers = [{"rover": "curiosity", "photos": number}]
            publish_rows(home.published, {"gold/stops": stops, "gold/rover_summary": rovers})
            wait_until(lambda number=number: number in seen or wrong, f"build {number}", pause=0.02)  # type: ignore[misc]
        stop.set()
        for reader in readers:
            reader.join()
    assert wrong == []
    assert {1, 2, 3, 4, 5} < seen


def test_the_folder_of_a_killed_service_is_removed_by_the_next_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = "from martian_moments.serving.private import private_folder as p\nwith p() as f: print(f, flush=True); input()"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], env=environment, stdin=pipe, stdout=pipe, text=True) as other:
        assert other.stdout is not None
        folder = Path(other.stdout.readline().strip())
        assert folder.parent == tmp_path
        assert folder.stat().st_mode & 0o777 == 0o700
        with private_folder() as mine:
            assert folder.is_dir(), "it is in use"
        other.send_signal(signal.SIGKILL)
    with private_folder() as mine:
        assert not folder.exists()
        assert [each.name for each in tmp_path.iterdir()] == [mine.name]
    assert list(tmp_path.iterdir()) == []
