"""Which records are of one picture, and what the name of a product reports where its line does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.domain.rovers import ROVERS
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object, photos

EXPOSURE = [f"1P128287181{product}0000P2303L2M{version}" for product in ("EFF", "ETH", "ESF") for version in "12"]
OTHERS = [
    "1P128287181EFF0000P2303R2M1",  # the other eye
    "1P128287181EFF0000P2303L7M1",  # another filter
    "1P128287187EFF0000P2303L2M1",  # six seconds later
    "1N128287181EFF0000P2303L2M1",  # another camera
]
DESCENT = "1E128278513EDN00A1F0006N0M1"
"""In the grammar of the mission; site 0, and A1 is drive 101."""

NAVCAM = [f"NLB_486265257EDR_{sampling}0481570NCAM00323M{version}" for sampling in "FTD" for version in "_1"]
AUTONOMOUS = ["FLA_397506068EDR_D0010008AUT_04096M_", "FLA_397506068EDR_T0010008AUT_04096M_"]
MALIN = {
    **dict.fromkeys("ABCDEF", (None, False)),
    **dict.fromkeys("JKLMN", ("video", False)),
    **dict.fromkeys("GHIOPQTU", ("thumbnail", True)),
    "R": ("focus_merge", False),
    "S": ("range_map", False),
}
"""Product type and whether it is a thumbnail, by the letter in a name of the mast, hand lens and descent cameras."""

OF_MALIN = {
    **{f"0160MH0001520002{number:06}{letter}00_DXXX": reported for number, (letter, reported) in enumerate(MALIN.items())},
    # The counter of a group of pictures is hexadecimal; the names of the descent have one character behind the letter.
    "1000MR0044631280503688E0B_DXXX": (None, False),
    "1000MR0044631200503680I0C_DXXX": ("thumbnail", True),
    "0000MD9999000001I1_DXXX": ("thumbnail", True),
    "0000MD9999001504C0_DXXX": (None, False),
    # No letter of theirs.
    "0160MH0001520002000000Z00_DXXX": (None, None),
}

MAST = ["1000ML0044631120305209E02_DXXX", "1000ML0044631120305209I02_DXXX", "1000ML0044631120305210E02_DXXX"]


def page(source: str, rover: str, array: str, records: list[dict[str, Any]]) -> BronzeObject:
    body = json.dumps({array: records}).encode()
    return bronze_object(Kind.PHOTOS, rover, body, source=source, sol=1, count=len(records), promised=len(records))


def line(product: str, **more: str) -> dict[str, str]:
    return {"PRODUCT_ID": product, "PLANET_DAY_NUMBER": "1", "INSTRUMENT_ID": "PANCAM_LEFT"} | more


@pytest.fixture(scope="module")
def built(project: Callable[[], Project]) -> Project:
    made = project()
    lines = [*map(line, EXPOSURE + OTHERS), line(DESCENT, INSTRUMENT_ID="DESCAM")]
    items = [{"id": n, "sol": 1, "https_url": f"https://x/{name}.JPG"} for n, name in enumerate(NAVCAM + AUTONOMOUS + MAST)]
    computed = ROVERS["opportunity"].v1_earth_date(1)
    v1 = {"sol": 1, "img_src": f"http://x/{EXPOSURE[0]}-BR.JPG", "earth_date": str(computed)}
    made.warehouse.load(
        [
            page("pds", "opportunity", "lines", lines),
            page("msl", "curiosity", "items", items),
            # A mirror reports the day on which the picture was taken.
            photos(
                "curiosity", 1, [{"id": n, "sol": 1, "img_src": f"http://x/{name}.jpg"} for n, name in enumerate(OF_MALIN)]
            ),
            photos("opportunity", 1, [v1 | {"id": 1}, v1 | {"id": 2, "earth_date": "2004-01-25"}]),
        ]
    )
    made.build("--select", "+photo_provenance", "--exclude", "resource_type:test", "resource_type:unit_test")
    return made


def pictures(built: Project, source: str) -> list[tuple[Any, ...]]:
    sql = "select list(source_id order by source_id) from silver.source_photos where source = '{}' group by product_identity"
    return sorted(tuple(each) for (each,) in built.query(sql.format(source)))


def test_all_products_and_versions_of_an_exposure_are_one_picture_and_no_two_exposures_are(built: Project) -> None:
    assert pictures(built, "pds") == sorted([tuple(sorted(EXPOSURE)), *((name,) for name in [*OTHERS, DESCENT])])


def test_thumbnails_of_curiositys_engineering_cameras_are_of_their_picture_and_others_stand_alone(built: Project) -> None:
    assert pictures(built, "msl") == [
        ("0", "1", "2", "3", "4", "5"),
        ("10",),
        ("6", "7"),
        ("8",),
        ("9",),
    ]


def test_the_picture_of_v1_is_that_of_the_archive_with_all_its_products(built: Project) -> None:
    sql = "select source, records, sources from gold.photo_provenance where sources > 1 order by source"
    assert built.query(sql) == [("pds", 6, 2), ("v1", 2, 2)]


def test_whatever_comes_and_goes_the_provenance_is_that_of_all_records(project: Callable[[], Project]) -> None:
    made = project()
    one, two = EXPOSURE[0], OTHERS[0]

    def v1(sol: int, *products: str, hours: float = 0) -> BronzeObject:
        records = [{"id": sol * 10 + n, "sol": sol, "img_src": f"http://x/{p}-BR.JPG"} for n, p in enumerate(products)]
        return photos("opportunity", sol, records, hours=hours)

    def archive(*products: str, hours: float = 0) -> BronzeObject:
        body = json.dumps({"lines": [line(each) for each in products]}).encode()
        count = len(products)
        return bronze_object(Kind.PHOTOS, "opportunity", body, source="pds", sol=1, count=count, promised=count, hours=hours)

    steps: list[tuple[list[BronzeObject], dict[tuple[str, str], tuple[int, int, int]]]] = [
        ([v1(1, one)], {("v1", "one"): (1, 1, 0)}),
        # Another source, for the sol beside it as well; then one picture on sols that are far apart.
        ([archive(one, two)], {("v1", "one"): (1, 2, 0), ("pds", "one"): (1, 2, 0), ("pds", "two"): (1, 1, 0)}),
        (
            [v1(2, one, two), v1(5, one)],
            {("v1", "one"): (3, 2, 0), ("pds", "one"): (1, 2, 0), ("v1", "two"): (1, 2, 1), ("pds", "two"): (1, 2, 1)},
        ),
        # One leaves the document in the middle, and one source altogether; then a picture has no report any more.
        (
            [v1(2, two, hours=1), archive(one, hours=1)],
            {("v1", "one"): (2, 2, 0), ("pds", "one"): (1, 2, 0), ("v1", "two"): (1, 1, 0)},
        ),
        ([v1(2, hours=2), v1(5, hours=2)], {("v1", "one"): (1, 2, 0), ("pds", "one"): (1, 2, 0)}),
        ([v1(1, hours=3), archive(one, two, hours=3)], {("pds", "one"): (1, 1, 0), ("pds", "two"): (1, 1, 0)}),
    ]
    for arriving, expected in steps:
        made.warehouse.load(arriving)
        made.build("--select", "+photo_provenance", "--exclude", "resource_type:test", "resource_type:unit_test")
        columns = "source, case when product_identity like '%R2%' then 'two' else 'one' end, records, sources, sols_apart"
        found = {row[:2]: row[2:] for row in made.query(f"select {columns} from gold.photo_provenance")}
        assert found == expected


def test_the_name_of_a_descent_product_reports_what_its_line_does_not(built: Project) -> None:
    columns = "image_url, site, drive, site_method, product_type, taken_at_method"
    folder = "https://planetarydata.jpl.nasa.gov/img/data/mer/opportunity/mer1do_0xxx/browse/sol0001/edr"
    assert built.query(f"select {columns} from silver.source_photos where source_id = '{DESCENT}'") == [
        (f"{folder}/{DESCENT.lower()}.img.jpg", 0, 101, "file_name", "downsampled", "clock")
    ]


def test_a_date_of_v1_is_computed_only_if_it_is_the_one_that_follows_from_the_sol(built: Project) -> None:
    sql = "select source_id, earth_date::varchar, earth_date_method from silver.source_photos where {}"
    where = "source = 'v1' and rover = 'opportunity'"
    assert sorted(built.query(sql.format(where))) == [
        ("1", "2004-01-26", "computed_from_sol"),
        ("2", "2004-01-25", "source"),
    ]


def test_the_letter_of_malins_cameras_marks_thumbnails_focus_merges_and_video(built: Project) -> None:
    sql = (
        "select product_identity, product_type, is_thumbnail from silver.source_photos where source = 'v1' and rover = '{}'"
    )
    assert {name: tuple(reported) for name, *reported in built.query(sql.format("curiosity"))} == OF_MALIN
