"""Which pictures become one: both eyes of a stereo pair, and those of a panorama."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from martian_moments.domain.moments import MomentKind
from martian_moments_tests.unit.media.test_choosing import NOON, Tables, absent, photo, picture, reasons, tables

__all__ = ["tables"]


def key(number: int) -> str:
    return f"perseverance|m20|{number:04}"


def pair(left: int, right: int) -> dict[str, Any]:
    return {
        "pair_id": f"pair {left}",
        "rover": "perseverance",
        "sol": 100,
        "camera": "NAVCAM_LEFT",
        "left_camera": "NAVCAM_LEFT",
        "right_camera": "NAVCAM_RIGHT",
        "taken_at_utc": NOON + timedelta(minutes=left),
        "left_photo_key": key(left),
        "right_photo_key": key(right),
    }


def test_an_anaglyph_is_made_of_the_newest_pair_of_which_both_pictures_are_good(tables: Tables) -> None:
    right = {"camera": "NAVCAM_RIGHT", "source_camera": "NAVCAM_RIGHT"}
    photos = [photo(number, **right if number % 2 else {}) for number in range(6)] + [photo(9)]
    gold = {"stereo_pairs": [pair(0, 1), pair(2, 3), pair(4, 5)]}
    before = tables.choose(photos, gold=gold, kind=MomentKind.ANAGLYPH)
    assert [each.photo_key for each in before.wanted] == [key(4), key(5)]
    assert before.left_out == {"over_limit": 4, "not_fetched": 2}
    fetched = [picture(4), picture(5, mean=1.0, black_share=1.0)]
    then = tables.choose(photos, fetched, gold, kind=MomentKind.ANAGLYPH)
    assert [each.photo_key for each in then.wanted] == [key(2), key(3)]
    # The eyes see the same, and differently bright, and that is no fault.
    done = tables.choose(photos, [*fetched, picture(2), picture(3, mean=170.0)], gold, kind=MomentKind.ANAGLYPH)
    assert [each.photo_key for each in done.frames] == [key(2), key(3)]
    assert reasons(done) == {0: "over_limit", 1: "over_limit", 2: None, 3: None, 4: "over_limit", 5: "underexposed"}


def test_a_panorama_is_made_of_those_of_its_pictures_that_are_good_of_the_one_that_covers_most(tables: Tables) -> None:
    def view(name: str, degrees: float, sol: int = 100) -> dict[str, Any]:
        camera = dict.fromkeys(("camera", "source_camera"), "NAVCAM_LEFT")
        return {"panorama_id": name, "rover": "perseverance", "sol": sol, "coverage_deg": degrees, **camera}

    photos = [photo(number) for number in range(10)]
    members = [(0, "half"), (1, "half"), (2, "whole"), (3, "whole"), (4, "whole"), (5, "late"), (6, "late")]
    gold = {
        "panoramas": [view("half", 180.0), view("whole", 360.0), view("late", 360.0, sol=300)],
        "panorama_frames": [
            {"panorama_id": name, "photo_key": key(number), "taken_at_utc": NOON + timedelta(minutes=number)}
            for number, name in members
        ],
    }
    before = tables.choose(photos, gold=gold, kind=MomentKind.PANORAMA)
    assert [each.photo_key for each in before.wanted] == [key(2), key(3), key(4)]
    done = tables.choose(photos, [picture(2, mean=40.0), absent(3, "missing"), picture(4)], gold, kind=MomentKind.PANORAMA)
    assert [each.photo_key for each in done.frames] == [key(2), key(4)]
    assert done.left_out == {"missing": 1, "over_limit": 2}


def test_a_still_of_which_there_is_nothing_has_no_candidate(tables: Tables) -> None:
    choice = tables.choose([photo(0)], gold={"stereo_pairs": []}, kind=MomentKind.ANAGLYPH)
    assert choice.candidates == []
