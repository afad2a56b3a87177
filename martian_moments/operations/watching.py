"""Watching a platform that this process runs: a line whenever its progress has changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from martian_moments.domain.errors import MartianError
from martian_moments.infrastructure.space import shortage

if TYPE_CHECKING:
    from martian_moments.operations.status import Status
    from martian_moments.operations.supervisor import Supervisor
    from martian_moments.resources import Resources

_SHARE_OF_A_CORE: Final = 0.02
"""What watching may cost. One look at the whole history takes 0.15 s of processor time where little has changed."""


class Watch:
    """Reports the platform's progress while it runs, looked up every few seconds, or less often where a look costs more."""

    def __init__(
        self, resources: Resources, report: Callable[[str], None], *, seconds: float, share: float = _SHARE_OF_A_CORE
    ) -> None:
        """A watch.

        Args:
            resources: of the platform.
            report: gets the lines.
            seconds: between two looks at least.
            share: of a core that the looks may take.
        """
        self._share = share
        self._resources = resources
        self._report = report
        self._seconds = seconds
        self._next_look = 0.0
        self._reported: str | None = None

    def __call__(self, platform: Supervisor) -> bool:
        """One round; returns whether the platform may stop."""
        from martian_moments.operations.instance import storage_errors
        from martian_moments.operations.status import status

        if platform.pause.active or time.monotonic() < self._next_look:
            return False
        began = time.process_time()
        try:
            with storage_errors(self._resources.settings.instance_home):
                now = status(self._resources, platform.instance, running=True)
        except MartianError:
            if shortage(self._resources.settings.folders) is None:
                raise
            return False  # the disk has just become full, and the pause begins
        # The first look also imports, and reads what the others remember.
        cost = 0.0 if self._reported is None else time.process_time() - began
        self._next_look = time.monotonic() + max(self._seconds, cost / self._share)
        line = progress(now)
        if line != self._reported:
            self._report(line)
        self._reported = line
        return self.seen(now, platform)

    def seen(self, now: Status, platform: Supervisor) -> bool:  # noqa: ARG002 - for watches that act on what they see
        """Act on the status of this round; returns whether the platform may stop."""
        return False


def progress(now: Status) -> str:
    """How far the photos have come, and what is waited for, in a line."""
    rovers = now.rovers.values()
    promised, lake = sum(each.photos_expected for each in rovers), sum(each.photos_in_lake for each in rovers)
    bronze, silver = _sum(each.photos_in_bronze for each in rovers), _sum(each.photos_in_silver for each in rovers)
    waiting = f"; waiting for {now.waiting_for[0]}" if now.waiting_for else "; settled"
    held = f"{lake:,} in the lake, {count(bronze)} in bronze, {count(silver)} in silver"
    return f"photos: {promised:,} promised, {held}{waiting}"


def _sum(counts: Iterable[int | None]) -> int | None:
    """A sum, unknown where one of its parts is."""
    known = list(counts)
    return None if None in known else sum(each or 0 for each in known)


def count(number: int | None) -> str:
    """A count for people."""
    return "unknown" if number is None else f"{number:,}"
