"""The published tables: Parquet files, each replaced whole, for readers who never touch the warehouse.

A table is one file, or blocks of which only those are written that changed (warehouse/blocks.py).
``manifest.json``, written last, says which files make one build of them; what differs from it is damaged. Beside them stand
the open formats, files that are made of the tables by others (formats/export.py) and are kept in the same way.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from martian_moments.domain.errors import PublishedDamaged, PublishingError
from martian_moments.infrastructure.object_store import StoredFile, bare
from martian_moments.infrastructure.s3 import S3Options
from martian_moments.warehouse.base import LEDGER, LOADED_OBJECTS, PublishedTable
from martian_moments.warehouse.blocks import TableRows, folder_of, key_of, rover_of
from martian_moments.warehouse.making import make_files
from martian_moments.warehouse.manifest import KEY, FormatFiles, MadeFile, Manifest, PublishedFile
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.parts import Part, open_part
from martian_moments.warehouse.published_files import PublishedFiles

if TYPE_CHECKING:
    import pyarrow as pa
    from obstore import ObjectMeta
    from obstore.store import ObjectStore

_LONGEST_REASON: Final = 300

_HEALS: Final = "the running platform makes it again within some minutes (reconcile)"


class Published:
    """The tables and the open formats in a folder or under an S3 prefix.

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
        rows: TableRows,
        *,
        unreadable: type[Exception] | tuple[()] = (),
    ) -> list[PublishedTable]:
        """Publish tables in their order, then the manifest; returns those that have changed.

        What a table has no more is removed last: until then, whoever has read the manifest of the build before finds it.

        Args:
            tables: what to publish; other tables of this release that were published before stay in the manifest.
            rows: what is in them.
            unreadable: what ``rows`` raises for a table that cannot be read. Anything else ends the publishing.

        Raises:
            PublishingError: some tables could not be read, and LOADED_OBJECTS, which says that all before it are current,
                was left as it was. The others are published.
        """
        changed: list[PublishedTable] = []
        files: dict[str, tuple[PublishedFile, ...]] = {}
        failed: dict[str, str] = {}
        removed: set[str] = set()
        held = _loaded(self._files.content(KEY))
        listed = self._files.listed()
        for table in tables:
            name = f"{table.schema}/{table.name}"
            if failed and (table.schema, table.name) == LOADED_OBJECTS:
                failed[f"{table.schema}.{table.name}"] = "not current without the others"
                continue
            before = held.tables.get(name, ()) if held else ()
            with tempfile.TemporaryDirectory(prefix="published-") as folder:
                try:
                    made = make_files(table, rows, Path(folder), self._kept(before, listed))
                except unreadable as error:
                    failed[f"{table.schema}.{table.name}"] = str(error)[:_LONGEST_REASON]
                    continue
                files[name], written = self._put(made)
            gone = set(_keys_of(table.schema, table.name, listed)) - {file.key for file in files[name]}
            removed |= gone
            if written or gone:
                changed.append(table)
        self._put_manifest(files)
        for key in removed:
            self._files.remove(key)
        if failed:
            reasons = "; ".join(f"{name} ({why})" for name, why in failed.items())
            raise PublishingError(
                f"{self._url}: not published, while the other tables are: {reasons}; the next build tries again",
                tables=list(failed),
            )
        return changed

    @staticmethod
    def _kept(before: Iterable[PublishedFile], listed: Mapping[str, ObjectMeta]) -> dict[str, PublishedFile]:
        """The blocks that stand as they were published, by key."""
        return {file.key: file for file in before if file.content and _difference(file, listed) is None}

    def _put(self, made: Iterable[MadeFile | PublishedFile]) -> tuple[tuple[PublishedFile, ...], list[str]]:
        """Put what was made in its place: all files, with those that stay, and the keys of those that were written."""
        written: list[str] = []
        files: list[PublishedFile] = []
        for each in made:
            if isinstance(each, MadeFile):
                written += [each.key] if self.put(each.key, each.file) else []
                files.append(self._files.described(each))
            else:
                files.append(each)
        return tuple(files), written

    def publish_format(
        self, name: str, made: Iterable[MadeFile | PublishedFile], *, made_from: Mapping[str, str], made_by: str
    ) -> tuple[tuple[PublishedFile, ...], list[str]]:
        """Publish the files of an open format in their order, then the manifest; what it had besides is removed.

        Those that are published already stay, unread, as blocks of tables do.

        Returns:
            The files as they are published, and the keys of those that were written or removed.
        """
        files, changed = self._put(made)
        before = _loaded(self._files.content(KEY))
        held = before.open_formats.get(name) if before else None
        for key in {file.key for file in held.files} - {file.key for file in files} if held else ():
            self._files.remove(key)
            changed.append(key)
        found = FormatFiles(files, made_from, made_by)

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
        known = {
            f"{table.schema}/{table.name}": keys
            for table in (LEDGER, *published_models())
            if (keys := _keys_of(table.schema, table.name, listed))
        }
        if manifest is None:
            gone = f"{self._url}/{KEY} is gone, or an earlier release published, which wrote none; {_HEALS}"
            return {KEY: gone} if known else {}
        published = {file.key for _, file in manifest.files()}
        reasons = {}
        for name, keys in known.items():
            if name not in manifest.tables:
                reasons[name] = f"{self._url}/{name} is not in {KEY}; {_HEALS}"
            elif others := sorted(set(keys) - published):
                reasons[name] = f"{self._url}/{others[0]} is not in {KEY}; {_HEALS}"
        for table in published_models():
            (file, *_) = manifest.tables.get(name := f"{table.schema}/{table.name}") or (None,)
            if table.in_blocks and file is not None and file.rows and rover_of(file.key) is None:
                reasons[name] = f"{self._url}/{file.key} is one file, as an earlier release published it; {_HEALS}"
        for name, file in manifest.files():
            if (difference := _difference(file, listed)) is not None:
                reasons[name] = f"{self._url}/{file.key} {difference}; {_HEALS}"
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

    def put(self, key: str, file: Path) -> bool:
        """Put a file in its place, unless the same bytes stand there. Returns whether it was written.

        A folder gets the file under another name, then renamed; S3 gets one PUT: readers see the old file or the new one,
        also after a power cut.
        """
        return self._files.put(key, file)

    def fetch(self, schema: str, table: str, folder: Path) -> dict[str, str]:
        """Copy a table's files, of any size, into a new folder, under the names that they have in the table's own.

        Returns:
            The SHA-256 (hex) of the bytes that were copied, of each file by its key, in the order of the table's rows.

        Raises:
            PublishedDamaged: it is gone, or was never published.
        """
        folder.mkdir(parents=True)
        keys = self._keys(schema, table)
        if not keys:
            raise self._damaged(schema, table, "it is not there")
        return {key: self.fetch_file(key, folder / key.removeprefix(folder_of(schema, table))) for key in keys}

    def fetch_file(self, key: str, file: Path) -> str:
        """Copy one file, and return the SHA-256 (hex) of the bytes that were copied. Raises PublishedDamaged: it is gone."""
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            return self._files.digest(key, copy=file)
        except FileNotFoundError:
            schema, table, *_ = key.split("/")
            raise self._damaged(schema, table, "it is not there", key) from None

    def read(
        self, schema: str, table: str, columns: Sequence[str] | None = None, *, optional: Sequence[str] = ()
    ) -> pa.Table | None:
        """The table, or None when it has never been published.

        Of a table in blocks, each block is that of the build before or of the next one while this is being published.

        Args:
            schema: its schema.
            table: its name.
            columns: what is read of it; everything, where not given.
            optional: what is read besides ``columns``, where the release that published the table had it.

        Raises:
            PublishedDamaged: it is damaged, lacks a column, or is gone although it was published.
        """
        import pyarrow as pa

        parts = []
        for part in self._parts(schema, table, None, self._whole):
            if lacking := sorted(set(columns or ()) - set(part.names)):
                raise self._damaged(schema, table, f"it lacks {', '.join(lacking)}")
            wanted = part.names if columns is None else [*columns, *(name for name in optional if name in part.names)]
            parts.append(part.read(wanted))
        try:
            return pa.concat_tables(parts) if parts else None
        except pa.ArrowInvalid as error:
            raise self._damaged(schema, table, f"its files are of two releases: {error}") from error

    def rows_by_rover(self, schema: str, table: str) -> Counter[str]:
        """How many rows of each rover a table has, none where it was never published; of a block only the end is fetched.

        Raises PublishedDamaged as :meth:`read`.
        """
        try:
            found = [part.rows_by_rover() for part in self.parts(schema, table)]
        except PublishedDamaged:
            # It may be a file in whose place another one was put between two reads.
            found = [part.rows_by_rover() for part in self._parts(schema, table, None, self._whole)]
        return sum(found, Counter())

    def version(self, schema: str, table: str) -> str | None:
        """What changes whenever a file of the table is written or replaced; None where there is none."""
        keys = self._keys(schema, table)
        listed = self._files.listed(folder_of(schema, table))
        etags = [f"{key} {bare(listed[key]['e_tag'])}" for key in keys if key in listed]
        return " ".join(etags) or None

    def parts(self, schema: str, table: str, *, rover: str | None = None) -> Iterator[Part]:
        """The files of a table one by one, each open until the next: none where it was never published.

        Of a file only what is asked for is fetched. Raises PublishedDamaged as :meth:`read`.

        Args:
            schema: its schema.
            table: its name.
            rover: only the files that may have rows of that rover.
        """
        return self._parts(schema, table, rover, lambda key: StoredFile(self._files.store, key))

    def _whole(self, key: str) -> pa.BufferReader:
        """A file, fetched whole, so that it is one file also where another one takes its place meanwhile."""
        import pyarrow as pa

        return pa.BufferReader(self._files.store.get(key).bytes())

    def _parts(self, schema: str, table: str, rover: str | None, fetch: Callable[[str], Any]) -> Iterator[Part]:
        for key in self._keys(schema, table):
            if rover is not None and rover_of(key) not in (None, rover):
                continue
            try:
                with self._files.errors("read", key):
                    source = fetch(key)
            except FileNotFoundError:
                raise self._damaged(schema, table, "it was published and is gone", key) from None
            with open_part(source, rover_of(key), partial(self._damaged, schema, table, key=key)) as part:
                yield part

    def _keys(self, schema: str, table: str) -> list[str]:
        """The files of a table by the manifest; where that does not name any, those that are there."""
        try:
            manifest, damage = self.manifest(), None
        except PublishedDamaged as error:
            manifest, damage = None, error
        if manifest is not None and (files := manifest.tables.get(f"{schema}/{table}")):
            return [file.key for file in files]
        found = _keys_of(schema, table, self._files.listed(folder_of(schema, table)))
        if damage is not None and not found:
            raise damage
        # A table is one file until all its blocks are written.
        whole = key_of(schema, table)
        return [whole] if whole in found else found

    def withdraw(self, schema: str, table: str) -> None:
        """Take a table away, as if it had never been published: the files first, then what the manifest says of it."""
        for key in _keys_of(schema, table, self._files.listed(folder_of(schema, table))):
            self._files.remove(key)

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

    def _damaged(self, schema: str, table: str, why: str, key: str = "") -> PublishedDamaged:
        where = f"{self._url}/{key or key_of(schema, table)}"
        return PublishedDamaged(f"{where} is damaged ({why}); {_HEALS}", name=f"{schema}/{table}")


def _loaded(body: bytes | None) -> Manifest | None:
    """The manifest; None where there is none or a damaged one, in whose place the next one is written."""
    try:
        return None if body is None else Manifest.load(body)
    except ValueError:
        return None


def _keys_of(schema: str, table: str, listed: Iterable[str]) -> list[str]:
    """The files in the folder of a table, in the order of its rows."""
    folder = folder_of(schema, table)
    return sorted(key for key in listed if key.startswith(folder) and key.endswith(".parquet"))


def _difference(file: PublishedFile, listed: Mapping[str, ObjectMeta]) -> str | None:
    """What is not as it was published, by a listing; None where nothing is."""
    meta = listed.get(file.key)
    if meta is None:
        return "is gone"
    is_same = (meta["size"], bare(meta["e_tag"])) == (file.size, file.etag)
    return None if is_same else "was changed since it was published"
