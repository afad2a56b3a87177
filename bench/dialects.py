"""Records per second from a raw answer to silver, by dialect: load into bronze, then the dialect's models by dbt."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.report import Line
from martian_moments.documents import Document, Header, Kind, decode_text, encode
from martian_moments.warehouse.base import BronzeObject
from martian_moments.warehouse.duckdb import DuckDBWarehouse

_PROJECT: Final = Path(__file__).resolve().parents[1] / "martian_moments_dbt"
_SOLS: Final = 100
_RECORDS: Final = 1_000
"""Of each sol."""


def measure(*, quick: bool) -> Iterator[Line]:
    """A line per dialect."""
    sols, records = (2, 10) if quick else (_SOLS, _RECORDS)
    for source, (rover, array, record) in _DIALECTS.items():
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            warehouse = DuckDBWarehouse(home / "warehouse.duckdb")
            warehouse.ensure()
            _build(warehouse, home)  # dbt parses the project and makes the empty tables
            began = time.perf_counter()
            warehouse.load(
                _document(source, rover, sol, {array: [record(sol, n) for n in range(records)]}) for sol in range(sols)
            )
            _build(warehouse, home)
            seconds = time.perf_counter() - began
            _expect(home, sols * records)
        what = f"{source}: {sols * records:,} records from raw answer to silver"
        yield Line(name=what, ours=sols * records / seconds, unit="records/s")


def _document(source: str, rover: str, sol: int, page: Mapping[str, Any]) -> BronzeObject:
    body = json.dumps(page).encode()
    count = len(next(iter(page.values())))
    fingerprint = hashlib.sha256(body).hexdigest()
    header = Header(Kind.PHOTOS, rover, source, sol, datetime.now(UTC), fingerprint, count, count, complete=True)
    text = decode_text(header.key, encode(Document(header, (body,))))
    return BronzeObject(header.key, fingerprint[:32], header, text)


def _build(warehouse: DuckDBWarehouse, home: Path) -> None:
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "build", "--select", "+source_photos", "--exclude", "resource_type:test"),
        *("resource_type:unit_test", "--project-dir", str(_PROJECT), "--profiles-dir", str(_PROJECT)),
        *("--target-path", str(home / "target"), "--log-path", str(home / "target")),
    ]
    done = subprocess.run(command, env=os.environ | warehouse.dbt_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"dbt build failed:\n{done.stdout[-3_000:]}")


def _expect(home: Path, records: int) -> None:
    import duckdb

    with duckdb.connect(str(home / "warehouse.duckdb"), read_only=True) as connection:
        found = connection.sql("select count(*) from silver.source_photos").fetchall()
    if found != [(records,)]:
        raise RuntimeError(f"silver holds {found[0][0]} of {records} records")


def _m20(sol: int, number: int) -> dict[str, Any]:
    name = f"NLF_{sol:04}_{667_000_000 + 88_775 * sol + number:010}_000ECM_N0030000NCAM{number:05}_01_295J"
    return {
        "imageid": name,
        "sol": sol,
        "site": 3,
        "drive": "0",
        "sample_type": "Full",
        "date_taken_utc": "2021-03-01T12:00:00.000",
        "date_taken_mars": f"Sol-{sol:05}M12:00:00.000",
        "camera": {"instrument": "NAVCAM_LEFT", "filter_name": "UNK"},
        "extended": {"sclk": f"{667_000_000 + 88_775 * sol + number}.000"},
        "image_files": {"large": f"https://mars.nasa.gov/{name}01_1200.jpg"},
    }


def _msl(sol: int, number: int) -> dict[str, Any]:
    clock = 397_502_305 + 88_775 * sol + number
    return {
        "id": sol * 100_000 + number,
        "sol": sol,
        "instrument": "NAV_LEFT_A",
        "https_url": f"https://mars.nasa.gov/NLA_{clock}EDR_F0050104NCAM{number:05}M_.JPG",
        "date_taken": "2012-11-02T15:18:29.000Z",
        "spacecraft_clock": clock,
        "site": 5,
        "drive": 104,
        "is_thumbnail": False,
        "extended": {"lmst": f"Sol-{sol:05}M16:17:07.006", "sample_type": "full"},
    }


def _pds(sol: int, number: int) -> dict[str, Any]:
    clock = 128_274_081 + 88_775 * sol + number
    return {
        "PRODUCT_ID": f"1P{clock}EFF0000P2303L2M1",
        "PLANET_DAY_NUMBER": f"{sol:04}",
        "INSTRUMENT_ID": "PANCAM_LEFT",
        "IMAGE_TYPE": "REGULAR",
        "PATH_NAME": f"/mer1po_0xxx/data/sol{sol:04}/edr/",
        "FILE_NAME": f"1p{clock}eff0000p2303l2m1.img",
        "START_TIME": "2004-01-25T07:18:28Z",
        "SPACECRAFT_CLOCK_START_COUNT": f"{clock}.621",
        "ROVER_MOTION_COUNTER": ["0", "0", "1", "34", "0"],
    }


def _v1(sol: int, number: int) -> dict[str, Any]:
    clock = 126_454_028 + 88_775 * sol + number
    url = f"http://mars.nasa.gov/mer/gallery/all/2/p/{sol:03}/2P{clock}EFF0000P2303L2M1-BR.JPG"
    camera = {"name": "PANCAM", "full_name": "Panoramic Camera"}
    return {"id": sol * 100_000 + number, "sol": sol, "camera": camera, "img_src": url, "earth_date": "2004-01-05"}


_DIALECTS: Final[Mapping[str, tuple[str, str, Callable[[int, int], dict[str, Any]]]]] = {
    "m20": ("perseverance", "images", _m20),
    "msl": ("curiosity", "items", _msl),
    "pds": ("opportunity", "lines", _pds),
    "v1": ("spirit", "photos", _v1),
}
"""The rover that stands for a dialect, where its records lie in a page, and one of them."""
