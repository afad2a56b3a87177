"""Which pictures become frames: every candidate is in, or out with its reason."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from martian_moments.domain.errors import WarehouseError
from martian_moments.domain.moments import LocalTimes, Moment, MomentKind, Sols
from martian_moments.infrastructure.sql import quoted
from martian_moments.media.choosing import REASONS, Choice, choose, published_tables
from martian_moments.warehouse.models import published_models

NOON = datetime(2026, 4, 1, 12, tzinfo=UTC)
RGB = {"color_kind": "rgb", "product_type": "full", "is_thumbnail": False, "width_px": 1280, "height_px": 960}
WHOLE = {"subframe_x": 1, "subframe_y": 1, "subframe_width": 5120, "subframe_height": 3840, "scale_factor": 4}


def photo(number: int, **columns: Any) -> dict[str, Any]:
    """A photo of its own exposure and stop, a minute after the one before."""
    return {
        "photo_key": f"perseverance|m20|{number:04}",
        "rover": "perseverance",
        "sol": 100,
        "source": "m20",
        "source_id": f"NLF_{number:04}",
        "camera": "NAVCAM_LEFT",
        "source_camera": "NAVCAM_LEFT",
        "taken_at_utc": NOON + timedelta(minutes=number),
        "lmst": f"Sol-00100M{10 + number // 60:02}:{number % 60:02}:00.000",
        "site": 4,
        "drive": number,
        "sequence_id": "NCAM00100",
        "exposure_id": f"perseverance|NL|{number}",
        "image_url": f"https://mars.example/{number}_1200.jpg",
        "image_url_full": f"https://mars.example/{number}.png",
        "fetched_at": NOON,
        **RGB,
        **WHOLE,
        **columns,
    }


def picture(number: int, **columns: Any) -> SimpleNamespace:
    """What is recorded of the picture of that photo: one that is good."""
    recorded = {
        "photo_key": f"perseverance|m20|{number:04}",
        "source_url": f"https://mars.example/{number}_1200.jpg",
        "picture_key": f"pictures/rover=perseverance/sol=00100/{number}_1200.jpg",
        "bytes": 100_000 + number,
        "sha256": f"{number:064x}",
        "width_px": 1200,
        "height_px": 900,
        "mode": "RGB",
        "mean": 100.0 + number % 7,
        "spread": 40.0,
        "sharpness": 200.0 + number % 5,
        "saturated_share": 0.01,
        "black_share": 0.01,
        "perceptual_hash": f"{number:016x}",
        "error": None,
    }
    return SimpleNamespace(**recorded | columns)


def absent(number: int, error: str) -> SimpleNamespace:
    """What is recorded of a picture that is not held."""
    lacking = dict.fromkeys(vars(picture(number)))
    return SimpleNamespace(**lacking | {"photo_key": f"perseverance|m20|{number:04}", "error": error})


def moment(kind: MomentKind = MomentKind.ALL, **keys: Any) -> Moment:
    return Moment(
        **{"name": "test", "rover": "perseverance", "cameras": ("NAVCAM_LEFT",), "kind": kind, "sols": Sols(0, 200)} | keys
    )


def parquet(folder: Path, schema: str, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    """The folder of a table with these rows, in the types of its contract; columns that a row does not name are null."""
    (table,) = (each for each in published_models() if (each.schema, each.name) == (schema, name))
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"create table made ({', '.join(f'{column} {kind}' for column, kind in table.types.items())})")
        for row in rows:
            marks = ", ".join("?" * len(row))
            connection.execute(f"insert into made ({', '.join(row)}) values ({marks})", list(row.values()))
        (folder / name).mkdir(exist_ok=True)
        file = folder / name / f"{name}.parquet"
        connection.execute(f"copy (from made order by {', '.join(table.order_by)}) to {quoted(file)} (format parquet)")
    return folder / name


class Tables:
    """Published tables in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def choose(
        self,
        photos: Sequence[Mapping[str, Any]],
        pictures: Sequence[Any] = (),
        gold: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
        **keys: Any,
    ) -> Choice:
        folder = parquet(self._folder, "silver", "fact_photos", photos)
        folders = {name: parquet(self._folder, "gold", name, rows) for name, rows in (gold or {}).items()}
        with published_tables(folder, None, pictures, folders) as tables:
            return choose(moment(**keys), tables)


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(tmp_path)


def reasons(choice: Choice) -> dict[int, str | None]:
    """By the photo's number."""
    return {int(each.photo_key[-4:]): each.reason for each in choice.candidates}


def numbers(choice: Choice) -> list[int]:
    return [int(each.photo_key[-4:]) for each in choice.frames]


def test_pictures_that_are_held_and_good_are_frames_in_the_order_in_which_they_were_taken(tables: Tables) -> None:
    some = list(range(30))
    random.Random(4).shuffle(some)
    choice = tables.choose([photo(number) for number in some], [picture(number) for number in some])
    assert numbers(choice) == list(range(30))
    assert choice.left_out == {}


def test_without_any_picture_all_that_may_be_frames_are_wanted_from_their_addresses(tables: Tables) -> None:
    photos = [
        photo(0),
        photo(1, image_url=None),
        photo(2, image_url_full=None),
        photo(3, image_url_full="https://archive.example/3.IMG"),
        photo(4, is_thumbnail=True),
        photo(5, image_url=None, image_url_full=None),
    ]
    choice = tables.choose(photos)
    assert reasons(choice) == {
        **dict.fromkeys((0, 1, 2, 3), "not_fetched"),
        4: "thumbnail",
        5: "missing",
    }
    assert [each.address for each in choice.wanted] == [
        "https://mars.example/0_1200.jpg",
        "https://mars.example/1.png",
        "https://mars.example/2_1200.jpg",
        "https://mars.example/3_1200.jpg",
    ]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"is_thumbnail": True, "product_type": "thumbnail"}, "thumbnail"),
        ({"is_thumbnail": None, "product_type": "thumbnail"}, "thumbnail"),
        ({"color_kind": "bayer"}, "other_kind"),
        ({"color_kind": None}, "other_kind"),
        ({"product_type": "range_map"}, "other_kind"),
        ({"product_type": "video"}, "other_kind"),
        ({"product_type": "reference_pixels", "color_kind": None}, "other_kind"),
        ({"product_type": "subframe"}, "subframe"),
        ({"subframe_height": 1200, "height_px": 300}, "subframe"),
        ({"width_px": 640, "height_px": 480}, "other_size"),
        ({"sol": 201}, "no candidate"),
        ({"camera": "NAVCAM_RIGHT", "source_camera": "NAVCAM_RIGHT"}, "no candidate"),
        ({"rover": "curiosity"}, "no candidate"),
        ({"camera": "NAVCAM"}, None),
        ({"product_type": None, "is_thumbnail": None}, None),
        ({"subframe_y": 1, "subframe_height": 3800}, None),
        (dict.fromkeys(WHOLE), None),
    ],
)
def test_what_the_metadata_say_of_one_photo_among_others(
    tables: Tables, columns: dict[str, Any], reason: str | None
) -> None:
    numbers_ = range(8)
    photos = [photo(number, **columns if number == 4 else {}) for number in numbers_]
    found = reasons(tables.choose(photos, [picture(number) for number in numbers_]))
    assert found.pop(4, "no candidate") == reason
    assert set(found.values()) == {None}


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"mean": 3.0, "black_share": 0.97}, "underexposed"),
        ({"mean": 250.0, "saturated_share": 0.9}, "overexposed"),
        ({"mean": 180.0}, "exposure_outlier"),
        ({"mean": 45.0}, "exposure_outlier"),
        ({"mean": 115.0}, None),
        ({"sharpness": 20.0}, "blurred"),
        ({"sharpness": 120.0}, None),
        ({"sha256": f"{2:064x}"}, "repeated"),
        ({"mode": "L"}, "other_kind"),
        ({"width_px": 800, "height_px": 600}, None),
        ({"width_px": 1200, "height_px": 1200}, "other_size"),
        ({"width_px": 320, "height_px": 240}, "other_size"),
    ],
)
def test_what_one_picture_shows_among_others(tables: Tables, columns: dict[str, Any], reason: str | None) -> None:
    pictures = [picture(number, **columns if number == 4 else {}) for number in range(9)]
    found = reasons(tables.choose([photo(number) for number in range(9)], pictures))
    assert found.pop(4) == reason
    assert set(found.values()) == {None}


@pytest.mark.parametrize(
    ("error", "reason"),
    [("missing", "missing"), ("damaged", "damaged"), ("refused", "damaged"), ("failed", "not_fetched")],
)
def test_why_a_picture_is_not_held(tables: Tables, error: str, reason: str) -> None:
    found = reasons(tables.choose([photo(0), photo(1)], [picture(0), absent(1, error)]))
    assert found == {0: None, 1: reason}


def test_an_exposure_in_tiles_has_no_frame_but_its_whole_picture_is_one(tables: Tables) -> None:
    tile = {"subframe_width": 1280, "subframe_height": 960, "scale_factor": 1}
    corners = [{"subframe_x": x, "subframe_y": y} for x in (1, 1281, 2561, 3841) for y in (1, 961, 1921, 2881)]
    tiles = [photo(100 + at, exposure_id="tiled", **tile | corner) for at, corner in enumerate(corners)]
    both = [photo(200 + at, exposure_id="perseverance|NL|3", **tile | corner) for at, corner in enumerate(corners[:4])]
    found = reasons(tables.choose([*(photo(number) for number in range(6)), *tiles, *both]))
    assert {found[number] for number in range(6)} == {"not_fetched"}
    assert {reason for number, reason in found.items() if number >= 100} == {"tile"}


def test_a_name_says_that_a_picture_is_a_tile_where_no_part_of_the_detector_is_reported(tables: Tables) -> None:
    def named(number: int, ending: str) -> dict[str, Any]:
        address = f"https://mars.example/FLF_0367_0699520566_945ECM_N0110108FHAZ00203_{ending}J01.png"
        return photo(
            number, image_url=address, image_url_full=address, width_px=None, height_px=None, **dict.fromkeys(WHOLE)
        )

    endings = ["01_295", "00_2I4", "13_0LL", "04_195", "00_0LL"]
    found = reasons(tables.choose([named(number, ending) for number, ending in enumerate(endings)]))
    assert found == {0: "not_fetched", 1: "not_fetched", 2: "tile", 3: "tile", 4: "subframe"}


def test_of_the_versions_of_an_exposure_the_last_with_most_pixels_stands_and_the_next_best_where_it_is_damaged(
    tables: Tables,
) -> None:
    same = {"exposure_id": "one", "date_received": NOON}
    photos = [
        photo(0, **same),
        photo(1, **same | {"date_received": NOON + timedelta(days=1)}),
        photo(2, **same | {"date_received": NOON + timedelta(days=1)}),
        photo(3),
    ]
    assert reasons(tables.choose(photos)) == {
        0: "older_version",
        1: "older_version",
        2: "not_fetched",
        3: "not_fetched",
    }
    assert reasons(tables.choose(photos, [absent(2, "damaged"), absent(1, "missing"), picture(3)])) == {
        0: "not_fetched",
        1: "missing",
        2: "damaged",
        3: None,
    }


def test_a_drive_movie_has_the_first_good_picture_of_each_stop(tables: Tables) -> None:
    photos = [photo(number, drive=number // 4 * 10) for number in range(12)]
    photos.append(photo(12, drive=None))
    before = tables.choose(photos, kind=MomentKind.DRIVE)
    assert [int(each.photo_key[-4:]) for each in before.wanted] == [0, 4, 8]
    assert before.left_out == {"same_stop": 9, "not_fetched": 3}
    # What is wanted has come; of one stop it is damaged, of another black.
    fetched = [picture(0), absent(4, "damaged"), picture(8, mean=2.0, black_share=1.0)]
    then = tables.choose(photos, fetched, kind=MomentKind.DRIVE)
    assert numbers(then) == [0]
    assert [int(each.photo_key[-4:]) for each in then.wanted] == [5, 9]
    done = tables.choose(photos, [*fetched, picture(5), picture(9)], kind=MomentKind.DRIVE)
    assert numbers(done) == [0, 5, 9]
    assert done.left_out == {"damaged": 1, "underexposed": 1, "same_stop": 7}


def test_a_sky_movie_has_the_series_that_look_up_and_no_frame_of_it_is_called_blurred_or_an_outlier_of_another_series(
    tables: Tables,
) -> None:
    up, ahead = {"view_elevation_deg": 30.0, "fov_v_deg": 73.0}, {"view_elevation_deg": -20.0, "fov_v_deg": 73.0}
    photos = [photo(number, sequence_id="NCAM00518", **up) for number in range(8)]
    photos += [photo(number, sequence_id="NCAM00519", sol=101, **up) for number in range(8, 16)]
    photos += [photo(16, sequence_id="NCAM00207", **ahead), photo(17, sequence_id="NCAM00501", **up)]
    dusk = [picture(number, mean=40.0 + number % 3, sharpness=2.0 + number % 2 * 20) for number in range(8)]
    day = [picture(number, mean=150.0 + number % 3) for number in range(8, 16)]
    choice = tables.choose(photos, [*dusk, *day], kind=MomentKind.SKY)
    assert numbers(choice) == list(range(16))
    assert choice.left_out == {}


def test_a_movie_of_one_view_has_the_direction_from_one_stop_that_most_sols_share(tables: Tables) -> None:
    def looking(number: int, sol: int, azimuth: float, drive: int = 7) -> dict[str, Any]:
        return photo(number, sol=sol, drive=drive, view_azimuth_deg=azimuth, view_elevation_deg=5.0)

    often = [looking(number, 10, 120.0) for number in range(9)]
    on_many_sols = [looking(10 + number, 10 + number, (359.6 + number * 0.2) % 360) for number in range(5)]
    elsewhere = [looking(20 + number, 10 + number, 0.0, drive=8) for number in range(3)]
    choice = tables.choose([*often, *on_many_sols, *elsewhere], kind=MomentKind.VIEW)
    assert sorted(reasons(choice)) == [10, 11, 12, 13, 14]


def test_the_time_of_day_and_the_last_sols_decide_what_is_a_candidate(tables: Tables) -> None:
    photos = [photo(number, lmst=f"Sol-00100M{number:02}:30:00.000") for number in range(24)]
    photos.append(photo(30, lmst=None))
    assert sorted(reasons(tables.choose(photos, lmst=LocalTimes(600, 720)))) == [10, 11]
    assert sorted(reasons(tables.choose(photos, lmst=LocalTimes(1350, 90)))) == [0, 22, 23]
    photos = [photo(number, sol=number) for number in range(24)]
    photos.append(photo(40, sol=25, camera="OTHER", source_camera="OTHER"))
    assert sorted(reasons(tables.choose(photos, sols=Sols(last=5)))) == [21, 22, 23]


def test_of_more_frames_than_the_limit_the_newest_stand(tables: Tables) -> None:
    photos = [photo(number) for number in range(10)]
    choice = tables.choose(photos, [picture(number) for number in range(2, 9)], limit=4)
    assert numbers(choice) == [6, 7, 8]
    assert reasons(choice)[9] == "not_fetched"
    assert choice.left_out == {"over_limit": 6, "not_fetched": 1}


def test_of_the_filters_of_a_camera_one_stands(tables: Tables) -> None:
    names = ["1P128287426EFF0000P2303L2M1", "1P128287427EFF0000P2303L5M1", "1P128287428EFF0000P2303L2M1"]
    photos = [
        photo(at, rover="opportunity", color_kind="band", camera="PANCAM", **dict.fromkeys(WHOLE))
        | {"image_url": f"https://archive.example/{name.lower()}.img.jpg", "image_url_full": f"{name.lower()}.img"}
        for at, name in enumerate(names)
    ]
    choice = tables.choose(photos, rover="opportunity", cameras=("PANCAM",))
    assert reasons(choice) == {0: "not_fetched", 1: "other_kind", 2: "not_fetched"}


def test_the_document_of_the_frames_is_the_same_for_the_same_tables_and_its_digest_changes_with_frames_and_moment(
    tables: Tables,
) -> None:
    photos, pictures = [photo(number) for number in range(6)], [picture(number) for number in range(5)]
    choice, again = tables.choose(photos, pictures), tables.choose(photos[::-1], pictures[::-1])
    assert choice.document() == again.document()
    written = json.loads(choice.document())
    assert [each["photo_key"] for each in written["frames"]] == [each.photo_key for each in choice.frames]
    assert [each["frame"] for each in written["frames"]] == [1, 2, 3, 4, 5]
    assert written["left_out"] == [{"photo_key": "perseverance|m20|0005", "reason": "not_fetched"}]
    assert written["digest"] == choice.digest
    # One more that is left out changes nothing of the movie.
    assert tables.choose([*photos, photo(6, is_thumbnail=True)], pictures).digest == choice.digest
    assert tables.choose(photos, [*pictures, picture(5)]).digest != choice.digest
    assert tables.choose(photos, [picture(0, sha256="f" * 64), *pictures[1:]]).digest != choice.digest
    assert tables.choose(photos, pictures, fps=24).digest != choice.digest


def test_a_moment_without_any_photo_has_no_candidate(tables: Tables) -> None:
    choice = tables.choose([])
    assert (choice.candidates, choice.left_out) == ([], {})


def test_a_table_that_is_damaged_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "photos.parquet").write_bytes(b"no table")
    with (
        pytest.raises(WarehouseError, match="the frames of a moment cannot be chosen") as error,
        published_tables(tmp_path, None),
    ):
        pass
    assert "\n" not in str(error.value)


def test_every_reason_of_the_query_is_explained() -> None:
    text = Path(str(pytest.importorskip("martian_moments.media.choosing").__file__)).with_name("frames.sql").read_text()
    given = {part.split("'")[1] for part in text.replace("then '", "then\n'").splitlines() if part.strip().startswith("'")}
    assert set(REASONS) <= given
