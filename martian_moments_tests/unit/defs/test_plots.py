"""What an asset's page shows of a published table."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from martian_moments.defs.plots import page
from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.published import Published


def publish(folder: Path, schema: str, name: str, rows: pa.Table) -> tuple[Published, PublishedTable]:
    pq.write_table(rows, folder / "t.parquet")
    published = Published((folder / "published").as_uri())
    published.put(schema, name, folder / "t.parquet")
    return published, PublishedTable(schema, name, ())


def pixels(metadata: Mapping[str, Any]) -> Any:
    from matplotlib.image import imread

    picture = str(metadata["picture"].value)
    return imread(
        io.BytesIO(base64.b64decode(picture.partition("base64,")[2].removesuffix(")"), validate=True)), format="png"
    )


def test_a_preview_shows_ten_rows_with_long_values_cut_and_bars_escaped(tmp_path: Path) -> None:
    rows = pa.table({"name": ["a|b\nc", "x" * 90, None, *map(str, range(20))]})
    lines = str(page(*publish(tmp_path, "gold", "photo_gaps", rows))["preview"].value).splitlines()
    assert lines[0] == "| name |"
    assert len(lines) == 12
    assert lines[2] == "| a\\|b c |"
    assert lines[3] == f"| {'x' * 39}… |"
    assert lines[4] == "|  |"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("[a](http://b) `c` *d* _e_ a_b", "\\[a\\](http://b) \\`c\\` \\*d\\* \\_e\\_ a_b"),
        ("a\x00\u202eb\r\n", "a\ufffd\ufffdb  "),
        ("\U0001f600 \u0645", "\U0001f600 \u0645"),
        ("A$\\foo$B", "A$\\\\foo$B"),
        ("<" * 1_000_000, "&lt;" * 39 + "…"),
    ],
)
def test_what_others_wrote_is_text_in_a_preview(tmp_path: Path, name: str, shown: str) -> None:
    rows = pa.table({"camera": [name]})
    assert str(page(*publish(tmp_path, "gold", "photo_gaps", rows))["preview"].value).splitlines()[2:] == [f"| {shown} |"]


def test_an_unpublished_table_shows_nothing(tmp_path: Path) -> None:
    published = Published((tmp_path / "published").as_uri())
    assert page(published, PublishedTable("gold", "daily_activity", ())) == {}


@pytest.mark.parametrize("name", ["daily_activity", "fact_path", "camera_summary"])
def test_an_empty_table_has_no_picture(tmp_path: Path, name: str) -> None:
    shown = page(*publish(tmp_path, "gold", name, pa.table({"rover": pa.array([], pa.string())})))
    assert shown["dagster/row_count"] == 0
    assert "picture" not in shown


LINE = '{"type": "LineString", "coordinates": [[77.45, 18.44], [77.46, 18.45]]}'
MULTI = '{"type": "MultiLineString", "coordinates": [[[77.45, 18.44], [77.46, 18.45]], [[77.46, 18.45], [77.47, 18.46]]]}'


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("daily_activity", {"rover": ["spirit", "curiosity"], "sol": [1, 2], "photos": [3, 4]}),
        ("camera_summary", {"rover": ["spirit", "spirit"], "camera": ["NAVCAM", "NEWCAM"], "photos": [3, 4]}),
        ("fact_path", {"rover": ["perseverance"] * 2, "sol": [14, 15], "geometry": [LINE, LINE]}),
        ("fact_path", {"rover": ["perseverance"], "sol": [14], "geometry": [LINE]}),
        ("fact_path", {"rover": ["perseverance"] * 3, "sol": [None, 14, 15], "geometry": [None, LINE, MULTI]}),
        ("fact_path", {"rover": ["perseverance"], "sol": [14], "geometry": pa.array([None], pa.string())}),
    ],
    ids=["sols", "cameras", "path", "one leg", "holes and several lines", "no geometry"],
)
def test_a_picture_is_drawn_of_whatever_the_table_holds(tmp_path: Path, name: str, rows: dict[str, Any]) -> None:
    shown = page(*publish(tmp_path, "silver", name, pa.table(rows)))
    if "picture" in shown:
        assert pixels(shown).std() > 0
    else:
        assert rows["geometry"] is not None
        assert not [line for line in pa.array(rows["geometry"]).to_pylist() if line]


ODD_NAMES = [
    "A$\\foo$B", "$x^", "\\", "a\nb", "a\x00b", "\u202eevil", "\u6f22", "\U0001f600", "", "x" * 1_000_000, "_", "%s{0}",
]  # fmt: skip


@pytest.mark.parametrize("names", [ODD_NAMES, [f"FAKE{number}" for number in range(3_000)]], ids=["odd", "many"])
def test_a_camera_may_be_called_anything(tmp_path: Path, names: list[str]) -> None:
    rows = pa.table({"rover": ["spirit"] * len(names), "camera": names, "photos": list(range(len(names)))})
    assert pixels(page(*publish(tmp_path, "gold", "camera_summary", rows))).std() > 0


@pytest.mark.parametrize(
    "geometry",
    [
        '{"type": "LineString", "coordinates": [[1], "x", [null, 2], [77.45, 18.44, null], [true, 1], [77.46, 18.45]]}',
        '{"type": "MultiLineString", "coordinates": [3, [], [[77.45, 18.44], [77.46, 18.45]]]}',
    ],
)
def test_odd_points_of_a_leg_are_not_drawn(tmp_path: Path, geometry: str) -> None:
    rows = pa.table({"rover": ["spirit"], "sol": [1], "geometry": [geometry]})
    assert pixels(page(*publish(tmp_path, "silver", "fact_path", rows))).std() > 0


@pytest.mark.parametrize(
    ("name", "column", "value"),
    [("fact_path", "geometry", "no JSON"), ("camera_summary", "photos", {"a": 1}), ("daily_activity", "photos", {"a": 1})],
)
def test_a_picture_that_cannot_be_drawn_says_why_and_fails_nothing(
    tmp_path: Path, name: str, column: str, value: object
) -> None:
    rows = {"rover": ["spirit"], "sol": [1], "camera": ["NAVCAM"], "photos": [1]} | {column: [value]}
    shown = page(*publish(tmp_path, "gold", name, pa.table(rows)))
    assert (shown["dagster/row_count"], "| spirit |" in str(shown["preview"].value)) == (1, True)
    assert str(shown["picture"].value).startswith("could not be made: ")
