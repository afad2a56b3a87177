"""The files of what is published, in a folder or on S3: each is the old one or the new one, also after a power cut.

What they are, nobody here knows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout

from martian_moments.domain.errors import WarehouseBusy, WarehouseError
from martian_moments.infrastructure.addresses import path_of
from martian_moments.infrastructure.object_store import bare, durable_folder, open_store
from martian_moments.infrastructure.s3 import S3Options
from martian_moments.warehouse.manifest import MadeFile, PublishedFile

if TYPE_CHECKING:
    from obstore import ObjectMeta, PutMode

_WRITE_ATTEMPTS: Final = 20
"""How often others may replace a file on S3 between its reading and its writing."""

_CHUNK: Final = 2**20

_LOCK_SECONDS: Final = 60.0
"""How long another process may be in between the two in a folder; it takes milliseconds."""


class PublishedFiles:
    """The files by their keys. Methods raise WarehouseError when the store refuses or fails.

    Attributes:
        store: where they are.
    """

    def __init__(self, url: str, s3: S3Options | None) -> None:
        """Open the store; a folder is made when it does not exist."""
        self._url = url
        self.store = open_store(url, s3)
        self._folder = durable_folder(self.store)

    def listed(self, folder: str = "") -> Mapping[str, ObjectMeta]:
        """What the store reports about each file, of a folder or of all, by key."""
        with self.errors("list", folder):
            return {meta["path"]: meta for chunk in self.store.list(folder or None) for meta in chunk}

    def content(self, key: str) -> bytes | None:
        """What stands there; None where nothing does."""
        try:
            with self.errors("read", key):
                return self.store.get(key).bytes().to_bytes()
        except FileNotFoundError:
            return None

    def digest(self, key: str, *, copy: Path | None = None) -> str:
        """SHA-256 (hex) of what stands there, which is written to ``copy`` where that is given. Raises FileNotFoundError."""
        digest = hashlib.sha256()
        with self.errors("read", key), copy.open("wb") if copy else nullcontext() as file:
            for chunk in self._chunks(key):
                digest.update(chunk)
                if file is not None:
                    file.write(chunk)
        return digest.hexdigest()

    def _chunks(self, key: str) -> Iterator[bytes]:
        if self._folder is None:
            yield from self.store.get(key).stream()
            return
        # The stream of obstore takes four times as long for a file of a folder: 0.25 s of CPU for 75 MB.
        with (path_of(self._url) / key).open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk

    def put(self, key: str, file: Path) -> bool:
        """Write a file, in one step, unless the same bytes stand there. Returns whether it was written."""
        with self.errors("write", key):
            if self._holds(key, file):
                return False
            if self._folder:
                self._folder.write(key, file)
            else:
                self.store.put(key, file, use_multipart=False)
        return True

    def remove(self, key: str) -> None:
        """Remove a file; one that is gone already stays gone."""
        with suppress(FileNotFoundError), self.errors("remove", key):
            self.store.delete(key)

    def described(self, made: MadeFile) -> PublishedFile:
        """A file that was just published."""
        with made.file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        with self.errors("read", made.key):
            etag = bare(self.store.head(made.key)["e_tag"])
        return PublishedFile(made.key, made.file.stat().st_size, etag, digest, made.rows, made.content)

    def change(self, key: str, change: Callable[[bytes | None], bytes | None]) -> None:
        """Write what becomes of a small file (None where there is none), unless that is None.

        Of two processes at once none loses what the other wrote: in a folder one waits for the other, on S3 each PUT is
        refused unless the file is still the one that was changed.
        """
        try:
            with FileLock(f"{path_of(self._url)}/{key}.lock", timeout=_LOCK_SECONDS) if self._folder else nullcontext():
                for _ in range(_WRITE_ATTEMPTS):
                    now, mode = self._held(key)
                    after = change(now)
                    if after is None or self._replaces(key, mode, after):
                        return
        except Timeout:
            raise WarehouseBusy(f"{self._url}/{key}: another process has been writing it for {_LOCK_SECONDS:g} s") from None
        raise WarehouseBusy(f"{self._url}/{key} is being written by others again and again; the next run tries again")

    def _held(self, key: str) -> tuple[bytes | None, PutMode]:
        """What stands there, and as what S3 takes its successor."""
        try:
            with self.errors("read", key):
                found = self.store.get(key)
                return found.bytes().to_bytes(), {"e_tag": found.meta["e_tag"]}
        except FileNotFoundError:
            return None, "create"

    def _replaces(self, key: str, mode: PutMode, body: bytes) -> bool:
        """Write a file, unless on S3 it is not any more what was read."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        with self.errors("write", key):
            if self._folder:
                self._folder.write(key, body)
                return True
            try:
                self.store.put(key, body, mode=mode, use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                return False
        return True

    def _holds(self, key: str, file: Path) -> bool:
        try:
            if self.store.head(key)["size"] != file.stat().st_size:
                return False
            held = self.digest(key)
        except FileNotFoundError:
            return False
        with file.open("rb") as stream:
            return held == hashlib.file_digest(stream, "sha256").hexdigest()

    @contextmanager
    def errors(self, verb: str, key: str) -> Iterator[None]:
        """What is not there stays FileNotFoundError; a bucket that is not there is a failure like any other."""
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError) as error:
            if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
                raise
            reason = str(error).partition("\n")[0]  # what follows is a dump of obstore's own structures
            advice = "check space and permissions, on S3 the bucket and the keys (martian-moments doctor)"
            raise WarehouseError(f"{self._url}/{key}: cannot {verb} the published table ({reason}); {advice}") from error
