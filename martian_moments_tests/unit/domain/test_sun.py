"""The Sun over Mars, against values that others published."""

from __future__ import annotations

import csv
import math
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments.domain.sun import Sun, wrapped


def apart(one: float, other: float) -> float:
    """Degrees between two directions."""
    return abs((one - other + 180) % 360 - 180)


@pytest.mark.parametrize(
    ("moment", "solar_longitude", "subsolar_west", "declination_of_place", "true_solar_time"),
    [
        (datetime(2000, 1, 6, tzinfo=UTC), 277.18758, 174.72600, -25.2282, "23:38:54"),
        (datetime(2004, 1, 3, 13, 46, 31, tzinfo=UTC), 327.32416, 4.70505, None, "12:18:49"),
    ],
)
def test_the_worked_examples_of_mars24_come_out(
    moment: datetime, solar_longitude: float, subsolar_west: float, declination_of_place: float | None, true_solar_time: str
) -> None:
    """Mars24 Sunclock, "Algorithm and Worked Examples"; the times are those of the prime meridian."""
    sun = Sun.at(moment)
    assert sun.mars_year in (24, 26)
    assert sun.solar_longitude_deg == pytest.approx(solar_longitude, abs=6e-5)
    assert sun.subsolar_longitude_deg == pytest.approx(360 - subsolar_west, abs=2e-4)
    assert sun.seen_from(0, 0).true_solar_time == true_solar_time
    if declination_of_place is not None:
        # Of the place under the Sun, in planetographic degrees (0.25 sin Ls), and not of the Sun's direction.
        shift = 0.25 * math.sin(math.radians(solar_longitude))
        assert sun.declination_deg + shift == pytest.approx(declination_of_place, abs=2e-4)


def test_the_sun_of_a_picture_by_opportunity_is_the_one_that_its_label_states(real_payloads: Path) -> None:
    line = (real_payloads / "mer_edrindex_row_sample.tab").read_text()
    fields = [field.strip().strip('"').strip() for field in line.split("\t")]
    assert fields[12] == "2004-01-25T07:18:28Z"
    azimuth, elevation, solar_longitude = (float(field) for field in fields[44:47])
    assert (azimuth, elevation, solar_longitude) == (260.595, 36.7237, -20.8465)
    sun = Sun.at(datetime(2004, 1, 25, 7, 18, 28, tzinfo=UTC))
    sky = sun.seen_from(*ROVERS["opportunity"].landing_place)
    # The issue asks for 0.2 degrees, 0.01 degrees and 5 s. The index has six digits of an angle and whole seconds.
    assert apart(sky.azimuth_deg, azimuth) < 0.01
    assert abs(sky.elevation_deg - elevation) < 0.01
    assert apart(sun.solar_longitude_deg, solar_longitude) < 0.003
    assert (fields[20], sky.true_solar_time) == ("15:32:30", "15:32:30")


@pytest.mark.parametrize("rover", ["spirit", "opportunity"])
def test_every_noon_of_the_mission_timetables_has_the_season_and_height_of_the_sun_that_they_state(
    real_payloads: Path, rover: str
) -> None:
    with (real_payloads / f"mer_{rover}_timetable.tsv").open(encoding="utf-8", newline="") as file:
        noons = list(csv.DictReader(file, delimiter="\t"))
    assert len(noons) == {"spirit": 2209, "opportunity": 5352}[rover]
    for noon in noons:
        moment = datetime.strptime(noon["UTC"], "%Y-%m-%d %H.%M.%S").replace(tzinfo=UTC)
        sun = Sun.at(moment)
        # Two digits after a decimal comma, of where the rover stood, up to 0.2 degrees from where it landed. On a sphere
        # Spirit's noons would be 0.17 degrees off, with the declination of the place under the Sun 0.25.
        season, height = (float(noon[f"Solar {what} (deg)"].replace(",", ".")) for what in ("longitude", "elevation"))
        assert apart(sun.solar_longitude_deg, season) < 0.013, noon
        assert abs(sun.seen_from(*ROVERS[rover].landing_place).elevation_deg - height) < 0.02, noon


def test_mars_years_begin_on_the_days_that_are_published() -> None:
    # Piqueux et al. 2015 (Icarus 251, 332), table 1, from year 24 on.
    begins = (
        "1998-07-14 2000-05-31 2002-04-18 2004-03-05 2006-01-21 2007-12-09 2009-10-26 2011-09-13 2013-07-31 2015-06-18"
        " 2017-05-05 2019-03-23 2021-02-07 2022-12-26 2024-11-12 2026-09-30"
    )
    for year, begin in enumerate(map(date.fromisoformat, begins.split()), start=24):
        midnight = datetime(begin.year, begin.month, begin.day, tzinfo=UTC)
        before, after = (Sun.at(midnight + timedelta(days=days)) for days in (0, 1))
        assert (before.mars_year, after.mars_year) == (year - 1, year), begin
        assert before.solar_longitude_deg > 359
        assert after.solar_longitude_deg < 1


def test_a_mars_year_turns_exactly_where_the_season_does() -> None:
    early, late = datetime(2022, 12, 26, tzinfo=UTC), datetime(2022, 12, 27, tzinfo=UTC)
    while late - early > timedelta(milliseconds=1):
        middle = early + (late - early) / 2
        early, late = (middle, late) if Sun.at(middle).mars_year == 36 else (early, middle)
    seconds = range(-100, 100)
    seen = [Sun.at(late + timedelta(seconds=second)) for second in seconds]
    assert {sun.mars_year for sun in seen if sun.solar_longitude_deg > 180} == {36}
    assert {sun.mars_year for sun in seen if sun.solar_longitude_deg < 180} == {37}
    assert all(0 <= sun.solar_longitude_deg < 360 for sun in seen)


def test_true_solar_noon_is_when_the_sun_stands_over_the_meridian() -> None:
    sun = Sun.at(datetime(2021, 6, 1, tzinfo=UTC))
    for place, time in ((0, "12:00:00"), (90, "18:00:00"), (-90, "06:00:00"), (180, "00:00:00"), (-0.005, "11:59:59")):
        assert sun.seen_from(sun.subsolar_longitude_deg + place, 18).true_solar_time == time
    noon, evening, morning = (sun.seen_from(sun.subsolar_longitude_deg + place, 18) for place in (0, 80, -80))
    # Of the northern summer, north of the tropic's Sun: it stands in the north at noon.
    assert sun.declination_deg > 18
    assert noon.azimuth_deg == 0
    assert 180 < evening.azimuth_deg < 360
    assert 0 < morning.azimuth_deg < 180


def test_an_angle_is_never_360_degrees() -> None:
    assert [wrapped(angle) for angle in (359.99996, -0.00004, 360, -90, 725.12346)] == [0, 0, 0, 270, 5.1235]
    assert math.copysign(1, wrapped(-0.00001)) == 1
