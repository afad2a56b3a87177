"""Where NASA's own pictures look and how wide, beside a reading of the same records that shares nothing with the models."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from martian_moments_tests.unit.dbt.conftest import Project, bronze_object
from martian_moments_tests.unit.dbt.test_feeds import m20_responses, msl_responses
from martian_moments_tests.unit.dbt.test_photos import page
from martian_moments_tests.unit.dbt.test_real_data import MAPS, PRODUCTION
from martian_moments_tests.unit.dbt.views import (
    Record,
    apart,
    bearings_apart,
    index_row,
    m20_records,
    msl_records,
    product,
    unit,
    vector,
)

TILES = "NRF_1965_0841393386_816ECM"
"""Three tiles of one exposure of the right navigation camera, from left to right by their names."""


@pytest.fixture(scope="module")
def records(real_payloads: Path) -> dict[str, Record]:
    found = {record.source_id: record for record in (*m20_records(real_payloads), *msl_records(real_payloads))}
    assert len(found) == 22 + 16
    return found


@pytest.fixture(scope="module")
def built(project: Callable[[], Project], real_payloads: Path) -> Project:
    m20, msl = m20_responses(real_payloads), msl_responses(real_payloads)
    made = project()
    made.warehouse.load(
        [
            *(page("m20", "perseverance", sol, "images", each["images"]) for sol, each in m20.items()),
            *(page("msl", "curiosity", sol, "items", each["items"]) for sol, each in msl.items()),
            page("pds", "opportunity", 1, "lines", [index_row(real_payloads)]),
            *(
                bronze_object(kind, "perseverance", (real_payloads / name).read_bytes(), source="mmgis")
                for kind, name in MAPS.items()
            ),
        ]
    )
    made.build(*PRODUCTION, "--exclude", "resource_type:test", "--select", "+fact_photos")
    return made


def shown(built: Project, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    return built.query(f"select {columns} from silver.fact_photos where {where} order by photo_key")


def test_a_picture_looks_where_the_attitude_turns_its_cameras_vector(built: Project, records: dict[str, Record]) -> None:
    views = shown(
        built,
        "source_id, view_azimuth_deg, view_elevation_deg",
        "view_method = 'telemetry'",
    )
    assert {source_id for source_id, *_ in views} == set(records)
    for source_id, azimuth, elevation in views:
        right_azimuth, right_elevation = records[source_id].view
        assert bearings_apart(azimuth, right_azimuth) < 1e-4, source_id
        assert elevation == pytest.approx(right_elevation, abs=1e-4), source_id
        assert 0 <= azimuth < 360


def test_the_attitudes_heading_is_that_of_the_waypoint_on_the_map(built: Project, real_payloads: Path) -> None:
    """So the frame in which the pictures look has true north."""
    headed = dict(shown(built, "source_id, heading_deg", "heading_deg is not null and location_method = 'rmc'"))
    images = [image for response in m20_responses(real_payloads).values() for image in response["images"]]
    attitudes = {image["imageid"]: vector(image["attitude"]) for image in images}
    assert len(headed) == 13 + 5 + 1 + 1
    for source_id, heading in headed.items():
        w, x, y, z = attitudes[source_id]
        yaw = np.degrees(np.arctan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
        assert bearings_apart(heading, yaw) < 0.1, source_id


def test_the_tiles_of_an_exposure_look_side_by_side(built: Project, records: dict[str, Record]) -> None:
    """Their mast angles are equal, and wrong for each of them: about the rover's nose they look at -51.1, -32.0 and -9.9."""
    rows = shown(built, "source_id, view_azimuth_deg, view_elevation_deg", f"source_id like '{TILES}%'")
    about_the_nose = []
    for source_id, azimuth, elevation in rows:
        a, e = np.radians([azimuth, elevation])
        level = np.array([0, np.cos(a) * np.cos(e), np.sin(a) * np.cos(e), -np.sin(e)])
        w, x, y, z = records[source_id].attitude
        _, ahead, right, _ = product(product(np.array([w, -x, -y, -z]), level), np.array([w, x, y, z]))
        about_the_nose.append(np.degrees(np.arctan2(right, ahead)))
    assert about_the_nose == pytest.approx([-51.1, -32.0, -9.9], abs=0.1)
    assert {exposure for (exposure,) in shown(built, "exposure_id", f"source_id like '{TILES}%'")} == {
        "perseverance|NR|0841393386_816"
    }


def test_four_frames_of_the_navigation_camera_close_the_circle(built: Project) -> None:
    frames = shown(
        built,
        "view_azimuth_deg, fov_h_deg",
        "sol = 888 and sequence_id = 'NCAM00501' and view_elevation_deg < 80",
    )
    azimuths = sorted(azimuth for azimuth, _ in frames)
    assert azimuths == pytest.approx([76, 165, 256, 346], abs=0.5)
    assert min(width for _, width in frames) > 96


def test_the_field_of_view_is_that_of_the_lens(built: Project, records: dict[str, Record]) -> None:
    for source_id, width, height in shown(built, "source_id, fov_h_deg, fov_v_deg", "view_method = 'telemetry'"):
        assert (width, height) == pytest.approx(records[source_id].field, abs=1e-3), source_id


@pytest.mark.parametrize(
    ("where", "published"),
    [
        ("sol in (888, 889)", (96, 73)),
        ("source = 'msl' and sol = 86", (45, 45)),
    ],
)
def test_a_whole_frame_is_as_wide_as_the_camera_is_published_to_be(
    built: Project, where: str, published: tuple[float, float]
) -> None:
    """Navigation cameras: Maki et al. 2020 of Perseverance, Maki et al. 2012 of Curiosity."""
    fields = shown(built, "fov_h_deg, fov_v_deg", where)
    assert len(fields) > 10
    for field in fields:
        assert field == pytest.approx(published, abs=1)


def test_the_vector_of_a_camera_is_the_ray_of_its_centre(records: dict[str, Record]) -> None:
    """By which a model is believed: the feed of Mars 2020 leaves the lens out, that of MSL does not."""
    for source_id, record in records.items():
        x, y = record.width / 2, record.height / 2
        of_m20 = source_id.startswith("N")
        ray = record.model.straight(x, y) if of_m20 else record.model.bent(x, y)
        assert apart(ray, unit(record.direction)) < 0.005, source_id


def test_the_eyes_of_a_stereo_pair_are_a_known_way_apart(built: Project) -> None:
    rows = built.query(
        "select exposure_id[-9:], camera_x_m, camera_y_m, camera_z_m from silver.source_photos where sol = 86 order by all"
    )
    eyes: dict[str, set[tuple[float, ...]]] = {}
    for clock, *position in rows:
        eyes.setdefault(clock, set()).add(tuple(position))
    pairs = [np.array(sorted(both)) for both in eyes.values() if len(both) == 2]
    baselines = [float(np.linalg.norm(left - right)) for left, right in pairs]
    assert baselines == pytest.approx([0.4236] * 4, abs=0.001)


def test_the_camera_stands_where_its_model_has_it(built: Project, records: dict[str, Record]) -> None:
    sql = "select source_id, camera_x_m, camera_y_m, camera_z_m from silver.source_photos where camera_x_m is not null"
    stands = {source_id: position for source_id, *position in built.query(sql)}
    assert stands == {source_id: pytest.approx(record.position, abs=1e-6) for source_id, record in records.items()}


def test_the_archives_index_says_itself_where_a_picture_looks(built: Project) -> None:
    """Opportunity's first sol: -173.733 degrees is 186.267 from north, 6.2 below the horizontal, by the panoramic camera."""
    columns = "view_azimuth_deg, view_elevation_deg, fov_h_deg, fov_v_deg, view_method, width_px, height_px, scale_factor"
    assert shown(built, columns, "source = 'pds' and sol = 1") == [
        (186.267, -6.2123, 15.8412, 15.8412, "index", 1024, 1024, 1)
    ]
    columns = "subframe_x, subframe_y, subframe_width, subframe_height, sequence_id, date_received::varchar"
    assert built.query(f"select {columns} from silver.fact_photos where source = 'pds' and sol = 1") == [
        (1, 1, 1024, 1024, "P2303", "2004-01-25 09:18:26+00")
    ]


def test_sizes_and_subframes_are_in_the_pixels_they_are_said_to_be_in(built: Project) -> None:
    columns = "width_px, height_px, scale_factor, subframe_x, subframe_y, subframe_width, subframe_height"
    sizes = built.query(f"select distinct sol, {columns} from silver.fact_photos where source != 'pds' order by all")
    assert sizes == [
        (86, 512, 512, 2, 1, 1, 1024, 1024),
        (86, 1024, 1024, 1, 1, 1, 1024, 1024),
        (100, 1280, 240, 4, 1, 1441, 5120, 960),
        (876, 1056, 1024, None, 1, 1, 2048, 1024),
        (888, 1280, 960, 4, 1, 1, 5120, 3840),
        (889, 1280, 960, 4, 1, 1, 5120, 3840),
        (1489, *[None] * 7),
        (1965, 1288, 968, 1, 1, 1, 1288, 968),
        (1965, 1296, 968, 1, 1273, 1, 1296, 968),
        (1965, 1296, 968, 1, 2553, 1, 1296, 968),
    ]
