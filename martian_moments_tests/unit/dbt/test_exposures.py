"""What the names of files say of an exposure, and what else NASA's own records say of a picture, whatever source has it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread

from martian_moments_tests.unit.dbt.conftest import Project, photos
from martian_moments_tests.unit.dbt.test_feeds import m20_responses, msl_responses
from martian_moments_tests.unit.dbt.test_photos import page
from martian_moments_tests.unit.dbt.test_real_data import PRODUCTION, SOLS
from martian_moments_tests.unit.dbt.views import index_row

GALLERY = "http://mars.nasa.gov/gallery/"
NAMES: dict[str, dict[str, tuple[str | None, str | None, str | None]]] = {
    "perseverance": {
        # One exposure of the navigation camera: the mosaic, its interpolated picture, its thumbnail.
        "NLE_0367_0699523414_304ECM_N0110108NCAM00710_13_0LLJ01_1200.jpg": ("NL|0699523414_304", "NCAM00710", "bayer"),
        "NLF_0367_0699523414_304EBY_N0110108NCAM00710_13_0LLJ01_1200.jpg": ("NL|0699523414_304", "NCAM00710", "rgb"),
        "NLM_0367_0699523414_304ECM_T0110108NCAM00710_13_0LLJ01_1200.jpg": ("NL|0699523414_304", "NCAM00710", "gray"),
        "FLA_0367_0699523414_304ECM_N0110108FHAZ02008_07_0LLJ01.png": ("FL|0699523414_304", "FHAZ02008", "band"),
        "ZR0_0038_0670307360_057ECM_N0031392ZCAM08007_1100LUJ01.png": ("ZR|0670307360_057", "ZCAM08007", "bayer"),
        "ZR0_0038_0670307360_057EBY_N0031392ZCAM08007_1100LUJ01.png": ("ZR|0670307360_057", "ZCAM08007", "rgb"),
        "ZL6_0038_0670307360_057ECM_N0031392ZCAM08007_1100LUJ01.png": ("ZL|0670307360_057", "ZCAM08007", "band"),
        "SI1_0367_0699524997_886ECM_N0110108SRLC02504_0000LMJ01.png": ("SI|0699524997_886", "SRLC02504", "bayer"),
        "SC3_0367_0699524997_886ECM_N0110108SRLC02504_0000LMJ01.png": ("SC|0699524997_886", "SRLC02504", "gray"),
        "PCB_0367_0699524997_886ECM_N0110108PIXL02504_0000LMJ01.png": ("PC|0699524997_886", "PIXL02504", "band"),
        "ELM_0000_0666952834_300ECM_N0000019LVS_04000_0000LUJ01.png": ("EL|0666952834_300", "LVS_04000", "gray"),
        "NLE_0367_0699523414_304ERP_N0110108NCAM00710_13_0LLJ01.png": ("NL|0699523414_304", "NCAM00710", None),
    },
    "curiosity": {
        "NLB_486271176EDR_F0481570NCAM00322M_.JPG": ("NLB|486271176", "NCAM00322", "gray"),
        "NLB_486271176EDR_T0481570NCAM00322M_.JPG": ("NLB|486271176", "NCAM00322", "gray"),
        "NRB_486271176EDR_F0481570NCAM00322M_.JPG": ("NRB|486271176", "NCAM00322", "gray"),
        "CR0_486264264PRC_F0481570CCAM02000L1.PNG": ("CR0|486264264", "CCAM02000", None),
        "1489ML0074780020603644D01_DXXX.jpg": ("ML|0074780020603644", "007478", "gray"),
        "1489ML0074780020603644C00_DXXX.jpg": ("ML|0074780020603644", "007478", "bayer"),
        "1489ML0074780020603644I01_DXXX.jpg": ("ML|0074780020603644", "007478", "rgb"),
        "1489MH0007050010603645R00_DXXX.jpg": ("MH|0007050010603645", "000705", "rgb"),
        "1489MH0007050010603645S00_DXXX.jpg": ("MH|0007050010603645", "000705", "gray"),
        "1489MR0007050010603645G00_DXXX.jpg": ("MR|0007050010603645", "000705", None),
    },
    "opportunity": {
        "1P128287181EFF0000P2303L2M1-BR.JPG": ("PL|128287181", "P2303", "band"),
        "1P128287181ETH0000P2303L2M1-BR.JPG": ("PL|128287181", "P2303", "band"),
        "1P128287181EFF0000P2303R2M1-BR.JPG": ("PR|128287181", "P2303", "band"),
        "1P128287181EFF0000P2303R1M1-BR.JPG": ("PR|128287181", "P2303", "band"),
        "1P128287181EFF0000P2303L1M1-BR.JPG": ("PL|128287181", "P2303", "gray"),
        "1N128285132EDN0000P1500L0M1-BR.JPG": ("NL|128285132", "P1500", "gray"),
        "1M128285132EFF0000P2936M2M1-BR.JPG": ("MM|128285132", "P2936", "gray"),
        "1N128285132EHG0000P1500L0M1-BR.JPG": ("NL|128285132", "P1500", None),
    },
}
"""By the name of a file: exposure without the rover, sequence, and what the pixels are."""

ODD_NAMES = [
    "",
    "x.jpg",
    "NLE_0367.jpg",
    "1489ML.jpg",
    "1P12828.JPG",
    "NLB_486271176EDR.JPG",
    "%00",
    "ÅÄÖ_0367_069952_3.png",
]


def named(rover: str, sol: int, names: list[str]) -> Any:
    records = [
        {"id": number, "sol": sol, "camera": {"name": "X"}, "img_src": GALLERY + name} for number, name in enumerate(names)
    ]
    return photos(rover, sol, records)


@pytest.fixture(scope="module")
def built(project: Callable[[], Project], real_payloads: Path) -> Project:
    m20, msl = m20_responses(real_payloads), msl_responses(real_payloads)
    feed = [image["image_files"]["large"] for image in m20[888]["images"]]
    list_of_items = [item["url"] for item in msl[86]["items"]]
    twins = [
        photos(rover, sol, [{"id": n, "sol": sol, "camera": {"name": "X"}, "img_src": url} for n, url in enumerate(urls)])
        for rover, sol, urls in (("perseverance", 888, feed), ("curiosity", 86, list_of_items))
    ]
    made = project()
    made.warehouse.load(
        [
            *(page("m20", "perseverance", sol, "images", each["images"]) for sol, each in m20.items()),
            *(page("msl", "curiosity", sol, "items", each["items"]) for sol, each in msl.items()),
            page("pds", "opportunity", 1, "lines", [index_row(real_payloads)]),
            *(
                photos(rover, sol, json.loads((real_payloads / name).read_text())["photos"])
                for (rover, sol), (name, _) in SOLS.items()
            ),
            *twins,
            *(named(rover, 5, list(names)) for rover, names in NAMES.items()),
            *(named(rover, 6, ODD_NAMES) for rover in NAMES),
            named("curiosity", 7, ["NRB_670586006EDR_S0871444NCAM00545M_.jpg"]),
            named(
                "perseverance",
                7,
                [
                    "NLF_0670_0726421423_362ECM_N0320604NCAM08111_01_095J01.png",
                    "ZL0_0038_0670307360_057ECM_N0031392ZCAM08007_1100LUJ.png",
                ],
            ),
        ]
    )
    made.build(*PRODUCTION, "--exclude", "resource_type:test", "--select", "+fact_photos")
    return made


@pytest.mark.parametrize("rover", NAMES)
def test_a_files_name_says_which_exposure_it_is_of_what_planned_it_and_what_its_pixels_are(
    built: Project, rover: str
) -> None:
    rows = built.query(
        "select exposure_id, sequence_id, color_kind from silver.source_photos"
        f" where rover = '{rover}' and sol = 5 order by source_id::integer"
    )
    expected = [(exposure and f"{rover}|{exposure}", sequence, kind) for exposure, sequence, kind in NAMES[rover].values()]
    assert dict(zip(NAMES[rover], rows, strict=True)) == dict(zip(NAMES[rover], expected, strict=True))


def test_a_name_of_no_grammar_says_nothing(built: Project) -> None:
    sql = (
        "select count(*), count(exposure_id), count(sequence_id), count(color_kind) from silver.source_photos where sol = 6"
    )
    assert built.query(sql) == [(len(ODD_NAMES) * len(NAMES), 0, 0, 0)]


@pytest.mark.parametrize(("source", "sol", "every"), [("m20", 888, 13), ("msl", 86, 16), ("pds", 1, 1)])
def test_an_exposure_is_the_same_by_v1_as_by_the_missions_own_source(
    built: Project, source: str, sol: int, every: int
) -> None:
    """By v1 of the same files, and of Opportunity's first picture by v1's own record of it."""
    columns = "exposure_id, sequence_id, color_kind, image_url, image_url_full"
    of_source = set(built.query(f"select {columns} from silver.source_photos where source = '{source}' and sol = {sol}"))
    of_v1 = set(built.query(f"select {columns} from silver.source_photos where source = 'v1' and sol = {sol}"))
    assert len(of_source) == every
    assert all(value is not None for row in of_source for value in row)
    assert of_source <= of_v1


def test_all_products_of_an_exposure_of_the_mast_cameras_are_one(built: Project) -> None:
    """On sol 1000: a mosaic, its colour JPEG and its thumbnail mostly, as Malin's counter of images has them."""
    rows = built.query(
        "select exposure_id, list(distinct color_kind order by color_kind), count(*), count(distinct sequence_id)"
        " from silver.source_photos where rover = 'curiosity' and sol = 1000 and camera = 'MAST' group by all"
    )
    assert len(rows) == 285
    assert Counter(tuple(kinds) for _, kinds, *_ in rows) == {("bayer", "rgb"): 263, ("gray", "rgb"): 21, ("rgb",): 1}
    assert sum(files for *_, files, _ in rows) == 838
    assert {sequences for *_, sequences in rows} == {1}


def test_what_a_name_says_of_the_pixels_is_so_in_the_picture(built: Project, real_payloads: Path) -> None:
    """The three real pictures at hand; a mosaic is sent as gray, in which neighbours differ as the colours do."""
    kinds = {}
    for path in (real_payloads / "images").glob("*.[jp][pn]g"):
        pixels = np.asarray(imread(path), float)
        spread = 0.0 if pixels.ndim == 2 else float(np.ptp(pixels[..., :3], axis=2).max())
        plane = pixels if pixels.ndim == 2 else pixels[..., 1]
        corners = [plane[row::2, column::2].mean() for row in (0, 1) for column in (0, 1)]
        mosaic = float(np.ptp(corners) / np.mean(corners))
        kinds[path.name[:3]] = "rgb" if spread > 0 else "bayer" if mosaic > 0.1 else "gray"
    assert kinds == {"NLF": "rgb", "ZL0": "bayer", "NRB": "gray"}
    rows = built.query("select split_part(image_url, '/', -1)[:3], color_kind from silver.source_photos where sol = 7")
    assert dict(rows) == kinds


def test_captions_credits_receipts_and_addresses_are_those_of_the_feed(built: Project, real_payloads: Path) -> None:
    columns = "source_id, caption, credit, epoch_ms(date_received), image_url_small, image_url_full"
    rows = built.query(f"select {columns} from silver.source_photos where source = 'm20'")
    images = [image for response in m20_responses(real_payloads).values() for image in response["images"]]
    assert len(images) == 23
    assert {row[0]: row[1:] for row in rows} == {
        image["imageid"]: (
            image.get("caption") or image["title"],
            image["credit"],
            milliseconds(image["date_received"]),
            image.get("image_files", {}).get("small"),
            image.get("image_files", {}).get("full_res"),
        )
        for image in images
    }


def test_captions_credits_and_receipts_are_those_of_the_msl_items(built: Project, real_payloads: Path) -> None:
    columns = "source_id, caption, credit, epoch_ms(date_received), image_url_small, image_url_full"
    rows = built.query(f"select {columns} from silver.source_photos where source = 'msl'")
    items = [item for response in msl_responses(real_payloads).values() for item in response["items"]]
    assert {row[0]: row[1:] for row in rows} == {
        str(item["id"]): (
            item.get("description") or item.get("title"),
            item.get("image_credit"),
            milliseconds(item["date_received"]),
            None,
            item["https_url"],
        )
        for item in items
    }


def milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
