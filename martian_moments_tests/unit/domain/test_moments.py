"""Moments as they are written down."""

from __future__ import annotations

from pathlib import Path

import pytest

from martian_moments.domain.errors import SettingsError
from martian_moments.domain.moments import Codec, LocalTimes, Moment, MomentKind, Sols, parse_moment, read_moments
from martian_moments.domain.rovers import ROVERS

WHOLE = {"rover": "spirit", "cameras": ["PANCAM"], "kind": "all", "sols": "100-200"}


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_package_has_a_drive_movie_of_each_rover_a_sky_movie_and_one_of_the_same_view() -> None:
    moments = read_moments()
    assert len(moments) >= 6
    assert {each.rover for each in moments.values() if each.kind is MomentKind.DRIVE} == set(ROVERS)
    assert {each.kind for each in moments.values()} == set(MomentKind) - {MomentKind.ALL}
    for moment in moments.values():
        known = {name for camera in ROVERS[moment.rover].cameras.values() for name in (camera.name, *camera.names)}
        assert set(moment.cameras) <= known
        assert moment.title


def test_a_moment_has_the_values_of_its_file_and_defaults_for_the_others(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        '[dusk]\ntitle = "Dusk"\nrover = "curiosity"\ncameras = ["NAVCAM"]\nkind = "sky"\nsols = "last 30"\n'
        'lmst = "17:30-19:00"\nfps = 24\nsize = 640\ncodec = "vp9"\noverlay = false\nlimit = 50\n\n'
        '[plain]\nrover = "spirit"\ncameras = ["PANCAM", "NAVCAM"]\nkind = "all"\nsols = "100-200"\n',
    )
    dusk, plain = read_moments(file).values()
    assert dusk == Moment(
        name="dusk",
        title="Dusk",
        rover="curiosity",
        cameras=("NAVCAM",),
        kind=MomentKind.SKY,
        sols=Sols(last=30),
        lmst=LocalTimes(1050, 1140),
        fps=24,
        size=640,
        codec=Codec.VP9,
        overlay=False,
        limit=50,
    )
    assert (plain.sols, plain.lmst, plain.fps, plain.size) == (Sols(100, 200), None, 12, 1280)
    for moment in (dusk, plain):
        written_down = moment.model_dump(mode="json")
        assert Moment.model_validate_json(moment.model_dump_json()) == moment
        assert written_down["sols"] in ("last 30", "100-200")
    assert dusk.model_dump(mode="json")["lmst"] == "17:30-19:00"
    assert (plain.codec, plain.overlay, plain.limit, plain.label) == (Codec.H264, True, 600, "plain")


@pytest.mark.parametrize(
    ("text", "sols"),
    [
        ("100-200", Sols(100, 200)),
        ("7", Sols(7, 7)),
        ("last 30", Sols(last=30)),
        ("all", Sols(0, 99_999)),
    ],
)
def test_sols_are_a_range_one_sol_the_last_ones_or_all(text: str, sols: Sols) -> None:
    assert Sols.parse(text) == sols
    assert Sols.parse(str(sols)) == sols


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"rover": "sojourner"}, "rover = 'sojourner' is not accepted: use one of "),
        ({"rover": 3}, "rover = 3 is not accepted: input should be a valid string"),
        ({"cameras": []}, "cameras = [] is not accepted: "),
        ({"cameras": "PANCAM"}, "cameras = 'PANCAM' is not accepted: "),
        (
            {"kind": "movie"},
            "kind = 'movie' is not accepted: input should be 'drive', 'sky', 'view', 'all', 'anaglyph' or 'panorama'",
        ),
        ({"sols": "last 0"}, "sols = 'last 0' is not accepted: the last 0 sols are none"),
        ({"sols": "200-100"}, "sols = '200-100' is not accepted: the range falls from 200 to 100"),
        ({"sols": "100..200"}, "sols = '100..200' is not accepted: write \"100-200\""),
        ({"sols": 100}, "sols = 100 is not accepted: write it as text, in quotes"),
        ({"lmst": "10:00-25:00"}, "lmst = '10:00-25:00' is not accepted: write two local times"),
        ({"lmst": "10:00-10:00"}, "lmst = '10:00-10:00' is not accepted: write two local times"),
        ({"fps": 0}, "fps = 0 is not accepted: input should be greater than or equal to 1"),
        ({"fps": "12"}, "fps = '12' is not accepted: input should be a valid integer"),
        ({"size": 100_000}, "size = 100000 is not accepted: "),
        ({"codec": "mpeg2"}, "codec = 'mpeg2' is not accepted: "),
        ({"overlay": "yes"}, "overlay = 'yes' is not accepted: input should be a valid boolean"),
        ({"limit": 1}, "limit = 1 is not accepted: "),
        ({"framerate": 5}, "framerate is no key of a moment"),
        ({"camera": "PANCAM"}, "camera is no key of a moment; did you mean cameras?"),
        ({"name": "other"}, "name is no key; the name of a moment is that of its table"),
    ],
)
def test_a_wrong_key_is_one_line_that_names_file_moment_and_key(change: dict[str, object], line: str) -> None:
    with pytest.raises(SettingsError) as error:
        parse_moment("dusk", WHOLE | change, "/home/me/mine.toml: moment dusk")
    assert str(error.value).startswith(f"/home/me/mine.toml: moment dusk: {line}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", WHOLE)
def test_a_key_that_is_missing_is_named(key: str) -> None:
    with pytest.raises(SettingsError, match=f"^m.toml: moment dusk: {key} is missing$"):
        parse_moment("dusk", {name: value for name, value in WHOLE.items() if name != key}, "m.toml: moment dusk")


@pytest.mark.parametrize("name", ["Dusk", "a/b", "..", "", "-a", "ä", "a" * 65])
def test_a_name_that_is_no_folder_or_partition_is_refused(name: str) -> None:
    with pytest.raises(SettingsError, match=r"name = .* is not accepted: use lower-case letters"):
        parse_moment(name, WHOLE, "m.toml")


def test_files_that_are_not_there_or_not_toml_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: the moments cannot be read: No such file.*MARS_MOMENTS"):
        read_moments(tmp_path / "none.toml")
    with pytest.raises(SettingsError, match=r"mine\.toml: this is not TOML: .*line 1"):
        read_moments(written(tmp_path, "[dusk\n"))
    with pytest.raises(SettingsError, match=r"mine\.toml: moment dusk: a moment is a table; write \[dusk\]"):
        read_moments(written(tmp_path, "dusk = 3\n"))
    file = tmp_path / "latin.toml"
    file.write_bytes(b"# caf\xe9\n[dusk]\n")
    with pytest.raises(SettingsError, match=r"latin\.toml: the moments cannot be read: save the file as UTF-8"):
        read_moments(file)
