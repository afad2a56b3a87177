"""Which source serves what, in which order, and what each promises. The one place that knows every dialect."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from martian_moments.domain.documents import Document
from martian_moments.domain.errors import DocumentError, InputError
from martian_moments.domain.promises import Promises
from martian_moments.domain.rovers import ROVERS
from martian_moments.nasa import joining, m20, mer, mmgis, msl, pds, v1
from martian_moments.nasa.joining import Reading
from martian_moments.nasa.upstream import Upstream

if TYPE_CHECKING:
    from martian_moments.nasa.http import PoliteClient
    from martian_moments.nasa.pds_index import IndexStore


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
class _Dialect:
    make: Callable[[PoliteClient, Upstream, IndexStore, Path], PhotoSource]
    serves: Callable[[str], bool]
    read_promises: Callable[[Document], Promises]
    # None where a sol is cut from whole files: no order of pages hides a record.
    reading: Reading | None = None


_DIALECTS: Final[Mapping[str, _Dialect]] = {
    m20.SOURCE: _Dialect(lambda client, to, *_: m20.M20(client, to.m20_url), m20.M20.serves, m20.read_promises, m20.READING),
    msl.SOURCE: _Dialect(lambda client, to, *_: msl.MSL(client, to.msl_url), msl.MSL.serves, msl.read_promises, msl.READING),
    pds.SOURCE: _Dialect(
        lambda client, to, store, scratch: pds.PDS(client, to.pds_url, store, scratch), pds.PDS.serves, pds.read_promises
    ),
    v1.SOURCE: _Dialect(lambda client, to, *_: v1.V1(client, to.v1_url, to.key), v1.V1.serves, v1.read_promises, v1.READING),
}

_TRAVERSE_DIALECTS: Final[Sequence[Callable[[PoliteClient, Upstream], TraverseSource]]] = (
    lambda client, to: mmgis.MMGIS(client, to.mmgis_url),
    lambda client, to: mer.MER(client, to.mer_traverse_url),
)


def sources_of(rover: str, names: Sequence[str]) -> tuple[str, ...]:
    """Those of the photo sources with these names that can have a rover, in the order given: the order of preference.

    Raises:
        InputError: a name that no dialect has.
    """
    return tuple(name for name in names if _dialect(name).serves(rover))


def photo_sources(
    names: Sequence[str], client: PoliteClient, upstream: Upstream, store: IndexStore, scratch: Path
) -> list[PhotoSource]:
    """The photo sources of these names, in the order given.

    Args:
        names: the names of dialects.
        client: asks.
        upstream: where.
        store: keeps the indexes of a source that has no question by sol.
        scratch: the folder for what is on its way to the store.

    Raises:
        InputError: a name that no dialect has.
    """
    return [_dialect(name).make(client, upstream, store, scratch) for name in names]


def traverse_source(client: PoliteClient, upstream: Upstream, rover: str) -> TraverseSource:
    """The source of a rover's traverse maps: every rover has one."""
    candidates = (make(client, upstream) for make in _TRAVERSE_DIALECTS)
    return next(source for source in candidates if source.serves(rover))


def read_promises(document: Document) -> Promises:
    """What a manifest document promises of sols that can be, read as its own source's dialect has it.

    Raises:
        InputError: the document is from a source that no dialect has.
        DocumentError: its pages are not what the dialect keeps.
    """
    try:
        promises = _dialect(document.header.source).read_promises(document)
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        key = document.header.key
        raise DocumentError(f"{key}: what it promises cannot be read ({error!r:.200}); materialize it again") from error
    return promises.within(ROVERS[document.header.rover].sols_until(datetime.now(UTC)))


def joined(held: Document, new: Document) -> Document:
    """An answer for a sol, with what only the held document of the same source tells: see :mod:`nasa.joining`.

    Raises:
        InputError: the document is from a source that no dialect has.
    """
    reading = _dialect(new.header.source).reading
    return new if reading is None else joining.joined(held, new, reading)


def newest_sol(document: Document) -> int | None:
    """The last sol that a map tells of, among those that can be; None where its records name none."""
    header = document.header
    possible = ROVERS[header.rover].sols_until(datetime.now(UTC))
    read = mer.sols if header.source == mer.SOURCE else mmgis.sols
    return max((sol for sol in read(document) if sol in possible), default=None)


def map_records(document: Document) -> Counter[Hashable]:
    """Which records a map has, and how often each: the same place or leg is the same record, whatever is corrected of it."""
    return Counter((mer.records if document.header.source == mer.SOURCE else mmgis.records)(document))


def _dialect(name: str) -> _Dialect:
    if name not in _DIALECTS:
        raise InputError(f"no photo source is called {name!r}; there is {', '.join(_DIALECTS)}")
    return _DIALECTS[name]
