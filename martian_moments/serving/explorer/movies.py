"""The movies that the platform has made: ``data/movies.json``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from martian_moments.domain.errors import ObjectMissing
from martian_moments.lake.store import Lake
from martian_moments.pipelines.moment_files import FOLDER, kept_frames, moment_key
from martian_moments.pipelines.movies import CAPTIONS, CREDITS, MOVIE, POSTER, Made, made
from martian_moments.serving.explorer.columns import Document

_SHOWN: Final = (POSTER, CAPTIONS, CREDITS)
"""Of a movie's files, besides itself."""


def movies(lake: Lake) -> Document:
    """Every movie, by name: its files stand beside the page in ``moments/<name>/``."""
    return {"movies": [_described(lake, name, movie) for name, movie in _made(lake)]}


def movie_files(lake: Lake) -> Iterator[str]:
    """The keys in the lake of the files that :func:`movies` names."""
    for name, movie in _made(lake):
        yield from (moment_key(name, file) for file in sorted(movie.files) if file in {movie.movie, *_SHOWN})


def _made(lake: Lake) -> list[tuple[str, Made]]:
    names = [each.key.split("/")[1] for each in lake.list(FOLDER) if each.key.endswith(f"/{MOVIE}")]
    found = [(name, made(lake, name)) for name in sorted(names)]
    return [(name, movie) for name, movie in found if movie is not None]


def _described(lake: Lake, name: str, movie: Made) -> Document:
    about: Document = {"title": name, "rover": None, "cameras": [], "first_sol": None, "last_sol": None}
    try:
        chosen = kept_frames(lake, name)
    except ObjectMissing:
        pass  # The movie is there; what it was made of is not known any more.
    else:
        sols = [frame["sol"] for frame in chosen.frames]
        about = {
            "title": chosen.moment.title,
            "rover": chosen.moment.rover,
            "cameras": list(chosen.moment.cameras),
            "first_sol": min(sols, default=None),
            "last_sol": max(sols, default=None),
        }
    return about | {
        "name": name,
        "movie": movie.movie,
        "is_still": movie.is_still,
        "poster": POSTER if POSTER in movie.files else None,
        "captions": CAPTIONS if CAPTIONS in movie.files else None,
        "frames": movie.frames,
        "seconds": movie.seconds,
        "width_px": movie.width_px,
        "height_px": movie.height_px,
    }
