"""The Sun of pictures, and the light of sols."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.domain.rovers import ROVERS
from martian_moments.domain.sun import Sun
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object, photos
from martian_moments_tests.unit.dbt.test_feeds import m20_responses
from martian_moments_tests.unit.dbt.test_photos import index_line, page
from martian_moments_tests.unit.dbt.test_places import places
from martian_moments_tests.unit.dbt.test_real_data import PRODUCTION

OPPORTUNITY = ROVERS["opportunity"]
NOON = OPPORTUNITY.utc_of(1, 43_200)
CHECK = "the_sun_is_where_the_index_has_it"


def real_line(payloads: Path) -> dict[str, str]:
    """The row of the index at hand, as the document keeps it."""
    names = [
        line.split("=")[1].strip().strip('"')
        for line in (payloads / "mer_edrindex.lbl").read_text().splitlines()
        if line.strip().startswith("NAME ")
    ]
    values = [
        value.strip().strip('"').strip() for value in (payloads / "mer_edrindex_row_sample.tab").read_text().split("\t")
    ]
    return index_line("1P128287181EFF0000P2303L2M1", 1) | dict(zip(names, values, strict=False))


def taken(hours: float) -> dict[str, str]:
    """A picture so many hours of Mars after the first noon; its name has the clock of the real row, going on."""
    moment = NOON + timedelta(hours=hours * 1.0274912517)
    clock = 128_287_181 + round((moment - datetime(2004, 1, 25, 7, 18, 28, tzinfo=UTC)).total_seconds())
    line = index_line(f"1N{clock}EFF0000P0600L0M1", 1, START_TIME=f"{moment:%Y-%m-%dT%H:%M:%SZ}")
    return line | {"INSTRUMENT_ID": "NAVCAM_LEFT"}


@pytest.fixture(scope="module")
def built(project: Callable[[], Project], real_payloads: Path) -> Project:
    made = project()
    lines: list[Any] = [real_line(real_payloads), *(taken(hours) for hours in (0, 2, 5.8, 6.5, 9))]
    feed = m20_responses(real_payloads)[888]["images"]
    undated = {"imageid": "U", "sol": 888, "camera": {"instrument": "NAVCAM_LEFT"}, "date_taken_utc": "2031-01-01T00:00:00Z"}
    v1_photo = {"camera": {"name": "MAST"}, "earth_date": "2015-05-30", "img_src": "http://mars.test/0.JPG"}
    made.warehouse.load(
        [
            # The origin of its map, which is where Opportunity landed.
            places("opportunity", {"SITE": "0", "DRIVE": "0", "CORRECTED_X": "0", "CORRECTED_Y": "0"}),
            page("pds", "opportunity", 1, "lines", lines),
            page("m20", "perseverance", 888, "images", [*feed, undated]),
            photos("curiosity", 1000, [{"id": 1, "sol": 1000} | v1_photo]),
        ]
    )
    made.build(*PRODUCTION)
    return made


def test_the_sun_of_a_picture_is_where_its_label_has_it(built: Project) -> None:
    ((azimuth, elevation, season, time, year),) = built.query(
        "select sun_azimuth_deg, sun_elevation_deg, solar_longitude_deg, local_true_solar_time, mars_year"
        " from silver.fact_photos where source_id = '1P128287181EFF0000P2303L2M1'"
    )
    # SOLAR_AZIMUTH, SOLAR_ELEVATION, SOLAR_LONGITUDE (-20.8465) and LOCAL_TRUE_SOLAR_TIME of the real row.
    assert (azimuth, elevation) == (pytest.approx(260.595, abs=0.01), pytest.approx(36.7237, abs=0.01))
    assert (season, time, year) == (pytest.approx(339.1535, abs=0.003), "15:32:30", 26)


def test_every_picture_with_time_and_place_has_a_sun_and_no_other(built: Project) -> None:
    counted = built.query(
        "select source, taken_at_method, longitude is not null, count(*), count(solar_longitude_deg), count(mars_year),"
        " count(sun_azimuth_deg), count(sun_elevation_deg), count(local_true_solar_time) from silver.fact_photos"
        " group by all order by all"
    )
    assert counted == [
        ("m20", "sol", False, 1, 0, 0, 0, 0, 0),
        ("m20", "source", False, 13, 13, 13, 0, 0, 0),
        ("pds", "source", True, 6, 6, 6, 6, 6, 6),
        ("v1", None, False, 1, 0, 0, 0, 0, 0),
    ]


def test_the_season_of_the_feed_is_that_of_its_day(built: Project) -> None:
    rows = built.query(
        "select taken_at_utc, solar_longitude_deg, mars_year from silver.fact_photos"
        " where source = 'm20' and taken_at_method = 'source'"
    )
    for moment, season, year in rows:
        sun = Sun.at(moment.astimezone(UTC))
        assert (
            (season, year)
            == (pytest.approx(sun.solar_longitude_deg, abs=1e-4), sun.mars_year)
            == (pytest.approx(107, abs=5), 37)
        )


def test_a_sol_has_its_season_and_its_pictures_by_light(built: Project) -> None:
    rows = built.query(
        "select rover, sol, photos, round(solar_longitude_deg, 2), season, pictures_with_sun, share_day, share_golden_hour,"
        " share_twilight, share_night from gold.daily_activity order by rover"
    )
    assert rows == [
        ("curiosity", 1000, 1, pytest.approx(350, abs=2), "northern winter", 0, None, None, None, None),
        # The noon of the mission timetable, half an hour after mean noon by the prime meridian: 339.07.
        ("opportunity", 1, 6, pytest.approx(339.07, abs=0.02), "northern winter", 6, 0.5, 0.1667, 0.1667, 0.1667),
        ("perseverance", 888, 14, pytest.approx(107, abs=5), "northern summer", 0, None, None, None, None),
    ]


def test_a_sun_that_the_index_has_elsewhere_is_warned_of(built: Project, real_payloads: Path) -> None:
    def warned() -> list[tuple[Any, ...]]:
        built.build("--select", "+fact_photos", "sampled_records", CHECK, "--store-failures", *PRODUCTION)
        return built.query(f"select * from dbt_test__audit.{CHECK}")

    assert warned() == []
    off = real_line(real_payloads) | {"SOLAR_AZIMUTH": "-99.0", "SOLAR_LONGITUDE": "339.2"}
    later = json.dumps({"lines": [off]}).encode()
    built.warehouse.load(
        [bronze_object(Kind.PHOTOS, "opportunity", later, source="pds", sol=1, count=1, promised=1, hours=1)]
    )
    assert warned() == [("opportunity", 1, pytest.approx(0.32, abs=0.02), pytest.approx(0.045, abs=0.005))]
