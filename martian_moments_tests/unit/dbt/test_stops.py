"""Where the rovers stood and took photos: one row for each site and drive, with all of its photos and its best place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from martian_moments_tests.unit.dbt.conftest import Project
from martian_moments_tests.unit.dbt.test_places import Counter, m20, waypoints


@pytest.fixture(scope="module")
def built(project: Callable[[], Project]) -> Project:
    made = project()
    sols: dict[int, list[Counter]] = {12: [(4, 20), (4, 20), (4, 30)], 13: [(4, 20), (None, None), (9, 9)]}
    made.warehouse.load(
        [
            waypoints(
                "perseverance",
                {"RMC": "4_20", "sol": 12, "lon": 77.45, "lat": 18.44, "elev_geoid": -2570.5, "yaw": 90, "dist_total_m": 10},
                {"RMC": "4_40", "sol": 12, "lon": 77.46, "lat": 18.44, "elev_geoid": -2570.5, "yaw": 90, "dist_total_m": 30},
            ),
            *(m20("perseverance", sol, *counters, sample_type="Full") for sol, counters in sols.items()),
            # Another camera, another sol, and a thumbnail.
            m20("perseverance", 14, (4, 20), camera={"instrument": "MCZ_LEFT"}, sample_type="Thumbnail"),
        ]
    )
    made.build("--select", "+stops", "--exclude", "resource_type:unit_test")
    return made


def test_a_stop_has_all_photos_of_its_site_and_drive_whatever_their_sol_and_none_without_a_counter(built: Project) -> None:
    columns = "stop_id, first_sol, last_sol, photos, thumbnails, cameras"
    assert built.query(f"select {columns} from gold.stops order by site, drive") == [
        ("perseverance|4|20", 12, 14, 4, 1, 2),
        ("perseverance|4|30", 12, 12, 1, 0, 1),
        ("perseverance|9|9", 13, 13, 1, 0, 1),
    ]


def test_it_has_the_best_place_that_is_known_of_it_and_says_how(built: Project) -> None:
    columns = "drive, longitude, latitude, elevation_m, distance_driven_m, location_method, location_quality"
    rows = {row[0]: row[1:] for row in built.query(f"select {columns} from gold.stops")}
    assert rows[20] == (77.45, 18.44, -2570.5, 10, "rmc", "exact")
    assert rows[30] == (77.455, 18.44, -2570.5, 20, "rmc_interpolated", "interpolated")
    assert set(rows[9]) == {None}, "beyond the map"
