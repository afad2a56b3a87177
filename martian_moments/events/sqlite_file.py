"""The file of the embedded event log: opened, opened anew where another has taken its place, set aside when it is damaged.

SQLite holds a file that somebody deletes, and goes on writing to what nobody else will ever read. So each piece of work is
done again when the file at the log's path was not, or is no longer, the one that is open. A damaged log is set aside and a
new one begins: the lake is the truth about documents, and readers know the new log by its identity.
"""

from __future__ import annotations

import logging
import sqlite3
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from filelock import FileLock
from tenacity import Retrying, retry_if_exception, stop_after_delay, wait_random

from martian_moments.domain.errors import EventLogError
from martian_moments.infrastructure.aside import DAMAGED, aside_name, remove_older
from martian_moments.infrastructure.durable import make_folder
from martian_moments.infrastructure.space import require_least

BUSY_SECONDS: Final = 30.0
"""How long a writer waits for its turn. A turn takes about a millisecond."""

_ATTEMPTS: Final = 10
"""How many files a piece of work may lose before it gives up."""

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS messages (
    topic TEXT NOT NULL,
    partition INTEGER NOT NULL,
    "offset" INTEGER NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    timestamp_ms INTEGER NOT NULL,
    PRIMARY KEY (topic, partition, "offset")
) WITHOUT ROWID
"""

_IDENTITY: Final = "CREATE TABLE IF NOT EXISTS log (id TEXT NOT NULL)"
"""One row, written by whoever opens the file first; a file of an earlier release gets it as well."""

_log = logging.getLogger(__name__)

_Result = TypeVar("_Result")


class LogFile:
    """A SQLite file in WAL mode, for one thread at a time.

    Every method raises sqlite3.Error, OSError, EventLogError or, before it opens the file, DiskFull.
    """

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is opened yet."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._inodes: tuple[int, ...] | None = None

    def run(self, kind: str, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """Do work in one transaction of the file at the path, whatever becomes of that file meanwhile.

        Args:
            kind: DEFERRED or IMMEDIATE.
            work: may be done several times.
        """
        for _ in range(_ATTEMPTS):
            found = _inodes(self._path)
            try:
                connection = self._current()
                connection.execute(f"BEGIN {kind}")
                with connection:
                    result = work(connection)
            except sqlite3.DatabaseError as error:
                if is_damage(error):
                    self._set_aside(found, str(error))
                elif _is_busy(error) or _inodes(self._path) == found:
                    raise
                else:
                    # Said of a file that another process sets aside in this moment: "disk I/O error", where its WAL is gone.
                    self.close()
                continue
            if self._is_current():
                return result
        raise EventLogError(f"event log {self._path}: the file is replaced again and again; find out by what")

    def look_through(self) -> None:
        """Read every page. Raises EventLogError while a damaged log lies beside this one."""
        self.run("DEFERRED", _check)
        if aside := sorted(each.name for each in self._path.parent.iterdir() if self._is_aside(each.name)):
            raise EventLogError(
                f"{self._path} was damaged and is now {', '.join(aside)}; a new log has begun. Requests that were not read"
                " are lost: ask again (martian-moments refresh, backfill). Look after the disk, then delete what lies aside"
            )

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _current(self) -> sqlite3.Connection:
        if self._connection is not None:
            if self._is_current():
                return self._connection
            self._leave()
        require_least(self._path.parent)
        make_folder(self._path.parent)
        while True:
            before = _inodes(self._path)
            connection = _connect(self._path)
            self._inodes = _inodes(self._path)
            # Another file may have come between the two looks, also the one that was just created: then look again.
            if before is not None and self._inodes is not None and before[0] == self._inodes[0]:
                self._connection = connection
                return connection
            connection.close()

    def _is_current(self) -> bool:
        return _inodes(self._path) == self._inodes

    def _leave(self) -> None:
        """Close a file that is not at its path any more, or whose WAL is not: what the WAL held goes into the file."""
        if self._connection is not None and not _is_gone(self._path, self._inodes):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self.close()

    def _set_aside(self, damaged: tuple[int, ...] | None, why: str) -> None:
        """Rename the damaged file, unless another process has done it already, and remove what was set aside before."""
        with FileLock(f"{self._path}.lock", timeout=BUSY_SECONDS):
            if damaged is not None and not _is_gone(self._path, damaged):
                aside = aside_name(self._path)
                # The database last: before it is gone nobody begins a new one, whose own WAL would be taken away.
                for suffix in ("-wal", "-shm", ""):
                    part = self._path.with_name(self._path.name + suffix)
                    if part.exists():
                        part.rename(f"{aside}{suffix}")
                remove_older(self._path, aside)
                _log.warning(
                    "event log %s is damaged (%s): it is now %s, and a new log begins. Reconcile finds the objects of lost"
                    " upload events; requests that were not read are lost",
                    self._path,
                    why,
                    aside.name,
                )
        self.close()

    def _is_aside(self, name: str) -> bool:
        return name.startswith(self._path.name + DAMAGED) and not name.endswith(("-wal", "-shm"))


def identity(connection: sqlite3.Connection) -> str:
    """The random id of the log in a file."""
    (found,) = connection.execute("SELECT id FROM log").fetchone()
    return str(found)


def _inodes(path: Path) -> tuple[int, ...] | None:
    """Device and inode of the database, inode of its WAL (0 without one); None without a database.

    Never by opening it: closing a file ends every lock that SQLite holds on it in this process.
    """
    try:
        file = path.stat()
    except FileNotFoundError:
        return None
    try:
        return file.st_ino, file.st_dev, path.with_name(f"{path.name}-wal").stat().st_ino
    except FileNotFoundError:
        return file.st_ino, file.st_dev, 0


def _is_gone(path: Path, inodes: tuple[int, ...] | None) -> bool:
    """Whether the database that had these inodes is not at its path any more."""
    now = _inodes(path)
    return now is None or inodes is None or now[:2] != inodes[:2]


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        # Unlike every other statement, the change to WAL does not wait for its turn when several processes create the file.
        for attempt in Retrying(
            retry=retry_if_exception(_is_busy), stop=stop_after_delay(BUSY_SECONDS), wait=wait_random(0, 0.1), reraise=True
        ):
            with attempt:
                connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(_SCHEMA)
        connection.execute(_IDENTITY)
        if connection.execute("SELECT 1 FROM log").fetchone() is None:
            connection.execute("INSERT INTO log SELECT ? WHERE NOT EXISTS (SELECT 1 FROM log)", (uuid.uuid4().hex,))
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        error = sqlite3.DatabaseError(found)
        error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
        raise error


def _is_busy(error: BaseException) -> bool:
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_BUSY


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Whether SQLite says that the file itself cannot be read: no database, or one whose pages do not fit together."""
    # The lower byte is the kind of an error, the others say more about it. Python's own errors have none.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
