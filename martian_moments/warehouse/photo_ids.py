"""The ids of photos, which outlive a warehouse: a new one takes them over from the published tables."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from martian_moments.domain.errors import PublishedDamaged
from martian_moments.warehouse.base import PHOTO_IDS
from martian_moments.warehouse.blocks import rover_of
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.parts import open_part
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
    if list(published.fetch(*PHOTO_IDS, folder / "fetched").values()) != [file.sha256 for file in described]:
        raise _damaged("it has other bytes than were published")
    return _as_one(sorted((folder / "fetched").rglob("*.parquet")), folder / "photo_ids.parquet")


def _as_one(files: Sequence[Path], file: Path) -> Path:
    """One file of all rows and columns: what takes them over knows nothing of blocks."""
    import pyarrow.parquet as pq

    (table,) = (each for each in published_models() if (each.schema, each.name) == PHOTO_IDS)
    with ExitStack() as closing:
        writer = None
        for each in files:
            with open_part(each, rover_of(each.as_posix()), _damaged) as part:
                rows = part.read([name for name in table.types if name in part.names])
            writer = writer or closing.enter_context(pq.ParquetWriter(file, rows.schema))
            writer.write_table(rows)
    return file


def _damaged(why: str) -> PublishedDamaged:
    return PublishedDamaged(f"the published {NAME} is damaged ({why})", name="/".join(PHOTO_IDS))
