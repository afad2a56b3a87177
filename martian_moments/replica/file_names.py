"""How NASA names image files, by the missions' conventions (M20 and MSL camera SIS, MER EDR SIS)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from martian_moments.replica.observations import Look, Observation

PICTURES: Final = "http://pictures.replica.invalid"
"""Where the addresses of generated pictures begin. A running replica puts itself in its place (see server.py), so that
nobody asks NASA for a picture that does not exist."""

CameraParts = tuple[str, str, str]
"""What of a file name depends on the camera: folder and instrument prefix, and the sequence's name."""


class Shot(NamedTuple):
    """When, where and how one picture is taken.

    Attributes:
        sol: the mission sol.
        clock: the spacecraft clock, in seconds.
        milliseconds: of the spacecraft clock.
        site: of the rover motion counter.
        drive: of the rover motion counter.
        number: counts the pictures of a sol, camera by camera.
        heading_deg: where the rover's nose points, clockwise from north.
        observation: of which it is a part.
        look: which part, and where it looks.
    """

    sol: int
    clock: int
    milliseconds: int
    site: int
    drive: int
    number: int
    heading_deg: float
    observation: Observation
    look: Look


_IMAGES_OF_A_SOL: Final = 2551
"""By which the cameras' own counter of images goes up from sol to sol: its seven digits last for the mission."""


def m20_address(camera: CameraParts, shot: Shot) -> str:
    """A picture of Perseverance, 1,200 pixels wide."""
    folder, prefix, sequence = camera
    name = (
        f"{prefix}_{shot.sol:04}_{shot.clock:010}_{shot.milliseconds:03}ECM"
        f"_N{shot.site:03}{shot.drive:04}{sequence}{shot.observation.sequence:05}_00_2I4J01_1200.jpg"
    )
    return f"{PICTURES}/mars2020-raw-images/pub/ods/surface/sol/{shot.sol:05}/ids/edr/browse/{folder}/{name}"


def msl_address(camera: CameraParts, shot: Shot) -> str:
    """A picture of Curiosity."""
    folder, prefix, sequence = camera
    images = f"{PICTURES}/msl-raw-images"
    if not sequence:  # the cameras of Malin Space Science Systems name no place
        counter = (shot.sol * _IMAGES_OF_A_SOL + shot.number) % 10**7
        name = f"{shot.sol:04}{prefix}{shot.observation.sequence:06}{shot.look.step:03}{counter:07}E01_DXXX.jpg"
        return f"{images}/msss/{shot.sol:05}/{folder}/{name}"
    name = f"{prefix}_{shot.clock:09}EDR_F{shot.site:03}{shot.drive:04}{sequence}{shot.observation.sequence:05}M_.JPG"
    return f"{images}/proj/msl/redops/ods/surface/sol/{shot.sol:05}/opgs/edr/{folder}/{name}"


def mer_address(camera: CameraParts, shot: Shot) -> str:
    """A picture of Spirit or Opportunity."""
    spacecraft, letter, sequence = camera
    place = mer_code(shot.site) + mer_code(shot.drive)
    taken = f"{shot.clock:09}EFF{place}{sequence}{shot.observation.sequence:04}{shot.look.eye}{shot.look.filter}"
    name = f"{spacecraft}{letter}{taken}M1-BR.JPG"
    return f"{PICTURES}/mer/gallery/all/{spacecraft}/{letter.lower()}/{shot.sol:03}/{name}"


_MER_PLAIN: Final = 100
_MER_LETTER_FIRST: Final = 1036
MER_CODE_END: Final = _MER_LETTER_FIRST + 260
"""Site and drive counters from here on have no code in a MER file name."""


def mer_code(counter: int) -> str:
    """The two characters that stand for a site or drive counter (0 to 1295) in a MER file name."""
    if counter < _MER_PLAIN:
        return f"{counter:02}"
    if counter < _MER_LETTER_FIRST:
        letter, rest = divmod(counter - _MER_PLAIN, 36)
        return _letter(letter) + (str(rest) if rest < 10 else _letter(rest - 10))  # noqa: PLR2004 - digits, then letters
    digit, letter = divmod(counter - _MER_LETTER_FIRST, 26)
    return f"{digit}{_letter(letter)}"


def _letter(number: int) -> str:
    return chr(ord("A") + number)
