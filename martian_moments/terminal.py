"""What the commands show: lines with the time, tables that fit into 80 columns, a bar."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from martian_moments.domain.rovers import ROVERS
from martian_moments.media.choosing import REASONS
from martian_moments.operations.watching import count

if TYPE_CHECKING:
    from martian_moments.operations.backfill import Progress
    from martian_moments.operations.demo import Verdict
    from martian_moments.operations.movies import Finished, MomentState
    from martian_moments.operations.service import ServiceStatus
    from martian_moments.operations.status import Status

_STATES: Final = {
    "made": "[green]made[/green]",
    "outdated": "frames changed since",
    "chosen": "no movie yet",
    "never": "nobody has asked",
}
_SHOWN_ERRORS: Final = 5

OUT: Final = Console(highlight=False, soft_wrap=True)
ERR: Final = Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """A line with the time of the day."""
    OUT.print(f"{time.strftime('%H:%M:%S')} {escape(line)}")


@contextmanager
def progress_bar(title: str) -> Iterator[Callable[[Progress], None]]:
    """A bar on the terminal; what is given is called with the progress."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("sols"), TimeElapsedColumn())
    with Bars(*columns, console=ERR) as bars:
        bar = bars.add_task(title, total=None)
        yield lambda now: bars.update(bar, completed=now.materialized + now.failed, total=now.total)


@contextmanager
def step_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each step of a movie from its first report on; what is given is called with step, done and total."""
    from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=ERR) as bars:
        tasks: dict[str, TaskID] = {}

        def report(step: str, done: int, total: int) -> None:
            if step not in tasks:
                tasks[step] = bars.add_task(step, total=total)
            bars.update(tasks[step], completed=done, total=total)

        yield report


def print_movie(path: Path, done: Finished) -> None:
    """What a movie has, and what became of the other pictures."""
    movie = done.made
    megabytes = movie.files[movie.movie][0] / 1e6
    what = f"of {movie.frames} pictures" if movie.is_still else f"{movie.frames} frames, {movie.seconds:.1f} s"
    OUT.print(f"{escape(str(path))}: {what}, {movie.width_px} x {movie.height_px}, {megabytes:.1f} MB")
    for reason, pictures in done.choice.left_out.items():
        OUT.print(f"  left out: {pictures:,} {reason} ({REASONS[reason]})")
    for camera in done.without_photos:
        OUT.print(f"  no photo of {escape(camera)} fits")
    for error in done.errors[:_SHOWN_ERRORS]:
        OUT.print(f"  {escape(str(error))}")
    if len(done.errors) > _SHOWN_ERRORS:
        OUT.print(f"  and {len(done.errors) - _SHOWN_ERRORS:,} more that could not be had; the same command asks again")


def print_moments(found: Sequence[MomentState]) -> None:
    """Every moment with its movie."""
    table = Table("moment", "state", "frames", "seconds", "MB", box=SIMPLE_HEAD, pad_edge=False)
    for each in found:
        movie = each.movie
        table.add_row(
            each.moment.name,
            _STATES[each.state],
            "" if each.frames is None else count(each.frames),
            f"{movie.seconds:.1f}" if movie else "",
            f"{movie.files[movie.movie][0] / 1e6:.1f}" if movie else "",
        )
    OUT.print(table)
    for each in found:
        if each.where:
            OUT.print(f"{each.moment.name}: {escape(each.where)}")


def print_status(now: Status) -> None:
    """The status as a table, and what is waited for."""
    rovers = [
        {
            "": ROVERS[rover].title,
            "sols": "unserved" if each.state == "unserved" else f"{each.sols_in_lake:,}/{each.sols_expected:,}",
            "promised": f"{each.photos_expected:,}",
            "lake": f"{each.photos_in_lake:,}",
            "bronze": count(each.photos_in_bronze),
            "silver": count(each.photos_in_silver),
            "missing": f"{len(each.gaps):,}",
            "short": f"{len(each.short):,}",
        }
        for rover, each in now.rovers.items()
    ]
    _print_rovers(rovers)
    unread = {topic: sum(partitions.values()) for topic, partitions in now.lag.items()}
    OUT.print("unread: " + ", ".join(f"{count:,} of {topic}" for topic, count in unread.items()))
    if now.dead_letters:
        OUT.print(f"{now.dead_letters} dead letters; martian-moments dead-letters shows them")
    for host, until in now.pauses.items():
        OUT.print(f"{escape(host)} wants no requests before {until:%Y-%m-%d %H:%M} UTC")
    if now.service:
        OUT.print(f"service: {_service(now.service)}")
    for warning in now.warnings:
        OUT.print(f"warning: {warning}")
    OUT.print("settled" if now.settled else "\n".join(["not settled:", *(f"- {reason}" for reason in now.waiting_for)]))


def _service(service: ServiceStatus) -> str:
    if not service.responds:
        return f"{service.url} does not respond"
    tables = f"tables of {service.published_at:%Y-%m-%d %H:%M} UTC" if service.published_at else "no tables yet"
    return f"{service.url}, {tables}{f' ({service.reason})' if service.reason else ''}"


def print_verdicts(verdicts: Sequence[Verdict]) -> None:
    """The demo beside the truth."""
    rovers = []
    for each in verdicts:
        driven = ["no map", ""] if each.distance_m is None else [f"{metres / 1_000:.3f}" for metres in each.distance_m]
        photos = dict(zip(("truth", "lake", "bronze", "gold"), (f"{count:,}" for count in each.photos), strict=True))
        rovers.append(
            {
                "": ROVERS[each.rover].title,
                "source": each.source,
                **photos,
                "photos": "identical" if each.identical else "different",
                "km truth": driven[0],
                "km gold": driven[1],
                "verdict": "[green]agrees[/green]" if each.agrees else "[red]differs[/red]",
            }
        )
    _print_rovers(rovers)


def _print_rovers(rovers: Sequence[Mapping[str, str]]) -> None:
    """A column for each rover and a line for each fact: four rovers fit into 80 columns, and no number is ever cut."""
    _, *facts = rovers[0]
    table = Table("", box=SIMPLE_HEAD, pad_edge=False)
    for rover in rovers:
        table.add_column(rover[""], justify="right", no_wrap=True)
    for fact in facts:
        table.add_row(fact, *(rover[fact] for rover in rovers))
    OUT.print(table)
