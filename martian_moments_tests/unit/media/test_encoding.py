"""A movie has exactly the frames it was given, whatever reads it, and is there whole or not at all."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from martian_moments.domain.errors import MovieError
from martian_moments.media.encoding import CODECS, encode
from martian_moments_tests.unit.media.marked import decoded, frames, number_of

FORTY = 40


@pytest.mark.parametrize("codec", ["h264", "vp9"])
@pytest.mark.parametrize("fps", [12, Fraction(30_000, 1_001), 0.5])
def test_another_decoder_finds_every_frame_once_in_order(tmp_path: Path, codec: str, fps: float | Fraction) -> None:
    movie = encode(frames(FORTY), tmp_path / f"movie{CODECS[codec].suffix}", fps=fps, codec=codec)
    found = decoded(movie.path)
    assert [number_of(frame) for frame in found] == list(range(FORTY))
    assert {frame.shape for frame in found} == {(240, 320, 3)}
    for given, read in zip(frames(FORTY), found, strict=True):
        assert np.abs(given.astype(int) - read).mean() < 6
        assert np.abs(given.mean(axis=(0, 1)) - read.mean(axis=(0, 1))).max() < 4, "colours are as they were given"


def test_av1_has_every_frame_once_in_order(tmp_path: Path) -> None:
    movie = encode(frames(FORTY), tmp_path / "movie.mp4", codec="av1")
    with av.open(str(movie.path)) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert [number_of(np.asarray(frame, np.uint8)) for frame in found] == list(range(FORTY))


@pytest.mark.parametrize("count", [1, 2, 13])
@pytest.mark.parametrize("fps", [12, 25])
def test_the_file_says_how_long_it_plays_and_its_index_is_in_front(tmp_path: Path, count: int, fps: int) -> None:
    movie = encode(frames(count), tmp_path / "movie.mp4", fps=fps)
    content = movie.path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    header = content.index(b"mvhd") + 4
    created, changed, scale, duration = struct.unpack_from(">IIII", content, header + 4)
    assert duration / scale == pytest.approx(count / fps, abs=1.1 / scale)
    assert movie.seconds == count / fps
    assert (created, changed) == (0, 0), "a time in the file would make its bytes differ"
    assert len(decoded(movie.path)) == count == movie.frames


@pytest.mark.parametrize("codec", list(CODECS))
def test_the_same_frames_give_the_same_bytes(tmp_path: Path, codec: str) -> None:
    suffix = CODECS[codec].suffix
    first, second = (encode(frames(20), tmp_path / f"{name}{suffix}", codec=codec) for name in "ab")
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.frame_sha256 == second.frame_sha256
    assert first.frame_sha256 == tuple(hashlib.sha256(frame.tobytes()).hexdigest() for frame in frames(20))


def test_progress_counts_the_frames(tmp_path: Path) -> None:
    counted: list[int] = []
    encode(frames(5), tmp_path / "new" / "folder" / "movie.mp4", progress=counted.append)
    assert counted == [1, 2, 3, 4, 5]


def other_size() -> Iterator[NDArray[np.uint8]]:
    yield from frames(3)
    yield from frames(1, width=322)


@pytest.mark.parametrize(
    ("given", "name", "options", "message"),
    [
        (lambda: frames(0), "movie.mp4", {}, "needs a frame"),
        (other_size, "movie.mp4", {}, "frame 4 is uint8 of 240 x 322 x 3, not uint8 of 240 x 320 x 3"),
        (lambda: frames(1), "movie.mp4", {"size": (640, 480)}, "frame 1 is uint8 of 240 x 320"),
        (lambda: frames(1, width=321), "movie.mp4", {}, "321 x 240 pixels: both sides have to be even"),
        (lambda: frames(1), "movie.webm", {}, r"movie.webm cannot be a movie in h264; there are h264 \(.mp4\)"),
        (lambda: frames(1), "movie.mp4", {"codec": "gif"}, "cannot be a movie in gif"),
        (lambda: frames(1), "movie.mp4", {"fps": 0}, "0 frames a second"),
    ],
)
def test_what_cannot_be_a_movie_is_said_and_leaves_the_old_one(
    tmp_path: Path, given: object, name: str, options: dict[str, object], message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(b"the movie of yesterday")
    with pytest.raises(MovieError, match=message):
        encode(given(), path, **options)  # type: ignore[operator,arg-type]
    assert path.read_bytes() == b"the movie of yesterday"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_encoder_leaves_nothing(tmp_path: Path) -> None:
    def interrupted() -> Iterator[NDArray[np.uint8]]:
        yield from frames(10)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(interrupted(), tmp_path / "movie.mp4")
    assert list(tmp_path.iterdir()) == []


KILLED = """
import sys
from pathlib import Path
from martian_moments.media.encoding import encode
from martian_moments_tests.unit.media.marked import frames

def wait_at_the_moment(number):
    if number == int(sys.argv[2]):
        print(number, flush=True)
        sys.stdin.read()

encode(frames(60), Path(sys.argv[1]), progress=wait_at_the_moment)
"""


def test_a_killed_encoder_leaves_no_half_movie_and_the_next_one_makes_it_whole(tmp_path: Path) -> None:
    whole = encode(frames(60), tmp_path / "undisturbed" / "movie.mp4")
    path = tmp_path / "movie.mp4"
    for moment in random.Random(14).sample(range(1, 61), 4):
        command = [sys.executable, "-c", KILLED, str(path), str(moment)]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == f"{moment}\n"
            process.send_signal(signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL
        assert not path.exists()
    left = list(tmp_path.glob(".movie.mp4#*"))
    assert left, "a killed writer leaves its draft"
    for draft in left:
        an_hour_ago = time.time() - 3_601
        os.utime(draft, (an_hour_ago, an_hour_ago))
    again = encode(frames(60), path)
    assert again.frame_sha256 == whole.frame_sha256
    assert path.read_bytes() == whole.path.read_bytes()
    assert not list(tmp_path.glob(".movie.mp4#*"))
