"""The frames of a moment: chosen, fetched where they are wanted, and chosen again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from martian_moments.domain.errors import LakeError, ObjectMissing, PublishedDamaged
from martian_moments.domain.pictures import Fault
from martian_moments.pipelines.moments import FRAMES, Gathered, gather, keep_frames, kept_frames, look, moment_key
from martian_moments_tests.moments import DRIVE, Pictures, opened, photo, publish_photos


class Place:
    """A lake, published tables, and the server of their pictures."""

    def __init__(self, folder: Path) -> None:
        self.lake, self.published = opened(folder)
        self.pictures = Pictures(self.lake)

    def gather(self) -> Gathered:
        return asyncio.run(gather(self.published, DRIVE, self.pictures.ask))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def numbers(found: Gathered) -> list[int]:
    return [int(each.photo_key[-4:]) for each in found.choice.frames]


def test_only_what_may_be_a_frame_is_asked_for_and_each_picture_once(place: Place) -> None:
    publish_photos(place.published, [photo(number, stop=number // 3) for number in range(12)])
    found = place.gather()
    assert place.pictures.asked == [0, 3, 6, 9]
    assert numbers(found) == [0, 3, 6, 9]
    assert (found.asked, found.errors) == (4, {})
    assert found.choice.left_out == {"same_stop": 8}


def test_where_a_picture_is_not_good_the_next_one_of_its_stop_is_asked_for(place: Place) -> None:
    publish_photos(place.published, [photo(number, stop=number // 3) for number in range(12)])
    place.pictures.means = {3: 0.0, 4: 0.0}
    place.pictures.faults = {6: Fault.MISSING, 9: Fault.DAMAGED, 10: Fault.REFUSED, 11: Fault.MISSING}
    found = place.gather()
    assert place.pictures.asked == [0, 3, 6, 9, 4, 7, 10, 5, 11]
    assert numbers(found) == [0, 5, 7]
    assert found.choice.left_out == {"missing": 2, "damaged": 2, "underexposed": 2, "same_stop": 3}
    # Those are settled; nobody has to ask again.
    assert found.errors == {}


def test_what_failed_and_may_come_later_is_reported_and_the_others_are_frames(place: Place) -> None:
    publish_photos(place.published, [photo(number) for number in range(4)])
    place.pictures.faults = {2: Fault.FAILED}
    found = place.gather()
    assert numbers(found) == [0, 1, 3]
    assert found.choice.left_out == {"not_fetched": 1}
    assert [str(error) for error in found.errors.values()] == ["https://mars.example/2.jpg: failed"]
    assert place.pictures.asked == [0, 1, 2, 3]


def test_the_frames_are_kept_once_and_read_back(place: Place) -> None:
    publish_photos(place.published, [photo(number) for number in range(4)])
    found = place.gather()
    with pytest.raises(ObjectMissing):
        kept_frames(place.lake, "drive")
    assert keep_frames(place.lake, found.choice)
    etag = place.lake.read(moment_key("drive", FRAMES)).info.etag
    assert not keep_frames(place.lake, place.gather().choice)
    assert place.lake.read(moment_key("drive", FRAMES)).info.etag == etag
    kept = kept_frames(place.lake, "drive")
    assert (kept.moment, kept.digest) == (DRIVE, found.choice.digest)
    assert [each["photo_key"] for each in kept.frames] == [each.photo_key for each in found.choice.frames]


def test_frames_that_nobody_can_read_are_one_line(place: Place) -> None:
    place.lake.put_bytes(moment_key("drive", FRAMES), b"{}")
    with pytest.raises(LakeError, match=r"frames\.json of a moment cannot be read .* materialize moments/frames again"):
        kept_frames(place.lake, "drive")


def test_a_look_asks_for_nothing(place: Place) -> None:
    publish_photos(place.published, [photo(number) for number in range(4)])
    found = look(place.published, [DRIVE, DRIVE.model_copy(update={"name": "short", "limit": 2})])
    assert {name: choice.left_out for name, choice in found.items()} == {
        "drive": {"not_fetched": 4},
        "short": {"over_limit": 2, "not_fetched": 2},
    }
    assert place.pictures.asked == []


def test_without_published_photos_nothing_can_be_chosen(place: Place) -> None:
    with pytest.raises(PublishedDamaged):
        look(place.published, [DRIVE])
