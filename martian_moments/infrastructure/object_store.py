"""Opening an object store: a folder or S3, through obstore, for the lake and for the published tables alike."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from martian_moments.infrastructure.addresses import path_of, taken_apart
from martian_moments.infrastructure.durable import DurableFolder, make_folder
from martian_moments.infrastructure.s3 import S3Options

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Config


def open_store(url: str, s3: S3Options | None = None) -> ObjectStore:
    """The store at an address; a folder is made when it does not exist, S3 is not asked yet.

    Args:
        url: ``file:///folder``, ``s3://bucket`` or ``s3://bucket/prefix``.
        s3: for ``s3://`` addresses.

    Raises:
        ValueError: the address is of neither kind.
        OSError: the folder cannot be made.
    """
    from obstore.store import LocalStore, S3Store

    address = taken_apart(url)
    if address.scheme == "file":
        folder = path_of(url)
        make_folder(folder)
        return LocalStore(folder)
    if address.scheme != "s3" or not address.netloc:
        raise ValueError(f"{url} is not an address of an object store; use file:///folder or s3://bucket")
    options = s3 or S3Options()
    config: S3Config = {
        "region": options.region,
        # Other stores take the bucket in the path without any set-up of their names; a dot would break AWS's certificate.
        "virtual_hosted_style_request": options.endpoint is None and "." not in address.netloc,
    }
    if options.endpoint:
        config["endpoint"] = options.endpoint
    if options.access_key_id and options.secret:
        config |= {"access_key_id": options.access_key_id, "secret_access_key": options.secret}
        if options.token:
            config["session_token"] = options.token
    return S3Store(
        address.netloc,
        prefix=address.path.strip("/") or None,
        config=config,
        client_options={"allow_http": True, "connect_timeout": "5s", "timeout": "60s"},
        # The library's own default keeps a caller waiting for three minutes when the store is down.
        retry_config={"max_retries": 4, "retry_timeout": timedelta(seconds=30)},
    )


def durable_folder(store: ObjectStore) -> DurableFolder | None:
    """What to write with where the store is a folder: obstore does not wait for the disk. None for S3, which does."""
    from obstore.store import LocalStore

    return DurableFolder(Path(store.prefix)) if isinstance(store, LocalStore) and store.prefix else None


class StoredFile(io.RawIOBase):
    """An object of a store as a file for reading: only the parts that are read are fetched."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        """Open it. Raises FileNotFoundError, and what obstore raises."""
        import obstore

        self._file = obstore.open_reader(store, key)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read from any place."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, as files do."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The place that is read next."""
        return self._file.tell()

    def read(self, size: int | None = -1) -> bytes:
        """Bytes from here; all that follow, where no size is given."""
        return bytes(self._file.read(None if size is None or size < 0 else size))


def bare(etag: str | None) -> str:
    """A store's ETag without the quotes that HTTP puts around it; empty where the store gives none."""
    return (etag or "").strip('"')
