"""Silver's choice among several sources: the best document of each sol, another when a better one comes, and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object, photos

ROVER = "curiosity"
NAME = "NLB_400000{:03}EDR_F0481570NCAM00323M_.JPG"


def numbers(sol: int, count: int, first: int | None) -> range:
    """Pictures of the sol's own, or those that are reported of another."""
    first = sol * 10 if first is None else first
    return range(first, first + count)


def of_v1(sol: int, count: int, *, first: int | None = None, hours: float = 0) -> BronzeObject:
    records = [
        {"id": sol * 100 + each, "sol": sol, "camera": {"name": "NAVCAM"}, "img_src": f"http://nasa/{NAME.format(each)}"}
        for each in numbers(sol, count, first)
    ]
    return photos(ROVER, sol, records, hours=hours)


def of_msl(sol: int, count: int, *, first: int | None = None, promised: int | None = None, hours: float = 0) -> BronzeObject:
    items = [
        {
            "id": 9_000_000 + sol * 100 + each,
            "sol": sol,
            "instrument": "NAV_LEFT_B",
            "https_url": f"https://nasa/{NAME.format(each)}",
        }
        for each in numbers(sol, count, first)
    ]
    promised = count if promised is None else promised
    page = json.dumps({"items": items}).encode()
    about: dict[str, Any] = {"sol": sol, "count": count, "promised": promised, "complete": count >= promised, "hours": hours}
    return bronze_object(Kind.PHOTOS, ROVER, page, source="msl", **about)


def test_the_choice_follows_what_arrives_and_leaves_no_row_of_the_worse_behind(
    project: Callable[[], Project], monkeypatch: pytest.MonkeyPatch
) -> None:
    mars = project()

    def chosen(*objects: BronzeObject) -> dict[int, tuple[str, int]]:
        mars.warehouse.load(objects)
        mars.build("--select", "+photo_records", "--exclude", "resource_type:test", "resource_type:unit_test")
        assert mars.query("select count(*) - count(distinct photo_key) from silver.photo_records") == [(0,)]
        rows = mars.query("select sol, source, count(*) from silver.photo_records group by sol, source")
        assert len({sol for sol, *_ in rows}) == len(rows), "one source per sol"
        return {sol: (source, count) for sol, source, count in rows}

    before = dict.fromkeys((7, 8, 9, 10), ("v1", 3))
    assert chosen(*(of_v1(sol, 3) for sol in before)) == before
    arrived = (of_msl(7, 4), of_msl(8, 1, promised=5), of_msl(9, 0), of_msl(10, 4))
    assert chosen(*arrived) == before | {7: ("msl", 4), 10: ("msl", 4)}, "whole before short before empty"
    nearly = (of_msl(8, 4, promised=5, hours=0.5),)
    assert chosen(*nearly) == before | {7: ("msl", 4), 8: ("msl", 4), 10: ("msl", 4)}, "more, although short"
    later = (of_msl(7, 0, hours=1), of_msl(8, 5, hours=1), of_msl(9, 2, hours=1))
    after = {7: ("v1", 3), 8: ("msl", 5), 9: ("msl", 2), 10: ("msl", 4)}
    assert chosen(*later) == after, "and back where the preferred source has no photos any more"
    monkeypatch.setenv("MARS_DBT_SOURCES", "v1")
    assert chosen() == before, "a source that is no longer used leaves no hole"
    monkeypatch.delenv("MARS_DBT_SOURCES")
    assert chosen() == after


def test_a_photo_that_its_source_moves_to_another_sol_is_there_once_at_every_moment(project: Callable[[], Project]) -> None:
    mars = project()

    def page(sol: int, *numbers: int, hours: float = 0) -> BronzeObject:
        records = [{"id": each, "sol": sol, "img_src": f"http://nasa/{NAME.format(each)}"} for each in numbers]
        return photos(ROVER, sol, records, hours=hours)

    def sols_of_photos(*objects: BronzeObject) -> dict[str, list[int]]:
        mars.warehouse.load(objects)
        mars.build("--select", "+photo_records", "--exclude", "resource_type:test", "resource_type:unit_test")
        return dict(mars.query("select source_id, list(sol) from silver.photo_records where sol < 20 group by source_id"))

    # Sol 30 was reported by a clock that stood five years ahead: photo 7 has moved to sol 31 since.
    ahead = page(30, 7, hours=5 * 8_766), page(31, 7)
    assert sols_of_photos(page(10, 1, 2), page(11, 3), *ahead) == {"1": [10], "2": [10], "3": [11]}
    assert mars.query("select sol from silver.photo_records where sol >= 20") == [(31,)]
    assert sols_of_photos(page(11, 1, 3, hours=1)) == {"1": [11], "2": [10], "3": [11]}, "the last report stands"
    behind = page(10, 1, 2, 4, hours=2)
    assert sols_of_photos(behind) == {"1": [10], "2": [10], "3": [11], "4": [10]}, "also an outdated one"
    moved = page(10, 2, 4, hours=3)
    assert sols_of_photos(moved) == {"1": [11], "2": [10], "3": [11], "4": [10]}, "and the other one was not forgotten"


def test_what_the_sources_disagree_on_is_reported_and_cameras_have_one_name(project: Callable[[], Project]) -> None:
    mars = project()
    # Sol 9 is reported alike but for the camera; of sol 11's pictures v1 files two under sol 10.
    mars.warehouse.load([of_v1(9, 2), of_msl(9, 2), of_v1(10, 2, first=50), of_v1(11, 1, first=52)])
    mars.warehouse.load([of_msl(10, 1, first=60), of_msl(11, 3, first=50), of_v1(12, 2)])
    mars.build(
        "--select", "+fact_photos", "+source_differences", "--exclude", "resource_type:test", "resource_type:unit_test"
    )
    columns = "sol, source, is_chosen, promised, photos, pictures, pictures_of_other_sols, cameras, source_cameras"
    assert mars.query(f"select {columns} from gold.source_differences order by sol, source") == [
        (9, "msl", True, 2, 2, 2, 0, "NAVCAM", "NAV_LEFT_B"),
        (9, "v1", False, 2, 2, 2, 0, "NAVCAM", "NAVCAM"),
        (10, "msl", True, 1, 1, 1, 0, "NAVCAM", "NAV_LEFT_B"),
        (10, "v1", False, 2, 2, 2, 2, "NAVCAM", "NAVCAM"),
        (11, "msl", True, 3, 3, 3, 2, "NAVCAM", "NAV_LEFT_B"),
        (11, "v1", False, 1, 1, 1, 0, "NAVCAM", "NAVCAM"),
    ]  # fmt: skip
    assert mars.query("select distinct camera, camera_role from silver.fact_photos") == [("NAVCAM", "navigation")]
    assert mars.query("select distinct source_camera from silver.fact_photos where sol = 9") == [("NAV_LEFT_B",)]
    assert mars.query("select camera from silver.dim_cameras where role = 'unknown'") == []


def test_a_record_that_its_dialect_cannot_read_is_no_photo(project: Callable[[], Project]) -> None:
    def page(source: str, rover: str, array: str, *records: dict[str, object]) -> BronzeObject:
        reported = [{"sol": 5, **record} for record in records]
        return bronze_object(
            Kind.PHOTOS, rover, json.dumps({array: reported}).encode(), source=source, sol=5, count=1, promised=2
        )

    mars = project()
    mars.warehouse.load(
        [
            page(
                "v1", "spirit", "photos", {"id": 7}, {"id": "x"}, {"id": None}, {"id": 8, "rover": {"name": "Opportunity"}}
            ),
            page("msl", "curiosity", "items", {"id": 7, "mission": "msl"}, {"id": 8, "mission": "mars2020"}, {}),
            page("m20", "perseverance", "images", {"imageid": "A"}, {"imageid": ""}, {"imageid": None}),
        ]
    )
    mars.build("--select", "+photo_records", "--exclude", "resource_type:test", "resource_type:unit_test")
    assert mars.query("select source, source_id from silver.photo_records order by source") == [
        ("m20", "A"), ("msl", "7"), ("v1", "7"),
    ]  # fmt: skip
