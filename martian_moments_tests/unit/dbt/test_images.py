"""What is recorded of pictures, as tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from martian_moments.domain.documents import decode_text, encode
from martian_moments.domain.pictures import Fault, Picture, document_of
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, photos

AT = datetime(2026, 11, 2, 6, 30, 0, 250_000, tzinfo=UTC)

HELD = Picture(
    photo_key="curiosity|v1|1",
    source_url="https://x/sol/7/a.jpg",
    fetched_at=AT,
    picture_key="pictures/rover=curiosity/sol=00007/a.jpg",
    bytes=123_456,
    sha256="ab" * 32,
    width_px=1_024,
    height_px=768,
    mode="L",
    mean=100.125,
    spread=12.5,
    sharpness=250.75,
    saturated_share=0.01,
    black_share=0.002,
    perceptual_hash="00ff00ff00ff00ff",
)


def picture(number: int, **other: Any) -> Picture:
    return replace(HELD, photo_key=f"curiosity|v1|{number}", **other)


def vain(number: int, fault: Fault, at: datetime = AT) -> Picture:
    return Picture(f"curiosity|v1|{number}", "https://x/gone.jpg", at, error=fault)


def images(sol: int, *pictures: Picture) -> BronzeObject:
    document = document_of("curiosity", sol, pictures, synthetic=False)
    body = encode(document)
    key = document.header.key
    return BronzeObject(key, document.header.fingerprint[:32], document.header, decode_text(key, body))


IMAGES = [
    images(
        7,
        HELD,
        picture(2, mean=50.0, bytes=44),
        picture(3, mean=10.0, bytes=None),
        vain(4, Fault.MISSING),
        vain(5, Fault.DAMAGED),
        vain(6, Fault.FAILED),
    ),
    # A source has moved these two photos to another sol since.
    images(8, vain(1, Fault.REFUSED, AT + timedelta(days=9)), picture(2, mean=60.0, fetched_at=AT + timedelta(days=1))),
]
"""The documents of two sols."""


@pytest.fixture(scope="module")
def built(project: Callable[[], Project]) -> Project:
    made = project()
    cameras = ["MAST", "MAST", "MAST", "NAVCAM", "MAST"]
    records = [
        {"id": number, "sol": 7, "camera": {"name": name}, "img_src": f"http://x/{number}.jpg"}
        for number, name in enumerate(cameras, 1)
    ]
    made.warehouse.load(
        [
            photos("curiosity", 7, records),
            *IMAGES,
        ]
    )
    made.build("--select", "+image_quality", "--exclude", "resource_type:unit_test", "--indirect-selection", "buildable")
    return made


def test_a_record_arrives_as_it_was_written(built: Project) -> None:
    (row,) = built.query("select * from silver.fact_images where photo_key = 'curiosity|v1|1'")
    columns = [name for name, *_ in built.query("describe silver.fact_images")]
    found = dict(zip(columns, row, strict=True))
    expected = {name: getattr(HELD, name) for name in Picture.__dataclass_fields__}
    assert found == expected | {"rover": "curiosity", "sol": 7, "object_key": "images/rover=curiosity/sol=00007.json.gz"}


def test_a_photo_has_one_row_and_a_picture_stands_before_an_error(built: Project) -> None:
    rows = built.query("select photo_key, sol, mean, error from silver.fact_images order by photo_key")
    assert rows == [
        ("curiosity|v1|1", 7, 100.125, None),
        ("curiosity|v1|2", 8, 60.0, None),
        ("curiosity|v1|3", 7, 10.0, None),
        ("curiosity|v1|4", 7, None, "missing"),
        ("curiosity|v1|5", 7, None, "damaged"),
        ("curiosity|v1|6", 7, None, "failed"),
    ]


def test_the_quality_of_a_sol_is_that_of_what_is_held(built: Project) -> None:
    rows = built.query(
        "select camera, sol, pictures, missing, damaged, refused, failed, bytes, mean, black_share "
        "from gold.image_quality order by camera, sol"
    )
    assert rows == [
        ("MAST", 7, 2, 0, 1, 0, 0, 123_456, 10.0, 0.002),
        ("MAST", 8, 1, 0, 0, 0, 0, 123_456, 60.0, 0.002),
        ("NAVCAM", 7, 0, 1, 0, 0, 0, 0, None, None),
        ("UNKNOWN", 7, 0, 0, 0, 0, 1, 0, None, None),
    ]
