"""Power cuts at every point of a write: what was reported is there, and what is there is whole.

On a real file system that drops what was not synced: ext4 that is shut down by the kernel without flushing its journal.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from martian_moments.domain.documents import Document, decode, decode_text, encode
from martian_moments.domain.errors import MartianError
from martian_moments.events.log import UPLOADS
from martian_moments.events.sqlite import SqliteEventLog
from martian_moments.events.uploads import Upload, parse_uploads
from martian_moments.lake.store import Lake
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments.warehouse.base import LEDGER, BronzeObject
from martian_moments.warehouse.duckdb import DuckDBWarehouse
from martian_moments.warehouse.published import Published
from martian_moments_tests.builders import FETCHED, photos_document
from martian_moments_tests.disks import Disk, ext4


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with ext4(tmp_path, megabytes=64) as disk:
        yield disk


class Cut(Exception):
    """The power is gone."""


class Power:
    """Cuts the power at the n-th point: before and after every call by which a write reaches the disk.

    Attributes:
        before: called at every point while there is power.
    """

    def __init__(self, disk: Disk, at: int, patch: pytest.MonkeyPatch) -> None:
        self._disk = disk
        self._left = at
        self.before: Callable[[], None] = lambda: None
        for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "mkdir"), (shutil, "copyfileobj")):
            patch.setattr(owner, name, self._watched(getattr(owner, name)))

    @property
    def cut(self) -> bool:
        return self._left <= 0

    def point(self) -> None:
        if not self.cut:
            self.before()
            self._left -= 1
            if self.cut:
                self._disk.cut_the_power()
        if self.cut:
            raise Cut

    def _watched(self, call: Callable[..., object]) -> Callable[..., object]:
        def watched(*arguments: object, **options: object) -> object:
            self.point()
            result = call(*arguments, **options)
            self.point()
            return result

        return watched


def at_every_point(disk: Disk, write: Callable[[Power, Path], None], check: Callable[[Path], None]) -> int:
    """Cut the power at each point of what is written into a new folder, have it back, and check.

    Returns how many points there are.
    """
    for at in range(1, 1_000):
        home = disk.folder / str(at)
        with pytest.MonkeyPatch.context() as patch:
            power = Power(disk, at, patch)
            try:
                write(power, home)
            except (Cut, MartianError, OSError):
                assert power.cut
        if not power.cut:
            return at - 1
        disk.mend()
        check(home)
    raise AssertionError("it never ends")


DOCUMENTS = [
    photos_document(1),
    photos_document(2),
    photos_document(1, content="b", fetched_at=FETCHED + timedelta(hours=1), pages=(b"[]",)),
    photos_document(3, pages=(b'"' + os.urandom(30_000).hex().encode() + b'"',)),
]
"""The third replaces the first."""


def test_every_event_names_an_object_that_is_whole_and_no_cursor_is_ahead_wherever_the_power_is_cut(
    disk: Disk,
) -> None:
    written: list[Document] = []
    cursor: dict[int, int] = {}

    def write(power: Power, home: Path) -> None:
        written.clear()
        cursor.clear()
        resources = Resources(Settings(home=home, _env_file=None))
        with closing(resources.event_log), closing(SqliteEventLog(home / "events.db")) as reader:
            power.before = lambda: cursor.update(
                {partition: mark.high for partition, mark in reader.watermarks(UPLOADS).items()}
            )
            assert isinstance(resources.event_log, SqliteEventLog)
            resources.event_log._file._current().set_trace_callback(lambda _: power.point())
            for document in DOCUMENTS:
                asyncio.run(resources.lake.put_if_changed(document))
                written.append(document)
                power.point()

    def check(home: Path) -> None:
        lake = Lake((home / "lake").as_uri())
        held = {info.key: decode(info.key, lake.get(info.key)) for info in lake.list()}  # raises for one that is not whole
        with closing(SqliteEventLog(home / "events.db")) as log:
            # By the log's own order no reader ever counted a message that is not there: this would raise.
            log.read(UPLOADS, cursor, limit=100)
            events = [each for record in log.read(UPLOADS, {}, limit=100) for each in parse_uploads(record.value or b"")]
        announced = [each.key for each in events if isinstance(each, Upload)]
        assert set(announced) <= held.keys()
        assert len(announced) >= len(written)
        for document in written:
            now = held[document.header.key]
            assert now.header.fetched_at >= document.header.fetched_at
            assert now.pages in [each.pages for each in DOCUMENTS if each.header.key == now.header.key]

    points = at_every_point(disk, write, check)
    assert points > 8 * len(DOCUMENTS)


def test_a_published_table_is_the_old_one_or_the_new_one_wherever_the_power_is_cut(disk: Disk, tmp_path: Path) -> None:
    for rows in (3, 4_000):
        pq.write_table(pa.table({"number": range(rows)}), tmp_path / f"{rows}")
    returned: list[int] = []

    def write(power: Power, home: Path) -> None:
        returned.clear()
        published = Published((home / "published").as_uri())
        for rows in (3, 4_000):
            published.put("gold/days/days.parquet", tmp_path / f"{rows}")
            returned.append(rows)
            power.point()

    def check(home: Path) -> None:
        table = Published((home / "published").as_uri()).read("gold", "days")
        rows = 0 if table is None else table.num_rows
        assert rows in {0, 3, 4_000}
        assert rows >= max(returned, default=0)

    assert at_every_point(disk, write, check) > 8


def test_what_a_load_has_committed_and_published_is_in_the_warehouse_after_a_power_cut(disk: Disk) -> None:
    home = disk.folder / "home"
    objects = [
        BronzeObject(each.header.key, "e", each.header, decode_text(each.header.key, encode(each))) for each in DOCUMENTS[:2]
    ]
    for loads in (1, 2):
        warehouse = DuckDBWarehouse(home / "warehouse.duckdb")
        warehouse.ensure()
        for each in objects[:loads]:
            warehouse.load([each])
        warehouse.publish(Published((home / "published").as_uri()), [LEDGER])
        disk.cut_the_power()
        disk.mend()
        keys = [each.key for each in objects[:loads]]
        ledger = Published((home / "published").as_uri()).read("bronze", "ledger")
        assert ledger is not None
        assert ledger["object_key"].to_pylist() == keys
        assert DuckDBWarehouse(home / "warehouse.duckdb").ledger()["object_key"].to_pylist() == keys
