"""Stereo pairs, image sequences and panoramas in NASA's own records, and their ids while frames come late and leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from martian_moments.domain.documents import Kind
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object
from martian_moments_tests.unit.dbt.test_feeds import m20_responses, msl_responses
from martian_moments_tests.unit.dbt.test_real_data import MAPS
from martian_moments_tests.unit.dbt.views import m20_records, msl_records

TABLES = ("stereo_pairs", "image_sequences", "image_sequence_frames", "panoramas", "panorama_frames")
MODELS = ("--select", *(f"+{table}" for table in TABLES), "--exclude", "resource_type:unit_test")

# The names of NASA's planners.
SKY, AROUND, ZENITH = "NCAM00518", "NCAM00501", "NCAM00531"


def document(source: str, rover: str, sol: int, records: list[dict[str, Any]], hours: float = 0) -> BronzeObject:
    body = json.dumps({"images" if source == "m20" else "items": records}).encode()
    count = len(records)
    return bronze_object(Kind.PHOTOS, rover, body, source=source, sol=sol, count=count, promised=count, hours=hours)


def others_of(payloads: Path) -> list[BronzeObject]:
    """Every real record but those of Perseverance's sol 888, and its map."""
    m20, msl = m20_responses(payloads), msl_responses(payloads)
    return [
        *(document("m20", "perseverance", sol, each["images"]) for sol, each in m20.items() if sol != 888),
        *(document("msl", "curiosity", sol, each["items"]) for sol, each in msl.items()),
        *(
            bronze_object(kind, "perseverance", (payloads / name).read_bytes(), source="mmgis")
            for kind, name in MAPS.items()
        ),
    ]


def sol_888(payloads: Path, without: Iterable[str], hours: float) -> BronzeObject:
    """The real sol, but for the images at these times of its day."""
    left_out = tuple(without)
    images = m20_responses(payloads)[888]["images"]
    kept = [image for image in images if image["date_taken_utc"][11:19] not in left_out]
    assert len(kept) == len(images) - len(left_out)
    return document("m20", "perseverance", 888, kept, hours)


def found(built: Project) -> dict[str, list[tuple[Any, ...]]]:
    return {table: built.query(f"select * from gold.{table} order by all") for table in TABLES}


def ids(built: Project) -> dict[str, set[str]]:
    columns = {"stereo_pairs": "pair_id", "image_sequences": "image_sequence_id", "panoramas": "panorama_id"}
    return {
        table: {row[0] for row in built.query(f"select {column} from gold.{table}")} for table, column in columns.items()
    }


@pytest.fixture(scope="module")
def early(project: Callable[[], Project], real_payloads: Path) -> tuple[Project, dict[str, set[str]]]:
    """The first build and its ids: the first and a middle frame of the movie and the panorama's first are still to come."""
    built = project()
    built.warehouse.load([*others_of(real_payloads), sol_888(real_payloads, ("22:43:48", "22:45:27", "22:47:43"), hours=0)])
    built.build(*MODELS)
    sequences = built.query("select sequence_id, frames, missing_frames from gold.image_sequences where sol = 888")
    assert sequences == [(SKY, 6, 1)]
    panoramas = built.query("select frames, round(coverage_deg), is_full_circle from gold.panoramas where sol = 888")
    assert panoramas == [(3, 278, False)]
    return built, ids(built)


@pytest.fixture(scope="module")
def built(early: tuple[Project, dict[str, set[str]]], real_payloads: Path) -> Project:
    """All of them."""
    project = early[0]
    project.warehouse.load([sol_888(real_payloads, (), hours=1)])
    project.build(*MODELS)
    return project


def test_the_two_sky_movies_are_found_with_all_of_their_frames_and_nothing_else_is_called_one(
    built: Project, real_payloads: Path
) -> None:
    columns = "rover, sol, source_camera, sequence_id, frames, missing_frames, round(step_s)"
    assert built.query(f"select {columns} from gold.image_sequences order by rover") == [
        ("curiosity", 86, "NAV_LEFT_A", ZENITH, 8, 0, 13),
        ("perseverance", 888, "NAVCAM_LEFT", SKY, 8, 0, 25),
    ]
    images = m20_responses(real_payloads)[888]["images"]
    items = msl_responses(real_payloads)[86]["items"]
    expected = {f"perseverance|m20|{image['imageid']}" for image in images if SKY in image["imageid"]}
    expected |= {f"curiosity|msl|{item['id']}" for item in items if ZENITH in item["https_url"]}
    frames = built.query("select photo_key from gold.image_sequence_frames")
    assert sorted(key for (key,) in frames) == sorted(expected)


def test_they_look_where_their_first_record_does(built: Project, real_payloads: Path) -> None:
    views = {record.source_id: record.view for record in (*m20_records(real_payloads), *msl_records(real_payloads))}
    firsts = built.query(
        "select sequences.view_azimuth_deg, sequences.view_elevation_deg,"
        " split_part(min_by(photo_key, taken_at_utc), '|', 3)"
        " from gold.image_sequences as sequences join gold.image_sequence_frames using (image_sequence_id) group by all"
    )
    assert [views[key] for *_, key in firsts] == [pytest.approx(tuple(view), abs=1e-3) for *view, _ in firsts]
    assert sorted(round(azimuth) for azimuth, *_ in firsts) == [2, 200]


def test_four_frames_at_right_angles_are_a_panorama_of_the_whole_circle_without_the_one_of_the_zenith(
    built: Project,
) -> None:
    columns = "sequence_id, frames, exposures, coverage_deg, is_full_circle, azimuth_from_deg, azimuth_to_deg, site, drive"
    assert built.query(f"select sol, {columns} from gold.panoramas order by sol") == [
        (sol, AROUND, 4, 4, 360, True, 0, 360, 44, 0) for sol in (888, 889)
    ]
    views = built.query("select round(view_azimuth_deg) from gold.panorama_frames where sol = 888 order by taken_at_utc")
    assert views == [(76,), (165,), (256,), (346,)]


def test_four_stereo_pairs_have_the_baseline_of_the_navigation_cameras(built: Project, real_payloads: Path) -> None:
    positions = {record.source_id: record.position for record in msl_records(real_payloads)}
    pairs = built.query(
        "select split_part(left_photo_key, '|', 3), split_part(right_photo_key, '|', 3), baseline_m,"
        " left_camera, right_camera from gold.stereo_pairs where rover = 'curiosity'"
    )
    assert len(pairs) == 4
    for left, right, baseline, *cameras in pairs:
        assert cameras == ["NAV_LEFT_A", "NAV_RIGHT_A"]
        assert baseline == pytest.approx(float(np.linalg.norm(positions[left] - positions[right])), abs=1e-6)
        assert baseline == pytest.approx(0.4236, abs=0.001)
    assert {left for left, *_ in pairs} == {
        str(item["id"])
        for item in msl_responses(real_payloads)[86]["items"]
        if item["instrument"] == "NAV_LEFT_A" and ZENITH not in item["https_url"]
    }


def test_frames_that_come_late_change_no_id(early: tuple[Project, dict[str, set[str]]], built: Project) -> None:
    assert ids(built) == early[1]
    assert {table: len(names) for table, names in early[1].items()} == {
        "stereo_pairs": 4,
        "image_sequences": 2,
        "panoramas": 2,
    }


def test_frames_that_their_source_removes_change_no_id_and_an_empty_warehouse_gives_the_same_rows(
    built: Project, project: Callable[[], Project], real_payloads: Path
) -> None:
    """After the others, because it changes the warehouse that they share."""
    before = ids(built)
    fewer = sol_888(real_payloads, ("22:43:48", "22:46:17", "22:46:42", "22:51:02"), hours=2)
    built.warehouse.load([fewer])
    built.build(*MODELS)
    assert built.query("select frames, missing_frames from gold.image_sequences where sol = 888") == [(5, 0)]
    assert built.query("select frames from gold.panoramas where sol = 888") == [(3,)]
    assert ids(built) == before
    anew = project()
    anew.warehouse.load([*others_of(real_payloads), fewer])
    anew.build(*MODELS)
    assert found(anew) == found(built)
