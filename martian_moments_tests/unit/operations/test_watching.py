"""How often a running platform is looked at."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from martian_moments.operations import status as status_module
from martian_moments.operations import watching
from martian_moments.operations.status import Status
from martian_moments.operations.watching import Watch
from martian_moments.resources import Resources
from martian_moments.settings import Settings


class Clocks:
    """Wall and processor time that a look costs, without waiting for either."""

    def __init__(self, cost: float) -> None:
        self.wall = self.processor = 0.0
        self.cost = cost
        self.looks: list[float] = []

    def monotonic(self) -> float:
        return self.wall

    def process_time(self) -> float:
        return self.processor

    def status(self, *_: Any, **__: Any) -> Status:
        self.looks.append(self.wall)
        self.processor += self.cost
        return Status({}, 0, {}, settled=False, waiting_for=["photos"])


@pytest.mark.parametrize(("cost", "every"), [(0.0, 15), (0.1, 15), (0.9, 45)])
def test_looking_at_the_progress_takes_two_percent_of_a_core_at_most(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cost: float, every: int
) -> None:
    clocks, lines = Clocks(cost), list[str]()
    monkeypatch.setattr(watching, "time", clocks)
    monkeypatch.setattr(status_module, "status", clocks.status)
    watch = Watch(Resources(Settings.load(home=tmp_path)), lines.append, seconds=15.0)
    platform: Any = SimpleNamespace(pause=SimpleNamespace(active=False), instance=None)
    for second in range(200):
        clocks.wall = float(second)
        assert not watch(platform)
    # The second look is soon, whatever the first one has cost.
    assert clocks.looks == [0, 15, *range(15 + every, 200, every)]
    assert len(lines) == 1, "a line that says the same is not repeated"
