"""The Sun in SQL is the Sun in Python, on every warehouse: macros/sun.sql against domain/sun.py."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from martian_moments.domain.sun import Sun
from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.open import open_warehouse
from martian_moments.warehouse.published import Published
from martian_moments.warehouse.snowflake_account import SnowflakeAccount
from martian_moments_dbt import PROJECT
from martian_moments_tests.dbt_builds import dbt_build

MODEL: Final = """
with places as (
    select
        row,
        longitude,
        latitude,
        cast(moment as timestamptz) as moment
    from (values {rows}) as listed (row, moment, longitude, latitude)
),

lit as (
    {{{{ with_sun('places', 'moment') }}}}
)
{{%- set sun = ['longitude', 'latitude', 'subsolar_longitude_deg', 'sun_declination_deg'] %}}

select
    row,
    solar_longitude_deg,
    mars_year,
    sun_declination_deg,
    subsolar_longitude_deg,
    {{{{ sun_azimuth(*sun) }}}} as sun_azimuth_deg,
    {{{{ sun_elevation(*sun) }}}} as sun_elevation_deg,
    {{{{ true_solar_time(sun[0], sun[2]) }}}} as local_true_solar_time
from lit
"""

TYPES: Final = {
    "row": "integer",
    "solar_longitude_deg": "double",
    "mars_year": "integer",
    "sun_declination_deg": "double",
    "subsolar_longitude_deg": "double",
    "sun_azimuth_deg": "double",
    "sun_elevation_deg": "double",
    "local_true_solar_time": "varchar",
}


def moments_and_places() -> list[tuple[datetime, float, float]]:
    """300 at random of 1997 to 2040, and those at which something turns: leap seconds, a Mars year, poles, date line."""
    draw = random.Random(13)
    first, last = datetime(1997, 7, 2, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)
    seen = [(first + (last - first) * draw.random(), draw.uniform(-180, 360), draw.uniform(-89.9, 89.9)) for _ in range(300)]
    turns = [datetime(2017, 1, 1, tzinfo=UTC), datetime(1999, 1, 1, tzinfo=UTC), datetime(2022, 12, 26, 9, 53, tzinfo=UTC)]
    seen += [(turn + timedelta(milliseconds=ms), 77.45, 18.44) for turn in turns for ms in (-1, 0, 1)]
    seen += [(first, 0.0, 0.0), (first, 360.0, 0.0), (first, -180.0, 45.0), (first, 137.44, 90.0), (first, 137.44, -90.0)]
    return [(moment.replace(microsecond=moment.microsecond // 1000 * 1000), east, north) for moment, east, north in seen]


@pytest.fixture(params=["duckdb", "snowflake"])
def built(request: pytest.FixtureRequest, tmp_path: Path) -> list[dict[str, object]]:
    """The rows of the model, by their number."""
    project = tmp_path / "dbt"
    shutil.copytree(PROJECT / "macros", project / "macros")
    for name in ("dbt_project.yml", "profiles.yml"):
        shutil.copy(PROJECT / name, project)
    rows = ", ".join(
        f"({row}, '{each[0].isoformat()}', {each[1]!r}, {each[2]!r})" for row, each in enumerate(moments_and_places())
    )
    (project / "models" / "gold").mkdir(parents=True)
    (project / "models" / "gold" / "sun.sql").write_text(MODEL.format(rows=rows))
    columns = "".join(f"      - {{name: {name}, data_type: {data_type}}}\n" for name, data_type in TYPES.items())
    (project / "models" / "gold" / "_sun.yml").write_text(f"models:\n  - name: sun\n    columns:\n{columns}")
    if request.param == "duckdb":
        warehouse = open_warehouse(f"duckdb://{tmp_path}/warehouse.duckdb")
    else:
        account: Callable[[], SnowflakeAccount] = request.getfixturevalue("fakesnow")
        warehouse = open_warehouse("snowflake://", account())
    warehouse.ensure()
    dbt_build(warehouse, tmp_path / "target", project=project)
    published = Published((tmp_path / "published").as_uri())
    warehouse.publish(published, (PublishedTable("gold", "sun", ("row",), TYPES),))
    table = published.read("gold", "sun")
    assert table is not None
    return [dict(row) for row in table.to_pylist()]


def test_the_sun_of_the_models_is_that_of_the_domain(built: list[dict[str, object]]) -> None:
    assert len(built) == len(moments_and_places()) == 314
    for row, (moment, longitude, latitude) in zip(built, moments_and_places(), strict=True):
        sun = Sun.at(moment)
        sky = sun.seen_from(longitude, latitude)
        assert row == {
            "row": row["row"],
            "solar_longitude_deg": pytest.approx(sun.solar_longitude_deg, abs=1.01e-4),
            "mars_year": sun.mars_year,
            "sun_declination_deg": pytest.approx(sun.declination_deg, abs=1.01e-4),
            "subsolar_longitude_deg": pytest.approx(sun.subsolar_longitude_deg, abs=1.01e-4),
            "sun_azimuth_deg": pytest.approx(sky.azimuth_deg, abs=1.01e-4),
            "sun_elevation_deg": pytest.approx(sky.elevation_deg, abs=1.01e-4),
            "local_true_solar_time": sky.true_solar_time,
        }, (moment, longitude, latitude)
