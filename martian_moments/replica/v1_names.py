"""What the v1 API calls rovers and cameras, and how NASA names image files.

Sources: the v1 API's own answers for ids, launch dates and the order of cameras (ids never seen in an answer are placed in
the gaps that the seen ones leave); how often a camera has photos on a sol is counted in the four complete manifests of 2023
and 2024; file names follow the mission's image naming conventions (M20 and MSL camera SIS, MER EDR SIS).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Final

from martian_moments.domain.rovers import Camera

_CLOCK_ZERO: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
"""Spacecraft clocks count seconds from about here; they drift by minutes over a mission."""


@dataclass(frozen=True, slots=True)
class V1Camera:
    """A camera of a v1 rover.

    Attributes:
        id: the API's camera id.
        share: share of the sols with photos on which this camera has some.
        file: the parts of a file name that depend on the camera: folder and instrument prefix, and the sequence's name.
        last_sol: the last sol on which it takes photos, or None.
    """

    id: int
    share: float
    file: tuple[str, str, str]
    last_sol: int | None = None


@dataclass(frozen=True, slots=True)
class Shot:
    """When and where one picture is taken.

    Attributes:
        sol: the mission sol.
        clock: the spacecraft clock, in seconds.
        site: of the rover motion counter.
        drive: of the rover motion counter.
        number: counts the pictures of a sol, so that no two file names are equal.
    """

    sol: int
    clock: int
    site: int
    drive: int
    number: int


@dataclass(frozen=True, slots=True)
class V1Rover:
    """A rover as v1 describes it: ``cameras`` in the order of the API's rover object."""

    id: int
    launch_date: date
    status: str
    cameras: Mapping[str, V1Camera]
    image_address: Callable[[V1Camera, Shot], str]


def spacecraft_clock(moment: datetime) -> int:
    """The spacecraft clock at a moment (without the drift of the real ones)."""
    return int((moment - _CLOCK_ZERO).total_seconds())


def moment_of(clock: int) -> datetime:
    """The moment, in UTC, at which the spacecraft clock shows this."""
    return _CLOCK_ZERO + timedelta(seconds=clock)


def _m20_address(camera: V1Camera, shot: Shot) -> str:
    folder, prefix, sequence = camera.file
    name = (
        f"{prefix}_{shot.sol:04}_{shot.clock:010}_{shot.number % 1000:03}ECM"
        f"_N{shot.site:03}{shot.drive:04}{sequence}{shot.number % 100_000:05}_00_2I4J01_1200.jpg"
    )
    return f"https://mars.nasa.gov/mars2020-raw-images/pub/ods/surface/sol/{shot.sol:05}/ids/edr/browse/{folder}/{name}"


def _msl_address(camera: V1Camera, shot: Shot) -> str:
    folder, prefix, sequence = camera.file
    images = "http://mars.jpl.nasa.gov/msl-raw-images"
    if not sequence:  # the cameras of Malin Space Science Systems name no place
        name = f"{shot.sol:04}{prefix}{shot.number:06}0000{shot.number:06}E01_DXXX.jpg"
        return f"{images}/msss/{shot.sol:05}/{folder}/{name}"
    name = f"{prefix}_{shot.clock:09}EDR_F{shot.site:03}{shot.drive:04}{sequence}{shot.number % 100_000:05}M_.JPG"
    return f"{images}/proj/msl/redops/ods/surface/sol/{shot.sol:05}/opgs/edr/{folder}/{name}"


def _mer_address(camera: V1Camera, shot: Shot) -> str:
    spacecraft, letter, eye = camera.file
    place = mer_code(shot.site) + mer_code(shot.drive)
    name = f"{spacecraft}{letter}{shot.clock:09}EFF{place}P{shot.number % 10_000:04}{eye}M1-BR.JPG"
    return f"http://mars.nasa.gov/mer/gallery/all/{spacecraft}/{letter.lower()}/{shot.sol:03}/{name}"


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


def _mer_cameras(spacecraft: str, first_id: int, shares: Mapping[str, float]) -> Mapping[str, V1Camera]:
    # (name, offset of its id, letter, eye and filter)
    rows = (
        ("FHAZ", 0, "F", "L0"),
        ("NAVCAM", 2, "N", "L0"),
        ("PANCAM", 3, "P", "L2"),
        ("MINITES", 4, "M", "N0"),
        ("ENTRY", 5, "E", "N0"),
        ("RHAZ", 1, "R", "L0"),
    )
    return MappingProxyType(
        {
            name: V1Camera(first_id + offset, shares[name], (spacecraft, letter, eye), 1 if name == "ENTRY" else None)
            for name, offset, letter, eye in rows
        }
    )


def full_name(camera: Camera) -> str:
    """What v1 calls a camera in full: it took the Microscopic Imager for a spectrometer."""
    return "Miniature Thermal Emission Spectrometer (Mini-TES)" if camera.name == "MINITES" else camera.full_name


V1_ROVERS: Final[Mapping[str, V1Rover]] = MappingProxyType(
    {
        "curiosity": V1Rover(
            id=5,
            launch_date=date(2011, 11, 26),
            status="active",
            image_address=_msl_address,
            cameras=MappingProxyType(
                {
                    "FHAZ": V1Camera(20, 0.88, ("fcam", "FLB", "FHAZ")),
                    "NAVCAM": V1Camera(26, 0.85, ("ncam", "NLB", "NCAM")),
                    "MAST": V1Camera(22, 0.70, ("mcam", "MR", "")),
                    "CHEMCAM": V1Camera(23, 0.66, ("ccam", "CR0", "CCAM")),
                    "MAHLI": V1Camera(24, 0.44, ("mhli", "MH", "")),
                    "MARDI": V1Camera(25, 0.23, ("mrdi", "MD", "")),
                    "RHAZ": V1Camera(21, 0.87, ("rcam", "RLB", "RHAZ")),
                }
            ),
        ),
        "opportunity": V1Rover(
            id=6,
            launch_date=date(2003, 7, 7),
            status="complete",
            image_address=_mer_address,
            cameras=_mer_cameras(
                "1", 14, {"FHAZ": 0.49, "NAVCAM": 0.57, "PANCAM": 0.99, "MINITES": 0.14, "ENTRY": 1.0, "RHAZ": 0.31}
            ),
        ),
        "spirit": V1Rover(
            id=7,
            launch_date=date(2003, 6, 10),
            status="complete",
            image_address=_mer_address,
            cameras=_mer_cameras(
                "2", 27, {"FHAZ": 0.47, "NAVCAM": 0.57, "PANCAM": 0.99, "MINITES": 0.16, "ENTRY": 1.0, "RHAZ": 0.27}
            ),
        ),
        "perseverance": V1Rover(
            id=8,
            launch_date=date(2020, 7, 30),
            status="active",
            image_address=_m20_address,
            cameras=MappingProxyType(
                {
                    "EDL_RUCAM": V1Camera(33, 0.02, ("edl", "EUF", "EDLC")),
                    "EDL_DDCAM": V1Camera(35, 0.01, ("edl", "ESF", "EDLC")),
                    "EDL_PUCAM1": V1Camera(36, 0.02, ("edl", "EAF", "EDLC")),
                    "EDL_PUCAM2": V1Camera(37, 0.02, ("edl", "EBF", "EDLC")),
                    "NAVCAM_LEFT": V1Camera(38, 0.86, ("ncam", "NLF", "NCAM")),
                    "NAVCAM_RIGHT": V1Camera(39, 0.51, ("ncam", "NRF", "NCAM")),
                    "MCZ_RIGHT": V1Camera(40, 0.81, ("zcam", "ZR0", "ZCAM")),
                    "MCZ_LEFT": V1Camera(41, 0.83, ("zcam", "ZL0", "ZCAM")),
                    "FRONT_HAZCAM_LEFT_A": V1Camera(42, 0.57, ("fcam", "FLF", "FHAZ")),
                    "FRONT_HAZCAM_RIGHT_A": V1Camera(43, 0.56, ("fcam", "FRF", "FHAZ")),
                    "REAR_HAZCAM_LEFT": V1Camera(44, 0.31, ("rcam", "RLF", "RHAZ")),
                    "REAR_HAZCAM_RIGHT": V1Camera(45, 0.30, ("rcam", "RRF", "RHAZ")),
                    "EDL_RDCAM": V1Camera(34, 0.03, ("edl", "EDF", "EDLC")),
                    "SKYCAM": V1Camera(46, 0.82, ("wcam", "WSM", "SKYC")),
                    "SHERLOC_WATSON": V1Camera(47, 0.20, ("shrlc", "SI1", "SRLC")),
                    "SUPERCAM_RMI": V1Camera(48, 0.66, ("scam", "LRE", "SCAM")),
                    "LCAM": V1Camera(49, 0.0, ("lcam", "ELM", "LCAM")),
                }
            ),
        ),
    }
)
"""Every rover as v1 knows it, in the order of its listing."""
