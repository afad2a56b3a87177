"""What a source promises for one rover: how many photos on which sol. Each dialect reads it from its own manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Promises:
    """What one source's manifest document promises.

    Attributes:
        rover: the rover's name.
        source: the dialect's name.
        served: False when the source says that it does not know this rover; then everything below is empty.
        sols: promised photos by sol, ascending; only sols that may have photos. None where the source tells the number only
            when it is asked for the sol itself.
        newest_sol: the last sol that the source knows, with photos or without.
        stated_total: the source's own total. It may disagree with the sum of ``sols``; the sols count.
        status: the mission's status in the source's words, e.g. ``active``.
    """

    rover: str
    source: str
    served: bool
    sols: Mapping[int, int | None] = field(default_factory=dict)
    newest_sol: int | None = None
    stated_total: int | None = None
    status: str | None = None

    @property
    def total(self) -> int:
        """Promised photos of all sols whose number is known."""
        return sum(filter(None, self.sols.values()))
