"""Partitions: the sols of each rover, their order, and ranges of them.

Each rover has its own dynamic partitions set, ``<rover>_sols``. Dagster's ranges follow the order of registration, not the
order of the keys, so sols are registered in ascending order and without gaps from the rover's first sol. Then a range of
keys and a range of sols are the same thing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import dagster as dg

from martian_moments.domain.documents import sol_key
from martian_moments.domain.errors import InputError
from martian_moments.domain.rovers import ROVERS
from martian_moments.settings import Settings

BRONZE_RUN_SOLS: Final = 3_000
"""The widest span of sols that one run loads into bronze: a load takes two seconds beside its documents."""

_APART: Final = 200
"""Due sols that are farther apart are in different spans: a run reports all sols between its first and its last."""

RANGE_START: Final = "dagster/asset_partition_range_start"
RANGE_END: Final = "dagster/asset_partition_range_end"
PARTITION: Final = "dagster/partition"

MOMENTS: Final = "moments"
"""The dynamic partitions set of moments."""


@dataclass(frozen=True, slots=True)
class Span:
    """Sols that one run covers, and which of them it is for.

    Attributes:
        first: the first sol of the partition range.
        last: the last one, included.
        sols: the sols in the range that are due, ascending.
    """

    first: int
    last: int
    sols: tuple[int, ...]

    def tags(self) -> dict[str, str]:
        """The run tags that make a run cover the range."""
        return range_tags(sol_key(self.first), sol_key(self.last))


def range_tags(first: str, last: str) -> dict[str, str]:
    """The run tags that make a run cover the partitions from the first to the last, in the order of their registration."""
    return {RANGE_START: first, RANGE_END: last}


def lake_run_sols(settings: Settings) -> int:
    """The widest span of sols that one run asks NASA for: what takes about seven minutes, and 500 where there is no limit.

    At 30 requests a minute that are 200. Wider ones cost less, but are longer under way when they are cut off: of the full
    history without a limit, runs of 200 sols took 240 s on two cores, of 500 and of 1,000 about 180.
    """
    return min(500, max(200, 6 * settings.requests_per_minute))


def sols_of(rover: str) -> dg.DynamicPartitionsDefinition:
    """The partitions of a rover's photos: five-digit sols."""
    return dg.DynamicPartitionsDefinition(name=f"{rover}_sols")


def registered_sols(instance: dg.DagsterInstance, rover: str) -> range:
    """The registered sols of a rover, from its first to the newest; an empty range before the first manifest.

    Raises:
        InputError: somebody added or deleted keys by hand, so that they are no longer consecutive sols.
    """
    first = ROVERS[rover].first_sol
    registered = instance.get_dynamic_partitions(f"{rover}_sols")
    sols = range(first, first + len(registered))
    if registered and (registered[0], registered[-1]) != (sol_key(sols[0]), sol_key(sols[-1])):
        raise InputError(
            f"the partitions {rover}_sols are not the consecutive sols from {sol_key(first)} on; "
            "delete them all in the UI and materialize lake/manifests, which registers them again"
        )
    return sols


def register_sols(instance: dg.DagsterInstance, rover: str, newest_sol: int) -> int:
    """Register every sol up to the newest one; returns how many are new.

    Raises:
        InputError: the registered keys are not consecutive sols.
    """
    new = [sol_key(sol) for sol in range(registered_sols(instance, rover).stop, newest_sol + 1)]
    if new:
        instance.add_dynamic_partitions(f"{rover}_sols", new)
    return len(new)


def spans(sols: Iterable[int], width: int) -> Iterator[Span]:
    """Cut sols into spans of at most ``width`` consecutive sols, newest first, each as few as cover what is due."""
    due = sorted(set(sols), reverse=True)
    while due:
        inside = due[:1]
        for sol in due[1:]:
            if due[0] - sol >= width or inside[-1] - sol > _APART:
                break
            inside.append(sol)
        yield Span(first=inside[-1], last=due[0], sols=tuple(reversed(inside)))
        due = due[len(inside) :]


def newest_span(sols: Collection[int], width: int) -> Span | None:
    """The span that holds the newest of the sols, or None when there are none."""
    return next(spans(sols, width), None)


def sols_in_tags(tags: Mapping[str, str]) -> range:
    """The sols that a run covers by its partition tags; empty for a run without partitions of sols."""
    first = tags.get(RANGE_START, tags.get(PARTITION, ""))
    last = tags.get(RANGE_END, first)
    return range(int(first), int(last) + 1) if first.isdigit() and last.isdigit() else range(0)


def parse_range(text: str, registered: range) -> range:
    """The sols of a person's ``FIRST-LAST`` (or one sol).

    Raises:
        InputError: not a range, or sols that are not registered.
    """
    first_text, dash, last_text = text.partition("-")
    try:
        first, last = int(first_text), int(last_text if dash else first_text)
    except ValueError:
        raise InputError(f"{text!r} is not a range of sols; write FIRST-LAST, for example 100-200") from None
    if not registered:
        raise InputError("no sols are known yet; wait until the rover's manifest has been fetched (martian-moments status)")
    if first > last or first not in registered or last not in registered:
        known = f"{registered.start} to {registered.stop - 1}"
        raise InputError(f"sols {text} are not all known; ask for a rising range within {known}")
    return range(first, last + 1)


def keys(sols: Sequence[int]) -> list[str]:
    """The partition keys of sols."""
    return [sol_key(sol) for sol in sols]


def moments_partitions() -> dg.DynamicPartitionsDefinition:
    """The partitions of moments: their names."""
    return dg.DynamicPartitionsDefinition(name=MOMENTS)
