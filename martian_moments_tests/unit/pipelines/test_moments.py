"""The frames of a moment: chosen, fetched where they are wanted, and chosen again."""

from __future__ import annotations

import asyncio
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from martian_moments.domain.errors import InputError, LakeError, ObjectMissing, PublishedDamaged
from martian_moments.domain.pictures import Fault
from martian_moments.pipelines.moment_files import FRAMES, keep_frames, kept_frames, moment_key
from martian_moments.pipelines.moments import Gathered, gather
from martian_moments_tests.moments import DRIVE, Pictures, opened, photo, publish_photos
from martian_moments_tests.published_tables import publish_rows

RECORD = {"rover": "perseverance", "sol": 100, "object_key": "images/rover=perseverance/sol=00100.json.gz"}


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


def test_what_a_server_did_not_have_is_asked_for_again_after_a_while_or_from_another_address(place: Place) -> None:
    publish_photos(place.published, [photo(number) for number in range(8)])

    def in_vain(number: int, error: Fault, days: float, server: str = "mars.example") -> dict[str, Any]:
        fetched_at = datetime.now(UTC) - timedelta(days=days)
        address = f"https://{server}/{number}.jpg"
        return {**RECORD, "photo_key": photo(number)["photo_key"], "source_url": address, "error": error} | {
            "fetched_at": fetched_at
        }

    records = [
        in_vain(1, Fault.MISSING, 6.9),
        in_vain(2, Fault.MISSING, 7.1),
        in_vain(3, Fault.DAMAGED, 0.9),
        in_vain(4, Fault.DAMAGED, 1.1),
        in_vain(5, Fault.MISSING, 0.1, server="archive.example"),
        in_vain(6, Fault.MISSING, 7.1),
    ]
    publish_rows(place.published, {"silver/fact_images": records})
    place.pictures.faults = {6: Fault.MISSING}
    found = place.gather()
    assert sorted(place.pictures.asked) == [0, 2, 4, 5, 6, 7]
    assert numbers(found) == [0, 2, 4, 5, 7]
    assert found.choice.left_out == {"missing": 2, "damaged": 1}


def test_without_published_photos_nothing_can_be_chosen(place: Place) -> None:
    with pytest.raises(InputError, match=r"no photos are published yet, .*backfill the sols"):
        place.gather()


def test_photos_that_were_published_and_are_gone_are_damaged(place: Place, tmp_path: Path) -> None:
    publish_photos(place.published, [photo(0)])
    shutil.rmtree(tmp_path / "published" / "silver" / "fact_photos")
    with pytest.raises(PublishedDamaged):
        place.gather()
