"""Facts about the rovers: landing, cameras, Mars time.

They stand in the seeds of the dbt project (rovers.csv, cameras.csv, camera_names.csv), which dbt loads into the warehouse
and this module reads when it is imported (1 ms); _seeds.yml there states what each column means and where it is from.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, Self

from martian_moments_dbt import PROJECT, VARS

SOL_SECONDS: Final[float] = VARS["sol_ms"] / 1_000
"""Length of a mean Martian solar day in SI seconds (Allison & McEwen 2000)."""

MARS_RADIUS_M: Final = float(VARS["mars_radius_m"])
"""Radius in metres of the IAU 2000 sphere on which the published traverse lengths are measured."""


_MARS_DAY_SECONDS: Final = 86_400
"""A Mars clock also has 24 hours of 60 minutes of 60 seconds, which last a little longer than ours."""

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
        v1_id: the number that the v1 API has for it, or one that it never used.
        names: what the other sources call it; several where they distinguish its eyes and its spares.
    """

    name: str
    full_name: str
    role: str
    v1_id: int
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
        landing_place: east longitude and planetocentric latitude in degrees, on the map that has the rover's path (the
            maps of one site differ by up to some hundred metres).
        cameras: by canonical name, in the order in which the v1 API lists them.
        launch_date: the day of its launch.
        v1_id: the number that the v1 API has for it.
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
    launch_date: date
    v1_id: int

    @property
    def status(self) -> str:
        """``active`` or ``complete``, in the words of the v1 API."""
        return "active" if self.last_heard is None else "complete"

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
        """The sols that can be reported at a UTC moment: up to the current one and one more, as sources differ by one."""
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


def read_seed(project: Path, name: str) -> list[dict[str, str]]:
    """The rows of a seed of a dbt project."""
    with (project / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _cameras(project: Path) -> Mapping[str, Mapping[str, Camera]]:
    """The cameras of each rover, in the order of the seed."""
    names: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in read_seed(project, "camera_names"):
        at = row["rover"], row["camera"]
        names[at] = (*names.get(at, ()), row["name"])
    cameras: dict[str, dict[str, Camera]] = {}
    for row in read_seed(project, "cameras"):
        known_as = names.get((row["rover"], row["camera"]), ())
        camera = Camera(row["camera"], row["full_name"], row["role"], int(row["v1_id"]), known_as)
        cameras.setdefault(row["rover"], {})[camera.name] = camera
    return cameras


def read_rovers(project: Path) -> Mapping[str, Rover]:
    """The rovers of the seeds of a dbt project, by name."""
    cameras = _cameras(project)
    return {
        row["rover"]: Rover(
            name=row["rover"],
            title=row["title"],
            landing_date=date.fromisoformat(row["landing_date"]),
            first_sol=int(row["first_sol"]),
            first_midnight=datetime.fromisoformat(row["first_midnight"]),
            last_heard=date.fromisoformat(row["last_heard"]) if row["last_heard"] else None,
            mmgis=row["mmgis"] or None,
            landing_place=(float(row["landing_longitude"]), float(row["landing_latitude"])),
            cameras=MappingProxyType(cameras[row["rover"]]),
            launch_date=date.fromisoformat(row["launch_date"]),
            v1_id=int(row["v1_id"]),
        )
        for row in read_seed(project, "rovers")
    }


ROVERS: Final[Mapping[str, Rover]] = MappingProxyType(read_rovers(PROJECT))
"""Every rover, by name."""
