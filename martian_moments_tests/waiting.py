"""Waiting for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(
    condition: Callable[[], T | None], what: str | Callable[[], str], seconds: float = 60, *, pause: float = 0.2
) -> T:
    """What a condition returns as soon as it is true.

    Args:
        condition: looked at again and again.
        what: what the failure says was waited for; a function is called only then.
        seconds: after which the test fails.
        pause: seconds between two looks. A look at a process costs little, a question to the web interface 50 ms.
    """
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"waited {seconds:.0f} s in vain: {what if isinstance(what, str) else what()}")
        time.sleep(pause)
    return value
