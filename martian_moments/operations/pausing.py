"""The platform's pause while a disk has too little room: without its daemon nothing new begins and nothing is recorded."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from martian_moments.infrastructure.space import shortage
from martian_moments.operations.children import Child

ROOM_SECONDS: Final = 5.0
"""How long there has to be room before the daemon starts again, which costs two cores three seconds."""


class Pause:
    """Looks at the disks, and stops and starts what writes to them.

    Attributes:
        active: whether the platform is paused.
    """

    def __init__(self, folders: Sequence[Path], on_event: Callable[[str], None]) -> None:
        """Nothing is looked at yet.

        Args:
            folders: whose disks must have some room.
            on_event: gets a line for people whenever a pause begins or ends.
        """
        self.active = False
        self._folders = folders
        self._on_event = on_event
        self._short_at = 0.0

    def look(self, daemon: Child, children: Sequence[Child]) -> bool:
        """One round; returns whether the platform is paused, and its children are to be left alone.

        The code server and the web interface stay, so that people can look. Whatever dies meanwhile, the daemon included,
        starts again afterwards and counts as nobody's failure: on a full disk any process may die.
        """
        if short := shortage(self._folders):
            self._short_at = time.monotonic()
            if not self.active:
                self._on_event(f"paused: {short}")
            self.active = True
        elif self.active and time.monotonic() >= self._short_at + ROOM_SECONDS:
            self.active = False
            self._on_event("there is room on the disk again; going on")
            for child in children:
                child.revive(self._on_event)
        if self.active:
            daemon.stop()
        return self.active
