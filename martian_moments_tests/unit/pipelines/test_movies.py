"""The movie of a moment in the lake: of its frames, each once, whole or not at all, made again only when they changed."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest

from martian_moments.domain.errors import LakeError, MovieError, PictureDamaged
from martian_moments.domain.moments import Codec
from martian_moments.lake.store import Lake
from martian_moments.pipelines.moment_files import FRAMES, keep_frames, kept_frames, moment_key
from martian_moments.pipelines.moments import gather
from martian_moments.pipelines.movies import Made, made, make
from martian_moments_tests.moments import DRIVE, HEIGHT, WIDTH, Pictures, opened, photo, publish_photos

FRAME_COUNT = 9


def prepared(folder: Path, frames: int = FRAME_COUNT, *, codec: Codec = Codec.H264) -> Lake:
    """A lake with the frames of the moment and their pictures."""
    lake, published = opened(folder)
    publish_photos(published, [photo(number) for number in range(frames)])
    moment = DRIVE.model_copy(update={"codec": codec})
    keep_frames(lake, asyncio.run(gather(published, moment, Pictures(lake).ask)).choice)
    return lake


def files(lake: Lake) -> dict[str, str]:
    """The digest of every file of the moment."""
    listed = lake.list(moment_key("drive"))
    return {each.key.rpartition("/")[2]: hashlib.sha256(lake.get(each.key)).hexdigest() for each in listed}


def shown(movie: Made) -> tuple[object, ...]:
    """What of a movie follows from its frames alone: an encoder with several threads may choose other bytes for them."""
    return movie.digest, movie.movie, movie.frames, movie.width_px, movie.height_px, movie.fps, movie.frame_sha256


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, Made]:
    """A lake with a movie that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    lake = prepared(folder)
    movie, is_new = make(lake, "drive", folder / "scratch")
    assert is_new
    assert list((folder / "scratch" / "moments").iterdir()) == []
    return lake, movie


def test_the_movie_has_the_frames_that_were_chosen_and_everything_that_belongs_to_it(
    undisturbed: tuple[Lake, Made], tmp_path: Path
) -> None:
    lake, movie = undisturbed
    chosen = kept_frames(lake, "drive")
    assert set(files(lake)) == {
        *("frames.json", "movie.json", "movie.mp4", "poster.jpg", "preview.webp"),
        *("captions.vtt", "credits.txt", "sensor.json"),
    }
    assert (movie.digest, movie.frames, movie.fps) == (chosen.digest, FRAME_COUNT, 10)
    assert (movie.width_px, movie.height_px, movie.seconds) == (WIDTH, HEIGHT, 0.9)
    assert len(set(movie.frame_sha256)) == FRAME_COUNT
    assert {name: sha256 for name, (_, sha256) in movie.files.items()} == {
        name: digest for name, digest in files(lake).items() if name not in ("frames.json", "movie.json")
    }
    file = tmp_path / "movie.mp4"
    file.write_bytes(lake.get(moment_key("drive", "movie.mp4")))
    with av.open(str(file)) as container:
        assert sum(1 for _ in container.decode(video=0)) == FRAME_COUNT
    captions = lake.get(moment_key("drive", "captions.vtt")).decode()
    assert "Perseverance, Sol 100, 10:30\nFRONT_HAZCAM_LEFT_A, site 4, drive 0, 2026-04-01 12:00 UTC" in captions
    credits_ = lake.get(moment_key("drive", "credits.txt")).decode()
    assert "Pictures: NASA/JPL-Caltech\n" in credits_
    assert "9 perseverance|m20|0008 https://mars.example/8.jpg" in credits_


def test_a_movie_that_is_there_is_not_made_again_and_one_that_lacks_a_file_is(
    undisturbed: tuple[Lake, Made], tmp_path: Path
) -> None:
    lake, movie = undisturbed
    assert make(lake, "drive", tmp_path) == (movie, False)
    before = files(lake)
    lake.remove(moment_key("drive", "poster.jpg"))
    assert made(lake, "drive") is None
    again, is_new = make(lake, "drive", tmp_path)
    assert (is_new, shown(again)) == (True, shown(movie))
    assert files(lake).keys() == before.keys()
    again, is_new = make(lake, "drive", tmp_path, anew=True)
    assert (is_new, shown(again)) == (True, shown(movie))


def test_when_its_frames_have_changed_a_movie_is_made_again_and_what_only_the_old_one_had_goes(tmp_path: Path) -> None:
    lake = prepared(tmp_path, 4)
    first, _ = make(lake, "drive", tmp_path / "scratch")
    again = prepared(tmp_path, 5, codec=Codec.VP9)
    assert made(again, "drive") == first
    second, is_new = make(again, "drive", tmp_path / "scratch")
    assert (is_new, second.frames, second.movie) == (True, 5, "movie.webm")
    assert "movie.mp4" not in files(again)
    assert made(again, "drive") == second


class Full(Exception):
    """The disk takes no more."""


class FullLake(Lake):
    """A lake that takes so many more files and no more."""

    left = 0

    def put_file(self, key: str, path: Path):  # type: ignore[no-untyped-def]
        self._take()
        return super().put_file(key, path)

    def put_bytes(self, key: str, body: bytes):  # type: ignore[no-untyped-def]
        self._take()
        return super().put_bytes(key, body)

    def _take(self) -> None:
        if not self.left:
            raise Full
        self.left -= 1


def test_whichever_file_cannot_be_written_none_is_half_and_the_next_time_the_end_is_the_same(
    undisturbed: tuple[Lake, Made], tmp_path: Path
) -> None:
    prepared(tmp_path)
    for before in range(7):
        lake = FullLake((tmp_path / "lake").as_uri())
        for name in set(files(lake)) - {FRAMES}:
            lake.remove(moment_key("drive", name))
        lake.left = before
        with pytest.raises(Full):
            make(lake, "drive", tmp_path / "scratch")
        assert len(files(lake)) == 1 + before
        assert made(lake, "drive") is None
    lake.left = 100
    movie, is_new = make(lake, "drive", tmp_path / "scratch")
    assert (is_new, shown(movie)) == (True, shown(undisturbed[1]))
    held = files(lake)
    assert {name: sha256 for name, (_, sha256) in movie.files.items()}.items() <= held.items()
    assert held.keys() == files(undisturbed[0]).keys()


KILLED = """
import os, signal, sys
from pathlib import Path
from martian_moments.lake.store import Lake
from martian_moments.pipelines.movies import make

folder, step, at = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def report(now, done, total):
    if (now, done) == (step, at):
        os.kill(os.getpid(), signal.SIGKILL)

make(Lake((folder / "lake").as_uri()), "drive", folder / "scratch", report=report)
"""


@pytest.mark.parametrize(("step", "at"), [("prepare", 1), ("prepare", 8), ("encode", 3), ("encode", FRAME_COUNT)])
def test_a_process_that_is_killed_leaves_nothing_under_a_final_name_and_the_next_one_makes_the_same(
    undisturbed: tuple[Lake, Made], tmp_path: Path, step: str, at: int
) -> None:
    lake = prepared(tmp_path)
    command = [sys.executable, "-c", KILLED, str(tmp_path), step, str(at)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert set(files(lake)) == {FRAMES}
    movie, is_new = make(lake, "drive", tmp_path / "scratch")
    assert (is_new, shown(movie)) == (True, shown(undisturbed[1]))
    assert files(lake).keys() == files(undisturbed[0]).keys()
    assert list((tmp_path / "scratch" / "moments").iterdir()) == []


@pytest.fixture
def four(tmp_path: Path) -> Lake:
    return prepared(tmp_path, 4)


def test_a_picture_that_is_another_one_now_stops_the_movie(four: Lake, tmp_path: Path) -> None:
    key = kept_frames(four, "drive").frames[1]["picture_key"]
    four.put_bytes(key, Pictures(four).body(77))
    with pytest.raises(LakeError, match=f"{key} is another picture than was chosen; materialize moments/frames again"):
        make(four, "drive", tmp_path / "scratch")
    assert set(files(four)) == {FRAMES}


def test_a_picture_that_cannot_be_decoded_is_named(four: Lake, tmp_path: Path) -> None:
    frames = json.loads(four.get(moment_key("drive", FRAMES)))
    cut = Pictures(four).body(1)[:-3_000]
    frames["frames"][1]["sha256"] = hashlib.sha256(cut).hexdigest()
    four.put_bytes(frames["frames"][1]["picture_key"], cut)
    four.put_bytes(moment_key("drive", FRAMES), json.dumps(frames).encode())
    with pytest.raises(PictureDamaged, match=r"^perseverance\|m20\|0001: "):
        make(four, "drive", tmp_path / "scratch")


def test_one_frame_is_no_movie_and_the_line_says_where_the_reasons_are(tmp_path: Path) -> None:
    lake = prepared(tmp_path, 1)
    with pytest.raises(MovieError, match=r"drive has 1 frames, and a movie needs 2; moments/drive/frames\.json says why"):
        make(lake, "drive", tmp_path / "scratch")
