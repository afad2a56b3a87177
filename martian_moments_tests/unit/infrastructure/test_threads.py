"""A thread's work is waited for, whatever cancels its caller."""

from __future__ import annotations

import asyncio
import threading

import pytest

from martian_moments.infrastructure.threads import in_thread


def test_it_returns_and_raises_what_the_call_does() -> None:
    async def run() -> None:
        assert await in_thread(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await in_thread(divmod, 7, 0)

    asyncio.run(run())


def test_the_end_of_the_event_loop_waits_for_it_as_well() -> None:
    begun, told_to_end, seen = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        assert told_to_end.wait(30)
        seen.append("the thread has ended")

    async def caller() -> None:
        try:
            await in_thread(work)
        finally:
            seen.append("its caller goes on")

    async def leave() -> None:
        loop = asyncio.get_running_loop()
        loop.create_task(caller())  # noqa: RUF006 - the loop ends while it is under way
        assert await asyncio.to_thread(begun.wait, 30)
        threading.Timer(0.2, told_to_end.set).start()

    asyncio.run(leave())
    assert seen == ["the thread has ended", "its caller goes on"]
