"""What a source promises for one rover: how many photos on which sol. Each dialect reads it from its own manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Promises:
    """What one source's manifest document promises.

    Attributes:
        rover: the rover's name.
        source: the dialect's name.
        served: False when the source says that it does not know this rover; then everything below is empty.
        sols: promised photos by sol, ascending; only sols that may have photos. None where the source reports
            the number only when it is asked for the sol itself.
        newest_sol: the last sol that the source knows, with photos or without.
        stated_total: the source's own total. It may disagree with the sum of ``sols``; the sols count.
        status: the mission's status in the source's words, e.g. ``active``.
        unanswered: parts of the source that failed while the rest responded, and of which nothing is held from before.
        impossible: how many sols were reported that cannot be: before the first one, or still to come.
    """

    rover: str
    source: str
    served: bool
    sols: Mapping[int, int | None] = field(default_factory=dict)
    newest_sol: int | None = None
    stated_total: int | None = None
    status: str | None = None
    unanswered: Sequence[str] = ()
    impossible: int = 0

    def within(self, possible: range) -> Promises:
        """The same promises without those of sols that cannot be: one record with sol 9999 would promise all before it."""
        kept = {sol: count for sol, count in self.sols.items() if sol in possible}
        newest = self.newest_sol
        if newest is not None:
            newest = min(newest, possible[-1]) if newest in possible or kept else None
        return replace(self, sols=kept, newest_sol=newest, impossible=len(self.sols) - len(kept))

    @property
    def total(self) -> int:
        """Promised photos of all sols whose number is known."""
        return sum(filter(None, self.sols.values()))
