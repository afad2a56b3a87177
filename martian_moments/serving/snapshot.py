"""One build of the published tables, as requests see it: copies of its files, and a database that reads them.

A response never mixes two builds. Whoever publishes replaces the files one by one and writes the manifest last, so a copy
counts only when its digest is that of the one manifest that was read before; a snapshot is made beside the present one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Final

import duckdb

from martian_moments.domain.errors import NotReady
from martian_moments.infrastructure.sql import from_files, quoted
from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.blocks import digest_of
from martian_moments.warehouse.manifest import Manifest, PublishedFile, as_text
from martian_moments.warehouse.published import Published

Preparation = Callable[[duckdb.DuckDBPyConnection, Mapping[str, Sequence[Path]]], None]
"""Makes a schema of its own from the views of a snapshot and from its files, by ``schema/table``, before anybody sees it."""

_Config = dict[str, str | bool | int | float | list[str]]

_MAKING: Final[_Config] = {"threads": 1, "memory_limit": "120MB"}
"""Of a database that is made, beside the import of the application or the queries on the one before."""

_SERVING: Final[_Config] = {"threads": 2, "memory_limit": "200MB", "autoinstall_known_extensions": False}
"""Of one that is asked; while a snapshot takes the place of another there are two."""

_DISK: Final[_Config] = {"max_temp_directory_size": "1GB"}
"""What the queries of one database may keep on the disk, in its folder."""

_DATABASE: Final = "tables.duckdb"
_RETRY_S: Final = 2
_NEXT_BUILD_S: Final = 30


@dataclass(eq=False)
class Snapshot:
    """The published tables of one build. Whoever uses it holds a lease of it (:mod:`martian_moments.serving.snapshots`).

    Attributes:
        build: a digest of its tables: the same rows everywhere have the same.
        published_at: when it was published (UTC).
        paths: the copies of each table's Parquet files, in the order of its rows, by ``schema/table``.
        files: what the manifest says of them.
        kept: what follows from it and was asked for already (:func:`martian_moments.serving.query.once`).
    """

    build: str
    published_at: datetime
    paths: Mapping[str, Sequence[Path]]
    files: Mapping[str, Sequence[PublishedFile]]
    kept: dict[str, Any] = field(default_factory=dict, init=False)
    _folder: Path
    _database: duckdb.DuckDBPyConnection
    _users: int = field(default=1, init=False)
    """Itself, as long as it is the current one, and every lease."""
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection of its own to the snapshot's database, for one thread: 5 µs.

        It has a view ``schema.table`` of each table, what the preparations made, and no other file or setting.
        """
        return self._database.cursor()

    @property
    def data_through(self) -> str:
        """When it was published, as responses say it: 2026-01-31T12:00:00Z."""
        return as_text(self.published_at)

    def copy_of(self, name: PurePosixPath) -> Path | None:
        """The copy of a file with that name and digest, where it has one."""
        path = self._folder / name
        return path if path.exists() else None

    def take(self) -> bool:
        """One user more, unless the last one has just left."""
        with self._lock:
            if self._users == 0:
                return False
            self._users += 1
            return True

    def release(self) -> None:
        """One user less; with the last one the folder goes."""
        with self._lock:
            self._users -= 1
            last = self._users == 0
        if last:
            self._database.close()
            shutil.rmtree(self._folder, ignore_errors=True)


def build_of(manifest: Manifest, tables: Sequence[PublishedTable]) -> str:
    """A digest of the tables that a snapshot has. Raises NotReady where the manifest lacks one."""
    names = [_name(table) for table in tables]
    lacking = [name for name in names if name not in manifest.tables]
    if lacking:
        raise NotReady(
            f"{', '.join(lacking)} is not published yet: an earlier release published last; the next build of the running "
            "platform publishes it",
            retry_after_s=_NEXT_BUILD_S,
        )
    digest = hashlib.sha256()
    for name in names:
        digest.update(f"{name} {digest_of(file.sha256 for file in manifest.tables[name])}\n".encode())
    return digest.hexdigest()[:32]


def take_snapshot(
    published: Published,
    manifest: Manifest,
    tables: Sequence[PublishedTable],
    folder: Path,
    *,
    preparations: Sequence[Preparation] = (),
    before: Snapshot | None = None,
) -> Snapshot:
    """Make the snapshot of a manifest's build in a new folder.

    Args:
        published: where the tables are.
        manifest: read before.
        tables: those that it has.
        folder: is made; it does not exist yet.
        preparations: in their order.
        before: a snapshot that is held meanwhile, of which unchanged files are taken over.

    Raises:
        NotReady: a table differs from the manifest (the next build is being published, or it is damaged), or is one of an
            earlier release.
        WarehouseError: the store refuses or fails.
    """
    build = build_of(manifest, tables)
    folder.mkdir()
    try:
        files = {name: manifest.tables[name] for name in map(_name, tables)}
        paths = {name: [_copy(published, file, folder, before) for file in of_table] for name, of_table in files.items()}
        database = _database(folder, tables, paths, preparations)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Snapshot(build, manifest.published_at, paths, files, folder, database)


def _name(table: PublishedTable) -> str:
    return f"{table.schema}/{table.name}"


def _copy(published: Published, file: PublishedFile, folder: Path, before: Snapshot | None) -> Path:
    """A file of a table, in the folder."""
    # By the digest in the name the next snapshot finds what is unchanged.
    key = PurePosixPath(file.key)
    name = key.with_name(f"{key.stem}.{file.sha256[:16]}{key.suffix}")
    path = folder / name
    held = before and before.copy_of(name)
    if held:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(held, path)
    elif published.fetch_file(file.key, path) != file.sha256:
        raise NotReady(
            f"{'/'.join(key.parts[:2])} is not the one of the manifest: tables are being published now, or it is damaged "
            "(then the running platform makes it again within some minutes)",
            retry_after_s=_RETRY_S,
        )
    return path


def _database(
    folder: Path,
    tables: Sequence[PublishedTable],
    paths: Mapping[str, Sequence[Path]],
    preparations: Sequence[Preparation],
) -> duckdb.DuckDBPyConnection:
    """A database with a view of each table and what is prepared, which then reads this folder only and is never written."""
    file = folder / _DATABASE
    with duckdb.connect(file, config=_MAKING | _DISK) as making:
        making.execute("set TimeZone = 'UTC'")
        for table in tables:
            making.execute(f"create schema if not exists {table.schema}")
            # The columns of the contract, in its order: a file of another release may have others besides.
            source = f"select {', '.join(table.types)} from {from_files(paths[_name(table)])}"  # noqa: S608 - ours
            try:
                making.execute(f"create view {table.schema}.{table.name} as {source}")
            except duckdb.BinderException as error:
                raise NotReady(
                    f"{_name(table)} lacks a column: an earlier release published it; the next build of the running "
                    "platform publishes it anew",
                    retry_after_s=_NEXT_BUILD_S,
                ) from error
        for prepare in preparations:
            prepare(making, paths)
    database = duckdb.connect(file, read_only=True, config=_SERVING | _DISK)
    database.execute("set global TimeZone = 'UTC'")
    database.execute("set global parquet_metadata_cache = true")
    database.execute(f"set allowed_directories = [{quoted(folder)}]")
    database.execute("set enable_external_access = false")
    database.execute("set lock_configuration = true")
    return database
