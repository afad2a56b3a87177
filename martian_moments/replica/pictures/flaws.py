"""What is wrong with a generated picture, its light, and by how much its camera moved. All of it follows from the seed.

The light of a good picture differs from the next one's by up to a quarter: enough to flicker, and far from an outlier.
"""

from __future__ import annotations

import random
from enum import StrEnum
from typing import Final, NamedTuple


class Flaw(StrEnum):
    """Why a picture is not good. The words are those of the frames of a moment that are left out."""

    MISSING = "missing"
    """404 at every address."""
    DAMAGED = "damaged"
    """The file is cut, or holds something else after its first bytes."""
    UNDEREXPOSED = "underexposed"
    OVEREXPOSED = "overexposed"
    EXPOSURE_OUTLIER = "exposure_outlier"
    """Less than half or more than one and a half times the light of the others, yet neither black nor white."""
    BLURRED = "blurred"
    REPEATED = "repeated"
    """The bytes of the picture before, of the same camera."""


_LIGHTS: Final = {Flaw.UNDEREXPOSED: 0.02, Flaw.OVEREXPOSED: 9.0}
_OUTLIERS: Final = (0.4, 1.9)
_GAINS: Final = (0.9, 1.12)
_FARTHEST_SHIFT: Final = 0.008
"""Of the width of a picture: 10 pixels of 1,280."""


class Taking(NamedTuple):
    """How a picture is taken.

    Attributes:
        flaw: what is wrong with it, or None.
        gain: factor on the light of the scene.
        shift: to the right and down, as shares of the width, by which everything lies beside its place.
        noise: decides the grain.
    """

    flaw: Flaw | None
    gain: float
    shift: tuple[float, float]
    noise: int


def taking(seed: int, rover: str, sol: int, number: int, share: float) -> Taking:
    """How a picture is taken; ``share`` of all pictures have a flaw, each of them equally often."""
    draw = random.Random(f"{seed}/{rover}/pictures/{sol}/{number}")  # noqa: S311 - repeatable on purpose
    gain, noise = draw.uniform(*_GAINS), draw.randrange(2**16)
    shift = draw.uniform(-_FARTHEST_SHIFT, _FARTHEST_SHIFT), draw.uniform(-_FARTHEST_SHIFT, _FARTHEST_SHIFT)
    outlier, flaws = draw.choice(_OUTLIERS), draw.choice(list(Flaw))
    flaw = flaws if draw.random() < share else None
    if flaw is Flaw.EXPOSURE_OUTLIER:
        gain = outlier
    elif flaw is not None:
        gain = _LIGHTS.get(flaw, gain)
    return Taking(flaw, gain, shift, noise)
