"""How the pictures of each family of cameras are prepared: ``profiles.toml`` as objects."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

_TABLE: Final = Path(__file__).with_name("profiles.toml")


class Transfer(StrEnum):
    """How the values of a picture follow from the light.

    display: as a screen expects them (the light to the power of 1 / 2.2), which is what JPEGs for the public have.
    square_root: its square root, as cameras send it. linear: the light itself.
    """

    DISPLAY = "display"
    SQUARE_ROOT = "square_root"
    LINEAR = "linear"

    @property
    def exponent(self) -> float:
        """The power that makes values (0 to 1) those that a screen expects."""
        return {Transfer.DISPLAY: 1.0, Transfer.SQUARE_ROOT: 2 / 2.2, Transfer.LINEAR: 1 / 2.2}[self]


class _Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CameraProfile(_Entry):
    """One family of cameras.

    Attributes:
        rovers: which rovers', as patterns with ``*``.
        cameras: their names in the tables, as patterns.
        products: product types, as patterns (``ECM`` as received, ``EDR`` decompanded).
        kinds: colour kinds (``bayer``, ``gray``, ``rgb``, ``band``), as patterns.
        transfer: how values follow from the light.
        white_balance: by which red, green and blue are multiplied as a screen shows them; the same in every frame.
        crop_px: columns and rows that see no light: left, top, right, bottom.
        crop_of_width_px: only pictures of this width have them; None: those of any.
        flat_field: whether a falling brightness towards the corners may be estimated and taken out.
        lens: how far from the centre light falls: its angle (``equidistant``) or the tangent of it (``rectilinear``).
    """

    rovers: tuple[str, ...] = ("*",)
    cameras: tuple[str, ...] = ("*",)
    products: tuple[str, ...] = ("*",)
    kinds: tuple[str, ...] = ("*",)
    transfer: Transfer = Transfer.DISPLAY
    white_balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    crop_px: tuple[int, int, int, int] = (0, 0, 0, 0)
    crop_of_width_px: int | None = None
    flat_field: bool = False
    lens: Literal["equidistant", "rectilinear"] = "rectilinear"

    def fits(self, *, rover: str, camera: str, product: str, kind: str) -> bool:
        """Whether a picture is of this family."""
        asked = ((self.rovers, rover), (self.cameras, camera), (self.products, product), (self.kinds, kind))
        return all(any(fnmatchcase(value, pattern) for pattern in patterns) for patterns, value in asked)


class KindProfile(_Entry):
    """One kind of movie.

    Attributes:
        steady: whether shifts of the camera are taken out.
        flat_field: whether brightness that falls towards the corners is, where the camera's family allows it.
    """

    steady: bool = False
    flat_field: bool = False


class _Table(_Entry):
    camera: Annotated[tuple[CameraProfile, ...], Field(min_length=1)]
    kind: Mapping[str, KindProfile]


@cache
def _table() -> _Table:
    return _Table.model_validate(tomllib.loads(_TABLE.read_text(encoding="utf-8")))


@cache
def camera_profile(*, rover: str, camera: str, product: str, kind: str) -> CameraProfile:
    """The first family that a picture fits; the last one of the table fits everything."""
    return next(entry for entry in _table().camera if entry.fits(rover=rover, camera=camera, product=product, kind=kind))


def kind_profile(kind: str) -> KindProfile:
    """How a kind of movie is prepared: ``drive``, ``sky``, ``view`` or ``all``."""
    return _table().kind[kind]
