"""docs/tables.md: it says what the contracts say, and each of its examples runs on NASA's own records.

From the same records the frames of moments are chosen.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from martian_moments.domain.documents import Document
from martian_moments.domain.moments import Moment, MomentKind, Sols
from martian_moments.domain.pictures import Fault, Picture, document_of
from martian_moments.formats.export import OPEN_FORMATS, export
from martian_moments.media.choosing import Candidate, choose, published_tables
from martian_moments.warehouse.base import BronzeObject
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments_tests.scripts import script
from martian_moments_tests.unit.dbt.conftest import Project
from martian_moments_tests.unit.dbt.test_feeds import bronze, feed_documents
from martian_moments_tests.unit.dbt.test_images import AT, HELD
from martian_moments_tests.unit.dbt.test_paths import path_documents
from martian_moments_tests.unit.dbt.test_real_data import v1_documents

TABLES = script("docs/tables.py")
NAMES = [table.name for table in published_models()]
EXAMPLES = [(name, example) for name in NAMES for example in TABLES.examples(name)]

SHOWN = [
    r"curiosity +│ +873 ",
    r"perseverance +236\.0 ",
    r"curiosity +36\d\d\d\.\d +36821\.4 ",
    r"perseverance\|v1\|943971 +97\.",
    r"\[\d+ rows|\d+ +\d+ +\d+ +\d+",
    r"^$",
    r"perseverance\|11\|108 +162 +POINT Z",
    r"Mars \(2015\) - Sphere / Ocentric .*\n(.*\n)*perseverance +41737\.68",
]
"""What each example in Python prints of the real records."""


def image_documents(feeds: Iterable[Document]) -> Iterator[BronzeObject]:
    """What might be recorded of the real pictures of Perseverance: nobody has them here. Each sol is darker."""
    reporting = [feed for feed in feeds if feed.header.source == "m20" and feed.header.record_count]
    sols = {feed.header.sol: feed for feed in reporting if feed.header.sol is not None}
    for place, (sol, feed) in enumerate(sorted(sols.items())):
        keys = [f"perseverance|m20|{image['imageid']}" for page in feed.parsed_pages() for image in page["images"]]
        pictures = [replace(HELD, photo_key=key, picture_key=f"pictures/{key}", mean=200 * 0.5**place) for key in keys]
        pictures[0] = Picture(keys[0], "https://x", AT, error=Fault.MISSING)
        document = document_of("perseverance", sol, pictures, synthetic=False)
        yield bronze(document)


@pytest.fixture(scope="module")
async def built(project: Callable[[], Project], real_payloads: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Every real document of all dialects and rovers in one warehouse."""
    made = project()
    feeds = await feed_documents(real_payloads)
    paths = await path_documents(real_payloads, tmp_path_factory.mktemp("paths"))
    made.warehouse.load([*v1_documents(real_payloads), *map(bronze, feeds), *paths, *image_documents(feeds)])
    made.build("--exclude", "resource_type:unit_test", "resource_type:test")
    return made


def test_the_page_is_what_its_generator_writes() -> None:
    assert TABLES.PAGE.read_text() == TABLES.page(), "run .venv/bin/python docs/tables.py"


@pytest.mark.parametrize("name", NAMES)
def test_a_published_table_has_five_examples_or_more_and_none_twice(name: str) -> None:
    examples = TABLES.examples(name)
    assert len({example.question for example in examples}) == len({example.sql for example in examples}) == len(examples)
    assert len(examples) >= 5, f"docs/queries/{name}.sql has {len(examples)} questions, each a comment line before its query"


def test_every_file_of_queries_belongs_to_a_published_table() -> None:
    assert {file.stem for file in TABLES.QUERIES.iterdir()} <= set(NAMES)


@pytest.mark.parametrize(("name", "example"), EXAMPLES, ids=[f"{name}-{example.question}" for name, example in EXAMPLES])
def test_an_example_finds_rows_among_the_real_records(built: Project, name: str, example: TABLES.Example) -> None:  # type: ignore[name-defined]
    assert f".{name}" in example.sql
    assert built.query(example.sql)


def test_the_examples_in_python_show_what_is_published(
    built: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published = Published((tmp_path / ".mars" / "demo" / "published").as_uri())
    built.warehouse.publish(published, published_models())
    (geo,) = (each for each in OPEN_FORMATS if each.name == "geo")
    export(published, geo)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    shown = []
    for code in re.findall(r"^```python\n(.*?)^```", TABLES.PAGE.read_text(), flags=re.MULTILINE | re.DOTALL):
        exec(compile(code, "docs/tables.md", "exec"), names)
        shown.append(capsys.readouterr().out)
    for printed, expected in zip(shown, SHOWN, strict=True):
        assert re.search(expected, printed), printed
    assert {file.name for file in tmp_path.glob("*.png")} == {"curiosity.png", "perseverance.png", "spirit.png"}


@pytest.fixture(scope="module")
def photos(built: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The published files of silver.fact_photos."""
    published = Published(tmp_path_factory.mktemp("published").as_uri())
    built.warehouse.publish(published, [table for table in published_models() if table.name == "fact_photos"])
    folder = tmp_path_factory.mktemp("copied") / "fact_photos"
    published.fetch("silver", "fact_photos", folder)
    return folder


def chosen(photos: Path, rover: str, camera: str, kind: MomentKind, sols: str) -> dict[str, tuple[str | None, Candidate]]:
    """The reason of each candidate, by the name of its file."""
    moment = Moment(name="real", rover=rover, cameras=(camera,), kind=kind, sols=Sols.parse(sols))
    with published_tables(photos, None) as tables:
        found = choose(moment, tables).candidates
    return {(each.address or each.source_id).rpartition("/")[2]: (each.reason, each) for each in found}


def test_the_two_real_movies_of_the_sky_have_their_eight_frames_and_no_other(photos: Path) -> None:
    frames = chosen(photos, "perseverance", "NAVCAM_LEFT", MomentKind.SKY, "888-889")
    assert {name: reason for name, (reason, _) in frames.items()} == {
        name: "not_fetched" if "NCAM00518" in name else "other_kind" for name in frames
    }
    assert sum("NCAM00518" in name for name in frames) == 8
    zenith = chosen(photos, "curiosity", "NAV_LEFT_A", MomentKind.SKY, "all")
    assert {name[25:35] for name in zenith} == {"NCAM00531M"}
    assert [reason for reason, _ in zenith.values()] == ["not_fetched"] * 8


def test_no_real_tile_or_subframe_of_perseverance_is_wanted_whichever_source_reports_it(photos: Path) -> None:
    wanted = set()
    for camera in ("NAVCAM_LEFT", "NAVCAM_RIGHT", "FRONT_HAZCAM_LEFT_A", "FRONT_HAZCAM_RIGHT_A"):
        for name, (reason, each) in chosen(photos, "perseverance", camera, MomentKind.ALL, "all").items():
            part = re.search(r"_(\d\d)_([01])...?J\d\d", name)
            if part is not None:
                assert reason == ("subframe" if part[1] == "00" else "tile"), name
            elif each.sol == 100:
                assert reason == "subframe", name
            elif reason == "not_fetched":
                wanted.add(camera)
    assert wanted == {"NAVCAM_LEFT", "FRONT_HAZCAM_LEFT_A", "FRONT_HAZCAM_RIGHT_A"}


def test_the_real_thumbnails_of_the_mast_camera_are_left_out_and_so_is_what_shows_distances(
    built: Project, photos: Path
) -> None:
    found = chosen(photos, "curiosity", "MAST", MomentKind.ALL, "1000")
    reasons = [reason for reason, _ in found.values()]
    assert reasons.count("thumbnail") == 285
    distances = built.query("select image_url from silver.fact_photos where product_type = 'range_map'")
    assert {found[url.rpartition("/")[2]][0] for (url,) in distances} <= {"other_kind"}
