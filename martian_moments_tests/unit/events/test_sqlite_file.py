"""What becomes of the embedded log when its file is deleted, replaced or damaged, under processes that hold it open."""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from martian_moments.domain.errors import EventLogError
from martian_moments.events.log import UPLOADS, UPLOADS_DEAD, Message
from martian_moments.events.sqlite import SqliteEventLog
from martian_moments.events.sqlite_file import LogFile, identity


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def values(log: SqliteEventLog) -> list[bytes | None]:
    return [record.value for record in log.read(UPLOADS_DEAD, {}, limit=10_000)]


def publish(log: SqliteEventLog, *texts: bytes) -> None:
    log.publish(UPLOADS_DEAD, [Message("k", text) for text in texts])


def aside(path: Path) -> list[Path]:
    return [each for each in path.parent.glob(f"{path.name}.damaged-*") if not each.name.endswith(("-wal", "-shm"))]


def unlink(path: Path) -> None:
    path.unlink()


def unlink_everything(path: Path) -> None:
    for each in path.parent.glob(f"{path.name}*"):
        each.unlink()


def move(path: Path) -> None:
    path.rename(path.with_name("kept.db"))


def replace(path: Path) -> None:
    new = path.with_name("new.db")
    SqliteEventLog(new).close()
    unlink_everything(path)
    new.rename(path)


@pytest.mark.parametrize("gone", [unlink, unlink_everything, move, replace])
def test_processes_that_hold_a_file_that_is_gone_meet_in_the_new_one(path: Path, gone: Callable[[Path], None]) -> None:
    one, other = SqliteEventLog(path), SqliteEventLog(path)
    publish(one, b"old")
    before = one.identity(UPLOADS)
    assert before == other.identity(UPLOADS_DEAD)
    gone(path)
    publish(one, b"new 1")
    publish(other, b"new 2")
    assert values(one) == values(other) == [b"new 1", b"new 2"]
    assert one.identity(UPLOADS) == other.identity(UPLOADS) != before
    one.close()
    other.close()
    assert values(SqliteEventLog(path)) == [b"new 1", b"new 2"], "the end of those who held the old file takes nothing along"


def test_a_wal_that_is_deleted_under_the_log_loses_nothing(path: Path) -> None:
    log = SqliteEventLog(path)
    publish(log, b"1", b"2")
    before = log.identity(UPLOADS)
    path.with_name("events.db-wal").unlink()
    publish(log, b"3")
    assert values(SqliteEventLog(path)) == values(log) == [b"1", b"2", b"3"]
    assert log.identity(UPLOADS) == before


def test_work_that_was_done_in_a_file_while_it_was_deleted_is_done_again_in_the_new_one(path: Path) -> None:
    file = LogFile(path)
    ids = []

    def work(connection: sqlite3.Connection) -> str:
        ids.append(identity(connection))
        if len(ids) == 1:
            unlink_everything(path)
        return ids[-1]

    assert file.run("IMMEDIATE", work) == ids[1] != ids[0]
    assert len(ids) == 2
    assert SqliteEventLog(path).identity(UPLOADS) == ids[1]


def test_a_file_that_is_replaced_again_and_again_is_an_error_and_no_endless_loop(path: Path) -> None:
    with pytest.raises(EventLogError, match=r"events\.db: the file is replaced again and again"):
        LogFile(path).run("DEFERRED", lambda _: unlink_everything(path))


def garbage(path: Path) -> None:
    path.write_bytes(os.urandom(path.stat().st_size))


def short_garbage(path: Path) -> None:
    path.write_bytes(b"no log")


def cut(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)


def overwritten_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(bytes(100))


def overwritten_pages(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


DAMAGES = [garbage, short_garbage, cut, overwritten_header, overwritten_pages]


@pytest.fixture
def full(path: Path) -> Path:
    """A log of some hundred pages that nobody holds open."""
    log = SqliteEventLog(path)
    publish(log, *(b"%d" % n * 300 for n in range(1_000)))
    log.close()
    assert path.stat().st_size > 100 * 4096
    return path


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_log_is_set_aside_as_it_is_and_a_new_one_begins(
    full: Path, damage: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    before = SqliteEventLog(full)
    old = before.identity(UPLOADS)
    before.close()
    damage(full)
    damaged = full.read_bytes()
    log = SqliteEventLog(full)
    publish(log, b"new")
    assert values(log) == [b"new"]
    assert log.identity(UPLOADS) != old
    (kept,) = aside(full)
    assert kept.read_bytes() == damaged
    (warning,) = caplog.messages
    assert str(full) in warning
    assert kept.name in warning
    assert "requests that were not read are lost" in warning
    with pytest.raises(EventLogError, match=rf"was damaged and is now {kept.name}.*Look after the disk"):
        log.probe()
    kept.unlink()
    log.probe()


def test_of_several_damaged_logs_the_newest_is_kept(full: Path) -> None:
    for text in (b"one" * 100, b"two" * 100):
        full.write_bytes(text)
        publish(SqliteEventLog(full), b"new")
    (kept,) = aside(full)
    assert kept.read_bytes() == b"two" * 100


def test_a_log_that_is_cut_to_nothing_is_another_log(full: Path) -> None:
    log = SqliteEventLog(full)
    old = log.identity(UPLOADS)
    log.close()
    os.truncate(full, 0)
    log = SqliteEventLog(full)
    assert values(log) == []
    assert log.identity(UPLOADS) != old


def test_damage_where_nobody_reads_is_found_by_the_probe(full: Path) -> None:
    with full.open("r+b") as file:
        file.seek(60 * 4096)
        file.write(b"\xff" * 4096)
    log = SqliteEventLog(full)
    assert log.watermarks(UPLOADS_DEAD)[0].high == 1_000, "the way to the last message does not lead there"
    with pytest.raises(EventLogError, match="was damaged"):
        log.probe()
    assert log.watermarks(UPLOADS_DEAD)[0].high == 0


def test_several_who_find_the_damage_set_it_aside_once_and_lose_no_message(full: Path) -> None:
    overwritten_pages(full)
    together = threading.Barrier(6)

    def find(number: int) -> None:
        together.wait()
        publish(SqliteEventLog(full), b"%d" % number)

    finders = [threading.Thread(target=find, args=(number,)) for number in range(6)]
    for finder in finders:
        finder.start()
    for finder in finders:
        finder.join()
    assert len(aside(full)) == 1
    assert sorted(value or b"" for value in values(SqliteEventLog(full))) == [b"%d" % number for number in range(6)]


def io_error() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorcode = sqlite3.SQLITE_IOERR
    return error


def test_an_error_that_is_said_of_a_file_that_another_process_sets_aside_is_nobodys(path: Path) -> None:
    file = LogFile(path)
    first = file.run("DEFERRED", identity)

    def work(connection: sqlite3.Connection) -> str:
        if identity(connection) == first:
            for each in sorted(path.parent.glob("events.db*"), reverse=True):
                each.rename(each.with_name(f"aside-{each.name}"))
            raise io_error()
        return identity(connection)

    assert file.run("IMMEDIATE", work) != first


def test_the_same_error_of_the_file_that_is_there_is_raised_at_once(path: Path) -> None:
    attempts = []

    def work(connection: sqlite3.Connection) -> None:
        attempts.append(connection)
        raise io_error()

    file = LogFile(path)
    file.run("DEFERRED", identity)
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        file.run("DEFERRED", work)
    assert len(attempts) == 1


def test_damage_under_a_process_that_holds_the_log_open_is_met_by_all(full: Path) -> None:
    holder = SqliteEventLog(full)
    overwritten_header(full)
    comer = SqliteEventLog(full)
    publish(comer, b"1")
    publish(holder, b"2")
    assert values(holder) == values(comer) == [b"1", b"2"]


def test_a_log_of_an_earlier_release_gets_an_identity_and_keeps_its_messages(path: Path) -> None:
    log = SqliteEventLog(path)
    publish(log, b"kept")
    log.close()
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE log")
    connection.close()
    log = SqliteEventLog(path)
    assert values(log) == [b"kept"]
    assert log.identity(UPLOADS) == SqliteEventLog(path).identity(UPLOADS)


def test_a_copy_of_a_log_is_the_same_log(path: Path, tmp_path: Path) -> None:
    log = SqliteEventLog(path)
    log.close()
    shutil.copy(path, tmp_path / "copy.db")
    assert SqliteEventLog(tmp_path / "copy.db").identity(UPLOADS) == log.identity(UPLOADS)


def test_what_is_not_damage_is_reported_and_moves_nothing(path: Path) -> None:
    path.mkdir()
    with pytest.raises(EventLogError, match="unable to open database file"):
        SqliteEventLog(path)
    assert path.is_dir()
