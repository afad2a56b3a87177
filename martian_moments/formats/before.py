"""What of an open format may stay as it was published: a rover's files, where nothing that they are made of has changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from martian_moments.warehouse.blocks import rover_of
from martian_moments.warehouse.manifest import PublishedFile


class Before:
    """The files of an open format as they were published, and what they would be made of now."""

    def __init__(self, held: Iterable[PublishedFile], read: Iterable[tuple[str, str]], code: str) -> None:
        """Of an open format that is made again.

        Args:
            held: its files as they are published; none where one of them is damaged.
            read: the files of the tables that it is made of, each with the SHA-256 of its bytes.
            code: a digest of the code that makes it.
        """
        self._held = {file.key: file for file in held}
        self._read = sorted(read)
        self._code = code

    def content_of(self, rover: str) -> str:
        """A digest of all that a file of a rover is made of: not of the blocks of others."""
        used = [self._code, *(f"{key} {sha256}" for key, sha256 in self._read if rover_of(key) in {None, rover})]
        return hashlib.sha256("\n".join(used).encode()).hexdigest()

    def file(self, key: str, content: str) -> PublishedFile | None:
        """A file as it is published, if it was made of this."""
        held = self._held.get(key)
        return held if held and held.content == content else None
