"""Facts about the rovers: landing, cameras, Mars time. Pure; imports nothing of ours.

Sources: NASA mission pages for landings, the first place of each rover's own map for where that was; the v1 API's own camera
tables for names; the midnight constants were fitted to the mission timetables and to raw-image records (within 4 s for every
sol of both MER timetables).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Final, Self

SOL_SECONDS: Final = 88_775.244
"""Length of a mean Martian solar day in SI seconds (Allison & McEwen 2000)."""

MARS_RADIUS_M: Final = 3_396_190.0
"""Radius in metres of the IAU 2000 sphere on which the published traverse lengths are measured."""


_MARS_DAY_SECONDS: Final = 86_400
"""A Mars clock also has 24 hours of 60 minutes of 60 seconds; each of its seconds lasts 1.02749125 of ours."""

_MARS_TIME: Final = re.compile(r"Sol-(\d{1,5})M(\d{2}):(\d{2}):(\d{2}(?:\.\d+)?)")


@dataclass(frozen=True, slots=True, order=True)
class MarsTime:
    """A local mean solar time of one mission. For Spirit and Opportunity it is the missions' hybrid local solar time.

    Attributes:
        sol: the mission sol.
        seconds: time of day in Mars seconds, 0 to below 86,400.
    """

    sol: int
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """The time in the words of the raw-image feeds, ``Sol-01965M15:28:38.766``; None for anything else."""
        found = _MARS_TIME.fullmatch(text.strip())
        if found is None:
            return None
        sol, hours, minutes = int(found[1]), int(found[2]), int(found[3])
        seconds = hours * 3600 + minutes * 60 + float(found[4])
        return cls(sol, seconds) if seconds < _MARS_DAY_SECONDS else None

    def __str__(self) -> str:
        """The time as the raw-image feeds write it, cut to milliseconds so that a sol never ends at 24:00."""
        whole, milliseconds = divmod(int(self.seconds * 1000), 1000)
        minutes, seconds = divmod(whole, 60)
        hours, minutes = divmod(minutes, 60)
        return f"Sol-{self.sol:05}M{hours:02}:{minutes:02}:{seconds:02}.{milliseconds:03}"


@dataclass(frozen=True, slots=True)
class Camera:
    """One camera as the v1 API names it.

    Attributes:
        name: the canonical name, unique within a rover, e.g. ``NAVCAM_LEFT``.
        full_name: what people call it.
        role: what it is for, shared across rovers, e.g. ``navigation``; ``unknown`` for cameras not listed here.
        names: what the other sources call it; several where they tell its eyes and its spares apart.
    """

    name: str
    full_name: str
    role: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rover:
    """One rover.

    Attributes:
        name: lower-case key used in partitions, object keys and tables.
        title: the name as people write it.
        landing_date: the v1 API's landing date, from which its ``earth_date`` is computed.
        first_sol: the number of the landing sol: 0 for Curiosity and Perseverance, 1 for Spirit and Opportunity.
        first_midnight: UTC of the local mean midnight that starts ``first_sol``.
        last_heard: the day of the last signal of a mission that is over; None while the rover sends.
        mmgis: the mission's folder on NASA's MMGIS map server, or None where it has none.
        landing_place: east longitude and planetocentric latitude in degrees, on the map that tells the rover's path (the
            maps of one site differ by up to some hundred metres).
        cameras: by canonical name.
    """

    name: str
    title: str
    landing_date: date
    first_sol: int
    first_midnight: datetime
    last_heard: date | None
    mmgis: str | None
    landing_place: tuple[float, float]
    cameras: Mapping[str, Camera]

    def utc_of(self, sol: int, lmst_seconds: float = 0.0) -> datetime:
        """UTC of a local mean solar time.

        Args:
            sol: the mission sol.
            lmst_seconds: local mean solar time of day in Mars seconds (0 to 86,400).
        """
        elapsed = (sol - self.first_sol + lmst_seconds / _MARS_DAY_SECONDS) * SOL_SECONDS
        return self.first_midnight + timedelta(seconds=elapsed)

    def sol_of(self, moment: datetime) -> int:
        """The mission sol in which a UTC moment lies."""
        # Whole microseconds: in floating point the first moment of many a sol falls into the sol before.
        return self.first_sol + (moment - self.first_midnight) // timedelta(seconds=SOL_SECONDS)

    def sols_until(self, moment: datetime) -> range:
        """The sols that can be told of at a UTC moment: up to the current one and one more, as sources differ by one."""
        return range(self.first_sol, self.sol_of(moment) + 2)

    def mars_time_of(self, moment: datetime) -> MarsTime:
        """The local mean solar time at a UTC moment; also before the landing, with sols below the first."""
        # In whole microseconds, as in sol_of: the two never disagree about the sol.
        sols, rest = divmod(moment - self.first_midnight, timedelta(seconds=SOL_SECONDS))
        return MarsTime(self.first_sol + sols, rest / timedelta(seconds=SOL_SECONDS) * _MARS_DAY_SECONDS)

    def v1_earth_date(self, sol: int) -> date:
        """The ``earth_date`` that the v1 API computes for a sol: landing date + whole Earth days of ``sol`` sols.

        It is not an observation: for Spirit and Opportunity it is a day late on most sols.
        """
        return self.landing_date + timedelta(days=int(sol * SOL_SECONDS // 86_400))


def _cameras(*rows: tuple[str, str, str] | tuple[str, str, str, tuple[str, ...]]) -> Mapping[str, Camera]:
    return MappingProxyType({row[0]: Camera(*row) for row in rows})


def _eyes(name: str, *computers: str) -> tuple[str, ...]:
    """The names of a camera with two eyes, each of them on both of the rover's computers where it is."""
    return tuple(f"{name}_{eye}{computer}" for eye in ("LEFT", "RIGHT") for computer in computers or ("",))


_MER_CAMERAS = _cameras(
    ("FHAZ", "Front Hazard Avoidance Camera", "front_hazard", _eyes("FRONT_HAZCAM")),
    ("RHAZ", "Rear Hazard Avoidance Camera", "rear_hazard", _eyes("REAR_HAZCAM")),
    ("NAVCAM", "Navigation Camera", "navigation", _eyes("NAVCAM")),
    ("PANCAM", "Panoramic Camera", "mast", _eyes("PANCAM")),
    # The scraper behind v1 took the letter M of the Microscopic Imager's files for Mini-TES, which takes no pictures: v1's
    # short name stays, because readers know it, and the full name is the camera's own.
    ("MINITES", "Microscopic Imager", "close_up", ("MI",)),
    ("ENTRY", "Entry, Descent, and Landing Camera", "descent", ("DESCAM",)),
)

ROVERS: Final[Mapping[str, Rover]] = MappingProxyType(
    {
        rover.name: rover
        for rover in (
            Rover(
                name="curiosity",
                title="Curiosity",
                landing_date=date(2012, 8, 6),
                first_sol=0,
                first_midnight=datetime(2012, 8, 5, 13, 49, 59, tzinfo=UTC),
                last_heard=None,
                mmgis="MSL",
                landing_place=(137.441633, -4.589467),
                cameras=_cameras(
                    ("FHAZ", "Front Hazard Avoidance Camera", "front_hazard", _eyes("FHAZ", "_A", "_B")),
                    ("RHAZ", "Rear Hazard Avoidance Camera", "rear_hazard", _eyes("RHAZ", "_A", "_B")),
                    ("NAVCAM", "Navigation Camera", "navigation", _eyes("NAV", "_A", "_B")),
                    ("MAST", "Mast Camera", "mast", _eyes("MAST")),
                    ("CHEMCAM", "Chemistry and Camera Complex", "remote_micro", ("CHEMCAM_RMI",)),
                    ("MAHLI", "Mars Hand Lens Imager", "close_up"),
                    ("MARDI", "Mars Descent Imager", "descent"),
                ),
            ),
            Rover(
                name="perseverance",
                title="Perseverance",
                landing_date=date(2021, 2, 18),
                first_sol=0,
                first_midnight=datetime(2021, 2, 18, 4, 24, 16, tzinfo=UTC),
                last_heard=None,
                mmgis="M20",
                landing_place=(77.45088572, 18.44462715),
                cameras=_cameras(
                    ("EDL_RUCAM", "Rover Up-Look Camera", "descent"),
                    ("EDL_RDCAM", "Rover Down-Look Camera", "descent"),
                    ("EDL_DDCAM", "Descent Stage Down-Look Camera", "descent"),
                    ("EDL_PUCAM1", "Parachute Up-Look Camera A", "descent"),
                    ("EDL_PUCAM2", "Parachute Up-Look Camera B", "descent"),
                    ("LCAM", "Lander Vision System Camera", "descent"),
                    ("NAVCAM_LEFT", "Navigation Camera - Left", "navigation"),
                    ("NAVCAM_RIGHT", "Navigation Camera - Right", "navigation"),
                    ("MCZ_LEFT", "Mast Camera Zoom - Left", "mast"),
                    ("MCZ_RIGHT", "Mast Camera Zoom - Right", "mast"),
                    ("FRONT_HAZCAM_LEFT_A", "Front Hazard Avoidance Camera - Left", "front_hazard"),
                    ("FRONT_HAZCAM_LEFT_B", "Front Hazard Avoidance Camera - Left (B)", "front_hazard"),
                    ("FRONT_HAZCAM_RIGHT_A", "Front Hazard Avoidance Camera - Right", "front_hazard"),
                    ("FRONT_HAZCAM_RIGHT_B", "Front Hazard Avoidance Camera - Right (B)", "front_hazard"),
                    ("REAR_HAZCAM_LEFT", "Rear Hazard Avoidance Camera - Left", "rear_hazard"),
                    ("REAR_HAZCAM_RIGHT", "Rear Hazard Avoidance Camera - Right", "rear_hazard"),
                    ("SKYCAM", "MEDA Skycam", "sky"),
                    ("SHERLOC_WATSON", "SHERLOC WATSON Camera", "close_up"),
                    ("SHERLOC_ACI", "SHERLOC Autofocus and Context Imager", "close_up"),
                    ("SUPERCAM_RMI", "SuperCam Remote Micro Imager", "remote_micro"),
                    ("PIXL_MCC", "PIXL Micro Context Camera", "close_up"),
                    ("CACHECAM", "Sample Caching System Camera", "sample"),
                ),
            ),
            Rover(
                name="opportunity",
                title="Opportunity",
                landing_date=date(2004, 1, 25),
                first_sol=1,
                first_midnight=datetime(2004, 1, 24, 15, 8, 56, tzinfo=UTC),
                last_heard=date(2018, 6, 10),
                mmgis=None,
                landing_place=(354.47448, -1.948173),
                cameras=_MER_CAMERAS,
            ),
            Rover(
                name="spirit",
                title="Spirit",
                landing_date=date(2004, 1, 4),
                first_sol=1,
                first_midnight=datetime(2004, 1, 3, 13, 36, 13, tzinfo=UTC),
                last_heard=date(2010, 3, 22),
                mmgis=None,
                landing_place=(175.4758369, -14.5658282),
                cameras=_MER_CAMERAS,
            ),
        )
    }
)
"""Every rover, by name. The one place where a rover's facts stand."""
