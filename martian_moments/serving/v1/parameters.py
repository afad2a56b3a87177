"""Parameters as the original read them: Ruby's conversions, Rails' names and Kaminari's pages.

Sources: corincerami/mars-photo-api (models and controllers), kaminari 1.2 (page_scope_methods.rb), ActiveModel's and
ActiveSupport's conversions. What ended there in an error of the server is refused here with 400.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from martian_moments.domain.rovers import ROVERS, SOL_SECONDS, Rover
from martian_moments.serving.v1.responses import Refused

LARGEST_SOL: Final = 99_999

_PER_PAGE: Final = 25
"""Photos of a page, as Kaminari has them where it is not told otherwise."""

_LARGEST_PAGE_OF_SOLS: Final = 10_000
"""Photos of a page of several sols, which the original could not be asked for."""

_LAST_DAY: Final = date(2200, 1, 1)
"""Later than any photo, so that nothing is computed beyond the calendar."""

_INT: Final = 2**31
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Page:
    """Which of the photos are wanted: all from ``offset`` on where ``size`` is None."""

    number: int
    size: int | None

    @property
    def offset(self) -> int:
        """How many come before it."""
        return (self.number - 1) * (self.size or 0)


def named(name: str) -> Rover | None:
    """The rover of ``/rovers/:id`` and ``/manifests/:id``, in any case."""
    return next((rover for rover in ROVERS.values() if rover.title == name.capitalize()), None)


def titled(name: str) -> Rover | None:
    """The rover of ``/rovers/:id/photos`` and ``latest_photos``: inner capitals begin a word, so CuRiosity is none."""
    return next((rover for rover in ROVERS.values() if rover.title == _titleized(name)), None)


def _titleized(name: str) -> str:
    parts = re.sub(r"(?<=[A-Z])(?=[A-Z][a-z])|(?<=[a-z\d])(?=[A-Z])", "_", name).replace("-", "_").lower()
    words = re.sub(r"_id$", "", parts.lstrip("_")).replace("_", " ").split(" ")
    return " ".join(word.capitalize() for word in words)


def to_i(text: str) -> int:
    """The number with which a text begins, 0 for any other, as in Ruby."""
    found = re.match(r"\s*([+-]?\d{1,40}(?:_\d{1,40})*)", text, re.ASCII)
    return int(found[1].replace("_", "")) if found else 0


def to_sol(text: str) -> int | None:
    """A sol, as a column of integers was compared with a text; None where no row can be meant."""
    number = to_i(text)
    return number if text.strip() and -_INT <= number < _INT else None


def to_page(query: Mapping[str, str], *, always: bool = False) -> Page:
    """The page that is asked for: the first of ``page`` and ``per_page``; everything without ``page``, unless ``always``."""
    if "page" not in query and not always:
        return Page(1, None)
    asked, wanted = query.get("per_page", ""), to_i(query.get("per_page", ""))
    size = wanted if re.match(r"\d", asked, re.ASCII) else _PER_PAGE
    # Beyond it there is nothing: no rover has that many.
    return Page(min(max(to_i(query.get("page", "")), 1), _INT), min(size, _LARGEST_PAGE_OF_SOLS if always else _INT))


def to_date(text: str) -> date | None:
    """A day as ``%Y-%m-%d`` has it, with or without leading zeros; None for one that no calendar here reaches.

    Raises:
        Refused: it is none.
    """
    found = re.fullmatch(r"([+-]?\d{1,9})-(\d{1,2})-(\d{1,2})", text.strip(), re.ASCII)
    if found is None:
        raise Refused("Invalid Earth Date: use YYYY-MM-DD")
    year, month, day = map(int, found.groups())
    if not date.min.year <= year <= date.max.year:
        return None
    try:
        return date(year, month, day)
    except ValueError:
        raise Refused("Invalid Earth Date: there is no such day") from None


def sols_of(rover: Rover, first: date, last: date) -> range:
    """The sols whose ``earth_date``, as v1 computed it, lies between two days; none or one for a single day."""
    last = min(last, _LAST_DAY)
    return range(_first_sol(rover, first), _first_sol(rover, last + timedelta(days=1))) if first <= last else range(0)


def _first_sol(rover: Rover, day: date) -> int:
    """The first sol whose earth_date is not before a day."""
    days = (day - rover.landing_date).days
    sol = max(0, int(days * _DAY_S / SOL_SECONDS) - 1)
    while rover.v1_earth_date(sol) < day:
        sol += 1
    return sol
