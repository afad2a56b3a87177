"""How long to wait before something is tried once more: longer after each attempt, up to a longest delay. Pure.

For loops that come back by themselves (sensors, the supervisor) and count from a stored moment. tenacity, which repeats the
requests of ``nasa.http``, waits inside the call that it repeats: a process that ends between two attempts forgets both.
"""

from __future__ import annotations

from dataclasses import dataclass

from martian_moments.domain import clock


@dataclass(frozen=True, slots=True)
class Backoff:
    """Delays in seconds.

    Attributes:
        first: the delay after the first attempt.
        longest: what no delay exceeds.
        factor: by how much each delay exceeds the one before.
    """

    first: float
    longest: float
    factor: float = 2.0

    def delay(self, attempts: int) -> float:
        """The seconds between the last attempt and the next one; 0 before the first."""
        if attempts <= 0:
            return 0.0
        # The exponent is bounded, because a float overflows at 2 ** 1024; by then any delay is the longest.
        return min(self.longest, self.first * self.factor ** min(attempts - 1, 64))

    def waits(self, attempts: int, last: float, now: float) -> bool:
        """Whether the delay after the last of so many attempts is not over yet (moments in seconds since 1970).

        Never before the first attempt, nor after one at a time still to come: a clock was wrong then.
        """
        return attempts > 0 and clock.waits(last, self.delay(attempts), now)
