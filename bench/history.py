"""The history from lake to gold, at a tenth and at all of it: the first build, and what one new sol takes afterwards.

Once as v1 reports it, and once as the missions' own feeds and archive do: these have more records (2.7 million instead of
1.2), and only they say where a camera looked, without which there is no panorama and no sequence.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bench.dialects import step_of
from bench.measuring import Measured, in_own_process
from bench.report import Line
from bench.upstream import real_counts, replica_process
from martian_moments.domain.rovers import ROVERS
from martian_moments.nasa import m20, msl, pds, v1
from martian_moments.replica.config import ReplicaConfig

_TENTH: Final = "287"
"""Sols with photos per rover that make a tenth of the 11,476 of all four."""

_FLAT: Final = 1.2
"""How much longer one new sol may take at ten times the history to count as flat."""

_STEPS: Final = ("load", "build", "publish", "open_formats")

_DRAW_AT_MOST_S: Final = 1.0
"""Of the pages of all tables, whatever the history; a build makes only those of tables that changed."""

_OFFICIAL: Final = f"{m20.SOURCE},{msl.SOURCE},{pds.SOURCE}"


@dataclass(frozen=True, slots=True)
class History:
    """What one size of history took, by step: everything, the pages of all tables, then one new sol."""

    sols: int
    photos: int
    first: dict[str, Measured]
    drawn: Mapping[str, float]
    one_more: dict[str, Measured]


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the history benchmark."""
    for sources in (v1.SOURCE, _OFFICIAL):
        small = _history("2" if quick else _TENTH, sources)
        large = _history("4" if quick else "all", sources)
        for history in (small, large):
            yield from _first(history, sources)
        yield _drawing(small, large, sources)
        yield from _one_more(small, large, sources)


def _first(history: History, sources: str) -> Iterator[Line]:
    what = f"{history.sols:,} sols, {history.photos:,} records of {sources}"
    for step, measured in history.first.items():
        yield Line(name=f"{what}: first {step}", ours=measured.seconds, unit="s", peak_mb=measured.peak_mb)
    for step in ("load", "build"):
        speed = history.photos / history.first[step].seconds
        yield Line(name=f"{what}: first {step}", ours=speed, unit="records/s")
    yield Line(name=f"{what}: of the first build, observations", ours=_observations(history.first), unit="s")


def _drawing(small: History, large: History, sources: str) -> Line:
    return Line(
        name=f"{large.sols:,} sols of {sources}: pages with {large.drawn['pictures']} pictures, of the processor",
        ours=large.drawn["draw_cpu_s"],
        unit="s",
        baseline=small.drawn["draw_cpu_s"],
        against=f"{small.sols:,} sols",
        at_most=_DRAW_AT_MOST_S,
    )


def _one_more(small: History, large: History, sources: str) -> Iterator[Line]:
    what = f"one new sol after {large.sols:,} of {sources}"
    against = f"after {small.sols:,}"
    for step in _STEPS:
        tenth, all_of_it = small.one_more[step], large.one_more[step]
        yield Line(
            name=f"{what}: {step}",
            ours=all_of_it.seconds,
            unit="s",
            baseline=tenth.seconds,
            against=against,
            ratio_at_most=_FLAT if step in {"build", "publish"} else None,
            peak_mb=all_of_it.peak_mb,
            baseline_peak_mb=tenth.peak_mb,
        )
    yield Line(
        name=f"{what}: publish, {large.one_more['publish'].result['files']:.0f} files, of the processor",
        ours=large.one_more["publish"].result["publish_cpu_s"],
        unit="s",
        baseline=small.one_more["publish"].result["publish_cpu_s"],
        against=against,
    )
    yield Line(
        name=f"{what}: of the build, observations",
        ours=_observations(large.one_more),
        unit="s",
        baseline=_observations(small.one_more),
        against=against,
    )


def _observations(steps: dict[str, Measured]) -> float:
    return float(steps["build"].result["observations_s"])


def _history(sols: str, sources: str) -> History:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if sources == v1.SOURCE:
            _step("generate", home, sols)
        else:
            _fetch(home, sols, sources)
        made = _step("hold_back", home).result
        first = {step: _step(step, home) for step in _STEPS}
        _expect(home, made["photos"])
        drawn = _step("draw", home).result
        _step("arrive", home)
        one_more = {step: _step(step, home) for step in _STEPS}
        if one_more["load"].result["loaded"] != 1:
            raise RuntimeError(f"{one_more['load'].result['loaded']} objects were loaded, not the new one")
    return History(made["sols"], made["photos"], first, drawn, one_more)


def _fetch(home: Path, sols: str, sources: str) -> None:
    """Fill the lake from a replica: what the feeds and the archive send has no documents without the platform's reading."""
    config = ReplicaConfig(sols=None if sols == "all" else int(sols), counts=real_counts())
    with replica_process(config) as replica:
        for rover in ROVERS:
            step_of("fetch", replica, home, sources, rover)


def _expect(home: Path, photos: int) -> None:
    found = _step("count", home).result["photos"]
    if found != photos:
        raise RuntimeError(f"gold counts {found} photos, the lake holds {photos}")


def _step(name: str, home: Path, *arguments: str) -> Measured:
    """A step in a process of its own; where it says itself how long it took and what was the peak, that counts."""
    measured = in_own_process("bench.history_steps", name, str(home), *arguments)
    own = {key: measured.result[key] for key in ("seconds", "peak_mb") if key in measured.result}
    return replace(measured, **own)
