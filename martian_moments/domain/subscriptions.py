"""Which pictures a person wants to be kept, all the time: what MARS_IMAGES says. Pure.

Subscriptions are separated by commas, the words of one by blanks: a rover, its cameras joined by ``+``, sols as moments have
them, and, where not every picture is wanted as the gallery shows it, what its pixels are and the rendition:

    perseverance FRONT_HAZCAM_LEFT_A last 30, curiosity NAV_LEFT_B+NAV_RIGHT_B 100-200 gray small
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Self

from martian_moments.domain.moments import Sols
from martian_moments.domain.rovers import ROVERS


class Rendition(StrEnum):
    """Which of a photo's addresses is asked; by its column of silver.fact_photos."""

    STANDARD = "standard"
    SMALL = "small"
    FULL = "full"

    @property
    def column(self) -> str:
        """The column with the addresses."""
        return "image_url" if self is Rendition.STANDARD else f"image_url_{self}"


COLOR_KINDS: Final = ("bayer", "rgb", "gray", "band")
"""What a picture's pixels are: the words of ``color_kind`` in silver.fact_photos."""

_EXAMPLE: Final = 'write ROVER CAMERA SOLS, for example "perseverance FRONT_HAZCAM_LEFT_A last 30"'


@dataclass(frozen=True, slots=True)
class Subscription:
    """Pictures of some cameras of a rover. Thumbnails never are among them.

    Attributes:
        rover: whose.
        cameras: their names in upper case, the canonical ones or those of a source.
        sols: of which sols; with ``last`` of the newest ones that have such photos.
        kinds: of these color kinds only; empty for all.
        rendition: which of a photo's addresses is asked.
    """

    rover: str
    cameras: tuple[str, ...]
    sols: Sols
    kinds: tuple[str, ...] = ()
    rendition: Rendition = Rendition.STANDARD

    def __post_init__(self) -> None:
        if self.rover not in ROVERS:
            raise ValueError(f"{self.rover!r} is no rover; use one of {', '.join(ROVERS)}")
        if not all(self.cameras) or not self.cameras:
            raise ValueError(f"a camera's name is missing; {_EXAMPLE}")
        if unknown := [kind for kind in self.kinds if kind not in COLOR_KINDS]:
            raise ValueError(f"{', '.join(unknown)} is no color kind; use {', '.join(COLOR_KINDS)}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The subscription of ``ROVER CAMERA[+CAMERA] SOLS [KIND ...] [RENDITION]``. Raises ValueError for anything else."""
        rover, _, rest = text.strip().partition(" ")
        cameras, *more = rest.split() or [""]
        given = [word.lower() for word in more]
        options: Collection[str] = {*COLOR_KINDS, *Rendition}
        words = [word for word in given if word not in options]
        renditions = [Rendition(word) for word in given if word in set(Rendition)]
        if len(renditions) > 1:
            raise ValueError(f"{text!r} has {len(renditions)} renditions; use one of {', '.join(Rendition)}")
        try:
            sols = Sols.parse(" ".join(words))
        except ValueError as error:
            raise ValueError(f"{text!r} does not say of which sols: {error}; {_EXAMPLE}") from None
        kinds = tuple(word for word in given if word in COLOR_KINDS)
        return cls(rover.lower(), tuple(cameras.upper().split("+")), sols, kinds, *renditions)

    def __str__(self) -> str:
        return " ".join([self.rover, "+".join(self.cameras), str(self.sols), *self.kinds, self.rendition])


def parse_subscriptions(text: str) -> tuple[Subscription, ...]:
    """The subscriptions of a text; none of an empty one. Raises ValueError."""
    return tuple(Subscription.parse(part) for part in text.split(",") if part.strip())
