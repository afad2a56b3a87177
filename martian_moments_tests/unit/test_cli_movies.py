"""The commands that make and list movies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from martian_moments.domain.moments import read_moments
from martian_moments.media import extra
from martian_moments.operations import movies
from martian_moments_tests.moments import Pictures, photo, publish_photos
from martian_moments_tests.picture_server import picture_server
from martian_moments_tests.platforms import Platform
from martian_moments_tests.unit.test_cli import Run, run

__all__ = ["run"]

MOVIE = ("movie", "perseverance", "FRONT_HAZCAM_LEFT_A")


def test_a_movie_is_made_with_a_bar_for_each_step_and_says_what_it_has_and_what_was_left_out(
    run: Run, platform: Platform, tmp_path: Path
) -> None:
    pictures = Pictures(platform.resources.lake, means={2: 0.0})
    with picture_server() as server:
        rows = [photo(number, image_url=f"{server.url}/{number}.jpg") for number in range(5)]
        publish_photos(platform.resources.published, rows)
        server.files = {f"/{number}.jpg": pictures.body(number) for number in range(5) if number != 3}
        output = tmp_path / "drive.mp4"
        code, out, err = run(*MOVIE, "100", "--fps", "10", "--output", str(output), MARS_IMAGES_PER_MINUTE="100000")
    assert (code, output.is_file()) == (0, True), err
    assert f"{output}: 3 frames, 0.3 s, 320 x 240, 0." in out
    assert "left out: 1 missing (its server has no such picture)" in out
    assert "left out: 1 underexposed (nearly all of it is black)" in out
    assert [step in err for step in ("download", "prepare", "encode")] == [True] * 3


def test_what_could_not_be_had_is_counted_and_a_camera_without_photos_is_named(
    run: Run, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("martian_moments.nasa.http._LONGEST_BACKOFF_S", 0.0)
    pictures = Pictures(platform.resources.lake)
    with picture_server() as server:
        rows = [photo(number, image_url=f"{server.url}/{number}.jpg") for number in range(9)]
        publish_photos(platform.resources.published, rows)
        server.files = {f"/{number}.jpg": pictures.body(number) for number in range(9)}
        server.faults |= {f"/{number}.jpg": ["html"] * 9 for number in range(7)}
        cameras = "FRONT_HAZCAM_LEFT_A+FRONT_HAZCAM_LEFTT"
        output = str(tmp_path / "drive.mp4")
        code, out, _ = run("movie", "perseverance", cameras, "100", "--output", output, MARS_IMAGES_PER_MINUTE="100000")
    assert code == 0
    assert "no photo of FRONT_HAZCAM_LEFTT fits" in out
    assert out.strip().splitlines()[-1].strip() == "and 2 more that could not be had; the same command asks again"


def test_without_an_output_movies_of_two_kinds_are_two_files(
    run: Run, platform: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures = Pictures(platform.resources.lake)
    with picture_server() as server:
        publish_photos(
            platform.resources.published, [photo(number, image_url=f"{server.url}/{number}.jpg") for number in range(3)]
        )
        server.files = {f"/{number}.jpg": pictures.body(number) for number in range(3)}
        for kind in ("drive", "all"):
            assert run(*MOVIE, "100", "--kind", kind, MARS_IMAGES_PER_MINUTE="100000")[0] == 0
    names = sorted(file.name for file in tmp_path.glob("*.mp4"))
    assert names == [f"perseverance-front_hazcam_left_a-100-{kind}.mp4" for kind in ("all", "drive")]


def test_whoever_stops_it_reads_that_nothing_is_lost(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(movies, "make_at_once", stopped)
    code, out, err = run(*MOVIE, "100")
    assert (code, out) == (130, "")
    assert err.strip().splitlines()[-1].startswith("stopped; the pictures that have arrived stay in the lake")


def test_without_the_extra_one_line_says_how_to_install_it(
    run: Run, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_photos(platform.resources.published, [photo(number) for number in range(3)])
    monkeypatch.setattr(extra, "find_spec", lambda name: None)
    extra.require_media.cache_clear()
    try:
        code, _, err = run(*MOVIE, "100")
    finally:
        extra.require_media.cache_clear()
    assert code == 1
    assert "pip install 'martian-moments[media]'" in err.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("movie", "sojourner", "NAVCAM", "1"), "sojourner is no rover; use one of "),
        ((*MOVIE, "9-1"), "movie: sols = '9-1' is not accepted: the range falls from 9 to 1"),
        ((*MOVIE, "1", "--fps", "0"), "movie: fps = 0 is not accepted"),
        ((*MOVIE, "1", "--codec", "gif"), "movie: codec = 'gif' is not accepted"),
        ((*MOVIE, "1", "--kind", "pan"), "movie: kind = 'pan' is not accepted"),
    ],
)
def test_what_cannot_be_a_movie_is_one_line(run: Run, arguments: tuple[str, ...], line: str) -> None:
    code, _, err = run(*arguments)
    assert code == 1
    assert line in err
    assert len(err.strip().splitlines()) == 1


def test_every_moment_of_the_package_is_listed(run: Run) -> None:
    code, out, _ = run("moments")
    assert code == 0
    assert out.count("nobody has asked") == len(read_moments())
    code, out, _ = run("moments", "--json")
    listed = json.loads(out)
    assert [each["name"] for each in listed] == list(read_moments())
    assert {(each["state"], each["movie"]) for each in listed} == {("never", None)}


def test_a_moment_of_a_rover_that_is_not_kept_can_not_be_asked_for_and_is_not_listed(run: Run) -> None:
    _, out, _ = run("moments", "--json", MARS_ROVERS="spirit")
    assert [each["name"] for each in json.loads(out)] == ["spirit-drive"]


def test_a_wrong_file_of_moments_is_one_line_that_names_file_moment_and_key(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[dusk]\nrover = "curiosity"\ncameras = ["NAVCAM"]\nkind = "sky"\nsols = "last"\n')
    code, _, err = run("moments", MARS_MOMENTS=str(file))
    assert code == 1
    (line,) = err.strip().splitlines()
    assert f"{file}: moment dusk: sols = 'last' is not accepted" in line
