"""One line per measurement, and the table of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rich.console import Console
from rich.table import Table

_WHOLE_FROM: Final = 100
"""Numbers from here on are shown without decimals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One measurement beside its baseline.

    Attributes:
        name: what was measured.
        ours: the platform's number.
        unit: of both numbers.
        baseline: the other number of the same run; None where there is nothing to stand beside.
        against: what the baseline is.
        at_most: the goal for our number.
        at_least: the same where more is better.
        ratio_at_most: the goal for our number divided by the baseline.
        ratio_at_least: the same where more is better.
        peak_mb: the most memory of what was measured.
        baseline_peak_mb: the most memory of the baseline.
    """

    name: str
    ours: float
    unit: str
    baseline: float | None = None
    against: str = ""
    at_most: float | None = None
    at_least: float | None = None
    ratio_at_most: float | None = None
    ratio_at_least: float | None = None
    peak_mb: float | None = None
    baseline_peak_mb: float | None = None

    @property
    def ratio(self) -> float | None:
        """Our number divided by the baseline."""
        return self.ours / self.baseline if self.baseline else None

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None without a goal."""
        if self.at_most is not None:
            return self.ours <= self.at_most
        if self.at_least is not None:
            return self.ours >= self.at_least
        if self.ratio_at_most is not None and self.ratio is not None:
            return self.ratio <= self.ratio_at_most
        if self.ratio_at_least is not None and self.ratio is not None:
            return self.ratio >= self.ratio_at_least
        return None

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.at_most is not None:
            return f"≤ {_number(self.at_most)} {self.unit}"
        if self.at_least is not None:
            return f"≥ {_number(self.at_least)} {self.unit}"
        if self.ratio_at_least is not None:
            return f"≥ {self.ratio_at_least:g}x"
        return "" if self.ratio_at_most is None else f"≤ {self.ratio_at_most:g}x"


def show(lines: Iterable[Line], console: Console) -> None:
    """Print the table."""
    table = Table("measured", "ours", "baseline", "ratio", "goal", "met", "peak MB")
    for column in table.columns[1:4]:
        column.justify = "right"
    for line in lines:
        baseline = "" if line.baseline is None else f"{_number(line.baseline)} {line.unit} ({line.against})"
        ratio = "" if line.ratio is None else f"{line.ratio:.2f}x"
        met = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[line.met]
        peaks = [_number(peak) for peak in (line.peak_mb, line.baseline_peak_mb) if peak is not None]
        table.add_row(line.name, f"{_number(line.ours)} {line.unit}", baseline, ratio, line.goal, met, " / ".join(peaks))
    console.print(table)


def _number(value: float) -> str:
    return f"{value:,.{0 if abs(value) >= _WHOLE_FROM else 2}f}"
