"""Which source serves what, in which order, and what each promises. The one place that knows every dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from martian_moments.documents import Document
from martian_moments.errors import InputError
from martian_moments.nasa import m20, msl, pds, v1
from martian_moments.nasa.mer import MER
from martian_moments.nasa.mmgis import MMGIS
from martian_moments.nasa.promises import Promises

if TYPE_CHECKING:
    from martian_moments.nasa.http import PoliteClient

T = TypeVar("T")


class PhotoSource(Protocol):
    """One dialect that tells of photos. All errors are UpstreamErrors."""

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
    """One dialect that tells of paths. All errors but InputError (a rover it does not serve) are UpstreamErrors."""

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


@dataclass(frozen=True, slots=True)
class Upstream:
    """The upstreams' addresses and keys."""

    v1_url: str
    mmgis_url: str
    v1_api_key: str | None = field(default=None, repr=False)
    m20_url: str = ""
    msl_url: str = ""
    pds_url: str = ""
    mer_traverse_url: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What a client that asks these upstreams must never show."""
        return (self.v1_api_key,) if self.v1_api_key else ()


_PHOTO_SOURCES: Final[Mapping[str, Callable[[PoliteClient, Upstream], PhotoSource]]] = {
    m20.SOURCE: lambda client, upstream: m20.M20(client, upstream.m20_url),
    msl.SOURCE: lambda client, upstream: msl.MSL(client, upstream.msl_url),
    v1.SOURCE: lambda client, upstream: v1.V1(client, upstream.v1_url, upstream.v1_api_key),
}

_PROMISES: Final[Mapping[str, Callable[[Document], Promises]]] = {
    m20.SOURCE: m20.read_promises,
    msl.SOURCE: msl.read_promises,
    pds.SOURCE: pds.read_promises,
    v1.SOURCE: v1.read_promises,
}


def photo_sources(names: Sequence[str], client: PoliteClient, upstream: Upstream) -> list[PhotoSource]:
    """The photo sources of these names, in the order given: the order of preference.

    Raises:
        InputError: a name that no dialect has.
    """
    return [_known(_PHOTO_SOURCES, name)(client, upstream) for name in names]


def traverse_source(client: PoliteClient, upstream: Upstream, rover: str) -> TraverseSource:
    """The source of a rover's traverse maps: every rover has one."""
    maps = MMGIS(client, upstream.mmgis_url)
    return maps if maps.serves(rover) else MER(client, upstream.mer_traverse_url)


def read_promises(document: Document) -> Promises:
    """What a manifest document promises, read as its own source's dialect has it.

    Raises:
        InputError: the document is from a source that no dialect has.
    """
    return _known(_PROMISES, document.header.source)(document)


def _known(table: Mapping[str, T], name: str) -> T:
    if name not in table:
        raise InputError(f"no photo source is called {name!r}; there is {', '.join(table)}")
    return table[name]
