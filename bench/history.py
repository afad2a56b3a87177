"""The history from lake to gold, at a tenth and at all of it: the first build, and what one new sol takes afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.measuring import Measured, in_own_process
from bench.report import Line

_TENTH: Final = "287"
"""Sols with photos per rover that make a tenth of the 11,476 of all four."""

_FLAT: Final = 1.2
"""How much longer one new sol may take at ten times the history to count as flat."""

_STEPS: Final = ("load", "build", "publish")


@dataclass(frozen=True, slots=True)
class History:
    """What one size of history took, by step: everything, then one new sol."""

    sols: int
    photos: int
    first: dict[str, Measured]
    one_more: dict[str, Measured]


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the history benchmark."""
    small, large = _history("2" if quick else _TENTH), _history("4" if quick else "all")
    for history in (small, large):
        what = f"{history.sols:,} sols, {history.photos:,} photos"
        for step, measured in history.first.items():
            yield Line(name=f"{what}: first {step}", ours=measured.seconds, unit="s", peak_mb=measured.peak_mb)
        for step in ("load", "build"):
            speed = history.photos / history.first[step].seconds
            yield Line(name=f"{what}: first {step}", ours=speed, unit="photos/s")
    for step in _STEPS:
        tenth, all_of_it = small.one_more[step], large.one_more[step]
        yield Line(
            name=f"one new sol after {large.sols:,}: {step}",
            ours=all_of_it.seconds,
            unit="s",
            baseline=tenth.seconds,
            against=f"after {small.sols:,}",
            ratio_at_most=_FLAT if step == "build" else None,
            peak_mb=all_of_it.peak_mb,
            baseline_peak_mb=tenth.peak_mb,
        )


def _history(sols: str) -> History:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        made = _step("generate", home, sols).result
        first = {step: _step(step, home) for step in _STEPS}
        _expect(home, made["photos"])
        _step("arrive", home)
        one_more = {step: _step(step, home) for step in _STEPS}
        if one_more["load"].result["loaded"] != 1:
            raise RuntimeError(f"{one_more['load'].result['loaded']} objects were loaded, not the new one")
    return History(made["sols"], made["photos"], first, one_more)


def _expect(home: Path, photos: int) -> None:
    found = _step("count", home).result["photos"]
    if found != photos:
        raise RuntimeError(f"gold counts {found} photos, the lake holds {photos}")


def _step(name: str, home: Path, *arguments: str) -> Measured:
    return in_own_process("bench.history_steps", name, str(home), *arguments)
