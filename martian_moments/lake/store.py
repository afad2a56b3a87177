"""The object store that keeps the raw responses: a folder or an S3 bucket, through obstore.

Writes are atomic: an object is the old one or the new one, also when the writer is killed or the disk is full (the file
store writes beside the object and renames; what a killed writer leaves is named ``<object>#<n>`` and is never listed).
They are durable: when a write returns, and so before anybody is informed of it, the object survives a power cut.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from martian_moments.domain.documents import (
    MAX_HEADER_BYTES,
    MAX_OBJECT_BYTES,
    MAX_TEXT_BYTES,
    Document,
    Header,
    coordinates,
    damaged_key,
    decode,
    decode_header,
    encode,
)
from martian_moments.domain.errors import DocumentError, LakeError, ObjectMissing
from martian_moments.infrastructure.object_store import bare, durable_folder, open_store
from martian_moments.infrastructure.s3 import S3Options
from martian_moments.lake.succession import takes_the_place

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta, PutMode
    from obstore.store import ObjectStore

_log = logging.getLogger(__name__)

_HEADER_BYTES: Final = 4096
"""What is read of an object for its header. The longest real header (a sol of 40 pages) takes under 1 kB of it."""

_READERS: Final = 16
"""Objects read at the same time for their headers: enough to hide S3's latency, harmless for files."""

_WRITE_ATTEMPTS: Final = 10
"""How often a document is compared and written anew because another writer was faster. Each time, that one has succeeded."""

_ADVICE: Final = (
    # EFBIG, ENOSPC, EDQUOT
    (re.compile(r"(os error |Errno )(27|28|122)\b"), "free space where the lake lies (or raise its quota)"),
    # EPERM, EACCES, EROFS
    (re.compile(r"(os error |Errno )(1|13|30)\b"), "check who owns the folder and whether this user may write there"),
    (re.compile(r"status code: 40[13]"), "check the keys and the policy of the bucket"),
    (re.compile("NoSuchBucket"), "martian-moments init makes the bucket; or correct the address"),
    (re.compile(""), "check that the address is right and that the store responds, then try again"),
)
"""What to do, by what the store's error says: obstore has no classes for most of these."""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What the store reports about an object.

    Attributes:
        etag: changes with every write; without the quotes that HTTP puts around it.
        size: bytes.
        modified: UTC.
        version: the store's id of this version; None where the store keeps no versions, and in listings, which report none.
    """

    key: str
    etag: str
    size: int
    modified: datetime
    version: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object's bytes and what the store reports about these very bytes, both from one response."""

    info: ObjectInfo
    body: bytes


@dataclass(frozen=True, slots=True)
class Put:
    """What became of a document: the object's key, ETag, size and header as they are now, and whether this put wrote them.

    ``kept`` says why what was held stays although something else arrived, where that is more than its age.
    """

    key: str
    etag: str
    size: int
    header: Header
    changed: bool
    kept: str | None = None


Announce = Callable[[ObjectInfo], None]
"""Called with a document that was just written, from a worker thread."""

Join = Callable[[Document, Document], Document]
"""Makes of the document that is held and the one that arrived what is to be written."""

Known = Callable[[], Mapping[str, tuple[str, Header]]]
"""Returns documents' headers by key, each with the ETag that its object had."""


class Lake:
    """The objects under one address.

    Every method raises LakeError when the store refuses or cannot be reached; the message says what to do.
    """

    def __init__(
        self, url: str, *, s3: S3Options | None = None, announce: Announce | None = None, known: Known | None = None
    ) -> None:
        """Open the store; a folder is created when missing.

        Args:
            url: ``file:///folder``, ``s3://bucket`` or ``s3://bucket/prefix``.
            s3: for ``s3://`` addresses.
            announce: called after each write of a document, for a store that does not announce its own (S3 does). A process
                that dies between the write and the call loses the event; comparing the lake with bronze finds the object.
            known: asked once, before the first headers are read, for those that somebody has read already.
        """
        self.url = url
        self._announce = announce
        self._known = known
        self._headers: dict[str, tuple[str, Header | None]] = {}  # by key: the ETag it was read from, and the header
        with self._errors("open", ""):
            self._store = open_store(url, s3)
            self._folder = durable_folder(self._store)
        self._in_files = self._folder is not None

    @property
    def store(self) -> ObjectStore:
        """Where the objects are, for those who send them on as they are."""
        return self._store

    def read(self, key: str, *, version: str | None = None) -> StoredObject:
        """An object, or one of its older versions where the store keeps them.

        Raises:
            ObjectMissing: there is none.
            DocumentError: it is larger than ``MAX_OBJECT_BYTES``. Nothing of it was read.
        """
        if version is not None and self._in_files:
            raise LakeError(f"{self.url}: a folder keeps no versions of {key}; a lake on S3 with versioning does")
        return self._get(key, {"version": version} if version else {})

    def get(self, key: str, *, version: str | None = None) -> bytes:
        """An object's bytes. Raises as :meth:`read`."""
        return self.read(key, version=version).body

    def head(self, key: str) -> ObjectInfo | None:
        """What the store reports about an object, or None where there is none."""
        try:
            with self._errors("look at", key):
                return _info(self._store.head(key))
        except ObjectMissing:
            return None

    def list(self, prefix: str = "") -> list[ObjectInfo]:
        """The objects in a folder and in the folders below it, ordered by key. A prefix is a whole folder name."""
        with self._errors("list", prefix):
            found = [_info(meta) for chunk in self._store.list(prefix) for meta in chunk]
        return sorted(found, key=lambda info: info.key)

    def put_bytes(self, key: str, body: bytes) -> ObjectInfo:
        """Write an object that is no document (a quarantined response, a published table), atomically and unannounced."""
        with self._errors("write", key):
            return self._put(key, body, "overwrite")

    def put_file(self, key: str, path: Path) -> ObjectInfo:
        """Write an object that is no document from a file of any size, atomically and without holding it in memory."""
        with self._errors("write", key):
            if self._folder:
                self._folder.write(key, path)
                return _info(self._store.head(key))
            put = self._store.put(key, path)
        return ObjectInfo(key, bare(put["e_tag"]), path.stat().st_size, datetime.now(UTC), put["version"])

    def get_file(self, key: str, path: Path) -> None:
        """Copy an object that is no document to a file, of any size, without holding it in memory. Raises ObjectMissing."""
        with self._errors("read", key), path.open("wb") as file:
            for chunk in self._store.get(key).stream():
                file.write(chunk)

    def remove(self, key: str) -> None:
        """Remove an object that is no document; one that is gone already stays gone."""
        with suppress(ObjectMissing), self._errors("remove", key):
            self._store.delete(key)

    def set_aside(self, key: str) -> None:
        """Move an object that turned out to be damaged into the quarantine; one that is gone already stays gone."""
        with suppress(ObjectMissing), self._errors("set aside", key):
            self._store.copy(key, damaged_key(key))
            self._store.delete(key)

    def get_ranges(self, key: str, ranges: Sequence[tuple[int, int]]) -> Sequence[bytes]:
        """Parts of an object, each from its first byte to before its second. Raises ObjectMissing."""
        with self._errors("read", key):
            starts, ends = [start for start, _ in ranges], [end for _, end in ranges]
            return [part.to_bytes() for part in self._store.get_ranges(key, starts=starts, ends=ends)]

    def probe(self) -> None:
        """Write, read, and see a conditional PUT refused, in the folder ``doctor``, which announces nothing.

        Raises LakeError when the store does not keep what it promises.
        """
        key, body = f"doctor/{uuid4().hex}", os.urandom(16)
        self.put_bytes(key, body)
        if self.get(key) != body:
            raise LakeError(f"{self.url} gave back other bytes than were written; check the store")
        if not self._in_files and self._replace(None, key, body):
            raise LakeError(
                f"{self.url} ignores conditions on PUT: of two runs at once the older response could win; upgrade it"
            )
        with self._errors("remove", key):
            self._store.delete(key)

    @contextmanager
    def alone(self, key: str) -> Iterator[None]:
        """Until the block ends nobody else, in whatever process, is in one for a key of the same folder.

        Nobody waits on S3, where each PUT has its condition.
        """
        if self._folder is None:
            yield
            return
        with self._errors("write", key), self._folder.alone(key):
            yield

    async def put_if_changed(self, document: Document, join: Join | None = None) -> Put:
        """Write a document unless the lake holds the same, a newer or a fuller one; a broken one is replaced.

        What is compared and written is what ``join`` makes of the held document and this one, where both are there.

        On S3 this holds also when several write the key at once: each PUT is refused unless the object is still the one that
        the document was compared with, and is compared anew. Files have no such PUT; there the last of two simultaneous
        writers wins, which the platform avoids by never running two for one partition, and others by ``alone``.

        The work runs in one worker thread (obstore and zlib release the GIL), so the event loop stays free.
        """
        return await asyncio.to_thread(self.put_now, document, join)

    def heads(self, prefix: str) -> dict[str, Header]:
        """The headers of the documents in a folder, by key.

        Headers are remembered by ETag for the life of this Lake, so that a repeated call costs one listing (11,476 documents
        in files: 3 s of processor time the first time, 0.4 s with those that are known, 0.2 s again; on MinIO 7 s, 1 s and
        0.7 s). A document whose header cannot be read is left out and logged once: it counts as missing until it is fetched
        again.
        """
        wanted = [info for info in self.list(prefix) if coordinates(info.key)]
        if wanted and self._known:
            self._headers |= self._known()
            self._known = None
        unread = [info for info in wanted if self._headers.get(info.key, ("",))[0] != info.etag]
        with ThreadPoolExecutor(_READERS) as pool:
            for info, read in zip(unread, pool.map(self._read_header, unread), strict=True):
                self._headers[info.key] = read
        return {info.key: header for info in wanted if (header := self._headers[info.key][1])}

    def put_now(self, document: Document, join: Join | None = None) -> Put:
        """As :meth:`put_if_changed`, for a caller in a thread of its own."""
        key = document.header.key
        sent: Header | None = None
        for _ in range(_WRITE_ATTEMPTS):
            info, held = self._held(document.header)
            now = join(held, document) if held and join else document
            if (size := sum(map(len, now.pages))) > MAX_TEXT_BYTES - MAX_HEADER_BYTES:
                raise LakeError(
                    f"{self.url}: {key} would have {size} bytes, more than any document has; look at what the upstream sends"
                )
            if info and held and held.header == sent:
                # The PUT before was refused because it had succeeded: its response was lost and obstore sent it again.
                return self._written(info, held.header)
            if info and held and not takes_the_place(now.header, held.header):
                return Put(key, info.etag, info.size, held.header, changed=False)
            sent = now.header
            if written := self._replace(info, key, encode(now)):
                return self._written(written, now.header)
        raise LakeError(f"{self.url}: {key} is being written by others again and again; materialize it again later")

    def _written(self, info: ObjectInfo, header: Header) -> Put:
        if self._announce:
            self._announce(info)
        return Put(info.key, info.etag, info.size, header, changed=True)

    def _held(self, new: Header) -> tuple[ObjectInfo | None, Document | None]:
        """The object that stands where a document belongs, and what is in it unless that is broken."""
        # The whole object is read, not only its header, so that "unchanged" is never said of a document whose end is cut.
        try:
            found = self.read(new.key)
            held = decode(new.key, found.body)
        except ObjectMissing:
            return None, None
        except DocumentError as error:
            _log.warning("%s; it is replaced, and kept as %s", error, damaged_key(new.key))
            with suppress(ObjectMissing), self._errors("copy", new.key):
                self._store.copy(new.key, damaged_key(new.key))
            return self.head(new.key), None
        if held.header.synthetic != new.synthetic:
            raise LakeError(
                f"{self.url}: {new.key} is {_origin(held.header)} and {_origin(new)} came for it; they are never mixed: "
                "use another MARS_HOME (or MARS_LAKE_URL) for the replica"
            )
        return found.info, held

    def _replace(self, held: ObjectInfo | None, key: str, body: bytes) -> ObjectInfo | None:
        """Write an object in the place of the one that is held; None when that one is not there any more."""
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        mode: PutMode = {"e_tag": f'"{held.etag}"'} if held else "create"
        with self._errors("write", key):
            try:
                return self._put(key, body, "overwrite" if self._in_files else mode)
            except (AlreadyExistsError, PreconditionError):
                return None

    def _put(self, key: str, body: bytes, mode: PutMode) -> ObjectInfo:
        if self._folder:
            self._folder.write(key, body)
            return _info(self._store.head(key))
        # One PUT whatever the size: a multipart upload would show in listings and events in another way.
        put = self._store.put(key, body, mode=mode, use_multipart=False)
        return ObjectInfo(key, bare(put["e_tag"]), len(body), datetime.now(UTC), put["version"])

    def _get(self, key: str, options: GetOptions) -> StoredObject:
        with self._errors("read", f"{key} in version {options['version']}" if "version" in options else key):
            found = self._store.get(key, options=options)
            if "range" not in options and found.meta["size"] > MAX_OBJECT_BYTES:
                size = f"{found.meta['size']} bytes, the most are {MAX_OBJECT_BYTES}"
                raise DocumentError(f"{key}: the object is too large to be read ({size}); materialize it again")
            return StoredObject(_info(found.meta), found.bytes().to_bytes())

    def _read_header(self, listed: ObjectInfo) -> tuple[str, Header | None]:
        """An object's header, and the ETag of the object that it was read from: that listed, or a newer one."""
        try:
            if listed.size > _HEADER_BYTES:
                beginning = self._get(listed.key, {"range": (0, _HEADER_BYTES)})
                try:
                    return beginning.info.etag, decode_header(listed.key, beginning.body)
                except DocumentError:
                    _log.debug("%s: no header in its first %d bytes, reading more of it", listed.key, _HEADER_BYTES)
            more = self._get(listed.key, {"range": (0, MAX_HEADER_BYTES)} if listed.size > MAX_HEADER_BYTES else {})
            return more.info.etag, decode_header(listed.key, more.body)
        except DocumentError as error:
            _log.warning("%s", error)
        except ObjectMissing:
            _log.debug("%s: removed since it was listed", listed.key)
        return listed.etag, None

    @contextmanager
    def _errors(self, verb: str, key: str) -> Iterator[None]:
        from obstore.exceptions import BaseError

        try:
            yield
        except (BaseError, OSError, ValueError) as error:
            text = str(error)
            if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in text:
                raise ObjectMissing(f"{self.url}: no object {key}; materialize its partition first") from error
            advice = next(advice for pattern, advice in _ADVICE if pattern.search(text))
            reason = text.partition("\n")[0]  # what follows is a dump of obstore's own structures
            raise LakeError(f"{self.url}: cannot {verb} {key or 'it'}: {reason}; {advice}") from error


def _origin(header: Header) -> str:
    return "synthetic data" if header.synthetic else "NASA's data"


def _info(meta: ObjectMeta) -> ObjectInfo:
    return ObjectInfo(meta["path"], bare(meta["e_tag"]), meta["size"], meta["last_modified"], meta["version"])
