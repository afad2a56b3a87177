"""The ids of photos, which outlive a warehouse: a new one takes them over from the published tables."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from martian_moments.domain.errors import PublishedDamaged
from martian_moments.warehouse.base import PHOTO_IDS
from martian_moments.warehouse.published import Published

_log = logging.getLogger(__name__)

NAME: Final = ".".join(PHOTO_IDS)


@contextmanager
def published_photo_ids(published: Published | None) -> Iterator[Path | None]:
    """A copy of the published file, for as long as it is read; None where there is none.

    A damaged one stops nothing, for only a build publishes it again: its ids follow from the names of the files, but for the
    few that two had, and v1's are in the documents.
    """
    with tempfile.TemporaryDirectory(prefix="photo-ids-") as folder:
        try:
            file = _fetched(published, Path(folder)) if published is not None else None
        except PublishedDamaged as error:
            _log.warning("%s; the ids of photos are made anew, and a few may be others than before", error)
            file = None
        yield file


def _fetched(published: Published, folder: Path) -> Path | None:
    manifest = published.manifest()
    described = manifest.tables.get("/".join(PHOTO_IDS)) if manifest else None
    if described is None:
        return None
    file = folder / "photo_ids.parquet"
    if published.fetch(*PHOTO_IDS, file) != described[0].sha256:
        raise PublishedDamaged(f"the published {NAME} has other bytes than were published", name="/".join(PHOTO_IDS))
    return file
