"""When the next request may leave: an even spacing, and the pauses that an upstream asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from martian_moments.domain.errors import UpstreamUnavailable

# Below this the event loop's timer costs more than the pause is worth, and no upstream notices.
_TIMER_RESOLUTION_S: Final = 0.001


class NotYet(UpstreamUnavailable):
    """The upstream asked not to be asked for longer than this client is willing to wait."""


class RateLimit:
    """Lets one request go at a time, evenly spaced: after a quiet time there is no burst. A pause is of the host that asked.

    aiolimiter lets a bucketful go at once, or, with a bucket of one, sleeps for intervals below the timer's resolution: at a
    million a minute it took 27 s for what takes 3 s here (docs/decisions/0013). And it has no pauses of single hosts.

    Args:
        requests_per_minute: the rate; any positive number.
        patience: the longest pause in seconds that an upstream may ask for; beyond it requests fail instead of waiting.
        clock: seconds, monotonic.
        sleep: waits that many seconds.
    """

    def __init__(
        self,
        requests_per_minute: float,
        *,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._interval = 60 / requests_per_minute
        self._patience = patience
        self._clock = clock
        self._sleep = sleep
        self._turns = asyncio.Lock()
        self._next = clock()
        self._held_until: dict[str, float] = {}

    def hold(self, host: str, seconds: float) -> None:
        """No request leaves for a host for that long, those that already wait included."""
        self._held_until[host] = max(self._held_until.get(host, 0.0), self._clock() + seconds)

    async def turn(self, host: str, url: str) -> None:
        """Wait for the moment at which a request may leave; first come, first served among those whose host may be asked.

        Args:
            host: who is going to be asked.
            url: what is going to be asked, for the message.

        Raises:
            NotYet: the upstream asked for a pause beyond this client's patience.
        """
        while True:
            # Outside the queue of turns: a host that wants a pause keeps nobody from asking another one.
            while (held := self._held(host, url)) > _TIMER_RESOLUTION_S:
                await self._sleep(held)
            async with self._turns:
                while (early := self._next - self._clock()) > _TIMER_RESOLUTION_S:
                    await self._sleep(early)
                if self._held(host, url) <= _TIMER_RESOLUTION_S:
                    self._next = max(self._next, self._clock()) + self._interval
                    return

    def _held(self, host: str, url: str) -> float:
        """Seconds until a host may be asked again."""
        held = self._held_until.get(host, 0.0) - self._clock()
        if held > self._patience:
            until = (datetime.now(UTC) + timedelta(seconds=held)).isoformat(timespec="seconds")
            raise NotYet(f"{url}: the upstream wants no requests for {held:.0f} s; ask again after {until}")
        return held
