"""Every dialect by its source's name: how it is asked and how its documents are read."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from martian_moments.domain.documents import Document
from martian_moments.domain.promises import Promises
from martian_moments.nasa import joining, m20, mer, mmgis, msl, pds, v1
from martian_moments.nasa.joining import Reading
from martian_moments.nasa.upstream import Upstream

if TYPE_CHECKING:
    from martian_moments.nasa.http import PoliteClient
    from martian_moments.nasa.pds_index import IndexStore
    from martian_moments.nasa.protocols import PhotoSource, TraverseSource


@dataclass(frozen=True, slots=True)
class PhotoDialect:
    """A dialect that reports photos.

    Attributes:
        make: its source, from the client that asks, where NASA's servers are, what keeps indexes, and the folder for what is
            on its way there.
        serves: whether it can have a rover at all.
        read_promises: what a manifest document of its own promises.
        reading: how its documents of photos are read; None where a sol is cut from whole files: no order of pages hides a
            record.
    """

    make: Callable[[PoliteClient, Upstream, IndexStore, Path], PhotoSource]
    serves: Callable[[str], bool]
    read_promises: Callable[[Document], Promises]
    reading: Reading | None = None

    def joined(self, held: Document, new: Document) -> Document:
        """A response for a sol, with what only the held document reports: see :mod:`nasa.joining`."""
        return new if self.reading is None else joining.joined(held, new, self.reading)


@dataclass(frozen=True, slots=True)
class TraverseDialect:
    """A dialect that reports paths.

    Attributes:
        make: its source, from the client that asks and where NASA's servers are.
        sols: the sols that a map of its own names.
        records: the records of such a map, each by what makes it the same place or leg.
    """

    make: Callable[[PoliteClient, Upstream], TraverseSource]
    sols: Callable[[Document], Sequence[int]]
    records: Callable[[Document], Sequence[Hashable]]


DIALECTS: Final[Mapping[str, PhotoDialect]] = {
    m20.SOURCE: PhotoDialect(
        lambda client, to, *_: m20.M20(client, to.m20_url), m20.M20.serves, m20.read_promises, m20.READING
    ),
    msl.SOURCE: PhotoDialect(
        lambda client, to, *_: msl.MSL(client, to.msl_url), msl.MSL.serves, msl.read_promises, msl.READING
    ),
    pds.SOURCE: PhotoDialect(
        lambda client, to, store, scratch: pds.PDS(client, to.pds_url, store, scratch), pds.PDS.serves, pds.read_promises
    ),
    v1.SOURCE: PhotoDialect(
        lambda client, to, *_: v1.V1(client, to.v1_url, to.key), v1.V1.serves, v1.read_promises, v1.READING
    ),
}
"""The dialects that report photos."""

TRAVERSE_DIALECTS: Final[Mapping[str, TraverseDialect]] = {
    mmgis.SOURCE: TraverseDialect(lambda client, to: mmgis.MMGIS(client, to.mmgis_url), mmgis.sols, mmgis.records),
    mer.SOURCE: TraverseDialect(lambda client, to: mer.MER(client, to.mer_traverse_url), mer.sols, mer.records),
}
"""The dialects that report paths, in the order in which they are asked whether they serve a rover."""
