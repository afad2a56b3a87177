"""Records whose vectors, attitudes, models, sizes and angles are none: null, never an error, and nothing else is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from martian_moments_tests.unit.dbt.conftest import Project
from martian_moments_tests.unit.dbt.test_feeds import m20_responses, msl_responses
from martian_moments_tests.unit.dbt.test_photos import page
from martian_moments_tests.unit.dbt.test_real_data import PRODUCTION
from martian_moments_tests.unit.dbt.views import index_row

ODD_TEXTS: list[Any] = [
    *(None, "", " ", "UNK", "NaN", "null", "(NaN,NaN,NaN)", "(NaN,NaN,NaN,NaN)", "(a,b,c)", "(1,0)", "(1,0,0,0,0)", "()"),
    *("(0,0,0)", "(0,0,0,0)", "(9,9,9)", "(9,9,9,9)", "(1e400,0,0)", "(1e400,0,0,0)", "(-inf,0,0,0)", "(1_0,0,0)", "(,,)"),
    *("(0.1,,0.2,0.3)", "(1;0;0;0);UNK", 7, True, [], [1], ["a", "b", "c", "d"], {}, {"w": 1}, "1" * 5_000, "(1,0,0"),
]
"""What stands for no vector, no quaternion, no size and no model; of "(1,0,0" the numbers are a unit vector all the same."""


SHUFFLED = ["013245", "102345", "021345", "543210", "301245", "012354"]
"""Orders of the components that are not the right one, as in the feed of February 2021."""

ODD_FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    "m20": {
        "attitude": ("attitude",),
        "vector": ("camera", "camera_vector"),
        "position": ("camera", "camera_position"),
        "model": ("camera", "camera_model_component_list"),
        "size": ("extended", "dimension"),
        "subframe": ("extended", "subframeRect"),
        "scale": ("extended", "scaleFactor"),
    },
    "msl": {
        "attitude": ("attitude",),
        "vector": ("camera_vector",),
        "position": ("camera_position",),
        "model": ("camera_model_component_list",),
        "size": ("subframe_rect",),
        "scale": ("scale_factor",),
    },
}
"""By dialect the fields of a record that say where it looks, and how to reach them."""

FOLLOWS = {
    "attitude": {"view_azimuth_deg", "view_elevation_deg", "view_method"},
    "vector": {"view_azimuth_deg", "view_elevation_deg", "view_method", "fov_h_deg", "fov_v_deg"},
    "position": {"camera_x_m"},
    "model": {"fov_h_deg", "fov_v_deg"},
    "size": {"fov_h_deg", "fov_v_deg", "width_px"},
    "scale": {"scale_factor"},
}
"""The columns that follow from each."""

STILL_FILLED = {
    # (1,0,0 is a unit vector without its bracket.
    ("vector", "view_azimuth_deg"): 1,
    ("vector", "view_elevation_deg"): 1,
    ("vector", "view_method"): 1,
    # (0,0,0), (9,9,9) and (1,0,0 are places, 7 is a scale, and (1,0) or (9,9,9,9) has a width.
    ("position", "camera_x_m"): 3,
    ("scale", "scale_factor"): 1,
    ("size", "width_px"): 1,
}
"""In how many of the odd records all the same."""

NO_ANGLES: list[Any] = [
    "",
    "UNK",
    "NULL",
    "N/A",
    "NaN",
    "inf",
    "1e400",
    "-9999",
    "-999.999",
    "361",
    "x",
    "1_0",
    None,
    [],
    {},
    True,
]


def odd_pages(payloads: Path) -> dict[tuple[str, str, str], list[Any]]:
    """Records of sol 5 that are real but for one field; caption, or of the archive PRODUCT_ID, has which one."""
    good: dict[str, dict[str, Any]] = {
        "m20": m20_responses(payloads)[888]["images"][1] | {"image_files": {}},
        "msl": msl_responses(payloads)[86]["items"][0],
    }
    pages: dict[tuple[str, str, str], list[Any]] = {
        ("m20", "perseverance", "images"): [],
        ("msl", "curiosity", "items"): [],
        ("pds", "opportunity", "lines"): [],
    }
    for (source, _, _), made in pages.items():
        for name, way in ODD_FIELDS.get(source, {}).items():
            model = json.loads(json.dumps(good[source]))
            for key in ODD_FIELDS[source]["model"]:
                model = model[key]
            parts = str(model).split(";")
            shuffled = [";".join(parts[int(n)] for n in order) + ";".join(["", *parts[6:]]) for order in SHUFFLED]
            for value in ODD_TEXTS + (shuffled if name == "model" else []):
                made.append(changed(good[source], way, value) | {"caption": f"odd {name}", "description": f"odd {name}"})
        made.extend([good[source] | {"caption": "good", "description": "good"}] if source in good else [])
        for number, record in enumerate(made):
            record |= {"sol": 5, "imageid": f"odd {number}", "id": number}
    row = index_row(payloads) | {"PLANET_DAY_NUMBER": "0005"}
    for name in ("SITE_INSTRUMENT_AZIMUTH", "SITE_INSTRUMENT_ELEVATION", "AZIMUTH_FOV", "LINES", "PIXEL_AVERAGING_WIDTH"):
        for number, value in enumerate(NO_ANGLES):
            pages["pds", "opportunity", "lines"].append(row | {name: value, "PRODUCT_ID": f"{name} {number}"})
    return pages


def changed(record: dict[str, Any], way: Sequence[str], value: Any) -> dict[str, Any]:
    """A copy of a record with another value behind a way of keys."""
    first, *rest = way
    return record | {first: changed(record[first], rest, value) if rest else value}


@pytest.fixture(scope="module")
def built(project: Callable[[], Project], real_payloads: Path) -> Project:
    made = project()
    pages = odd_pages(real_payloads)
    made.warehouse.load([page(source, rover, 5, array, records) for (source, rover, array), records in pages.items()])
    made.build(*PRODUCTION, "--exclude", "resource_type:test", "--select", "+fact_photos")
    return made


@pytest.mark.parametrize("source", ["m20", "msl"])
def test_what_is_no_vector_no_attitude_and_no_model_is_null_and_nothing_else_is(built: Project, source: str) -> None:
    """Each column is filled for exactly the records whose oddity it does not follow from; a good one beside them has all."""
    columns = [
        "view_azimuth_deg",
        "view_elevation_deg",
        "view_method",
        "fov_h_deg",
        "fov_v_deg",
        "camera_x_m",
        "width_px",
        "scale_factor",
    ]
    counts = ", ".join(f"count({column})" for column in columns)
    sql = f"select caption, count(*), {counts} from silver.source_photos where source = '{source}' group by all"
    filled = {caption: dict(zip(["all", *columns], numbers, strict=True)) for caption, *numbers in built.query(sql)}
    assert set(filled) == {"good"} | {f"odd {name}" for name in ODD_FIELDS[source]}
    for caption, numbers in filled.items():
        odd = FOLLOWS.get(caption.removeprefix("odd "), set())
        for column in columns:
            expected = numbers["all"] if column not in odd else STILL_FILLED.get((caption.removeprefix("odd "), column), 0)
            assert numbers[column] == expected, (caption, column, numbers)


def test_an_index_without_an_angle_is_null_and_the_angles_beside_it_are_not(built: Project) -> None:
    rows = built.query(
        "select split_part(source_id, ' ', 1), count(*), count(view_azimuth_deg), count(view_elevation_deg),"
        " count(view_method), count(fov_h_deg), count(fov_v_deg), count(height_px), count(width_px), count(scale_factor)"
        " from silver.fact_photos where source = 'pds' group by all"
    )
    every = len(NO_ANGLES)
    assert {name: numbers for name, *numbers in rows} == {
        "SITE_INSTRUMENT_AZIMUTH": [every, 0, 0, 0, *[every] * 5],
        "SITE_INSTRUMENT_ELEVATION": [every, 0, 0, 0, *[every] * 5],
        "AZIMUTH_FOV": [every, every, every, every, 0, *[every] * 4],
        # Of 361 lines an image may be.
        "LINES": [every, every, every, every, every, every, 1, every, every],
        "PIXEL_AVERAGING_WIDTH": [every, *[every] * 7, 0],
    }
