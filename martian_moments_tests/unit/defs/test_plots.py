"""What an asset's page shows of a published table."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from martian_moments.defs.plots.activity import photos_and_light_by_sol
from martian_moments.defs.plots.compass import footprints_of_panoramas, looking_directions
from martian_moments.defs.plots.figures import RUST
from martian_moments.defs.plots.pages import page, pages
from martian_moments.defs.plots.paths import path_driven
from martian_moments.infrastructure.object_store import StoredFile
from martian_moments.warehouse.base import PublishedTable
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import publish_file


def publish(folder: Path, schema: str, name: str, rows: pa.Table) -> tuple[Published, PublishedTable]:
    pq.write_table(rows, folder / "t.parquet")
    published = Published((folder / "published").as_uri())
    return published, publish_file(published, schema, name, folder / "t.parquet")


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


@pytest.mark.parametrize("name", ["daily_activity", "fact_path", "fact_photos", "camera_summary", "panorama_frames"])
def test_an_empty_table_has_no_picture(tmp_path: Path, name: str) -> None:
    shown = page(*publish(tmp_path, "gold", name, pa.table({"rover": pa.array([], pa.string())})))
    assert shown["dagster/row_count"] == 0
    assert "picture" not in shown


LINE = '{"type": "LineString", "coordinates": [[77.45, 18.44], [77.46, 18.45]]}'
LIGHT = ("share_day", "share_golden_hour", "share_twilight", "share_night")
ACTIVITY = {"rover": ["spirit", "curiosity"], "sol": [1, 2], "photos": [3, 4]}
NAN = float("nan")


def lit(*rows: tuple[int | None, int | None, int | None, tuple[float | None, ...]]) -> dict[str, Any]:
    """Rows of daily_activity: sol, photos, those of which the Sun is known, and their shares of light."""
    sols, photos, known, shares = zip(*rows, strict=True)
    columns = {"sol": pa.array(sols, pa.int32()), "photos": photos, "pictures_with_sun": known}
    return columns | {"rover": ["spirit"] * len(rows)} | dict(zip(LIGHT, zip(*shares, strict=True), strict=True))


def frames(rover: str, name: str, sol: int, *azimuths: float | None, wide: float | None = 96.0, up: float = 25) -> pa.Table:
    """Rows of panorama_frames."""
    same = {"rover": rover, "panorama_id": name, "sol": sol, "view_elevation_deg": up, "fov_h_deg": wide, "fov_v_deg": 73.0}
    return pa.Table.from_pylist([{**same, "view_azimuth_deg": azimuth} for azimuth in azimuths])


MULTI = '{"type": "MultiLineString", "coordinates": [[[77.45, 18.44], [77.46, 18.45]], [[77.46, 18.45], [77.47, 18.46]]]}'


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("daily_activity", ACTIVITY),
        ("daily_activity", lit((1, 3, 3, (0.5, 0.5, 0, 0)), (2, 0, 0, (None,) * 4), (3, 4, None, (None,) * 4))),
        ("daily_activity", lit((1, None, 3, (1, 0, 0, 0)), (None, 3, 3, (1, 0, 0, 0)), (3, 4, 4, (NAN, 0, None, 1)))),
        ("daily_activity", lit((1, 3, 0, (None,) * 4))),
        ("fact_photos", {"rover": ["spirit", "x"], "view_azimuth_deg": [0.0, 90.0]}),
        ("fact_photos", {"rover": ["spirit"] * 5, "view_azimuth_deg": [None, NAN, float("inf"), -1.0, 360.0]}),
        ("panorama_frames", frames("spirit", "a", 1, 350.0, None, NAN, 30.0).to_pydict()),
        ("camera_summary", {"rover": ["spirit", "spirit"], "camera": ["NAVCAM", "NEWCAM"], "photos": [3, 4]}),
        ("fact_path", {"rover": ["perseverance"] * 2, "sol": [14, 15], "geometry": [LINE, LINE]}),
        ("fact_path", {"rover": ["perseverance"], "sol": [14], "geometry": [LINE]}),
        ("fact_path", {"rover": ["perseverance"] * 3, "sol": [None, 14, 15], "geometry": [None, LINE, MULTI]}),
        ("fact_path", {"rover": ["perseverance"], "sol": [14], "geometry": pa.array([None], pa.string())}),
    ],
    ids=[
        "sols",
        "light",
        "light with holes",
        "no light",
        "directions",
        "odd directions",
        "panorama",
        "cameras",
        "path",
        "one leg",
        "holes and several lines",
        "no geometry",
    ],
)
def test_a_picture_is_drawn_of_whatever_the_table_holds(tmp_path: Path, name: str, rows: dict[str, Any]) -> None:
    assert pixels(page(*publish(tmp_path, "silver", name, pa.table(rows)))).std() > 0


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("fact_photos", {"rover": ["spirit", "curiosity"], "view_azimuth_deg": pa.array([None, NAN], pa.float64())}),
        ("fact_photos", {"rover": ["a fifth rover", None], "view_azimuth_deg": [1.0, 2.0]}),
        ("panorama_frames", frames("spirit", "a", 1, 7.0, wide=None).to_pydict()),
    ],
    ids=["no direction", "no known rover", "no footprint"],
)
def test_of_what_cannot_be_seen_there_is_no_picture(tmp_path: Path, name: str, rows: dict[str, Any]) -> None:
    assert "picture" not in page(*publish(tmp_path, "gold", name, pa.table(rows)))


def middle(picture: Any, colour: str) -> tuple[float, float]:
    """Where the middle of what has a colour lies: to the right and down, as shares of width and height."""
    from matplotlib.colors import to_rgb

    rows, columns = (abs(picture[:, :, :3] - to_rgb(colour)).max(axis=2) < 0.02).nonzero()
    return columns.mean() / picture.shape[1], rows.mean() / picture.shape[0]


@pytest.mark.parametrize(("azimuth", "side"), [(0, (0, -1)), (90, (1, 0)), (180, (0, 1)), (270, (-1, 0)), (359, (0, -1))])
def test_a_rose_has_north_on_top_and_east_on_the_right(tmp_path: Path, azimuth: float, side: tuple[int, int]) -> None:
    rows = pa.table({"rover": ["spirit"] * 2, "view_azimuth_deg": [float(azimuth), float(azimuth) + 1]})
    right, down = middle(pixels(page(*publish(tmp_path, "silver", "fact_photos", rows))), RUST)
    assert (round(right - 0.5, 1) / 0.2, round(down - 0.5, 1) / 0.2) == pytest.approx(side, abs=0.6)


def test_one_direction_is_one_petal_also_across_north() -> None:
    azimuths = pa.table({"rover": ["spirit"] * 4, "view_azimuth_deg": [358.0, 359.9, 0.0, 4.9]})
    figure = looking_directions({"spirit": azimuths})
    assert figure
    petals: Any = figure.axes[0].patches
    heights = [petal.get_height() for petal in petals]
    assert heights == [2.0] + [0.0] * 35


def test_the_panorama_that_is_shown_is_the_newest_of_the_widest() -> None:
    table = pa.concat_tables(
        [
            frames("perseverance", "wide", 888, 76.0, 165.0, 256.0, 346.0),
            frames("perseverance", "as wide, older", 100, 76.0, 165.0, 256.0, 346.0),
            frames("perseverance", "narrow, newer", 1_900, 350.0, 10.0, wide=40.0),
        ]
    )
    figure = footprints_of_panoramas({"perseverance": table})
    assert figure
    assert figure.axes[0].get_xlabel().startswith("sol 888: 4 frames, 360°")
    assert len(figure.axes[0].patches) == 4


def test_frames_on_both_sides_of_north_cover_what_they_cover_together() -> None:
    figure = footprints_of_panoramas({"spirit": frames("spirit", "a", 1, 350.0, 10.0, wide=40.0)})
    assert figure
    assert figure.axes[0].get_xlabel().startswith("sol 1: 2 frames, 60°")


def test_light_is_the_mean_of_pictures_not_of_sols() -> None:
    rows = pa.table(lit((1, 900, 900, (1, 0, 0, 0)), *((sol, 1, 1, (0, 0, 0, 1)) for sol in range(2, 1_000))))
    figure = photos_and_light_by_sol({"spirit": rows})
    photos, light = figure.axes
    assert photos.get_ylim()[1] >= 900
    (day,) = [band for band in light.collections if band.get_label() == "day"]
    # The first of 240 steps has the 900 of sol 1 and one each of the next three sols.
    assert day.get_datalim(light.transData).y1 == pytest.approx(900 / 903)


def test_a_path_is_one_collection_however_many_legs_it_has() -> None:
    geometry = [f'{{"type": "LineString", "coordinates": [[{n / 1e5}, 1], [{(n + 1) / 1e5}, 1]]}}' for n in range(9_000)]
    rows = pa.table({"sol": [n // 3 if n else None for n in range(9_000)], "geometry": geometry})
    ax = path_driven({"spirit": rows}).axes[0]
    (lines,) = ax.collections
    assert len(lines.get_paths()) == 64 + 1
    km = 9_000 / 1e5 * 59.2747  # kilometres of a degree on the sphere of 3,396.19 km
    assert ax.dataLim.x1 == pytest.approx(km, rel=0.001)
    assert "grey: no known sol" in ax.get_xlabel()


def test_a_page_reads_no_more_of_a_large_table_than_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = 200_000
    photos = pa.table(
        {"rover": ["spirit"] * rows, "view_azimuth_deg": [1.0] * rows, "text": [f"{n:x}" * 20 for n in range(rows)]}
    )
    pq.write_table(photos, tmp_path / "t.parquet", row_group_size=10_000, compression="none")
    published = Published((tmp_path / "published").as_uri())
    table = publish_file(published, "silver", "fact_photos", tmp_path / "t.parquet")
    read: list[int] = []

    def counted(file: StoredFile, size: int | None = -1) -> bytes:
        read.append(len(found := original(file, size)))
        return found

    original = StoredFile.read
    monkeypatch.setattr(StoredFile, "read", counted)
    shown = page(published, table)
    assert (shown["dagster/row_count"], "picture" in shown) == (rows, True)
    assert 0 < sum(read) < (tmp_path / "t.parquet").stat().st_size / 5


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
    [
        ("fact_path", "geometry", "no JSON"),
        ("camera_summary", "photos", {"a": 1}),
        ("daily_activity", "photos", {"a": 1}),
        ("fact_photos", "view_azimuth_deg", "east"),
        ("panorama_frames", "fov_h_deg", "wide"),
    ],
)
def test_a_picture_that_cannot_be_drawn_says_why_and_fails_nothing(
    tmp_path: Path, name: str, column: str, value: object
) -> None:
    rows = {"rover": ["spirit"], "sol": [1], "camera": ["NAVCAM"], "photos": [1]} | {column: [value]}
    shown = page(*publish(tmp_path, "gold", name, pa.table(rows)))
    assert (shown["dagster/row_count"], "| spirit |" in str(shown["preview"].value)) == (1, True)
    assert str(shown["picture"].value).startswith("could not be made: ")


def test_a_page_that_cannot_be_made_is_left_out_and_fails_nothing(tmp_path: Path) -> None:
    """The table was published: its materialization must not wait for what shows it."""
    whole = publish(tmp_path, "gold", "photo_gaps", pa.table({"sol": [7]}))[1]
    published, damaged = publish(tmp_path, "gold", "camera_summary", pa.table({"rover": ["spirit"]}))
    (tmp_path / "published/gold/camera_summary/camera_summary.parquet").write_bytes(b"no table")
    shown = pages(published, [damaged, whole])
    assert shown[dg.AssetKey(["gold", "camera_summary"])] == {}
    assert shown[dg.AssetKey(["gold", "photo_gaps"])]["dagster/row_count"] == 1

    def forgotten(_: PublishedTable) -> Mapping[str, Any]:
        raise dg.DagsterInvariantViolationError("the storage is busy")

    assert pages(published, [whole], before=forgotten) == {dg.AssetKey(["gold", "photo_gaps"]): {}}
