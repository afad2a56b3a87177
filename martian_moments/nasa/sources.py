"""Which source serves what, in which order, and what each promises.

The one place where the dialects are asked for by name. Nearly every process imports it, and few of them read what a source
said: so the dialects (``nasa.dialects``, 15 ms of imports) are imported with the first question.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from martian_moments.domain.documents import Document
from martian_moments.domain.errors import DocumentError, InputError
from martian_moments.domain.promises import Promises
from martian_moments.domain.rovers import ROVERS
from martian_moments.nasa.upstream import Upstream

if TYPE_CHECKING:
    from martian_moments.nasa.dialects import PhotoDialect, TraverseDialect
    from martian_moments.nasa.http import PoliteClient
    from martian_moments.nasa.pds_index import IndexStore
    from martian_moments.nasa.protocols import PhotoSource, TraverseSource


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
    from martian_moments.nasa.dialects import TRAVERSE_DIALECTS

    candidates = (dialect.make(client, upstream) for dialect in TRAVERSE_DIALECTS.values())
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
    """A response for a sol, with what only the held document of the same source reports: see :mod:`nasa.joining`.

    Raises:
        InputError: the document is from a source that no dialect has.
    """
    return _dialect(new.header.source).joined(held, new)


def newest_sol(document: Document) -> int | None:
    """The last sol that a map reports, among those that can be; None where its records name none."""
    header = document.header
    possible = ROVERS[header.rover].sols_until(datetime.now(UTC))
    return max((sol for sol in _traverse_dialect(header.source).sols(document) if sol in possible), default=None)


def map_records(document: Document) -> Counter[Hashable]:
    """Which records a map has, and how often each: the same place or leg is the same record, whatever is corrected of it."""
    return Counter(_traverse_dialect(document.header.source).records(document))


def _dialect(name: str) -> PhotoDialect:
    from martian_moments.nasa.dialects import DIALECTS

    if name not in DIALECTS:
        raise InputError(f"no photo source is called {name!r}; there is {', '.join(DIALECTS)}")
    return DIALECTS[name]


def _traverse_dialect(name: str) -> TraverseDialect:
    from martian_moments.nasa.dialects import TRAVERSE_DIALECTS

    # What is not from MER's own archive has the form of the map server.
    return TRAVERSE_DIALECTS.get(name, TRAVERSE_DIALECTS["mmgis"])
