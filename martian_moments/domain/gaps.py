"""When to ask again for the sols of which a source may have more than the lake holds.

The delays grow with each attempt and are counted from the last one: quickly for a *missing* sol, slowly for a *short* one
and for one that a less preferred source stands in for (*fallback*).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from martian_moments.domain.backoff import Backoff
from martian_moments.domain.coverage import Gap, State

# A missing sol is usually an upstream's bad minute; a short one waits for photos that arrive in days.
_MISSING: Final = Backoff(first=10.0, longest=600.0)
_SHORT: Final = Backoff(first=30.0, longest=86_400.0, factor=4.0)
_FRUITLESS: Final = Backoff(first=10.0, longest=300.0)
# Then the schedule asks for every manifest anyway.
_MANIFESTS: Final = Backoff(first=10.0, longest=3_600.0)


@dataclass(slots=True)
class RetryState:
    """How often the gaps of one rover were asked for, and when last. Kept in the gap sensor's cursor.

    Attributes:
        attempts: by sol, how often and when (POSIX seconds) it was last asked for.
        batch: the sols of the last run.
        fallback: whether these were all sols that another source stands in for.
        fruitless: how many runs in a row closed not one gap.
        asked_at: when the last run was requested (POSIX seconds).
        manifests: how often and when (POSIX seconds) manifests were asked for because a source had none in the lake.
    """

    attempts: dict[int, tuple[int, float]] = field(default_factory=dict)
    batch: list[int] = field(default_factory=list)
    fallback: bool = False
    fruitless: int = 0
    asked_at: float = 0.0
    manifests: tuple[int, float] = (0, 0.0)

    def manifests_due(self, now: float) -> bool:
        """Whether manifests may be asked for again, for the sake of a source that did not respond yet."""
        count, asked_at = self.manifests
        return not _MANIFESTS.waits(count, asked_at, now)

    def manifests_asked(self, now: float) -> None:
        """Note that they are asked for now."""
        self.manifests = self.manifests[0] + 1, _noted(now)

    def next_attempt_at(self, gap: Gap) -> float:
        """When a gap is due, in POSIX seconds; 0 for one that was never asked for."""
        count, asked_at = self._tried(gap)
        return asked_at + _backoff(gap).delay(count)

    def is_due(self, gap: Gap, now: float) -> bool:
        """Whether a gap may be asked for; also one that was asked for at a time still to come: a clock was wrong then."""
        count, asked_at = self._tried(gap)
        return not _backoff(gap).waits(count, asked_at, now)

    def attempts_of(self, gap: Gap) -> int:
        """How often a gap was asked for; a short one once at least."""
        return self._tried(gap)[0]

    def _tried(self, gap: Gap) -> tuple[int, float]:
        return self.attempts.get(gap.sol, (1, gap.fetched_at) if gap.fetched_at else (0, 0.0))

    def due(self, gaps: Mapping[int, Gap], in_flight: Collection[int], now: float) -> list[int]:
        """The sols to ask for now; none while the rover waits because the last runs were fruitless.

        What another source stands in for waits until nothing else is due.
        """
        if self._held(gaps, now):
            return []
        due = [gap for sol, gap in gaps.items() if sol not in in_flight and self.is_due(gap, now)]
        lacking = [gap.sol for gap in due if gap.state is not State.FALLBACK]
        return lacking or [gap.sol for gap in due]

    def asked(self, sols: Iterable[int], gaps: Mapping[int, Gap], now: float) -> None:
        """Note that these sols are asked for now, and forget those that are no gaps any more."""
        self.fruitless = self.fruitless + 1 if self._was_fruitless(gaps) else 0
        self.attempts = {sol: entry for sol, entry in self.attempts.items() if sol in gaps}
        for sol in sols:
            self.attempts[sol] = (self.attempts_of(gaps[sol]) + 1, _noted(now))
        self.batch = list(sols)
        self.fallback = all(gaps[sol].state is State.FALLBACK for sol in self.batch)
        self.asked_at = _noted(now)

    def _held(self, gaps: Mapping[int, Gap], now: float) -> bool:
        # During an outage every run is fruitless: the rover waits longer and longer instead of trying all its sols once.
        return self._was_fruitless(gaps) and _FRUITLESS.waits(self.fruitless + 1, self.asked_at, now)

    def _was_fruitless(self, gaps: Mapping[int, Gap]) -> bool:
        """Whether the last run changed nothing; a sol that another source stands in for since then is a change."""
        return bool(self.batch) and all(
            sol in gaps and (gaps[sol].state is State.FALLBACK) == self.fallback for sol in self.batch
        )


def _noted(now: float) -> float:
    # Thousands of sols may wait in a cursor: tenths of a second take a third less of it than microseconds.
    return round(now, 1)


def _backoff(gap: Gap) -> Backoff:
    return _MISSING if gap.state is State.MISSING else _SHORT
