"""The page as a folder that any web server shows: its files, all data files, and the movies."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from martian_moments.domain.errors import InputError
from martian_moments.lake.store import Lake
from martian_moments.serving.explorer.columns import document
from martian_moments.serving.explorer.files import MOVIES_FILE, maker, names
from martian_moments.serving.explorer.movies import movie_files, movies
from martian_moments.serving.explorer.page import INDEX, index, page_files
from martian_moments.serving.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Site:
    """What was written: the number of files and their bytes."""

    files: int
    bytes: int


def export_site(snapshot: Snapshot, lake: Lake, folder: Path, *, progress: Callable[[str], object]) -> Site:
    """Write the page of a build into a folder, in place of the one that is there.

    Args:
        snapshot: the build, held by the caller.
        lake: has the movies.
        folder: is made; one that holds something else than such a page is refused.
        progress: is told the name of each file before it is made.

    Raises:
        InputError: the folder holds something else.
        LakeError: a movie cannot be read.
        OSError: the folder cannot be written.
    """
    require_site(folder)
    for part in ("data", "moments"):
        shutil.rmtree(folder / part, ignore_errors=True)
    with snapshot.cursor() as connection:
        for name, body in {**page_files(), INDEX: index(connection)}.items():
            _write(folder / name, body)
        for name in names(connection):
            progress(name)
            if make := maker(name, snapshot.published_at):
                _write(folder / "data" / name, make(connection))
    _write(folder / "data" / MOVIES_FILE, document(movies(lake)))
    for key in movie_files(lake):
        progress(key)
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        lake.get_file(key, folder / key)
    written = [each for each in folder.rglob("*") if each.is_file()]
    return Site(len(written), sum(each.stat().st_size for each in written))


def require_site(folder: Path) -> None:
    """Raise InputError for a folder that holds something, but no such page: nothing of others' is overwritten."""
    if folder.is_file():
        raise InputError(f"{folder} is a file; name a folder for the site")
    held = {each.name for each in folder.iterdir()} if folder.is_dir() else set()
    if held and not (held <= {*page_files(), "data", "moments"} and INDEX in held):
        raise InputError(
            f"{folder} holds other files than an exported site; name an empty folder, or one that does not exist"
        )


def _write(file: Path, body: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
