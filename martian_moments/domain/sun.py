"""Where the Sun stands over Mars: season, Mars year, and the Sun's place in the sky.

The series of Allison and McEwen (2000, Planetary and Space Science 48, 215), which the Mars24 Sunclock uses; its terms
stand in dbt_project.yml. The models compute the same in macros/sun.sql, to the same digits: a test holds the two equal.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from martian_moments_dbt import VARS

_SERIES: Final[dict[str, Any]] = VARS["sun"]

_J2000: Final = datetime(2000, 1, 1, 12, tzinfo=UTC)
_LEAP_SECONDS: Final = tuple(
    (datetime.fromisoformat(f"{day}T00:00:00+00:00"), seconds) for day, seconds in _SERIES["tai_minus_utc"]
)

DIGITS: Final = 4
"""Digits of a degree that are kept; a series that is good to 0.01 degrees has no more to say."""


@dataclass(frozen=True, slots=True)
class Sun:
    """The Sun over Mars at a moment, whatever the place.

    Attributes:
        solar_longitude_deg: the season (Ls), 0 to below 360; 0 is the northern spring equinox.
        mars_year: counted from the equinox of 1955-04-11 as year 1 (Clancy et al. 2000).
        declination_deg: of the Sun's direction over the equator, north-positive.
        subsolar_longitude_deg: degrees east, 0 to below 360, of the meridian on which it is noon.
    """

    solar_longitude_deg: float
    mars_year: int
    declination_deg: float
    subsolar_longitude_deg: float

    @classmethod
    def at(cls, moment: datetime) -> Sun:
        """The Sun at a moment in UTC."""
        days = _days(moment)
        centre = _equation_of_centre(days)
        longitude = _line(_SERIES["mean_sun_deg"], days) + centre
        season = math.radians(longitude)
        equation_of_time = sum(size * math.sin(turns * season) for turns, size in _SERIES["equation_of_time_deg"]) - centre
        midnight = _SERIES["mean_midnight"]
        sols = (days - midnight["day"]) / midnight["sol_days"] + midnight["sols"]
        rounded = round(longitude, DIGITS)
        return cls(
            wrapped(longitude),
            _SERIES["first_year"] + math.floor(rounded / 360),
            round(math.degrees(math.asin(_SERIES["sine_of_obliquity"] * math.sin(season))), DIGITS),
            wrapped(180 - 360 * sols - equation_of_time),
        )

    def seen_from(self, longitude: float, latitude: float) -> Sky:
        """The Sun in the sky of a place.

        Args:
            longitude: degrees, east-positive.
            latitude: degrees, planetocentric.
        """
        # The horizon is that of the ellipsoid: in Jezero it is tilted by 0.2 degrees against the sphere's.
        upright = math.atan(math.tan(math.radians(latitude)) * _SERIES["axes_ratio"] ** 2)
        declination = math.radians(self.declination_deg)
        hour_angle = math.radians(longitude - self.subsolar_longitude_deg)
        east = -math.cos(declination) * math.sin(hour_angle)
        north = math.sin(declination) * math.cos(upright) - math.cos(declination) * math.sin(upright) * math.cos(hour_angle)
        up = math.sin(declination) * math.sin(upright) + math.cos(declination) * math.cos(upright) * math.cos(hour_angle)
        return Sky(
            wrapped(math.degrees(math.atan2(east, north))),
            round(math.degrees(math.atan2(up, math.hypot(east, north))), DIGITS),
            math.floor(240 * wrapped(180 + longitude - self.subsolar_longitude_deg) + 0.5) % 86_400,
        )


@dataclass(frozen=True, slots=True)
class Sky:
    """The Sun in the sky of a place, without refraction.

    Attributes:
        azimuth_deg: from true north, clockwise, 0 to below 360.
        elevation_deg: of the Sun's centre over the horizon of the ellipsoid.
        true_solar_seconds: local true solar time to the nearest Mars second, 0 to 86,399.
    """

    azimuth_deg: float
    elevation_deg: float
    true_solar_seconds: int

    @property
    def true_solar_time(self) -> str:
        """Local true solar time as HH:MM:SS."""
        minutes, seconds = divmod(self.true_solar_seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours:02}:{minutes:02}:{seconds:02}"


def wrapped(degrees: float) -> float:
    """An angle as 0 to below 360, rounded."""
    rounded = round(degrees, DIGITS)
    return round(rounded - 360 * math.floor(rounded / 360), DIGITS) + 0.0


def _days(moment: datetime) -> float:
    """Days of Terrestrial Time since J2000.0, from a UTC cut to milliseconds."""
    passed = [seconds for since, seconds in _LEAP_SECONDS if since <= moment]
    seconds = (passed[-1] if passed else _LEAP_SECONDS[0][1]) + _SERIES["tt_minus_tai"]
    return (moment - _J2000) // timedelta(milliseconds=1) / 86_400_000 + float(seconds / 86_400)


def _equation_of_centre(days: float) -> float:
    """Degrees by which the true Sun leads the mean one, with the perturbations by the other planets."""
    anomaly = math.radians(_line(_SERIES["mean_anomaly_deg"], days))
    centre: float = sum(
        (size + growth * days) * math.sin(turns * anomaly) for turns, size, growth in _SERIES["equation_of_centre_deg"]
    )
    perturbed: float = sum(
        size * math.cos(math.radians(360 / 365.25 * days / period + phase))
        for size, period, phase in _SERIES["perturbations_deg"]
    )
    return centre + perturbed


def _line(terms: tuple[float, float], days: float) -> float:
    start, rate = terms
    return start + rate * days
