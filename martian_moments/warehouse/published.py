"""The published tables: exactly one Parquet file per table, replaced whole, for readers who never touch the warehouse."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import BaseError

from martian_moments.errors import WarehouseError
from martian_moments.objects import S3Options, durable_folder, open_store

if TYPE_CHECKING:
    import pyarrow as pa


class Published:
    """``<url>/<schema>/<table>/<table>.parquet`` in a folder or under an S3 prefix.

    Every method raises WarehouseError when the store refuses or fails.
    """

    def __init__(self, url: str, *, s3: S3Options | None = None) -> None:
        """Open the store; a folder is made when it does not exist.

        Args:
            url: ``file:///folder`` or ``s3://bucket/prefix``.
            s3: for ``s3://`` addresses.
        """
        self._url = url.rstrip("/")
        self._store = open_store(self._url, s3)
        self._folder = durable_folder(self._store)

    def put(self, schema: str, table: str, file: Path) -> bool:
        """Publish a Parquet file as a table, unless the same bytes stand there. Returns whether it was written.

        A folder gets the file under another name, then renamed; S3 gets one PUT: readers see the old table or the new one,
        also after a power cut.
        """
        key = _key(schema, table)
        with self._errors("write", key):
            if self._holds(key, file):
                return False
            if self._folder:
                self._folder.write(key, file)
            else:
                obstore.put(self._store, key, file, use_multipart=False)
        return True

    def read(self, schema: str, table: str, columns: Sequence[str] | None = None) -> pa.Table | None:
        """The table (only some columns, where given), or None when it has never been published."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        key = _key(schema, table)
        try:
            with self._errors("read", key):
                body = obstore.get(self._store, key).bytes()
        except FileNotFoundError:
            return None
        # Without threads, and not by read_table (pyarrow.dataset, which has its own): a thread of Arrow's that lets go of a
        # Python buffer while the interpreter ends aborts the process: one status in forty, one in twelve with read_table.
        with pq.ParquetFile(pa.BufferReader(body)) as file:
            return file.read(columns=None if columns is None else list(columns), use_threads=False)

    def modified(self, schema: str, table: str) -> datetime | None:
        """When the table last changed (UTC), or None when it has never been published."""
        key = _key(schema, table)
        try:
            with self._errors("read", key):
                return obstore.head(self._store, key)["last_modified"]
        except FileNotFoundError:
            return None

    def _holds(self, key: str, file: Path) -> bool:
        try:
            if obstore.head(self._store, key)["size"] != file.stat().st_size:
                return False
            held = hashlib.sha256()
            for chunk in obstore.get(self._store, key).stream():
                held.update(chunk)
        except FileNotFoundError:
            return False
        with file.open("rb") as stream:
            return held.digest() == hashlib.file_digest(stream, "sha256").digest()

    @contextmanager
    def _errors(self, verb: str, key: str) -> Iterator[None]:
        """A table that is not there stays FileNotFoundError; a bucket that is not there is a failure like any other."""
        try:
            yield
        except (BaseError, OSError) as error:
            if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
                raise
            reason = str(error).partition("\n")[0]  # what follows is a dump of obstore's own structures
            advice = "check space and permissions, on S3 the bucket and the keys (martian-moments doctor)"
            raise WarehouseError(f"{self._url}/{key}: cannot {verb} the published table ({reason}); {advice}") from error


def _key(schema: str, table: str) -> str:
    return f"{schema}/{table}/{table}.parquet"
