"""Parameters as Ruby, Rails and Kaminari read them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments.serving.v1.parameters import (
    Page,
    named,
    sols_of,
    titled,
    to_date,
    to_page,
    to_sol,
)
from martian_moments.serving.v1.responses import Refused


@pytest.mark.parametrize("name", ["curiosity", "Curiosity", "CURIOSITY"])
def test_a_rover_is_found_in_small_and_in_capital_letters(name: str) -> None:
    assert named(name) is titled(name) is ROVERS["curiosity"]


def test_inner_capitals_begin_a_word_where_the_original_titleized() -> None:
    assert titled("CuRiosity") is None
    assert named("CuRiosity") is ROVERS["curiosity"]


@pytest.mark.parametrize("name", ["", "this doesn't exist", "curiosit", "curiosity rover", "Rover", "null"])
def test_no_other_name_is_a_rover(name: str) -> None:
    assert named(name) is None
    assert titled(name) is None


@pytest.mark.parametrize(
    ("text", "sol"),
    [
        *[("829", 829), ("12x", 12), ("1.9", 1), ("abc", 0), (" 7", 7), ("-3", -3), ("+4", 4), ("1_000", 1000), ("x1", 0)],
        *[("", None), ("  ", None), ("2147483648", None), ("-2147483649", None), ("9" * 500, None), ("٣", 0)],
    ],
)
def test_a_sol_is_the_number_with_which_the_text_begins(text: str, sol: int | None) -> None:
    assert to_sol(text) == sol


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ({}, Page(1, None)),
        ({"per_page": "10"}, Page(1, None)),
        ({"page": "2"}, Page(2, 25)),
        ({"page": "2", "per_page": "30"}, Page(2, 30)),
        ({"page": "1", "per_page": "4000"}, Page(1, 4000)),
        ({"page": "1", "per_page": "0"}, Page(1, 0)),
        ({"page": "1", "per_page": "30x"}, Page(1, 30)),
        ({"page": "1", "per_page": "-5"}, Page(1, 25)),
        ({"page": "1", "per_page": "x"}, Page(1, 25)),
        ({"page": "0"}, Page(1, 25)),
        ({"page": "-1"}, Page(1, 25)),
        ({"page": ""}, Page(1, 25)),
        ({"page": "x"}, Page(1, 25)),
    ],
)
def test_pages_are_those_of_kaminari(query: dict[str, str], page: Page) -> None:
    assert to_page(query) == page


def test_a_page_of_several_sols_is_always_one_and_has_a_limit() -> None:
    assert to_page({}, always=True) == Page(1, 25)
    assert to_page({"per_page": "99999999"}, always=True) == Page(1, 10_000)


@pytest.mark.parametrize("text", ["2014-12-05", "2014-12-5", " 2014-12-05"])
def test_a_day_may_lack_zeros(text: str) -> None:
    assert to_date(text) == date(2014, 12, 5)


@pytest.mark.parametrize("text", ["", "yesterday", "2014-13-01", "2015-02-29", "2014-12-05T00:00", "12/05/2014", "2014-12"])
def test_what_is_no_day_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="Invalid Earth Date"):
        to_date(text)


def test_sol_829_of_curiosity_is_the_fifth_of_december_2014() -> None:
    assert ROVERS["curiosity"].v1_earth_date(829) == date(2014, 12, 5)
    assert sols_of(ROVERS["curiosity"], date(2014, 12, 5), date(2014, 12, 5)) == range(829, 830)


@pytest.mark.parametrize("rover", ROVERS.values(), ids=lambda rover: rover.name)
def test_every_sol_is_found_by_its_date_and_by_no_other(rover: object) -> None:
    assert hasattr(rover, "v1_earth_date")
    sols = {sol: rover.v1_earth_date(sol) for sol in range(5_200)}
    found: list[int] = []
    day = sols[0] - timedelta(days=3)
    while day <= sols[5_199]:
        found += [sol for sol in sols_of(rover, day, day) if sol < len(sols)]  # type: ignore[arg-type]
        day += timedelta(days=1)
    assert found == list(sols)


@pytest.mark.parametrize("day", [date.min, date.max, date(2012, 8, 5)])
def test_a_day_without_a_sol_has_none(day: date) -> None:
    assert list(sols_of(ROVERS["curiosity"], day, day)) == []
