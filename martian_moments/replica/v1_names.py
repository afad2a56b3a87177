"""What the pictures of each rover and camera of the v1 API are like; its ids and dates are in domain/rovers.py.

How often a camera has photos on a sol is counted in the four complete manifests of 2023 and 2024.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from martian_moments.domain.rovers import Camera
from martian_moments.replica.file_names import CameraParts, Shot, m20_address, mer_address, msl_address


@dataclass(frozen=True, slots=True)
class V1Camera:
    """A camera of a v1 rover.

    Attributes:
        share: share of the sols with photos on which this camera has some.
        file: the parts of a file name that depend on the camera.
        right: the same of its right eye, where one v1 camera is both.
        last_sol: the last sol on which it takes photos, or None.
    """

    share: float
    file: CameraParts
    last_sol: int | None = None
    right: CameraParts | None = None


@dataclass(frozen=True)
class V1Rover:
    """A rover as v1 describes it: ``cameras`` in the order of the API's rover object."""

    cameras: Mapping[str, V1Camera]
    image_address: Callable[[CameraParts, Shot], str]

    @cached_property
    def files(self) -> Mapping[tuple[str, str], CameraParts]:
        """The parts of a file name that depend on the camera and its eye."""
        return {
            (name, eye): camera.right if camera.right and eye == "R" else camera.file
            for name, camera in self.cameras.items()
            for eye in "LRN"
        }


def _mer_cameras(spacecraft: str, shares: Mapping[str, float]) -> Mapping[str, V1Camera]:
    rows = (("FHAZ", "F"), ("NAVCAM", "N"), ("PANCAM", "P"), ("MINITES", "M"), ("ENTRY", "E"), ("RHAZ", "R"))
    return MappingProxyType(
        {name: V1Camera(shares[name], (spacecraft, letter, "P"), 1 if name == "ENTRY" else None) for name, letter in rows}
    )


def full_name(camera: Camera) -> str:
    """What v1 calls a camera in full: it took the Microscopic Imager for a spectrometer."""
    return "Miniature Thermal Emission Spectrometer (Mini-TES)" if camera.name == "MINITES" else camera.full_name


V1_ROVERS: Final[Mapping[str, V1Rover]] = MappingProxyType(
    {
        "curiosity": V1Rover(
            image_address=msl_address,
            cameras=MappingProxyType(
                {
                    "FHAZ": V1Camera(0.88, ("fcam", "FLB", "FHAZ"), right=("fcam", "FRB", "FHAZ")),
                    "NAVCAM": V1Camera(0.85, ("ncam", "NLB", "NCAM"), right=("ncam", "NRB", "NCAM")),
                    "MAST": V1Camera(0.70, ("mcam", "ML", ""), right=("mcam", "MR", "")),
                    "CHEMCAM": V1Camera(0.66, ("ccam", "CR0", "CCAM")),
                    "MAHLI": V1Camera(0.44, ("mhli", "MH", "")),
                    "MARDI": V1Camera(0.23, ("mrdi", "MD", "")),
                    "RHAZ": V1Camera(0.87, ("rcam", "RLB", "RHAZ"), right=("rcam", "RRB", "RHAZ")),
                }
            ),
        ),
        "opportunity": V1Rover(
            image_address=mer_address,
            cameras=_mer_cameras(
                "1", {"FHAZ": 0.49, "NAVCAM": 0.57, "PANCAM": 0.99, "MINITES": 0.14, "ENTRY": 1.0, "RHAZ": 0.31}
            ),
        ),
        "spirit": V1Rover(
            image_address=mer_address,
            cameras=_mer_cameras(
                "2", {"FHAZ": 0.47, "NAVCAM": 0.57, "PANCAM": 0.99, "MINITES": 0.16, "ENTRY": 1.0, "RHAZ": 0.27}
            ),
        ),
        "perseverance": V1Rover(
            image_address=m20_address,
            cameras=MappingProxyType(
                {
                    "EDL_RUCAM": V1Camera(0.02, ("edl", "EUF", "EDLC")),
                    "EDL_DDCAM": V1Camera(0.01, ("edl", "ESF", "EDLC")),
                    "EDL_PUCAM1": V1Camera(0.02, ("edl", "EAF", "EDLC")),
                    "EDL_PUCAM2": V1Camera(0.02, ("edl", "EBF", "EDLC")),
                    "NAVCAM_LEFT": V1Camera(0.86, ("ncam", "NLF", "NCAM")),
                    "NAVCAM_RIGHT": V1Camera(0.51, ("ncam", "NRF", "NCAM")),
                    "MCZ_RIGHT": V1Camera(0.81, ("zcam", "ZR0", "ZCAM")),
                    "MCZ_LEFT": V1Camera(0.83, ("zcam", "ZL0", "ZCAM")),
                    "FRONT_HAZCAM_LEFT_A": V1Camera(0.57, ("fcam", "FLF", "FHAZ")),
                    "FRONT_HAZCAM_RIGHT_A": V1Camera(0.56, ("fcam", "FRF", "FHAZ")),
                    "REAR_HAZCAM_LEFT": V1Camera(0.31, ("rcam", "RLF", "RHAZ")),
                    "REAR_HAZCAM_RIGHT": V1Camera(0.30, ("rcam", "RRF", "RHAZ")),
                    "EDL_RDCAM": V1Camera(0.03, ("edl", "EDF", "EDLC")),
                    "SKYCAM": V1Camera(0.82, ("wcam", "WSM", "MEDA")),
                    "SHERLOC_WATSON": V1Camera(0.20, ("shrlc", "SI1", "SRLC")),
                    "SUPERCAM_RMI": V1Camera(0.66, ("scam", "LRE", "SCAM")),
                    "LCAM": V1Camera(0.0, ("lcam", "ELM", "LCAM")),
                }
            ),
        ),
    }
)
"""Every rover as v1 knows it, in the order of its listing."""
