"""Gaps: what a source promises and the lake does not hold whole, and when to ask for it again.

A gap is *missing* (the lake holds nothing for the sol) or *short* (fewer photos than the same source promises). Both are
asked for again with a growing delay, counted from the last time they were asked for.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from martian_moments.ingest import LakeView

# A missing sol is usually an upstream's bad minute; a short one waits for photos that arrive in days.
_MISSING_DELAYS: Final = (10.0, 600.0, 2.0)
_SHORT_DELAYS: Final = (30.0, 86_400.0, 4.0)
_HOLD_DELAYS: Final = (10.0, 300.0, 2.0)


@dataclass(frozen=True, slots=True)
class Gap:
    """One sol that the lake does not hold whole.

    Attributes:
        expected: photos promised.
        found: photos in the lake; None where it holds no document.
        fetched_at: POSIX seconds of the document in the lake, 0 where there is none.
    """

    sol: int
    expected: int
    found: int | None
    fetched_at: float = 0.0

    @property
    def missing(self) -> bool:
        """Whether the lake holds nothing at all for the sol."""
        return self.found is None


def gaps_of(view: LakeView) -> dict[int, Gap]:
    """The gaps of one rover and source, by sol."""
    if view.promises is None:
        return {}
    gaps = {}
    for sol, expected in view.promises.sols.items():
        header = view.headers.get(sol)
        if header is None:
            gaps[sol] = Gap(sol, expected or 0, None)
        elif not header.satisfies(expected):
            gaps[sol] = Gap(sol, expected or header.promised or 0, header.record_count, header.fetched_at.timestamp())
    return gaps


@dataclass(slots=True)
class Tries:
    """How often the gaps of one rover were asked for, and when last. Kept in the gap sensor's cursor.

    Attributes:
        attempts: by sol, how often and when (POSIX seconds) it was last asked for.
        batch: the sols of the last run.
        fruitless: how many runs in a row closed not one gap.
        asked_at: when the last run was requested (POSIX seconds).
    """

    attempts: dict[int, tuple[int, float]] = field(default_factory=dict)
    batch: list[int] = field(default_factory=list)
    fruitless: int = 0
    asked_at: float = 0.0

    def next_attempt_at(self, gap: Gap) -> float:
        """When a gap is due, in POSIX seconds; 0 for one that was never asked for."""
        count, asked_at = self._tried(gap)
        if count == 0:
            return 0.0
        return asked_at + _delay(_MISSING_DELAYS if gap.missing else _SHORT_DELAYS, count)

    def attempts_of(self, gap: Gap) -> int:
        """How often a gap was asked for; a short one once at least."""
        return self._tried(gap)[0]

    def _tried(self, gap: Gap) -> tuple[int, float]:
        return self.attempts.get(gap.sol, (0, 0.0) if gap.missing else (1, gap.fetched_at))

    def due(self, gaps: Mapping[int, Gap], in_flight: Collection[int], now: float) -> list[int]:
        """The sols to ask for now; none while the rover waits because the last runs were fruitless."""
        if self._held(gaps, now):
            return []
        return [sol for sol, gap in gaps.items() if sol not in in_flight and self.next_attempt_at(gap) <= now]

    def asked(self, sols: Iterable[int], gaps: Mapping[int, Gap], now: float) -> None:
        """Note that these sols are asked for now, and forget those that are no gaps any more."""
        self.fruitless = self.fruitless + 1 if self.batch and all(sol in gaps for sol in self.batch) else 0
        self.attempts = {sol: entry for sol, entry in self.attempts.items() if sol in gaps}
        for sol in sols:
            self.attempts[sol] = (self.attempts_of(gaps[sol]) + 1, now)
        self.batch = list(sols)
        self.asked_at = now

    def _held(self, gaps: Mapping[int, Gap], now: float) -> bool:
        # During an outage every run is fruitless: the rover waits longer and longer instead of trying all its sols once.
        fruitless = bool(self.batch) and all(sol in gaps for sol in self.batch)
        return fruitless and now < self.asked_at + _delay(_HOLD_DELAYS, self.fruitless + 1)

    def to_json(self) -> dict[str, Any]:
        """For the cursor."""
        return {
            "attempts": {str(sol): [count, round(at, 1)] for sol, (count, at) in sorted(self.attempts.items())},
            "batch": self.batch,
            "fruitless": self.fruitless,
            "asked_at": round(self.asked_at, 1),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Tries:
        """From the cursor."""
        return cls(
            attempts={int(sol): (count, at) for sol, (count, at) in value["attempts"].items()},
            batch=list(value["batch"]),
            fruitless=value["fruitless"],
            asked_at=value["asked_at"],
        )


def _delay(delays: tuple[float, float, float], attempts: int) -> float:
    first, longest, factor = delays
    return min(longest, first * factor ** min(attempts - 1, 64))
