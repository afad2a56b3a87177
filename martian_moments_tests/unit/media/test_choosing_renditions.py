"""Which of the files of a photo is a frame, where the lake holds another one than the movie needs."""

from __future__ import annotations

from typing import Any

from martian_moments_tests.unit.media.test_choosing import WHOLE, Tables, photo, picture, reasons, tables

__all__ = ["tables"]


def test_a_mosaic_is_wanted_as_large_as_it_is_and_no_smaller_copy_stands_for_it(tables: Tables) -> None:
    photos = [photo(number, color_kind="bayer") for number in range(3)]
    held = [picture(0, width_px=1280, height_px=960, mode="L"), picture(1, mode="L")]
    choice = tables.choose(photos, held)
    assert reasons(choice) == {0: None, 1: "not_fetched", 2: "not_fetched"}
    assert choice.wanted[0].address == "https://mars.example/1.png"


def test_mosaics_of_a_source_that_reports_no_size_are_compared_as_all_others(tables: Tables) -> None:
    mosaic = {"color_kind": "bayer", **dict.fromkeys((*WHOLE, "width_px", "height_px"))}
    wrong: dict[int, dict[str, Any]] = {2: {"sharpness": 20.0}, 4: {"mean": 180.0}, 6: {"sha256": f"{1:064x}"}}
    pictures = [picture(number, mode="L", **wrong.get(number, {})) for number in range(9)]
    found = reasons(tables.choose([photo(number, **mosaic) for number in range(9)], pictures))
    assert {number: reason for number, reason in found.items() if reason} == {
        2: "blurred",
        4: "exposure_outlier",
        6: "repeated",
    }


def test_what_is_held_as_a_small_rendition_is_wanted_in_the_usual_one(tables: Tables) -> None:
    photos = [photo(number, image_url_small=f"https://mars.example/{number}_320.jpg") for number in range(6)]
    small = [picture(number, source_url=f"https://mars.example/{number}_320.jpg", width_px=320) for number in (3, 4)]
    full = [picture(5, source_url="https://mars.example/5.png", width_px=1280, height_px=960)]
    choice = tables.choose(photos, [*map(picture, range(3)), *small, *full])
    assert {number: reason for number, reason in reasons(choice).items() if reason} == {3: "not_fetched", 4: "not_fetched"}
    assert [each.address for each in choice.wanted] == [f"https://mars.example/{number}_1200.jpg" for number in (3, 4)]


def test_a_small_rendition_is_a_frame_where_there_is_no_other(tables: Tables) -> None:
    only = [f"https://mars.example/{number}_320.jpg" for number in range(3)]
    photos = [photo(number, image_url=url, image_url_full=None, image_url_small=url) for number, url in enumerate(only)]
    pictures = [picture(number, source_url=url, width_px=320, height_px=240) for number, url in enumerate(only)]
    assert set(reasons(tables.choose(photos, pictures)).values()) == {None}
