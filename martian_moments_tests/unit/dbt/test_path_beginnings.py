"""A path whose first known leg does not begin where the rover landed says nothing of the sols before that leg."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.domain.rovers import ROVERS
from martian_moments_tests.unit.dbt.conftest import Project
from martian_moments_tests.unit.dbt.test_paths import map_of, sphere_m
from martian_moments_tests.unit.dbt.test_places import FILES, m20

FIRST = {"perseverance": 200, "spirit": 1_000}
"""Sols before which the copies of the real maps of these rovers report nothing."""


def perseverances(payloads: Path) -> list[dict[str, Any]]:
    features = json.loads((payloads / FILES["perseverance", Kind.TRAVERSE]).read_text())["features"]
    return [each for each in features if each["properties"]["sol"] >= FIRST["perseverance"]]


def spirits(payloads: Path) -> str:
    lines = (payloads / FILES["spirit", Kind.TRAVERSE]).read_text().splitlines()
    kept = [line for line in lines[1:] if int(line.split(",")[2]) >= FIRST["spirit"]]
    return "\n".join([lines[0], *kept])


def curiositys(payloads: Path) -> list[dict[str, Any]]:
    """Without the first 935.64 m, which begin at the landing place; no leg has a sol."""
    features: list[dict[str, Any]] = json.loads((payloads / FILES["curiosity", Kind.TRAVERSE]).read_text())["features"]
    return features[1:]


@pytest.fixture(scope="module")
async def built(project: Callable[[], Project], real_payloads: Path) -> Project:
    made = project()
    collections = {"perseverance": perseverances(real_payloads), "curiosity": curiositys(real_payloads)}
    bodies = {rover: json.dumps({"type": "FeatureCollection", "features": each}) for rover, each in collections.items()}
    opportunitys = "SITE,DRIVE,START_SOL,END_SOL,CORRECTED_X,CORRECTED_Y\n0,0,1,7,0,0\n0,9,7,7,3,4\n"
    mer = {"spirit": spirits(real_payloads), "opportunity": opportunitys}
    made.warehouse.load(
        [
            *[await map_of(rover, Kind.TRAVERSE, body.encode()) for rover, body in {**bodies, **mer}.items()],
            *[await map_of(rover, Kind.WAYPOINTS, body.encode()) for rover, body in mer.items()],
            *(m20(rover, sol, (None, None)) for rover in ROVERS for sol in (1, 5)),
            *(m20("perseverance", sol, (None, None)) for sol in (FIRST["perseverance"] - 1, 1_000, 1_001)),
            *(m20("spirit", sol, (None, None)) for sol in (FIRST["spirit"] - 1, 1_200)),
        ]
    )
    made.build(
        "--select", "+daily_activity", "+camera_travel_correlation", "+rover_summary", "--exclude", "resource_type:unit_test"
    )
    return made


def activity(built: Project, rover: str, sols: str) -> list[tuple[Any, ...]]:
    columns = "sol, legs, distance_m, distance_at_least_m, distance_at_most_m"
    return built.query(f"select {columns} from gold.daily_activity where rover = '{rover}' and {sols} order by sol")


@pytest.mark.parametrize("rover", FIRST)
def test_before_a_first_leg_from_elsewhere_no_distance_is_known(built: Project, rover: str) -> None:
    before = (1, 5, FIRST[rover] - 1)
    assert activity(built, rover, f"sol < {FIRST[rover]}") == [(sol, None, None, 0, None) for sol in before]
    ((known,),) = built.query(f"select count(*) from gold.daily_activity where rover = '{rover}' and distance_m is not null")
    assert known > 50, "after it as before"
    correlated = "known_sols, driving_sols + parked, photos_per_driving_sol, photos_per_parked_sol"
    parked = "(select count(*) from gold.daily_activity as d where d.rover = c.rover and d.distance_m = 0) as parked"
    ((known_sols, sides, *_),) = built.query(
        f"select {correlated} from (select *, {parked} from gold.camera_travel_correlation as c) where rover = '{rover}'"
    )
    assert known_sols == sides == known


def test_where_the_first_leg_begins_where_the_rover_landed_it_stood_there_before(built: Project) -> None:
    assert activity(built, "opportunity", "true") == [(1, 0, 0, 0, 0), (5, 0, 0, 0, 0), (7, 1, 5, 5, 5)]
    ((gaps, share),) = built.query(
        "select count(*) filter (where is_after_gap), any_value(path_placed_share)"
        " from silver.fact_path inner join gold.rover_summary using (rover) where rover = 'opportunity'"
    )
    assert (gaps, share) == (0, 1)


def test_of_legs_without_a_sol_and_a_beginning_elsewhere_not_even_the_most_is_known(built: Project) -> None:
    assert activity(built, "curiosity", "true") == [(1, None, None, None, None), (5, None, None, None, None)]


def test_the_placed_share_counts_what_is_left_out_as_a_straight_line(built: Project, real_payloads: Path) -> None:
    starts = {
        "perseverance": tuple(perseverances(real_payloads)[0]["geometry"]["coordinates"][0][:2]),
        "curiosity": tuple(curiositys(real_payloads)[0]["geometry"]["coordinates"][0][:2]),
    }
    rows = built.query(
        "select rover, gap_m, path_placed_share, path_length_m, placed_m from gold.rover_summary"
        " inner join (select rover, sum(gap_m) as gap_m, sum(case when first_sol = last_sol then distance_m else 0 end)"
        " as placed_m from silver.fact_path group by rover) as path using (rover)"
    )
    reported = {rover: values for rover, *values in rows}
    for rover, start in starts.items():
        gap, share, length, placed = reported[rover]
        assert gap == pytest.approx(sphere_m(ROVERS[rover].landing_place, start), abs=0.01)
        assert gap > 300
        assert share == pytest.approx(placed / (length + gap), abs=1e-6)
    assert reported["spirit"][0] > 1_000
    assert reported["spirit"][1] < reported["spirit"][3] / reported["spirit"][2] - 0.1


def test_the_distance_driven_since_the_landing_is_unknown_where_the_path_begins_elsewhere(
    built: Project, real_payloads: Path
) -> None:
    rows = built.query(
        "select rover, count(*), count(distance_total_m) from silver.dim_waypoints group by rover order by rover"
    )
    places = {(line["SITE"], line["DRIVE"]) for line in csv.DictReader(spirits(real_payloads).splitlines())}
    assert rows == [("opportunity", 2, 2), ("spirit", len(places), 0)]
