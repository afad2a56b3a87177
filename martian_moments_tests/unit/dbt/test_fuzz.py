"""2,000 responses, each wrong in one place, through parsers, lake, load and build: the good is published, the rest counted.

The responses are made by Hypothesis, always the same ones: a record between two good ones has a field of another type, size,
sign, depth or encoding, or the whole response is cut, encoded otherwise or begins with a byte order mark.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from martian_moments.defs.plots.pages import pages
from martian_moments.domain.documents import Document, Kind
from martian_moments.domain.errors import UpstreamError
from martian_moments.lake.store import Lake
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.m20 import M20
from martian_moments.nasa.mer import MER
from martian_moments.nasa.mmgis import MMGIS
from martian_moments.nasa.msl import MSL
from martian_moments.nasa.responses import a_sol
from martian_moments.nasa.v1 import V1
from martian_moments.pipelines.load import load
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments_tests.unit.dbt.conftest import Project
from martian_moments_tests.unit.dbt.test_real_data import PRODUCTION

pytestmark = pytest.mark.timeout(900)

URL = "https://example.test/x"
RESPONSES = 2_500
DEEP = "deep inside"
DEPTHS = {DEEP + str(levels): b"[" * levels + b"]" * levels for levels in (3, 300, 5_000)}

V1_PHOTO = {
    "id": 1, "sol": 1, "img_src": "http://mars.example/NLB_486265257EDR_F0481570NCAM00323M_.JPG", "earth_date": "2013-12-29",
    "camera": {"name": "NAVCAM", "full_name": "Navigation Camera"}, "rover": {"name": "Curiosity", "status": "active"},
}  # fmt: skip
M20_IMAGE = {
    "imageid": "NLF_0367_0699523414_304ECM_N0110108NCAM00710_13_0LLJ", "sol": "1", "site": "11", "drive": "108",
    "image_files": {"small": "https://mars.example/a_320.jpg", "large": "https://mars.example/a_1200.jpg"},
    "camera": {
        "instrument": "NAVCAM_LEFT", "camera_vector": "(1,0,0)", "camera_position": "(1,0,-2)",
        "camera_model_component_list": "(1,0,-2);(1,0,0);(640,740,0);(480,0,740);(1,0,0);(0,0.05,-0.02);(0,0,0);2.0;0.0",
    },
    "attitude": "(1,0,0,0)", "caption": "A picture.", "credit": "NASA/JPL-Caltech", "date_received": "2022-03-02T18:55:14Z",
    "date_taken_utc": "2022-03-02T15:55:14.000", "date_taken_mars": "Sol-00367M15:28:38.766", "sample_type": "Full",
    "extended": {
        "sclk": "699523414.304", "dimension": "(1280,960)", "subframeRect": "(1,1,5120,3840)", "scaleFactor": "4",
    },
}  # fmt: skip
MSL_ITEM = {
    "id": 1, "sol": 1, "instrument": "NAV_LEFT_B", "https_url": "https://mars.example/a.JPG", "mission": "msl",
    "date_taken": "2013-12-29T05:32:38.000Z", "site": 48, "drive": 1570, "spacecraft_clock": 441_564_000.5,
    "is_thumbnail": False, "extended": {"lmst": "Sol-00497M07:02:03.000", "sample_type": "full"},
    "attitude": "(1,0,0,0)", "camera_vector": "(1,0,0)", "camera_position": "(1,0,-2)", "subframe_rect": "(1,1,512,512)",
    "camera_model_component_list": "(1,0,-2);(1,0,0);(256,613,0);(256,0,613)", "scale_factor": 2, "description": "Seen.",
}  # fmt: skip
LEG = {
    "type": "Feature",
    "properties": {"sol": 14, "fromRMC": "3_0", "toRMC": "3_110", "length": 6.25, "SCLK_START": 668_099_149},
    "geometry": {"type": "LineString", "coordinates": [[77.45088, 18.44462, -2569.9], [77.45099, 18.44471, -2569.8]]},
}  # fmt: skip
BARE_LEG = {
    "type": "Feature", "properties": {"Length": 12.5},
    "geometry": {"type": "MultiLineString", "coordinates": [[[137.4, -4.5], [137.5, -4.6]], [[137.5, -4.6], [137.6, -5]]]},
}  # fmt: skip
WAYPOINT = {
    "type": "Feature",
    "properties": {
        "RMC": "3_110", "sol": 14, "lon": 77.45, "lat": 18.44, "elev_geoid": -2569.9, "yaw": 10, "dist_total_m": 6.25,
        "final": "y",
    },
    "geometry": {"type": "Point", "coordinates": [77.45, 18.44, -2569.9]},
}  # fmt: skip
ROW = {"sol": 1, "total_photos": 3, "earth_date": "2013-12-29"}


@dataclass(frozen=True)
class Shape:
    """One kind of response: its record, where its response has it, and how two good records differ."""

    record: dict[str, Any]
    wrap: Callable[[list[Any]], Any]
    number: Callable[[dict[str, Any], int], None]


def numbered(name: str, text: str = "") -> Callable[[dict[str, Any], int], None]:
    return lambda record, number: record.update({name: f"{text}{number}" if text else number})


def placed(record: dict[str, Any], number: int) -> None:
    record["properties"] |= {"RMC": f"3_{number}"} if "RMC" in record["properties"] else {"toRMC": f"3_{number}"}


def features(records: list[Any]) -> Any:
    return {"type": "FeatureCollection", "features": records}


SHAPES = {
    "v1": Shape(V1_PHOTO, lambda records: {"photos": records}, numbered("id")),
    "m20": Shape(M20_IMAGE, lambda records: {"images": records}, numbered("imageid", "NLF_")),
    "msl": Shape(MSL_ITEM, lambda records: {"items": records, "more": False}, numbered("id")),
    "legs": Shape(LEG, features, placed),
    "bare legs": Shape(BARE_LEG, features, lambda record, number: record["properties"].update(Length=number)),
    "waypoints": Shape(WAYPOINT, features, placed),
    "v1 manifest": Shape(ROW, lambda rows: {"photo_manifest": {"max_sol": 9, "photos": rows}}, numbered("sol")),
    "m20 manifest": Shape(M20_IMAGE, lambda records: {"images": records, "latest_sol": 7}, numbered("imageid", "NLF_")),
    "msl manifest": Shape(MSL_ITEM, lambda records: {"items": records, "total": 9}, numbered("id")),
    "mer": Shape(
        dict.fromkeys(["SITE", "DRIVE", "START_SOL", "END_SOL", "CORRECTED_X", "CORRECTED_Y", "LON", "LAT"], "1"),
        list,
        numbered("DRIVE"),
    ),
}
PHOTOS = ("v1", "m20", "msl")

odd_texts = st.sampled_from(
    [
        "", " ", "\x00", "a\nb", "\ud83d", "\u202e", "A$\\foo$B", "<script>", "NaN", "-inf", "1e400", "-1", "5.5", "7.0",
        "1_0", "٣",
        "9" * 5_000, "x" * 20_000, "infinity", "294247-01-01", "0001-01-01T00:00:00Z", "-4713-01-01", "99999-01-01T00:00:00",
        "UNK", "none", "true", "{}", "[1,", '{"type":"Point"}', "Sol-99999M99:99:99.999", "Sol-1M1:1:1..", "12_-1",
        "999999999_1",
        "0_999999999", "'; drop table x; --", "LineString", "y", "(NaN,0,0)", "(1e308,1e308,1e308)", "(0,0)", ");(" * 30,
    ]
)  # fmt: skip
odd_numbers = st.sampled_from(
    [0, -1, 2**31, -(2**31), 2**32, 2**53, 2**63, 2**64 - 1, 1e300, -1e300, 1e-300, 5.0, 5.5, math.nan, math.inf, -math.inf]
)  # fmt: skip
scalars = st.none() | st.booleans() | odd_texts | odd_numbers | st.sampled_from(list(DEPTHS))
odd_values = (
    scalars
    | st.lists(scalars, max_size=3)
    | st.lists(st.lists(scalars, max_size=3), max_size=3)
    | st.dictionaries(st.sampled_from(["name", "type", "coordinates", "sol", "a\x00"]), scalars, max_size=2)
)


@dataclass(frozen=True)
class Odd:
    """One response: its shape, the field of its middle record that is odd, with what, and what is odd about the whole."""

    shape: str
    field: int
    value: Any
    whole: str


WHOLES: dict[str, Callable[[bytes], bytes]] = {
    "bom": lambda body: b"\xef\xbb\xbf" + body,
    "utf-16": lambda body: body.decode("utf-8", "replace").encode("utf-16"),
    "cut": lambda body: body[: len(body) // 2],
    "html": lambda body: b"<html>Sign in</html>",
    "empty": lambda body: b"",
    "no character": lambda body: body.replace(b"a", b"\xe9", 1),
    "": lambda body: body,
}
odds = st.builds(
    Odd,
    st.sampled_from([*PHOTOS * 6, *SHAPES]),
    st.integers(0, 40),
    odd_values,
    st.sampled_from(["", "", "", "", "", "", "", "", *WHOLES]),
)


def paths(record: Any, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Where in a record something can be odd: everywhere."""
    items = record.items() if isinstance(record, dict) else enumerate(record) if isinstance(record, list) else ()
    return [at] * bool(at) + [path for name, value in items for path in paths(value, (*at, name))]


def fresh(shape: Shape, number: int, sol: int | None) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(json.dumps(shape.record))
    shape.number(record, number)
    if sol is not None:
        record["sol"] = sol
    return record


def body_of(odd: Odd, place: int, sol: int | None) -> bytes:
    """The response: a good record, the odd one, a good record."""
    shape = SHAPES[odd.shape]
    first, middle, last = (fresh(shape, 10 * place + number, sol) for number in (1, 2, 3))
    every = paths(middle)
    *way, name = every[odd.field % len(every)]
    parent: Any = middle
    for step in way:
        parent = parent[step]
    parent[name] = odd.value
    if odd.shape == "mer":
        rows = [shape.record, *([str(value)[:30_000] for value in each.values()] for each in (first, middle, last))]
        body = "\n".join(",".join(map(str, row)) for row in rows).encode("utf-8", "surrogatepass")
    else:
        body = json.dumps(shape.wrap([first, middle, last])).encode()
    for mark, nested in DEPTHS.items():
        body = body.replace(json.dumps(mark).encode(), nested)
    return WHOLES[odd.whole](body)


def made() -> list[Odd]:
    """The odd responses, always the same ones."""
    found: list[Odd] = []

    @settings(
        max_examples=RESPONSES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(odds)
    def collect(odd: Odd) -> None:
        found.append(odd)

    collect()
    return found


def is_of_another_sol(odd: Odd) -> bool:
    """Whether what is odd about the middle record is that it says another sol, in a way that can be read."""
    every = paths(fresh(SHAPES[odd.shape], 0, 0))
    return every[odd.field % len(every)] == ("sol",) and a_sol(odd.value) is not None


@dataclass
class Fetched:
    """What the parsers made of the responses."""

    documents: list[tuple[Odd, int, Document]] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)


async def fetch(odd_ones: list[Odd]) -> Fetched:
    fetched = Fetched()
    response = b""

    def handler(request: httpx.Request) -> httpx.Response:
        first = request.url.params.get("page") in (None, "0")
        return httpx.Response(200, content=response if first else b'{"photos": [], "images": [], "items": []}')

    transport = httpx.MockTransport(handler)
    async with PoliteClient(requests_per_minute=1e9, concurrency=1, attempts=1, transport=transport) as client:
        for place, odd in enumerate(odd_ones):
            sol = place if odd.shape in PHOTOS else None
            response = body_of(odd, place, sol)
            ask: Callable[[], Awaitable[Document]] = {
                "v1": lambda: V1(client, URL).photos("curiosity", place, None),  # noqa: B023 - called at once
                "m20": lambda: M20(client, URL).photos("perseverance", place),  # noqa: B023
                "msl": lambda: MSL(client, URL).photos("curiosity", place),  # noqa: B023
                "legs": lambda: MMGIS(client, URL).traverse("perseverance"),
                "bare legs": lambda: MMGIS(client, URL).traverse("curiosity"),
                "waypoints": lambda: MMGIS(client, URL).waypoints("perseverance"),
                "v1 manifest": lambda: V1(client, URL).manifest("curiosity"),
                "m20 manifest": lambda: M20(client, URL).manifest("perseverance"),
                "msl manifest": lambda: MSL(client, URL).manifest("curiosity"),
                "mer": lambda: MER(client, URL).waypoints("spirit"),
            }[odd.shape]
            try:
                document = await ask()
            except UpstreamError:
                fetched.refused[odd.whole] += 1
            else:
                fetched.documents.append((odd, place, document))
    return fetched


def as_rover(document: Document, place: int) -> Document:
    """A map or manifest of which there is one per rover, as one of a rover of its own, so that all are loaded."""
    letters = "".join(chr(97 + int(digit)) for digit in str(place))
    return replace(document, header=replace(document.header, rover=f"fuzz{letters}"))


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Fetched, Path]:
    folder = tmp_path_factory.mktemp("fuzz")
    project = Project(folder / "warehouse.duckdb", folder / "target")
    lake = Lake((folder / "lake").as_uri())
    fetched = asyncio.run(fetch(made()))
    manifests = 0
    for number, (odd, place, document) in enumerate(fetched.documents):
        manifests += document.header.kind is Kind.MANIFEST
        if odd.shape not in PHOTOS:
            # A rover's own manifest, too, for what is counted by it; of a feed it makes up to 100,000 rows.
            fetched.documents[number] = odd, place, as_rover(document, place)
        asyncio.run(lake.put_if_changed(fetched.documents[number][2]))
    loading = load(lake, project.warehouse, lake.list())
    assert loading.broken == {}
    assert len(loading.report.loaded) == len(fetched.documents)
    project.build(*PRODUCTION)
    return project, fetched, folder


def test_only_what_is_no_response_is_refused(fuzzed: tuple[Project, Fetched, Path]) -> None:
    _, fetched, _ = fuzzed
    assert len(fetched.documents) >= 2_000
    assert {odd.shape for odd, *_ in fetched.documents} == set(SHAPES)
    assert set(fetched.refused) <= {"cut", "html", "empty", "utf-16", "no character"}
    assert fetched.refused["html"] > 20


def test_every_good_photo_is_published_and_python_and_silver_count_the_same(fuzzed: tuple[Project, Fetched, Path]) -> None:
    project, fetched, _ = fuzzed
    held: dict[str, set[str]] = {}
    for key, name in project.query("select object_key, source_id from silver.source_photos"):
        held.setdefault(key, set()).add(name)
    photos = [each for each in fetched.documents if each[0].shape in PHOTOS]
    assert len(photos) > 1_400
    for odd, place, document in photos:
        good = {f"{'NLF_' if odd.shape == 'm20' else ''}{10 * place + number}" for number in (1, 3)}
        names = held.get(document.header.key, set())
        assert good <= names, odd
        assert len(names) == document.header.record_count, odd
        # A record of another sol is none that this one lacks.
        assert document.header.complete is (document.header.record_count == (2 if is_of_another_sol(odd) else 3)), odd


def test_every_good_feature_of_the_maps_is_published(fuzzed: tuple[Project, Fetched, Path]) -> None:
    project, fetched, _ = fuzzed
    places = set(project.query("select rover, drive from silver.dim_waypoints"))
    legs = Counter(rover for (rover,) in project.query("select rover from silver.fact_path"))
    for odd, place, document in fetched.documents:
        rover = document.header.rover
        if odd.shape in ("waypoints", "mer") and odd.whole in ("", "bom"):
            assert {(rover, 10 * place + number) for number in (1, 3)} <= places, odd
        if odd.shape in ("legs", "bare legs"):
            assert legs[rover] >= 2, odd


def test_all_is_published_and_shown(fuzzed: tuple[Project, Fetched, Path]) -> None:
    project, _, folder = fuzzed
    published = Published((folder / "published").as_uri())
    project.warehouse.publish(published, published_models())
    shown = pages(published, published_models())
    assert len(shown) == len(published_models())
    assert [key for key, parts in shown.items() if "could not be made" in str(parts)] == []
