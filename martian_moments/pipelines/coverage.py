"""What the lake holds of a rover, beside what its sources promise."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from martian_moments.domain.coverage import Coverage, LakeView
from martian_moments.domain.documents import Coordinates, Kind, decode, object_key, prefix_of
from martian_moments.domain.errors import DocumentError, ObjectMissing
from martian_moments.domain.promises import Promises
from martian_moments.lake.store import Lake
from martian_moments.nasa.sources import read_promises, sources_of


def view(lake: Lake, rover: str, source: str) -> LakeView:
    """Read what the lake holds for a rover and source: one manifest, and the headers of its photo documents."""
    photos = lake.heads(prefix_of(Kind.PHOTOS, rover, source))
    return LakeView(
        rover=rover,
        source=source,
        promises=promises(lake, rover, source),
        headers={header.sol: header for header in photos.values() if header.sol is not None},
    )


def promises(lake: Lake, rover: str, source: str) -> Promises | None:
    """What the source's manifest in the lake promises, or None where the lake holds no readable manifest."""
    key = object_key(Coordinates(Kind.MANIFEST, rover, source))
    try:
        return _promises_of(key, lake.get(key))
    except (ObjectMissing, DocumentError):
        return None


@lru_cache(maxsize=64)
def _promises_of(key: str, manifest: bytes) -> Promises:
    """What a manifest promises. Sensors and status ask again and again, of manifests that change once a day."""
    return read_promises(decode(key, manifest))


def coverage(lake: Lake, rover: str, sources: Sequence[str]) -> Coverage:
    """Read what the lake holds for a rover from each of these sources that can have it, in the order given."""
    return Coverage(rover, [view(lake, rover, source) for source in sources_of(rover, sources)])


def served(lake: Lake, rover: str, sources: Sequence[str]) -> bool:
    """Whether a manifest in the lake says that one of the sources serves the rover; False before the first manifest."""
    promised = (promises(lake, rover, source) for source in sources_of(rover, sources))
    return any(each is not None and each.served for each in promised)
