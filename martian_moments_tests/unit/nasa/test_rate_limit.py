"""The rate_limit, on a clock of its own."""

from __future__ import annotations

import asyncio

import pytest

from martian_moments.nasa.rate_limit import NotYet, RateLimit


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.slept = asyncio.Event()

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.set()
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def a_rate_limit(clock: Clock, per_minute: float = 30, patience: float = 120) -> RateLimit:
    return RateLimit(per_minute, patience=patience, clock=clock, sleep=clock.sleep)


async def departures(rate_limit: RateLimit, clock: Clock, count: int) -> list[float]:
    left: list[float] = []

    async def ask() -> None:
        await rate_limit.turn("example.test", "https://example.test/")
        left.append(clock.now - 100)

    await asyncio.gather(*(ask() for _ in range(count)))
    return left


async def test_requests_that_come_at_once_leave_evenly_spaced(clock: Clock) -> None:
    assert await departures(a_rate_limit(clock, 30), clock, 5) == [0, 2, 4, 6, 8]


async def test_a_quiet_time_is_not_saved_up_for_a_burst(clock: Clock) -> None:
    rate_limit = a_rate_limit(clock, 30)
    clock.now += 60
    assert await departures(rate_limit, clock, 3) == [60, 62, 64]


async def test_a_pause_holds_back_those_that_already_wait(clock: Clock) -> None:
    rate_limit = a_rate_limit(clock, 30)
    await rate_limit.turn("example.test", "https://example.test/")
    waiting = asyncio.create_task(departures(rate_limit, clock, 2))
    await clock.slept.wait()
    rate_limit.hold("example.test", 20)
    held_from = clock.now - 100
    assert await waiting == [held_from + 20, held_from + 22]


async def test_a_high_rate_never_sleeps(clock: Clock) -> None:
    assert await departures(a_rate_limit(clock, 1_000_000), clock, 10) == [0] * 10


async def test_a_pause_beyond_patience_fails_and_says_when_to_ask_again(clock: Clock) -> None:
    rate_limit = a_rate_limit(clock, patience=120)
    rate_limit.hold("example.test", 3_600)
    with pytest.raises(NotYet, match=r"example\.test/: .* no requests for 3600 s; ask again after 20\d\d-"):
        await rate_limit.turn("example.test", "https://example.test/")
    assert clock.now == 100


async def test_a_pause_that_one_host_asks_for_holds_back_nobody_who_asks_another(clock: Clock) -> None:
    rate_limit = a_rate_limit(clock, 30)
    rate_limit.hold("example.test", 3_600)
    await rate_limit.turn("mirror.test", "https://mirror.test/")
    assert clock.now == 100
    rate_limit.hold("mirror.test", 20)
    waiting = asyncio.create_task(rate_limit.turn("mirror.test", "https://mirror.test/"))
    await rate_limit.turn("third.test", "https://third.test/")
    await waiting
    with pytest.raises(NotYet):
        await rate_limit.turn("example.test", "https://example.test/")
