"""The movies and stills that the lake has, each made of a moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel, Field

from martian_moments.lake.store import Lake
from martian_moments.serving.explorer import movies as held


class Movie(BaseModel):
    """A movie, or a still, with the addresses of its files."""

    name: str = Field(description="Of its moment.")
    title: str = Field(description="What people call it.")
    rover: str | None = Field(description="Whose pictures; null where nobody knows any more, likewise what follows.")
    cameras: list[str] = Field(description="Of which cameras, as photos has them.")
    first_sol: int | None = Field(description="The sol of the oldest frame.")
    last_sol: int | None = Field(description="The sol of the newest frame.")
    is_still: bool = Field(description="Whether it is one picture, and no movie.")
    frames: int = Field(description="How many pictures it is made of.")
    seconds: float = Field(description="How long it plays, 0 for a still.")
    width_px: int = Field(description="Pixels.")
    height_px: int = Field(description="Pixels.")
    movie_url: str = Field(description="Of the movie, or of the still.")
    poster_url: str | None = Field(description="Of a picture of it.")
    captions_url: str | None = Field(description="Of its captions (WebVTT).")


class MoviePage(BaseModel):
    """All movies."""

    data: list[Movie] = Field(description="The movies, by name.")
    next: None = Field(default=None, description="Always null: there is one page.")


def list_movies(lake: Lake, files: str, rovers: Collection[str] | None) -> MoviePage:
    """The movies there are now, of some rovers or of all; ``files`` is the address under which their files stand."""
    found = held.movies(lake)["movies"]
    wanted = [each for each in found if rovers is None or each["rover"] in rovers]
    return MoviePage(data=[_with_addresses(each, f"{files}{each['name']}/") for each in wanted])


def _with_addresses(movie: Mapping[str, Any], folder: str) -> Movie:
    addresses = {f"{kind}_url": movie[kind] and f"{folder}{movie[kind]}" for kind in ("movie", "poster", "captions")}
    shown = {name: value for name, value in movie.items() if name in Movie.model_fields}
    return Movie.model_validate(shown | addresses)
