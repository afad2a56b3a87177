"""What the tests of the sensors share."""

from __future__ import annotations

import time
from types import ModuleType
from typing import Self

import pytest

from martian_moments_tests.platforms import Platform


class Clock:
    """A sensor's clock, moved by hand. Whole seconds, because cursors keep no more than tenths of one."""

    def __init__(self) -> None:
        self.now = float(round(time.time()))

    def time(self) -> float:
        return self.now

    @classmethod
    def of(cls, sensor: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Self:
        """The clock by which the sensor of a module goes from now on."""
        clock = cls()
        monkeypatch.setattr(sensor, "time", clock)
        return clock


def delete_the_log(platform: Platform) -> None:
    for file in platform.settings.home.glob("events.db*"):
        file.unlink()
