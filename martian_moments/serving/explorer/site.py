"""The page as a folder that any web server shows: its files, all data files, and the movies."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from martian_moments.domain.errors import InputError
from martian_moments.lake.store import Lake
from martian_moments.serving.explorer.columns import document
from martian_moments.serving.explorer.files import MOVIES_FILE, maker, names
from martian_moments.serving.explorer.movies import movie_files, movies
from martian_moments.serving.explorer.page import INDEX, index, page_files
from martian_moments.serving.private import private_folder
from martian_moments.serving.snapshot import Snapshot, take_snapshot
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published

_FOLDERS: Final = ("data", "moments")
"""What a site has besides the page's own files."""


@dataclass(frozen=True, slots=True)
class Site:
    """What was written: the number of files, and their bytes."""

    files: int
    bytes: int


def export_site(published: Published, lake: Lake, folder: Path, *, report: Callable[[str, int, int], None]) -> Site:
    """Write the page of the newest build into a folder, in place of the one that is there.

    Args:
        published: the tables.
        lake: has the movies.
        folder: is made; one that holds something else than such a page is refused.
        report: is told the step (``data`` or ``movies``), how many files of it are made, and of how many.

    Raises:
        InputError: the folder holds something else, or nothing was published yet.
        NotReady: tables are being published now, or were by an earlier release.
        LakeError: a movie cannot be read.
        OSError: the folder cannot be written.
    """
    _require_site(folder)
    with _newest(published) as snapshot, snapshot.cursor() as connection:
        for part in _FOLDERS:
            shutil.rmtree(folder / part, ignore_errors=True)
        for name, body in {**page_files(), INDEX: index(connection)}.items():
            _write(folder / name, body)
        wanted = list(names(connection))
        for done, name in enumerate(wanted, start=1):
            if make := maker(name, snapshot.published_at):
                _write(folder / "data" / name, make(connection))
            report("data", done, len(wanted))
    _write(folder / "data" / MOVIES_FILE, document(movies(lake)))
    keys = list(movie_files(lake))
    for done, key in enumerate(keys, start=1):
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        lake.get_file(key, folder / key)
        report("movies", done, len(keys))
    written = [each for each in folder.rglob("*") if each.is_file()]
    return Site(len(written), sum(each.stat().st_size for each in written))


@contextmanager
def _newest(published: Published) -> Iterator[Snapshot]:
    manifest = published.manifest()
    if manifest is None or not manifest.tables:
        raise InputError("nothing is published yet; start the platform (martian-moments up) and wait for its first build")
    with private_folder() as folder:
        snapshot = take_snapshot(published, manifest, published_models(), folder / "site")
        try:
            yield snapshot
        finally:
            snapshot.release()


def _require_site(folder: Path) -> None:
    """Raise InputError for a folder that holds something, but no such page: nothing of others' is overwritten."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder; name one for the site")
    held = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    if held and not (held <= {*page_files(), *_FOLDERS} and INDEX in held):
        raise InputError(f"{folder} holds other files than an exported site; name an empty folder or a new one")


def _write(file: Path, body: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
