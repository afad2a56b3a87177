"""The cameras of the generated rovers: where they sit, how they turn, how wide they see.

Figures are round and good enough for a replica; none is a calibration, and the models of silver read none of them. Fields
of view are near those of the seed instruments.csv, of which docs/sources.md says what they were compared with. Where a
camera of a mast stands follows from the camera models of real pictures of Mars 2020 (sols 888 and 1484) and Mars Science
Laboratory (sol 86).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Vector = tuple[float, float, float]
"""In the rover's frame: x ahead, y to the right, z down."""


@dataclass(frozen=True, slots=True, eq=False)
class Optics:
    """A camera, or the two eyes of one.

    Attributes:
        size: columns and rows of the detector.
        pixels_per_radian: in the middle of the picture, at full resolution.
        axis: metres; of a camera on the mast a point of the axis on which it turns, of another the place between its eyes.
        fixed: degrees, clockwise from the rover's nose and upwards, of a camera that cannot turn; None on the mast.
        baseline_m: from the left eye to the right one; 0 for a camera that has one.
        forward_m: from the axis to the place between the eyes, in the direction of view.
        wide: whether its lens is a fisheye's (model CAHVORE, else CAHVOR).
        scale: detector pixels per pixel of a whole frame as it is delivered, along each side.
        thumbnail_scale: the same of a thumbnail.
    """

    size: tuple[int, int]
    pixels_per_radian: float
    axis: Vector
    fixed: tuple[float, float] | None = None
    baseline_m: float = 0.0
    forward_m: float = 0.0
    wide: bool = False
    scale: int = 1
    thumbnail_scale: int = 8


_M20_WIDE: Final = (5120, 3840)
_M20_MAST: Final = (0.805, 0.559, -2.02)
_M20_ZOOM: Final = (1648, 1200)
_DOWN: Final = (0.0, -90.0)

_PERSEVERANCE: Final = {
    "NAVCAM": Optics(_M20_WIDE, 2951.0, _M20_MAST, None, 0.424, 0.095, wide=True, scale=4, thumbnail_scale=80),
    "MCZ": Optics(_M20_ZOOM, 4595.0, _M20_MAST, None, 0.244, -0.015),
    "SUPERCAM_RMI": Optics((2048, 2048), 108_900.0, _M20_MAST, None, 0.0, 0.06, thumbnail_scale=32),
    "FRONT_HAZCAM": Optics(_M20_WIDE, 2080.0, (1.1, 0.0, -0.7), (0.0, -28.0), 0.248, wide=True, scale=4, thumbnail_scale=80),
    "REAR_HAZCAM": Optics(
        _M20_WIDE, 2080.0, (-1.26, 0.0, -0.72), (180.0, -28.0), 0.934, wide=True, scale=4, thumbnail_scale=80
    ),
    "SHERLOC_WATSON": Optics(_M20_ZOOM, 2878.0, (1.6, 0.1, -0.5), (10.0, -70.0)),
    "EDL_RUCAM": Optics((1280, 1024), 2070.0, (0.6, 0.4, -1.2), (0.0, 80.0)),
    "EDL_RDCAM": Optics((1280, 1024), 2070.0, (0.9, -0.6, -0.7), _DOWN),
    "EDL_DDCAM": Optics((2048, 1536), 2400.0, (0.0, 0.0, -8.0), _DOWN),
    "EDL_PUCAM1": Optics((1280, 1024), 2070.0, (0.1, 0.1, -9.0), (0.0, 88.0)),
    "EDL_PUCAM2": Optics((1280, 1024), 2070.0, (-0.1, 0.1, -9.0), (0.0, 88.0)),
    "LCAM": Optics((1024, 1024), 512.0, (0.8, -0.9, -0.7), _DOWN, thumbnail_scale=16),
}
"""The camera that points to the sky, SKYCAM, is not here: its pictures say nothing of the kind."""

_CURIOSITY: Final = {
    "NAVCAM": Optics((1024, 1024), 1220.0, (0.84, 0.54, -1.98), None, 0.424, 0.1, thumbnail_scale=16),
    "CHEMCAM": Optics((1024, 1024), 51_200.0, (0.84, 0.54, -2.1), None, 0.0, 0.06, thumbnail_scale=16),
    "FHAZ": Optics((1024, 1024), 457.0, (1.05, 0.0, -0.7), (0.0, -40.0), 0.167, wide=True, thumbnail_scale=16),
    "RHAZ": Optics((1024, 1024), 457.0, (-1.1, 0.0, -0.75), (180.0, -40.0), 0.1, wide=True, thumbnail_scale=16),
}
"""The pictures of Malin's cameras come without telemetry."""

_MER: Final = {
    "NAVCAM": Optics((1024, 1024), 1220.0, (0.4, 0.0, -1.4), None, 0.2, 0.05, thumbnail_scale=16),
    "PANCAM": Optics((1024, 1024), 3680.0, (0.4, 0.0, -1.4), None, 0.3, 0.05, thumbnail_scale=16),
    "FHAZ": Optics((1024, 1024), 457.0, (0.6, 0.0, -0.5), (0.0, -45.0), 0.1, wide=True, thumbnail_scale=16),
    "RHAZ": Optics((1024, 1024), 457.0, (-0.6, 0.0, -0.5), (180.0, -45.0), 0.1, wide=True, thumbnail_scale=16),
}
"""The index says nothing about where the arm's microscope and the descent camera look."""

OPTICS: Final[Mapping[str, Mapping[str, Optics]]] = {
    "perseverance": _PERSEVERANCE,
    "curiosity": _CURIOSITY,
    "opportunity": _MER,
    "spirit": _MER,
}
"""By rover and by camera; two cameras that are the eyes of one stand here once."""
