"""Still moments in the lake: an anaglyph of the two pictures of a pair, a panorama of those of a view."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from martian_moments.domain.moments import MomentKind
from martian_moments.pipelines.moment_files import keep_frames, kept_frames, moment_key
from martian_moments.pipelines.moments import gather
from martian_moments.pipelines.movies import Made, make
from martian_moments_tests.moments import DRIVE, NOON, Pictures, opened, photo
from martian_moments_tests.published_tables import publish_rows

KEYS = [f"perseverance|m20|{number:04}" for number in range(4)]
EYES = ("FRONT_HAZCAM_LEFT_A", "FRONT_HAZCAM_RIGHT_A")
PAIR = {"rover": "perseverance", "sol": 100, "pair_id": "one", "camera": EYES[0], "taken_at_utc": NOON} | dict(
    zip(("left_photo_key", "right_photo_key", "left_camera", "right_camera"), (*KEYS[:2], *EYES), strict=True)
)
VIEW = {"rover": "perseverance", "sol": 100, "panorama_id": "round", "coverage_deg": 200.0, "frames": 4} | {
    "camera": EYES[0],
    "source_camera": EYES[0],
}


def made(folder: Path, kind: MomentKind, tables: dict[str, list[dict[str, Any]]]) -> tuple[Made, dict[str, bytes]]:
    """A still, and the files of its moment."""
    lake, published = opened(folder)
    publish_rows(published, tables)
    moment = DRIVE.model_copy(update={"name": "still", "title": "A still", "kind": kind, "size": 600})
    gathered = asyncio.run(gather(published, moment, Pictures(lake).ask))
    keep_frames(lake, gathered.choice)
    still, is_new = make(lake, "still", folder / "scratch")
    assert (is_new, make(lake, "still", folder / "scratch")) == (True, (still, False))
    assert still.digest == kept_frames(lake, "still").digest
    files = lake.list(moment_key("still"))
    return still, {each.key.rpartition("/")[2]: lake.get(each.key) for each in files}


def test_an_anaglyph_is_one_picture_of_a_pair_with_its_credits(tmp_path: Path) -> None:
    photos = [photo(0), photo(1, source_camera=EYES[1], camera=EYES[1]), photo(2)]
    still, files = made(tmp_path, MomentKind.ANAGLYPH, {"silver/fact_photos": photos, "gold/stereo_pairs": [PAIR]})
    assert set(files) == {"frames.json", "movie.json", "still.jpg", "poster.jpg", "credits.txt"}
    assert (still.frames, still.movie, still.is_still, still.seconds) == (2, "still.jpg", True, 0.0)
    with Image.open(io.BytesIO(files["still.jpg"])) as image:
        assert image.size == (still.width_px, still.height_px)
        assert image.mode == "RGB"
    listed = files["credits.txt"].decode().splitlines()
    assert listed[0] == "A still"
    assert [line.split()[1] for line in listed[-2:]] == KEYS[:2]


def test_a_panorama_is_one_strip_of_the_pictures_of_a_view(tmp_path: Path) -> None:
    looking: list[dict[str, Any]] = [
        {"view_azimuth_deg": 50.0 * number, "view_elevation_deg": -5.0, "fov_h_deg": 60.0, "fov_v_deg": 45.0}
        for number in range(4)
    ]
    members = [
        {"panorama_id": "round", "photo_key": key, "rover": "perseverance", "sol": 100, "taken_at_utc": NOON} for key in KEYS
    ]
    tables = {
        "silver/fact_photos": [photo(number, **view) for number, view in enumerate(looking)],
        "gold/panoramas": [VIEW],
        "gold/panorama_frames": members,
    }
    still, files = made(tmp_path, MomentKind.PANORAMA, tables)
    assert (still.frames, still.width_px) == (4, 600)
    assert still.width_px > 2.5 * still.height_px
    with Image.open(io.BytesIO(files["still.jpg"])) as image:
        assert image.size == (still.width_px, still.height_px)


@pytest.mark.parametrize("kind", [MomentKind.ANAGLYPH, MomentKind.PANORAMA])
def test_a_still_of_which_the_tables_have_nothing_has_no_candidate(tmp_path: Path, kind: MomentKind) -> None:
    lake, published = opened(tmp_path)
    tables: dict[str, list[dict[str, Any]]] = {"silver/fact_photos": [photo(0)]}
    publish_rows(published, tables | {"gold/stereo_pairs": [], "gold/panoramas": [], "gold/panorama_frames": []})
    moment = DRIVE.model_copy(update={"kind": kind})
    assert asyncio.run(gather(published, moment, Pictures(lake).ask)).choice.candidates == []
