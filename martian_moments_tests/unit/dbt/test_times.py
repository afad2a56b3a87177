"""A time that its own sol, clock or date contradicts is flagged, and the better witness decides: in every dialect."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.domain.rovers import ROVERS, SOL_SECONDS
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object, photos

HALF_A_SOL: Final = SOL_SECONDS / 2
CLOCK_ZERO: Final = datetime(2000, 1, 1, 11, 58, 55, 816_000, tzinfo=UTC)
CORRECTIONS: Final = {"perseverance": 224, "curiosity": 266, "opportunity": -9, "spirit": -30}
"""UTC - CLOCK_ZERO - clock in seconds, on the sols that are used here; within the clocks' uncertainty."""

SOLS: Final = {"perseverance": 100, "curiosity": 86, "opportunity": 2, "spirit": 2}
WRONG_YEAR: Final = datetime(2003, 1, 17, 10, tzinfo=UTC)
"""Before every landing."""


class Reported(NamedTuple):
    """What is published of one picture's time."""

    taken_at: datetime | None
    method: str | None
    uncertainty_s: float | None
    is_disputed: bool
    lmst: str | None
    lmst_method: str | None
    earth_date: date | None
    earth_date_method: str | None


def noon(rover: str) -> datetime:
    """The middle of the rover's sol that is used here."""
    return ROVERS[rover].utc_of(SOLS[rover], 43_200)


def clock(rover: str, moment: datetime) -> float:
    return (moment - CLOCK_ZERO).total_seconds() - CORRECTIONS[rover]


def iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def m20(name: str, **reported: datetime) -> dict[str, Any]:
    image: dict[str, Any] = {"imageid": name, "sol": SOLS["perseverance"], "camera": {"instrument": "SKYCAM"}}
    image["date_taken_utc"] = iso(reported["utc"]) if "utc" in reported else "UNK"
    image["date_received"] = iso(reported["received"]) if "received" in reported else None
    image["date_taken_mars"] = str(ROVERS["perseverance"].mars_time_of(reported["lmst"])) if "lmst" in reported else "UNK"
    image["extended"] = {"sclk": f"{clock('perseverance', reported['clock']):.3f}" if "clock" in reported else "UNK"}
    return image


def msl(number: int, **reported: datetime) -> dict[str, Any]:
    item: dict[str, Any] = {"id": number, "sol": SOLS["curiosity"], "instrument": "MAHLI", "mission": "msl"}
    item |= {"https_url": f"https://x/{number}.JPG", "date_taken": iso(reported["utc"]) if "utc" in reported else None}
    item |= {"date_received": iso(reported["received"]) if "received" in reported else None}
    item |= {"created_at": iso(reported["created"]) if "created" in reported else None}
    item["spacecraft_clock"] = clock("curiosity", reported["clock"]) if "clock" in reported else None
    item["extended"] = {"lmst": str(ROVERS["curiosity"].mars_time_of(reported["lmst"])) if "lmst" in reported else None}
    return item


def pds(rover: str, product: str, **reported: datetime) -> dict[str, Any]:
    line = {"PRODUCT_ID": product, "PLANET_DAY_NUMBER": f"{SOLS[rover]:04}", "INSTRUMENT_ID": "PANCAM_LEFT"}
    line["START_TIME"] = iso(reported["utc"]) if "utc" in reported else "UNK"
    line["EARTH_RECEIVED_START_TIME"] = iso(reported["received"]) if "received" in reported else "N/A"
    line["SPACECRAFT_CLOCK_START_COUNT"] = f"{clock(rover, reported['clock']):.3f}" if "clock" in reported else "UNK"
    return line


def v1(number: int, rover: str, file: str, earth_date: date) -> dict[str, Any]:
    address = f"http://x/{file}"
    return {"id": number, "sol": SOLS[rover], "camera": {"name": "X"}, "img_src": address, "earth_date": str(earth_date)}


def mer_file(rover: str, moment: datetime) -> str:
    return f"{1 if rover == 'opportunity' else 2}P{clock(rover, moment):09.0f}EFF0000P2303L2M1-BR.JPG"


PERSEVERANCE, CURIOSITY, OPPORTUNITY, SPIRIT = (noon(rover) for rover in SOLS)
COMPUTED: Final = {rover: ROVERS[rover].v1_earth_date(sol) for rover, sol in SOLS.items()}
HOURS: Final = timedelta(hours=4.5)
SOLS_OFF: Final = timedelta(seconds=3.2 * SOL_SECONDS)

NO_MARS_TIMES: Final = (
    *("Sol-00100M24:00:00.000", "Sol-00100M12:60:00.000", "Sol-00100M12:00:60.000", "Sol-00100M12:00:00.0.0"),
    *("Sol-00100M12:00", "Sol-00100", "sol-00100m12:00:00.000", "12:00:00", " Sol-00100M12:00:00.000", "~"),
)
"""Texts that a source may report instead of one."""

RECORDS: Final[Mapping[tuple[str, str, str], list[dict[str, Any]]]] = {
    ("m20", "perseverance", "images"): [
        m20("all agree", utc=PERSEVERANCE, lmst=PERSEVERANCE, clock=PERSEVERANCE, received=PERSEVERANCE + HOURS),
        m20("wrong year", utc=WRONG_YEAR, lmst=PERSEVERANCE, clock=PERSEVERANCE),
        m20("wrong year, no clock", utc=WRONG_YEAR, lmst=PERSEVERANCE),
        m20("wrong year, only a clock", utc=WRONG_YEAR, clock=PERSEVERANCE),
        m20("wrong year alone", utc=WRONG_YEAR),
        m20("hours off the clock", utc=PERSEVERANCE + HOURS, clock=PERSEVERANCE),
        m20("mars time off", utc=PERSEVERANCE, lmst=PERSEVERANCE - SOLS_OFF, clock=PERSEVERANCE),
        m20("mars time alone and off", lmst=PERSEVERANCE - SOLS_OFF),
        m20("another sol", utc=PERSEVERANCE + SOLS_OFF, lmst=PERSEVERANCE + SOLS_OFF, clock=PERSEVERANCE + SOLS_OFF),
        m20("the next sol", utc=PERSEVERANCE + timedelta(seconds=SOL_SECONDS)),
        m20("received before", utc=PERSEVERANCE, received=PERSEVERANCE - HOURS),
        *(m20(text, utc=PERSEVERANCE) | {"date_taken_mars": text} for text in NO_MARS_TIMES),
        m20("mars time without zeros", utc=WRONG_YEAR) | {"date_taken_mars": "Sol-100M12:0:00"},
    ],
    ("msl", "curiosity", "items"): [
        msl(1, utc=CURIOSITY, lmst=CURIOSITY, clock=CURIOSITY, received=CURIOSITY + HOURS, created=CURIOSITY + SOLS_OFF),
        msl(2, utc=WRONG_YEAR),
        msl(3, utc=WRONG_YEAR, clock=CURIOSITY),
        msl(4, utc=CURIOSITY, clock=CURIOSITY - SOLS_OFF),
        msl(5, utc=CURIOSITY, received=CURIOSITY + HOURS, created=CURIOSITY - HOURS),
        # A clock of before the landing is none.
        msl(6, utc=CURIOSITY, clock=WRONG_YEAR),
        msl(7, clock=WRONG_YEAR),
        msl(8, utc=CURIOSITY, clock=datetime(2090, 1, 1, tzinfo=UTC)),
    ],
    ("pds", "opportunity", "lines"): [
        pds("opportunity", "agree", utc=OPPORTUNITY, clock=OPPORTUNITY, received=OPPORTUNITY + HOURS),
        pds("opportunity", "year", utc=WRONG_YEAR),
        pds("opportunity", "year and clock", utc=WRONG_YEAR, clock=OPPORTUNITY),
        # Its clock is in its name.
        pds("opportunity", mer_file("opportunity", OPPORTUNITY).removesuffix("-BR.JPG"), utc=WRONG_YEAR),
        pds("opportunity", "received before", utc=OPPORTUNITY, received=WRONG_YEAR),
    ],
    ("v1", "spirit", "photos"): [
        v1(1, "spirit", mer_file("spirit", SPIRIT), COMPUTED["spirit"]),
        # v1 files the last photos of Spirit under the sol before.
        v1(2, "spirit", mer_file("spirit", SPIRIT + timedelta(seconds=SOL_SECONDS)), COMPUTED["spirit"]),
        v1(3, "spirit", mer_file("spirit", SPIRIT + SOLS_OFF), COMPUTED["spirit"]),
        # One mirror reports the day.
        v1(4, "spirit", mer_file("spirit", SPIRIT), SPIRIT.date()),
        v1(5, "spirit", mer_file("spirit", SPIRIT), WRONG_YEAR.date()),
        v1(6, "spirit", "nameless.jpg", WRONG_YEAR.date()),
        v1(7, "spirit", "nameless.jpg", SPIRIT.date()),
    ],
}


def document(source: str, rover: str, array: str, records: list[dict[str, Any]]) -> BronzeObject:
    body = json.dumps({array: records}).encode()
    return bronze_object(Kind.PHOTOS, rover, body, source=source, sol=SOLS[rover], count=len(records))


@pytest.fixture(scope="module")
def published(project: Callable[[], Project], cases: Path) -> Mapping[str, Reported]:
    made = project()
    wrong_year = (cases / "wrong-year-msl-items.json").read_bytes()
    made.warehouse.load(
        [
            *(document(*key, records) for key, records in RECORDS.items()),
            bronze_object(Kind.PHOTOS, "curiosity", wrong_year, source="msl", sol=160, count=1),
            # Fetched by a machine whose own clock stood at 2003.
            photos(
                "opportunity", 2, [v1(1, "opportunity", mer_file("opportunity", OPPORTUNITY), date(2004, 1, 26))], hours=-2e5
            ),
        ]
    )
    made.build("--select", "+source_photos", "--exclude", "resource_type:test", "resource_type:unit_test")
    rows = made.query(
        "select case source when 'v1' then rover else source end || ' ' || sol || ' ' || source_id,"
        " epoch_ms(taken_at_utc), taken_at_method, taken_at_uncertainty_s,"
        " is_time_disputed, lmst, lmst_method, earth_date, earth_date_method from silver.source_photos"
    )
    assert len(rows) == sum(map(len, RECORDS.values())) + 2
    return {key: Reported(None if at is None else datetime.fromtimestamp(at / 1000, UTC), *rest) for key, at, *rest in rows}


def check(reported: Reported, moment: datetime | None, method: str | None, *, is_disputed: bool) -> None:
    """That a picture's time is the one of the witness that is named, with its uncertainty."""
    assert (reported.method, reported.is_disputed) == (method, is_disputed)
    if moment is None:
        assert reported.taken_at is None
        return
    assert reported.taken_at
    assert reported.uncertainty_s in (1, 5, 10, 60, pytest.approx(HALF_A_SOL))
    assert abs((reported.taken_at - moment).total_seconds()) <= reported.uncertainty_s


@pytest.mark.parametrize(
    ("name", "moment", "method"),
    [
        ("m20 100 wrong year", PERSEVERANCE, "lmst"),
        ("m20 100 wrong year, no clock", PERSEVERANCE, "lmst"),
        ("m20 100 wrong year, only a clock", PERSEVERANCE, "clock"),
        ("m20 100 wrong year alone", PERSEVERANCE, "sol"),
        ("msl 86 2", CURIOSITY, "sol"),
        ("msl 86 3", CURIOSITY, "clock"),
        ("msl 160 2", ROVERS["curiosity"].utc_of(160, 43_200), "sol"),
        ("pds 2 year", OPPORTUNITY, "sol"),
        ("pds 2 year and clock", OPPORTUNITY, "clock"),
        (f"pds 2 {mer_file('opportunity', OPPORTUNITY).removesuffix('-BR.JPG')}", OPPORTUNITY, "clock"),
    ],
)
def test_a_utc_of_another_year_is_disputed_and_the_better_witness_decides(
    published: Mapping[str, Reported], name: str, moment: datetime, method: str
) -> None:
    check(published[name], moment, method, is_disputed=True)
    assert (published[name].lmst_method is None) == (method == "sol"), "a sol alone reports no time of day"


def test_a_time_that_follows_from_the_sol_alone_is_off_by_up_to_half_a_sol(published: Mapping[str, Reported]) -> None:
    reported = published["msl 160 2"]
    assert reported.uncertainty_s == pytest.approx(44_387.622)
    assert (reported.earth_date, reported.earth_date_method) == (date(2013, 1, 17), "computed_from_sol")
    assert ROVERS["curiosity"].utc_of(160).date() == date(2013, 1, 16)


@pytest.mark.parametrize("name", ["m20 100 all agree", "m20 100 the next sol", "msl 86 1", "pds 2 agree"])
def test_a_utc_that_nothing_contradicts_stands_undisputed(published: Mapping[str, Reported], name: str) -> None:
    reported = published[name]
    assert (reported.method, reported.uncertainty_s, reported.is_disputed, reported.earth_date_method) == (
        "source",
        1,
        False,
        "utc",
    )


def test_a_utc_hours_off_the_clock_gives_way_to_it_although_both_are_of_the_sol(published: Mapping[str, Reported]) -> None:
    check(published["m20 100 hours off the clock"], PERSEVERANCE, "clock", is_disputed=True)


def test_a_mars_time_of_another_sol_is_not_believed(published: Mapping[str, Reported]) -> None:
    reported = published["m20 100 mars time off"]
    check(reported, PERSEVERANCE, "source", is_disputed=True)
    assert reported.lmst_method == "utc"
    check(published["m20 100 mars time alone and off"], PERSEVERANCE, "sol", is_disputed=True)


@pytest.mark.parametrize("text", NO_MARS_TIMES)
def test_a_text_that_is_no_mars_time_is_none(published: Mapping[str, Reported], text: str) -> None:
    reported = published[f"m20 100 {text}"]
    check(reported, PERSEVERANCE, "source", is_disputed=False)
    assert (reported.lmst, reported.lmst_method) == (str(ROVERS["perseverance"].mars_time_of(PERSEVERANCE)), "utc")


def test_a_mars_time_without_its_zeros_tells_the_time_and_is_published_with_them(published: Mapping[str, Reported]) -> None:
    reported = published["m20 100 mars time without zeros"]
    check(reported, PERSEVERANCE, "lmst", is_disputed=True)
    assert (reported.lmst, reported.lmst_method) == ("Sol-00100M12:00:00.000", "utc")


def test_where_all_clocks_agree_the_sol_is_what_is_wrong(published: Mapping[str, Reported]) -> None:
    check(published["m20 100 another sol"], PERSEVERANCE + SOLS_OFF, "source", is_disputed=True)


@pytest.mark.parametrize("name", ["msl 86 4", "msl 86 6", "msl 86 8"])
def test_a_clock_of_another_time_does_not_outdo_a_utc_of_the_sol(published: Mapping[str, Reported], name: str) -> None:
    check(published[name], CURIOSITY, "source", is_disputed=True)


def test_a_clock_of_before_the_landing_reports_no_time(published: Mapping[str, Reported]) -> None:
    check(published["msl 86 7"], None, None, is_disputed=True)


@pytest.mark.parametrize(
    ("name", "moment"),
    [("m20 100 received before", PERSEVERANCE), ("msl 86 5", CURIOSITY), ("pds 2 received before", OPPORTUNITY)],
)
def test_a_picture_that_was_received_before_it_was_taken_is_disputed(
    published: Mapping[str, Reported], name: str, moment: datetime
) -> None:
    check(published[name], moment, "source", is_disputed=True)


def test_a_clock_days_from_its_sol_is_disputed_and_one_of_the_next_sol_is_not(published: Mapping[str, Reported]) -> None:
    check(published["spirit 2 1"], SPIRIT, "clock", is_disputed=False)
    check(published["spirit 2 2"], SPIRIT + timedelta(seconds=SOL_SECONDS), "clock", is_disputed=False)
    check(published["spirit 2 3"], SPIRIT + SOLS_OFF, "clock", is_disputed=True)


def test_a_machines_own_clock_that_is_wrong_does_not_make_a_spacecrafts_impossible(
    published: Mapping[str, Reported],
) -> None:
    check(published["opportunity 2 1"], OPPORTUNITY, "clock", is_disputed=False)


def test_a_reported_day_that_sol_and_clock_contradict_is_not_believed(published: Mapping[str, Reported]) -> None:
    days = {
        name: (reported.is_disputed, reported.earth_date, reported.earth_date_method)
        for name, reported in published.items()
        if name.startswith("spirit")
    }
    assert days["spirit 2 1"] == (False, COMPUTED["spirit"], "computed_from_sol")
    assert days["spirit 2 4"] == (False, SPIRIT.date(), "source")
    assert days["spirit 2 5"] == (True, SPIRIT.date(), "utc")
    assert days["spirit 2 6"] == (True, COMPUTED["spirit"], "computed_from_sol")
    assert days["spirit 2 7"] == (False, SPIRIT.date(), "source")
