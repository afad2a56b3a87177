"""What every source of photos, and every source of paths, can be asked."""

from __future__ import annotations

from typing import Protocol

from martian_moments.domain.documents import Document


class PhotoSource(Protocol):
    """One dialect that reports photos. All errors are UpstreamErrors."""

    @property
    def name(self) -> str:
        """As in ``Header.source``."""
        ...

    def serves(self, rover: str) -> bool:
        """Whether it can have this rover at all; a manifest may still say that it has not."""
        ...

    async def manifest(self, rover: str) -> Document:
        """What the source promises for a rover; where it turns out not to serve it, a document that says so.

        A rover that :meth:`serves` excludes is an InputError, here and in :meth:`photos`.
        """
        ...

    async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
        """Every photo of one sol.

        ``promised`` is from the same source's manifest: 0 for a sol that it does not list, None where it has no number.
        """
        ...


class TraverseSource(Protocol):
    """One dialect that reports paths. All errors but InputError (a rover it does not serve) are UpstreamErrors."""

    @property
    def name(self) -> str:
        """As in ``Header.source``."""
        ...

    def serves(self, rover: str) -> bool:
        """Whether it has this rover."""
        ...

    async def traverse(self, rover: str) -> Document:
        """The path driven."""
        ...

    async def waypoints(self, rover: str) -> Document:
        """The places where the rover stood."""
        ...
