"""A home that release 0.1.0 has made is read by this one: documents, cursors, Dagster's storage, DuckDB, published tables.

``homes/0.1.0.tar.xz`` is the embedded home of that release's demonstration with 4 sols of each rover from its replica, at
rest after it had settled and agreed with the truth. What only logs is left out: runs' own databases, ticks, files of logs.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dagster._core.scheduler.instigation import SensorInstigatorData

from martian_moments.operations.baking import bake
from martian_moments.operations.instance import open_instance
from martian_moments.operations.status import status
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.platforms import Platform, build, make_open_formats

HOME = Path(__file__).parent.parent / "homes" / "0.1.0.tar.xz"

PHOTOS = {"curiosity": 101, "perseverance": 140, "opportunity": 58, "spirit": 19}
"""As that release's truth had them."""

IDENTITY = ["photo_key", "rover", "sol", "source", "source_id", "camera", "image_url"]
"""What a photo is; of the rest, this release knows more."""


@pytest.fixture
def upgraded(tmp_path: Path, no_settings: None) -> Iterator[Platform]:
    # Not by tarfile: its filters came with Python 3.11.4, and what is without them is deprecated in 3.12.
    subprocess.run(["tar", "-xf", HOME, "-C", tmp_path], check=True)
    settings = Settings.load(home=tmp_path)
    with open_instance(settings) as instance:
        yield Platform(settings, Resources(settings), instance)


def cursor_of(instance: dg.DagsterInstance, sensor: str) -> str:
    (state,) = [each for each in instance.all_instigator_state() if each.name == sensor]
    assert isinstance(state.instigator_data, SensorInstigatorData)
    assert state.instigator_data.cursor
    return state.instigator_data.cursor


def photos(home: Path) -> pa.Table:
    return pq.read_table(home / "published" / "silver" / "fact_photos").sort_by("photo_key")


def test_its_counts_offsets_and_partitions_are_read_as_they_were(upgraded: Platform) -> None:
    now = status(upgraded.resources, upgraded.instance, running=True)
    for rover, promised in PHOTOS.items():
        found = now.rovers[rover]
        assert (found.photos_expected, found.photos_in_lake, found.photos_in_silver) == (promised, promised, promised)
        assert (found.gaps, found.short) == ([], [])
        assert len(upgraded.instance.get_dynamic_partitions(f"{rover}_sols")) == 4
    assert {topic: sum(unread.values()) for topic, unread in now.lag.items()} == {
        "minio-events": 0,
        "ingestion-scheduling": 0,
    }
    for sensor in ("gaps", "ingestion_requests", "upload_events"):
        assert not upgraded.tick(sensor, cursor_of(upgraded.instance, sensor)).run_requests, sensor


def test_reconcile_and_one_build_make_it_current_with_the_same_photos(upgraded: Platform) -> None:
    bake()
    home = upgraded.settings.home
    before = photos(home)
    assert before.num_rows == sum(PHOTOS.values())
    # The archive has been unpacked: to a file store these are other objects than those that were loaded.
    for request in upgraded.tick("reconcile").run_requests or ():
        assert upgraded.execute(request).success
    assert build(upgraded).success
    assert make_open_formats(upgraded).success
    after = photos(home)
    assert set(before.column_names) <= set(after.column_names)
    assert after.select(IDENTITY).to_pylist() == before.select(IDENTITY).to_pylist()
    assert status(upgraded.resources, upgraded.instance, running=True).waiting_for == []
