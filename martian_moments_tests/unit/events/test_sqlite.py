from __future__ import annotations

import multiprocessing
import resource
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import pytest

from martian_moments.domain.errors import EventLogError
from martian_moments.events.log import UPLOADS, UPLOADS_DEAD, Message
from martian_moments.events.open import open_log
from martian_moments.events.sqlite import SqliteEventLog, partition_of
from martian_moments.events.sqlite_file import LogFile
from martian_moments_tests.waiting import wait_until

_spawn = multiprocessing.get_context("spawn")


def test_the_partition_is_the_crc_32_of_the_key() -> None:
    # 0xCBF43926 is the published check value of CRC-32 for "123456789".
    assert partition_of("123456789", 1_000_000) == 0xCBF43926 % 1_000_000


def open_and_publish(path: Path, together: Barrier, writer: int) -> None:
    together.wait()
    SqliteEventLog(path).publish(UPLOADS_DEAD, [Message("k", b"%d" % writer)])


def test_several_processes_may_create_the_file_at_the_same_moment(tmp_path: Path) -> None:
    path = tmp_path / "new" / "events.db"
    together = _spawn.Barrier(6)
    writers = [_spawn.Process(target=open_and_publish, args=(path, together, n)) for n in range(6)]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0] * 6
    records = SqliteEventLog(path).read(UPLOADS_DEAD, {}, limit=100)
    assert Counter(r.value for r in records) == Counter(b"%d" % n for n in range(6))


def publish_while_one_writes(
    log: SqliteEventLog, monkeypatch: pytest.MonkeyPatch, writes: list[Exception | None]
) -> list[str]:
    """One thread writes; five come meanwhile. What each write ends in is given; returns the keys whose thread raised."""
    written, failed, run = threading.Event(), [], LogFile.run

    def held(self: LogFile, kind: str, work: Any) -> Any:
        assert written.wait(30)
        if error := writes.pop(0):
            raise error
        return run(self, kind, work)

    def publish(key: str) -> None:
        try:
            log.publish(UPLOADS, [Message(key, b"v"), Message(f"{key} again", b"v")])
        except EventLogError:
            failed.append(key)

    monkeypatch.setattr(LogFile, "run", held)
    with ThreadPoolExecutor(6) as pool:
        pool.submit(publish, "first")
        wait_until(lambda: log._lock.locked() and not log._waiting, "a thread that writes", pause=0.01)
        for number in range(5):
            pool.submit(publish, str(number))
        wait_until(lambda: len(log._waiting) == 5, "five that wait", pause=0.01)
        written.set()
    monkeypatch.undo()
    return failed


def test_threads_that_publish_at_once_share_a_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = SqliteEventLog(tmp_path / "events.db")
    writes: list[Exception | None] = [None, None]
    assert publish_while_one_writes(log, monkeypatch, writes) == []
    assert writes == [], "two commits"
    keys = Counter(record.key for record in log.read(UPLOADS, {}, limit=100))
    assert keys == Counter(key + more for key in ("first", *"01234") for more in ("", " again"))


def test_a_commit_that_fails_fails_for_all_who_share_it_and_for_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = SqliteEventLog(tmp_path / "events.db")
    failed = publish_while_one_writes(log, monkeypatch, [None, sqlite3.OperationalError("disk is full")])
    assert sorted(failed) == list("01234")
    log.publish(UPLOADS, [Message("after", b"v")])
    assert {record.key for record in log.read(UPLOADS, {}, limit=100)} == {"first", "first again", "after"}


# A limit on the size of files stands in for a full disk: the write fails half-way in the same place.
FILL = """
import resource, sys
from pathlib import Path
from martian_moments.domain.errors import EventLogError
from martian_moments.events.log import UPLOADS, Message
from martian_moments.events.sqlite import SqliteEventLog

log = SqliteEventLog(Path(sys.argv[1]))
log.publish(UPLOADS, [Message("before", b"kept")])
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, resource.RLIM_INFINITY))
try:
    log.publish(UPLOADS, [Message(f"big-{n}", bytes(10_000)) for n in range(100)])
except EventLogError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.publish(UPLOADS, [Message("after", b"kept too")])
"""


def test_a_full_disk_refuses_the_whole_batch_and_keeps_the_log_usable(tmp_path: Path) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    path = tmp_path / "events.db"
    done = subprocess.run([sys.executable, "-c", FILL, str(path)], capture_output=True, text=True, check=True)
    assert f"event log {path}: " in done.stdout
    assert "has space" in done.stdout
    records = SqliteEventLog(path).read(UPLOADS, {}, limit=1000)
    assert sorted((r.key, r.value) for r in records) == [("after", b"kept too"), ("before", b"kept")]


def test_a_place_that_takes_no_file_is_an_event_log_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EventLogError, match=r"file/events\.db"):
        SqliteEventLog(tmp_path / "file" / "events.db")


def test_a_log_is_opened_by_its_address(tmp_path: Path) -> None:
    path = tmp_path / "a folder" / "events.db"
    open_log(f"sqlite://{path}").publish(UPLOADS_DEAD, [Message("k", b"v")])
    assert SqliteEventLog(path).watermarks(UPLOADS_DEAD)[0].high == 1


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(EventLogError, match=r"ftp://somewhere.*sqlite:///"):
        open_log("ftp://somewhere")
