"""The published tables: exactly one Parquet file per table, replaced whole, for readers who never touch the warehouse.

``manifest.json``, written last, says which files make one build of them; what differs from it is damaged. Beside them stand
the open formats, files that are made of the tables by others (formats/export.py) and are kept in the same way.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.errors import PublishedDamaged, PublishingError
from martian_moments.infrastructure.object_store import StoredFile, bare
from martian_moments.infrastructure.s3 import S3Options
from martian_moments.warehouse.base import LEDGER, LOADED_OBJECTS, PublishedTable
from martian_moments.warehouse.manifest import KEY, FormatFiles, MadeFile, Manifest, PublishedFile
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published_files import PublishedFiles

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from obstore.store import ObjectStore

_LONGEST_REASON: Final = 300

_HEALS: Final = "the running platform makes it again within some minutes (reconcile)"


class Published:
    """``<url>/<schema>/<table>/<table>.parquet`` and the open formats in a folder or under an S3 prefix.

    Every method raises WarehouseError when the store refuses or fails.
    """

    def __init__(self, url: str, *, s3: S3Options | None = None) -> None:
        """Open the store; a folder is made when it does not exist.

        Args:
            url: ``file:///folder`` or ``s3://bucket/prefix``.
            s3: for ``s3://`` addresses.
        """
        self._url = url.rstrip("/")
        self._files = PublishedFiles(self._url, s3)

    @property
    def store(self) -> ObjectStore:
        """Where the files are, for those who send them on as they are."""
        return self._files.store

    def publish(
        self,
        tables: Iterable[PublishedTable],
        write: Callable[[PublishedTable, Path], None],
        *,
        unreadable: type[Exception] | tuple[()] = (),
    ) -> list[PublishedTable]:
        """Publish tables in their order, then the manifest; returns those that have changed.

        Args:
            tables: what to publish; other tables of this release that were published before stay in the manifest.
            write: writes a table's Parquet file; the same rows make the same bytes.
            unreadable: what ``write`` raises for a table that cannot be read. Anything else ends the publishing.

        Raises:
            PublishingError: some tables could not be read, and LOADED_OBJECTS, which says that all before it are current,
                was left as it was. The others are published.
        """
        import pyarrow.parquet as pq

        changed: list[PublishedTable] = []
        files: dict[str, tuple[PublishedFile, ...]] = {}
        failed: dict[str, str] = {}
        with tempfile.TemporaryDirectory(prefix="published-") as folder:
            for table in tables:
                file = Path(folder) / f"{table.schema}.{table.name}.parquet"
                if failed and (table.schema, table.name) == LOADED_OBJECTS:
                    failed[f"{table.schema}.{table.name}"] = "not current without the others"
                    continue
                try:
                    write(table, file)
                except unreadable as error:
                    failed[f"{table.schema}.{table.name}"] = str(error)[:_LONGEST_REASON]
                    continue
                if self.put(table.schema, table.name, file):
                    changed.append(table)
                made = MadeFile(_key(table.schema, table.name), file, pq.read_metadata(file).num_rows)
                files[f"{table.schema}/{table.name}"] = (self._files.described(made),)
                file.unlink()
        self._put_manifest(files)
        if failed:
            reasons = "; ".join(f"{name} ({why})" for name, why in failed.items())
            raise PublishingError(
                f"{self._url}: not published, while the other tables are: {reasons}; the next build tries again",
                tables=list(failed),
            )
        return changed

    def publish_format(
        self, name: str, made: Iterable[MadeFile], *, made_from: Mapping[str, str], made_by: str
    ) -> tuple[tuple[PublishedFile, ...], list[str]]:
        """Publish the files of an open format in their order, then the manifest; what it had besides is removed.

        Returns:
            The files as they are published, and the keys of those that were written or removed.
        """
        changed: list[str] = []
        files: list[PublishedFile] = []
        for each in made:
            if self._files.put(each.key, each.file):
                changed.append(each.key)
            files.append(self._files.described(each))
        before = _loaded(self._files.content(KEY))
        held = before.open_formats.get(name) if before else None
        for key in {file.key for file in held.files} - {file.key for file in files} if held else ():
            self._files.remove(key)
            changed.append(key)
        found = FormatFiles(tuple(files), made_from, made_by)

        def joined(now: Manifest | None) -> Manifest:
            tables, moment = (now.tables, now.published_at) if now else ({}, datetime.now(UTC))
            return Manifest(tables, moment, {**(now.open_formats if now else {}), name: found})

        self._change_manifest(joined)
        return found.files, changed

    def manifest(self) -> Manifest | None:
        """What is published, or None where a release without manifests published last. Raises PublishedDamaged."""
        try:
            body = self._files.content(KEY)
            return None if body is None else Manifest.load(body)
        except ValueError as error:
            raise PublishedDamaged(f"{self._url}/{KEY} is damaged ({error}); {_HEALS}", name=KEY) from error

    def damaged(self) -> dict[str, str]:
        """What differs from the manifest, by ``schema/table`` or open format, and why; by one listing, reading none.

        Without a manifest nobody knows what else is gone, so that it is what has to be made again.
        While tables are being published, those that are written already differ from the manifest, which comes last.
        """
        try:
            manifest = self.manifest()
        except PublishedDamaged as error:
            return {error.name: str(error)}
        listed = self._files.listed()
        there = [table for table in (LEDGER, *published_models()) if _key(table.schema, table.name) in listed]
        if manifest is None:
            gone = f"{self._url}/{KEY} is gone, or an earlier release published, which wrote none; {_HEALS}"
            return {KEY: gone} if there else {}
        names = (f"{table.schema}/{table.name}" for table in there)
        reasons = {name: f"{self._url}/{name} is not in {KEY}; {_HEALS}" for name in names if name not in manifest.tables}
        for name, file in manifest.files():
            meta = listed.get(file.key)
            if meta is None:
                reasons[name] = f"{self._url}/{file.key} is gone; {_HEALS}"
            elif (meta["size"], bare(meta["e_tag"])) != (file.size, file.etag):
                reasons[name] = f"{self._url}/{file.key} was changed since it was published; {_HEALS}"
        return reasons

    def unreadable(self) -> dict[str, str]:
        """The tables and open formats whose bytes are not those that were published, and why; every file is read."""
        reasons: dict[str, str] = {}
        manifest = self.manifest()
        for name, file in manifest.files() if manifest else ():
            try:
                digest = self._files.digest(file.key)
            except FileNotFoundError:
                reasons[name] = f"{self._url}/{file.key} is gone; {_HEALS}"
                continue
            if digest != file.sha256:
                reasons[name] = f"{self._url}/{file.key} has other bytes than were published; delete it, and {_HEALS}"
        return reasons

    def put(self, schema: str, table: str, file: Path) -> bool:
        """Publish a Parquet file as a table, unless the same bytes stand there. Returns whether it was written.

        A folder gets the file under another name, then renamed; S3 gets one PUT: readers see the old table or the new one,
        also after a power cut.
        """
        return self._files.put(_key(schema, table), file)

    def fetch(self, schema: str, table: str, file: Path) -> str:
        """Copy a table's Parquet file, of any size, and return the SHA-256 (hex) of the bytes that were copied.

        Raises:
            PublishedDamaged: it is gone, or was never published.
        """
        try:
            return self._files.digest(_key(schema, table), copy=file)
        except FileNotFoundError:
            raise self._damaged(schema, table, "it is not there") from None

    def read(
        self, schema: str, table: str, columns: Sequence[str] | None = None, *, optional: Sequence[str] = ()
    ) -> pa.Table | None:
        """The table, or None when it has never been published.

        Args:
            schema: its schema.
            table: its name.
            columns: what is read of it; everything, where not given.
            optional: what is read besides ``columns``, where the release that published the table had it.

        Raises:
            PublishedDamaged: it is damaged, lacks a column, or is gone although it was published.
        """
        import pyarrow as pa

        # Whole, so that it is one table also where another one takes its place meanwhile.
        with self._parquet(schema, table, lambda key: pa.BufferReader(self._files.store.get(key).bytes())) as file:
            if file is None:
                return None
            if lacking := sorted(set(columns or ()) - set(file.schema_arrow.names)):
                raise self._damaged(schema, table, f"it lacks {', '.join(lacking)}")
            return file.read(columns=None if columns is None else [*columns, *optional], use_threads=False)

    def version(self, schema: str, table: str) -> str | None:
        """What changes whenever the table's file is written or replaced; None where there is none."""
        return self._files.version(_key(schema, table))

    def opened(self, schema: str, table: str) -> AbstractContextManager[pq.ParquetFile | None]:
        """As :meth:`read`, but the file, of which parts are fetched as they are read, for those who write the tables."""
        return self._parquet(schema, table, lambda key: StoredFile(self._files.store, key))

    @contextmanager
    def _parquet(self, schema: str, table: str, fetch: Callable[[str], Any]) -> Iterator[pq.ParquetFile | None]:
        # Without threads, and not by read_table (pyarrow.dataset, which has its own): a thread of Arrow's that lets go of a
        # Python buffer while the interpreter ends aborts the process: one status in forty, one in twelve with read_table.
        import pyarrow as pa
        import pyarrow.parquet as pq

        key = _key(schema, table)
        try:
            with self._files.errors("read", key):
                source = fetch(key)
        except FileNotFoundError:
            if (manifest := self.manifest()) and f"{schema}/{table}" in manifest.tables:
                raise self._damaged(schema, table, "it was published and is gone") from None
            yield None
            return
        try:
            with pq.ParquetFile(source, pre_buffer=False) as file:
                yield file
        except (pa.ArrowException, OSError) as error:
            raise self._damaged(schema, table, str(error).partition("\n")[0]) from error

    def withdraw(self, schema: str, table: str) -> None:
        """Take a table away, as if it had never been published: the file first, then what the manifest says of it."""
        self._files.remove(_key(schema, table))

        def without(now: Manifest | None) -> Manifest | None:
            if now is None or f"{schema}/{table}" not in now.tables:
                return None
            tables = {name: files for name, files in now.tables.items() if name != f"{schema}/{table}"}
            return Manifest(tables, datetime.now(UTC), now.open_formats)

        self._change_manifest(without)

    def _put_manifest(self, files: dict[str, tuple[PublishedFile, ...]]) -> None:
        def joined(now: Manifest | None) -> Manifest | None:
            held = now.tables if now else {}
            # Without those that an earlier release published: nobody makes them again.
            kept = {f"{table.schema}/{table.name}" for table in (LEDGER, *published_models())} & held.keys()
            tables = {name: held[name] for name in kept} | files
            if now is not None and tables == held:
                return None
            return Manifest(tables, datetime.now(UTC), now.open_formats if now else {})

        self._change_manifest(joined)

    def _change_manifest(self, change: Callable[[Manifest | None], Manifest | None]) -> None:
        """Write what becomes of the manifest, None: nothing. Loads, builds and open formats each write their part of it."""

        def changed(body: bytes | None) -> bytes | None:
            after = change(_loaded(body))
            return None if after is None else after.dump()

        self._files.change(KEY, changed)

    def _damaged(self, schema: str, table: str, why: str) -> PublishedDamaged:
        where = f"{self._url}/{_key(schema, table)}"
        return PublishedDamaged(f"{where} is damaged ({why}); {_HEALS}", name=f"{schema}/{table}")


def _loaded(body: bytes | None) -> Manifest | None:
    """The manifest; None where there is none or a damaged one, in whose place the next one is written."""
    try:
        return None if body is None else Manifest.load(body)
    except ValueError:
        return None


def _key(schema: str, table: str) -> str:
    return f"{schema}/{table}/{table}.parquet"
