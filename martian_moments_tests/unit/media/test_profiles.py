"""Which family a picture belongs to."""

from __future__ import annotations

import pytest

from martian_moments.media.frames import FrameInput
from martian_moments.media.profiles import Transfer, kind_profile


@pytest.mark.parametrize(
    ("key", "camera", "kind", "transfer", "flat_field"),
    [
        ("perseverance|m20|NLF_0670_0726421423_362ECM_N0320604", "NAVCAM_LEFT", "rgb", Transfer.SQUARE_ROOT, True),
        ("perseverance|m20|FLE_0670_0726421423_362EDR_N0320604", "FRONT_HAZCAM_LEFT_A", "bayer", Transfer.LINEAR, False),
        ("perseverance|m20|ZL0_0038_0670307360_057ECM_N0031392", "MCZ_LEFT", "bayer", Transfer.SQUARE_ROOT, True),
        ("perseverance|m20|WS2_0670_0726421423_362EJP_N0320604", "SKYCAM", "gray", Transfer.DISPLAY, True),
        ("curiosity|msl|NRB_670586006EDR_S0871444NCAM00545M_", "NAV_RIGHT_B", "gray", Transfer.DISPLAY, True),
        ("curiosity|msl|0873MR0038480000501234C00_DXXX", "MAST_RIGHT", "bayer", Transfer.SQUARE_ROOT, True),
        ("curiosity|msl|0873MR0038480000501234E01_DXXX", "MAST_RIGHT", "rgb", Transfer.DISPLAY, True),
        ("opportunity|v1|1F128", "FRONT_HAZCAM_LEFT", "gray", Transfer.DISPLAY, False),
        ("spirit|v1|2N128", "NAVCAM", "gray", Transfer.DISPLAY, True),
        ("perseverance|v1|1234", "NAVCAM_LEFT", "", Transfer.DISPLAY, True),
    ],
)
def test_a_picture_has_the_profile_of_its_family(
    key: str, camera: str, kind: str, transfer: Transfer, *, flat_field: bool
) -> None:
    profile = FrameInput(photo_key=key, read=bytes, camera=camera, kind=kind).profile
    assert (profile.transfer, profile.flat_field) == (transfer, flat_field)


def test_a_product_that_is_given_counts_before_the_name() -> None:
    profile = FrameInput(
        photo_key="perseverance|m20|ZL0_0038_0670307360_057ECM_N0031392", read=bytes, camera="MCZ_LEFT", product="EDR"
    ).profile
    assert profile.transfer is Transfer.LINEAR


def test_only_a_view_is_steadied() -> None:
    assert {kind: kind_profile(kind).steady for kind in ("drive", "sky", "view", "all")} == {
        "drive": False,
        "sky": False,
        "view": True,
        "all": False,
    }
