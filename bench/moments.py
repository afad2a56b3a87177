"""Pictures fetched and measured, and movies made, beside a bare loop and what the libraries take alone."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.measuring import Measured, in_own_process
from bench.movie_steps import draw_pictures
from bench.pictures import downloads
from bench.report import Line

_FRAMES: Final = 500
_MANY_FRAMES: Final = 5_000
_PER_SECOND: Final = 150
_RATIO: Final = 1.5
_PEAK_MB: Final = 500
_FLAT: Final = 1.1
"""How much more memory ten times the frames may take to count as flat."""


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the benchmark of moments."""
    yield from downloads(quick=quick)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _quality(folder / "square", pictures=20 if quick else 300)
        yield from _movies(folder / "wide", quick=quick)


def _quality(folder: Path, *, pictures: int) -> Iterator[Line]:
    for kind in ("gray JPEG", "colour JPEG", "gray PNG"):
        files = folder / kind.replace(" ", "-")
        draw_pictures(files, kind=kind, width=1024, height=1024)
        runs = {what: _step(what, files, pictures).result["cpu_seconds"] for what in ("measure", "decode")}
        ours, decode = (runs[what] / pictures * 1_000 for what in ("measure", "decode"))
        # The goal is of the metrics: how long a file takes to unpack is its format's affair.
        yield Line(
            name=f"metrics of a {kind} of 1024 x 1024, CPU",
            ours=ours - decode,
            unit="ms",
            at_most=1_000 / _PER_SECOND,
        )
        yield Line(
            name=f"{kind} of 1024 x 1024 decoded and measured, CPU", ours=ours, unit="ms", baseline=decode, against="decode"
        )


def _movies(folder: Path, *, quick: bool) -> Iterator[Line]:
    draw_pictures(folder, kind="colour JPEG", width=1280, height=960)
    # What flickers is dearer to encode: the baseline gets the scene without.
    even = folder.with_name("even")
    draw_pictures(even, kind="colour JPEG", width=1280, height=960, jumps=0)
    frames, many = (20, 60) if quick else (_FRAMES, _MANY_FRAMES)
    first: Measured | None = None
    for kind in ("drive", "view"):
        # Turn by turn, so that both see the same machine.
        turns = [(_step(kind, folder, frames), _step("bare", even, frames)) for _ in range(1 if quick else 3)]
        ours, bare = (statistics.median(measured.seconds for measured in side) for side in zip(*turns, strict=True))
        peaks = [max(measured.peak_mb for measured in side) for side in zip(*turns, strict=True)]
        first = first or turns[0][0]
        yield Line(
            name=f"{kind} movie of {frames} frames of 1280 x 960",
            ours=ours,
            unit="s",
            baseline=bare,
            against="decode and encode",
            ratio_at_most=_RATIO,
            peak_mb=peaks[0],
            baseline_peak_mb=peaks[1],
        )
        yield Line(name=f"{kind} movie of {frames} frames: peak", ours=peaks[0], unit="MB", at_most=_PEAK_MB)
    if first is not None:
        yield Line(
            name=f"drive movie of {many:,} frames: peak",
            ours=_step("drive", folder, many).peak_mb,
            unit="MB",
            baseline=first.peak_mb,
            against=f"{frames} frames",
            ratio_at_most=_FLAT,
        )


def _step(what: str, folder: Path, count: int) -> Measured:
    return in_own_process("bench.movie_steps", what, str(folder), str(count))
