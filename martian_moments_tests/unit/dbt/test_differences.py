"""What the sources disagree on, also where the preferred ones are healthy and nobody else is ever asked for a photo."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object, photos

COLUMNS = "sol, source, is_chosen, promised, photos, pictures_of_other_sols"
SPIRIT = "2P322473707EFFB27MP2303L2M1"


def v1_manifest(rover: str, sols: dict[int, int]) -> BronzeObject:
    listed = [{"sol": sol, "total_photos": count, "earth_date": "2010-03-21"} for sol, count in sols.items()]
    manifest = {"photo_manifest": {"max_sol": max(sols), "photos": listed}}
    return bronze_object(Kind.MANIFEST, rover, json.dumps(manifest).encode())


def pds_manifest(rover: str, sols: dict[int, int]) -> BronzeObject:
    page = {"volumes": [], "sols": [{"sol": sol, "photos": count} for sol, count in sols.items()]}
    return bronze_object(Kind.MANIFEST, rover, json.dumps(page).encode(), source="pds")


def pds(sol: int, *lines: dict[str, Any]) -> BronzeObject:
    body = json.dumps({"lines": [line | {"PLANET_DAY_NUMBER": f"{sol}"} for line in lines]}).encode()
    count = len(lines)
    return bronze_object(Kind.PHOTOS, "spirit", body, source="pds", sol=sol, count=count, promised=count)


@pytest.fixture(scope="module")
def built(project: Callable[[], Project]) -> Project:
    made = project()
    msl = {"items": [{"id": 1, "sol": 7, "instrument": "NAV_LEFT_B"}]}
    made.warehouse.load(
        [
            v1_manifest("spirit", {1: 2, 2: 5, 3: 4, 2208: 1}),
            pds_manifest("spirit", {1: 2, 2: 9, 2207: 3, 2209: 1}),
            pds(1, {"PRODUCT_ID": "2N126000001EFF0000P1500L0M1"}, {"PRODUCT_ID": "2N126000001ETH0000P1500L0M1"}),
            pds(2209, {"PRODUCT_ID": SPIRIT}),
            photos("spirit", 2208, [{"id": 4_550_001, "sol": 2208, "img_src": f"http://x/{SPIRIT}-BR.JPG"}]),
            # A feed without numbers: nothing is known of sol 8, which nobody has asked it for.
            v1_manifest("curiosity", {7: 3, 8: 2}),
            bronze_object(Kind.MANIFEST, "curiosity", json.dumps({"items": [{"sol": 9}]}).encode(), source="msl"),
            bronze_object(Kind.PHOTOS, "curiosity", json.dumps(msl).encode(), source="msl", sol=7, count=1, promised=1),
        ]
    )
    made.build("--select", "+source_differences", "--exclude", "resource_type:unit_test")
    return made


def reported(built: Project, rover: str) -> list[tuple[Any, ...]]:
    return built.query(f"select {COLUMNS} from gold.source_differences where rover = '{rover}' order by sol, source")


def test_promises_that_differ_are_reported_without_a_photo_of_them(built: Project) -> None:
    assert [row for row in reported(built, "spirit") if row[0] < 2207] == [
        (2, "pds", False, 9, None, None),
        (2, "v1", False, 5, None, None),
        (3, "pds", False, 0, None, None),
        (3, "v1", False, 4, None, None),
    ]


def test_a_picture_that_one_source_files_a_sol_later_is_reported_at_both_sols(built: Project) -> None:
    assert [row for row in reported(built, "spirit") if row[0] >= 2207] == [
        (2207, "pds", False, 3, None, None),
        (2207, "v1", False, 0, None, None),
        (2208, "pds", False, 0, None, None),
        (2208, "v1", True, 1, 1, 1),
        # Beyond the last sol of v1, which promises nothing of it.
        (2209, "pds", True, 1, 1, 1),
    ]


def test_a_feed_that_reports_no_number_until_it_is_asked_differs_from_nobody(built: Project) -> None:
    assert reported(built, "curiosity") == [(7, "msl", True, 1, 1, 0), (7, "v1", False, 3, None, None)]
