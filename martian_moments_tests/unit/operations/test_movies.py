"""A movie at once, as the command makes it, from a server that has its pictures; and the list of moments."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from martian_moments.domain.documents import Document
from martian_moments.domain.errors import InputError, LakeError, MovieError
from martian_moments.domain.moments import Moment, MomentKind, Sols
from martian_moments.lake.store import Join, Put
from martian_moments.operations import supervisor
from martian_moments.operations.movies import make_at_once, states
from martian_moments.pipelines.moment_files import keep_frames
from martian_moments.pipelines.moments import gather
from martian_moments.pipelines.movies import make
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.moments import DRIVE, Pictures, photo, publish_photos
from martian_moments_tests.picture_server import PictureServer, jpeg, picture_server

MOVIE = DRIVE.model_copy(update={"name": "movie"})


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Ctrl-C reaches this process, also where whoever started it in the background had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as served:
        yield served


@pytest.fixture
def resources(tmp_path: Path, no_settings: None, server: PictureServer) -> Resources:
    """Six photos that are published, and their pictures on the server; those of the second stop are black, then good."""
    made = Resources(Settings.load(home=tmp_path / "home", images_per_minute=100_000, concurrency=2))
    numbers = range(6)
    pictures = Pictures(made.lake, means={1: 0.0})
    stops = [0, 1, 1, 2, 3, 4]
    publish_photos(
        made.published,
        [photo(number, stop=stops[number], image_url=f"{server.url}/{number}.jpg") for number in numbers],
    )
    server.files = {f"/{number}.jpg": pictures.body(number) for number in numbers}
    return made


class Steps:
    """What was reported."""

    def __init__(self) -> None:
        self.last: dict[str, tuple[int, int]] = {}

    def __call__(self, step: str, done: int, total: int) -> None:
        self.last[step] = (done, total)


def test_it_asks_for_what_is_wanted_and_puts_the_movie_and_what_belongs_to_it_where_it_is_told(
    resources: Resources, server: PictureServer, tmp_path: Path
) -> None:
    steps = Steps()
    output = tmp_path / "out" / "drive.mp4"
    done = make_at_once(resources, MOVIE, output, steps)
    assert [int(each.photo_key[-4:]) for each in done.choice.frames] == [0, 2, 3, 4, 5]
    assert done.choice.left_out == {"underexposed": 1}
    assert done.errors == []
    assert steps.last == {"download": (6, 6), "prepare": (5, 5), "encode": (5, 5)}
    assert {file.name for file in output.parent.iterdir()} == {
        *("drive.mp4", "drive.jpg", "drive.vtt", "drive.credits.txt", "drive.frames.json"),
    }
    frames = json.loads((tmp_path / "out" / "drive.frames.json").read_bytes())
    assert len(frames["frames"]) == done.made.frames == 5
    assert output.stat().st_size == done.made.files["movie.mp4"][0]
    assert list((resources.settings.home / "scratch").glob("movie-*")) == []
    make_at_once(resources, MOVIE, output, steps)
    assert sorted(path for path, _ in server.requests) == [f"/{number}.jpg" for number in range(6)]


@pytest.mark.usefixtures("interruptible")
def test_whoever_interrupts_the_download_keeps_what_has_arrived(
    resources: Resources, server: PictureServer, tmp_path: Path
) -> None:
    output = tmp_path / "drive.mp4"

    def interrupted(step: str, done: int, total: int) -> None:
        if (step, done) == ("download", 3):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        make_at_once(resources, MOVIE, output, interrupted)
    assert not output.exists()
    arrived = len(resources.lake.list("pictures"))
    assert arrived >= 3
    again = Resources(resources.settings)
    assert make_at_once(again, MOVIE, output, Steps()).made.frames == 5
    assert max(server.asked(f"/{number}.jpg") for number in range(6)) <= 2
    assert len(server.requests) <= 6 + 2
    assert output.exists()


@pytest.mark.usefixtures("interruptible")
def test_whoever_interrupts_the_encoding_leaves_no_file(resources: Resources, tmp_path: Path) -> None:
    def interrupted(step: str, done: int, total: int) -> None:
        if step == "encode":
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        make_at_once(resources, MOVIE, tmp_path / "drive.mp4", interrupted)
    assert [file.name for file in tmp_path.iterdir()] == ["home"]


def test_a_platform_that_starts_meanwhile_takes_nothing_away(resources: Resources, tmp_path: Path) -> None:
    def clearing(step: str, done: int, total: int) -> None:
        supervisor._clear(resources.settings.home / "scratch")

    done = make_at_once(resources, MOVIE, tmp_path / "drive.mp4", clearing)
    assert (done.made.frames, done.errors) == (5, [])


def test_a_document_that_cannot_be_written_is_an_error_and_the_pictures_of_other_sols_are_kept(
    resources: Resources, server: PictureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = range(0, 300, 10)
    rows = [photo(number, image_url=f"{server.url}/{number}.jpg") for number in numbers]
    publish_photos(resources.published, rows)
    server.files = {f"/{number}.jpg": jpeg(number, 320, 240) for number in numbers}
    write = resources.lake.put_now

    def put_now(document: Document, join: Join | None = None) -> Put:
        if document.header.sol == 100:
            raise LakeError("no room for sol 100")
        return write(document, join)

    monkeypatch.setattr(resources.lake, "put_now", put_now)
    with pytest.raises(LakeError, match="no room for sol 100"):
        make_at_once(resources, MOVIE, tmp_path / "drive.mp4", Steps())
    assert len(resources.lake.list("pictures")) == 30
    assert len(resources.lake.list("images")) == 29


def test_before_anything_is_published_one_line_says_what_to_start(tmp_path: Path, no_settings: None) -> None:
    empty = Resources(Settings.load(home=tmp_path / "home"))
    with pytest.raises(InputError, match=r"no photos are published yet, .* start the platform"):
        make_at_once(empty, MOVIE, tmp_path / "drive.mp4", Steps())


def test_what_a_server_does_not_have_is_left_out_and_what_it_may_have_later_is_reported(
    resources: Resources, server: PictureServer, tmp_path: Path
) -> None:
    del server.files["/3.jpg"]
    server.faults["/4.jpg"] = ["503"] * 50
    done = make_at_once(resources, MOVIE, tmp_path / "drive.mp4", Steps())
    assert done.choice.left_out == {"missing": 1, "underexposed": 1, "not_fetched": 1}
    assert ["/4.jpg" in str(error) for error in done.errors] == [True]


@pytest.mark.parametrize(
    ("keys", "output", "line"),
    [
        ({"cameras": ("MCZ_LEFT",)}, "a.mp4", r"no photos of MCZ_LEFT on sols all of perseverance .* FRONT_HAZCAM_LEFT_A"),
        ({"sols": Sols(5, 6)}, "a.mp4", r"on sols 5-6 of perseverance .* nor of any other camera; backfill them first"),
        ({}, "a.avi", r"a\.avi has to end in \.mp4 for h264"),
    ],
)
def test_what_cannot_be_is_one_line(
    resources: Resources, tmp_path: Path, keys: dict[str, object], output: str, line: str
) -> None:
    with pytest.raises(InputError, match=line):
        make_at_once(resources, MOVIE.model_copy(update=keys), tmp_path / output, Steps())


def test_too_few_frames_are_one_line(resources: Resources, tmp_path: Path) -> None:
    one = MOVIE.model_copy(update={"kind": MomentKind.ALL, "limit": 2, "lmst": None, "sols": Sols(), "name": "movie"})
    publish_photos(resources.published, [photo(0, image_url="http://127.0.0.1:9/0.jpg")])
    with pytest.raises(MovieError, match="movie has 0 frames, and a movie needs 2"):
        make_at_once(resources, one, tmp_path / "a.mp4", Steps())


FILE = """
[first]
rover = "perseverance"
cameras = ["FRONT_HAZCAM_LEFT_A"]
kind = "drive"
sols = "all"

[second]
rover = "perseverance"
cameras = ["FRONT_HAZCAM_LEFT_A"]
kind = "all"
sols = "all"
"""


def test_the_list_says_of_each_moment_whether_its_movie_is_there_and_of_its_newest_frames(
    resources: Resources, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FILE)
    told = Resources(resources.settings.model_copy(update={"moments": file}))

    def listed() -> list[tuple[str, str, int | None]]:
        return [(each.moment.name, each.state, each.frames) for each in states(told)]

    def choose(count: int) -> None:
        publish_photos(told.published, [photo(number) for number in range(count)])
        first = next(iter(states(told))).moment
        gathered = asyncio.run(gather(told.published, first, Pictures(told.lake).ask))
        keep_frames(told.lake, gathered.choice)

    assert listed() == [("first", "never", None), ("second", "never", None)]
    choose(4)
    assert listed()[0] == ("first", "chosen", 4)
    make(told.lake, "first", tmp_path / "scratch")
    assert listed()[0] == ("first", "made", 4)
    (state, _) = states(told)
    assert state.where == f"{told.lake.url}/moments/first/movie.mp4"
    assert state.to_json()["seconds"] == pytest.approx(4 / 12)
    assert Path(state.where.removeprefix("file://")).is_file()
    choose(5)
    assert listed()[0] == ("first", "outdated", 5)


def test_the_moment_of_the_command_line_is_that_of_a_file() -> None:
    assert Moment.model_validate_json(MOVIE.model_dump_json()) == MOVIE
