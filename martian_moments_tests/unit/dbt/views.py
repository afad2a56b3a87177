"""Where the cameras of NASA's own records look, read without anything that the models use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from martian_moments.nasa.pds_label import read_label
from martian_moments_tests.unit.dbt.test_feeds import m20_responses, msl_responses

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Model:
    """A camera model as its maker defines it (Gennery 2006), with one equation solved by bisection."""

    ahead: Vector
    horizontal: Vector
    vertical: Vector
    axis: Vector
    lens: Vector
    is_fisheye: bool

    @classmethod
    def read(cls, text: str) -> Model:
        parts = text.split(";")
        _, a, h, v, o, r = (vector(part) for part in parts[:6])
        return cls(a, h, v, o / np.linalg.norm(o), r, len(parts) == 9 and float(parts[7]) == 2)

    def straight(self, x: float, y: float) -> Vector:
        """The ray of a pixel through a pinhole."""
        ray = np.cross(self.vertical - y * self.ahead, self.horizontal - x * self.ahead)
        ray *= np.sign(ray @ self.ahead)
        return unit(ray)

    def bent(self, x: float, y: float) -> Vector:
        """The ray of a pixel through the lens."""
        straight = self.straight(x, y)
        across = straight - (straight @ self.axis) * self.axis
        tangent = np.linalg.norm(across) / (straight @ self.axis)
        low, high = 0.0, 3.0
        for _ in range(60):
            middle = (low + high) / 2
            lens = (1 + self.lens[0]) * middle + self.lens[1] * middle**3 + self.lens[2] * middle**5
            low, high = (middle, high) if lens < tangent else (low, middle)
        angle = low if self.is_fisheye else np.arctan(low)
        return np.asarray(np.cos(angle) * self.axis + np.sin(angle) * unit(across))


@dataclass(frozen=True)
class Record:
    """One record of a feed that says where its camera looks."""

    source_id: str
    site: int
    drive: int
    attitude: Vector
    direction: Vector
    position: Vector
    model: Model
    width: float
    height: float

    @property
    def view(self) -> tuple[float, float]:
        """Bearing from north and elevation in degrees, by the product of quaternions q v q*."""
        w, x, y, z = self.attitude
        turned = product(product(self.attitude, np.array([0, *self.direction])), np.array([w, -x, -y, -z]))[1:]
        flat = np.hypot(turned[0], turned[1])
        return float(np.degrees(np.arctan2(turned[1], turned[0])) % 360), float(np.degrees(np.arctan2(-turned[2], flat)))

    @property
    def field(self) -> tuple[float, float]:
        """Degrees between the middles of left and right, and of upper and lower edge."""
        w, h, bent = self.width, self.height, self.model.bent
        return apart(bent(0, h / 2), bent(w, h / 2)), apart(bent(w / 2, 0), bent(w / 2, h))


def vector(text: str) -> Vector:
    return np.array([float(number) for number in text.strip("()").split(",")])


def unit(v: Vector) -> Vector:
    return np.asarray(v / np.linalg.norm(v))


def product(p: Vector, q: Vector) -> Vector:
    scalar = p[0] * q[0] - p[1:] @ q[1:]
    return np.array([scalar, *(p[0] * q[1:] + q[0] * p[1:] + np.cross(p[1:], q[1:]))])


def apart(one: Vector, other: Vector) -> float:
    return float(np.degrees(np.arctan2(np.linalg.norm(np.cross(one, other)), one @ other)))


def bearings_apart(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


def m20_records(payloads: Path) -> Iterator[Record]:
    for response in m20_responses(payloads).values():
        for image in response["images"]:
            camera, (width, height) = image["camera"], vector(image["extended"]["dimension"])
            if camera["camera_vector"] != "UNK":
                place = image["site"], int(image["drive"])
                yield record(image["imageid"], place, camera | {"attitude": image["attitude"]}, (width, height))


def msl_records(payloads: Path) -> Iterator[Record]:
    for item in msl_responses(payloads)[86]["items"]:
        _, _, width, height = vector(item["subframe_rect"])
        yield record(str(item["id"]), (item["site"], item["drive"]), item, (width, height))


def record(source_id: str, place: tuple[int, int], reported: dict[str, str], size: tuple[float, float]) -> Record:
    return Record(
        source_id,
        *place,
        attitude=vector(reported["attitude"]),
        direction=vector(reported["camera_vector"]),
        position=vector(reported["camera_position"]),
        model=Model.read(reported["camera_model_component_list"]),
        width=size[0],
        height=size[1],
    )


def index_row(payloads: Path) -> dict[str, Any]:
    """The one real line of the archive's index that is at hand, as its document has it."""
    label = read_label((payloads / "mer_edrindex.lbl").read_bytes())
    return dict(label.row((payloads / "mer_edrindex_row_sample.tab").read_bytes()))
