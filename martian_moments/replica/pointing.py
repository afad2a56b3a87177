"""Where a generated picture looks: the rover's attitude, the camera's model, and the ray of the picture's centre.

Frames as the missions have them. Local level: x north, y east, z down. Rover: x ahead, y right, z down. Azimuths are
clockwise, elevations upwards, both in degrees. Everything but the attitude is in the rover's frame and does not depend on
where it stands, so that it is computed once for each camera and direction.

A camera model is CAHV (Yakimovsky and Cunningham 1978): a point P is seen at column (P-C).H / (P-C).A and row (P-C).V /
(P-C).A of the delivered picture, subframe and scale included; O, R and E are the optical axis and the distortions (Gennery
2006). The direction that the sources report of a picture is the ray of the CAHV part through (width / 2, height / 2): so it
is, to 1e-5 degrees, in the real pictures of Mars 2020 sols 888 and 1965.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, NamedTuple

from martian_moments.replica.optics import Optics, Vector

PITCH_DEG: Final = -0.25
ROLL_DEG: Final = 0.5
"""Of the rover, everywhere: the waypoints report the same."""

_CENTRE: Final = (0.502, 0.497)
"""Where the optical axis meets the detector, in shares of its sides: no real one is in the middle."""

_DISTORTION: Final = {True: (1.736e-06, 0.0501396, -0.0171254), False: (0.000274, -0.004951, 0.021485)}
"""R of a wide lens, and of another one: as the left navigation cameras of Perseverance and Curiosity have it."""

_FISHEYE: Final = "(0,0,0);2.0;0.0"
"""E, type and parameter of a CAHVORE model."""


class Frame(NamedTuple):
    """What of the detector a picture shows: first column and row (from 1), width, height, all in detector pixels; scale."""

    column: int
    row: int
    width: int
    height: int
    scale: int

    @property
    def delivered(self) -> tuple[int, int]:
        """Width and height of the delivered picture."""
        return self.width // self.scale, self.height // self.scale


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """One eye of a camera that looks somewhere: where it is (metres), and the picture's axis, its right and its down."""

    optics: Optics
    azimuth_deg: float
    elevation_deg: float
    position: Vector
    axis: Vector
    right: Vector
    down: Vector


@cache
def sight(optics: Optics, eye: str, azimuth_deg: float, elevation_deg: float) -> Sight:
    """The sight of an eye (``L``, ``R``) whose optical axis is turned there; a camera that is fixed looks where it looks."""
    if optics.fixed is not None:
        azimuth_deg, elevation_deg = optics.fixed
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    ahead = math.cos(azimuth), math.sin(azimuth)
    axis = (math.cos(elevation) * ahead[0], math.cos(elevation) * ahead[1], -math.sin(elevation))
    right = (-ahead[1], ahead[0], 0.0)
    down = (math.sin(elevation) * ahead[0], math.sin(elevation) * ahead[1], math.cos(elevation))
    aside = (0.5 if eye == "R" else -0.5) * optics.baseline_m
    position = _sum((1.0, optics.axis), (optics.forward_m, axis), (aside, right))
    return Sight(optics, azimuth_deg, elevation_deg, position, axis, right, down)


def whole(optics: Optics, scale: int) -> Frame:
    """The frame that shows the whole detector."""
    return Frame(1, 1, *optics.size, scale)


def model(looking: Sight, frame: Frame) -> str:
    """The components of the model of a picture, as the feeds write them: C;A;H;V;O;R, and of a wide one E;type;parameter."""
    scaled, column, row = projection(looking, frame)
    horizontal = _sum((scaled, looking.right), (column, looking.axis))
    vertical = _sum((scaled, looking.down), (row, looking.axis))
    wide = looking.optics.wide
    vectors = (looking.position, looking.axis, horizontal, vertical, looking.axis, _DISTORTION[wide])
    components = ";".join(map(text, vectors))
    return f"{components};{_FISHEYE}" if wide else components


def model_type(looking: Sight) -> str:
    """The name of the model's kind."""
    return "CAHVORE" if looking.optics.wide else "CAHVOR"


def centre(looking: Sight, frame: Frame) -> Vector:
    """The unit vector in which the centre of a picture looks, in the rover's frame."""
    scaled, column, row = projection(looking, frame)
    width, height = frame.width / frame.scale, frame.height / frame.scale
    ray = _sum(
        (1.0, looking.axis),
        ((width / 2 - column) / scaled, looking.right),
        ((height / 2 - row) / scaled, looking.down),
    )
    length = math.hypot(*ray)
    return (ray[0] / length, ray[1] / length, ray[2] / length)


def projection(looking: Sight, frame: Frame) -> tuple[float, float, float]:
    """Delivered pixels per radian, and the column and row of the optical axis in the delivered picture."""
    optics = looking.optics
    column = (optics.size[0] * _CENTRE[0] - (frame.column - 1)) / frame.scale
    row = (optics.size[1] * _CENTRE[1] - (frame.row - 1)) / frame.scale
    return optics.pixels_per_radian / frame.scale, column, row


def fields_of_view(optics: Optics) -> tuple[float, float]:
    """Degrees that a whole frame is wide and high, through its middle."""
    return _field_of_view(optics, optics.size[0]), _field_of_view(optics, optics.size[1])


def _field_of_view(optics: Optics, pixels: int) -> float:
    half = pixels / 2 / optics.pixels_per_radian
    if not optics.wide:
        return math.degrees(2 * math.atan(half))
    _, cubic, fifth = _DISTORTION[True]
    angle = half
    for _ in range(20):  # Newton: a pixel at this distance from the axis sees that angle
        excess = angle + cubic * angle**3 + fifth * angle**5 - half
        angle -= excess / (1 + 3 * cubic * angle**2 + 5 * fifth * angle**4)
    return math.degrees(2 * angle)


@lru_cache(maxsize=4)
def attitude(heading_deg: float) -> str:
    """The quaternion (w, x, y, z) that turns the rover's frame into the local level one, as the feeds write it."""
    return text(_quaternion(heading_deg))


@lru_cache(maxsize=256)
def bearing(heading_deg: float, azimuth_deg: float, elevation_deg: float) -> tuple[float, float]:
    """Azimuth from north (0 to 360) and elevation of a direction that is given in the frame of a rover with this heading."""
    azimuth, elevation = math.radians(azimuth_deg), math.radians(elevation_deg)
    x, y, z = (
        math.cos(elevation) * math.cos(azimuth),
        math.cos(elevation) * math.sin(azimuth),
        -math.sin(elevation),
    )
    pitch, roll = math.radians(PITCH_DEG), math.radians(ROLL_DEG)
    y, z = y * math.cos(roll) - z * math.sin(roll), y * math.sin(roll) + z * math.cos(roll)
    x, z = x * math.cos(pitch) + z * math.sin(pitch), -x * math.sin(pitch) + z * math.cos(pitch)
    return (heading_deg + math.degrees(math.atan2(y, x))) % 360, math.degrees(math.asin(max(-1.0, min(1.0, -z))))


def _quaternion(heading_deg: float) -> tuple[float, float, float, float]:
    (sy, cy), (sp, cp), (sr, cr) = (
        (math.sin(math.radians(angle) / 2), math.cos(math.radians(angle) / 2))
        for angle in (heading_deg, PITCH_DEG, ROLL_DEG)
    )
    return (
        cr * cp * cy + sr * sp * sy,
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
    )


def text(vector: Iterable[float]) -> str:
    """A vector as the feeds write it, six digits each."""
    return f"({','.join(f'{number:.6g}' for number in vector)})"


def exact(vector: Iterable[float]) -> str:
    """A vector as the feeds write it where they do not round."""
    return f"({','.join(map(repr, vector))})"


def _sum(*terms: tuple[float, Vector]) -> Vector:
    x, y, z = (sum(factor * vector[i] for factor, vector in terms) for i in range(3))
    return (x, y, z)
