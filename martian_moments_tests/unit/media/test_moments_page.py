"""docs/moments.md: its example runs, and its table has every reason in the order in which they are looked for."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from martian_moments.domain.moments import Moment
from martian_moments.domain.pictures import held
from martian_moments.media.choosing import REASONS
from martian_moments.media.quality import measure
from martian_moments.warehouse.published import Published
from martian_moments_tests.conftest import REPOSITORY
from martian_moments_tests.moments import NOON, Pictures, opened, photo
from martian_moments_tests.published_tables import publish_rows

PAGE = (REPOSITORY / "docs" / "moments.md").read_text()


def test_every_reason_is_explained_in_the_order_of_the_query() -> None:
    table = PAGE[PAGE.index("| reason |") :].partition("\n\n")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == list(REASONS)


def test_every_key_of_a_moment_is_explained() -> None:
    table = PAGE[PAGE.index("| key |") :].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE)) == Moment.model_fields.keys() - {"name"}


def test_the_example_prints_of_every_candidate_whether_it_is_a_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    body = Pictures(opened(tmp_path)[0]).body(0)
    record = replace(
        held(photo(0)["photo_key"], "https://mars.example/0.jpg", "pictures/0", body, measure(body)), fetched_at=NOON
    )
    image = {**asdict(record), "rover": "perseverance", "sol": 100}
    publish_rows(
        Published((tmp_path / ".mars" / "demo" / "published").as_uri()),
        {"silver/fact_photos": [photo(0), photo(1), photo(2, is_thumbnail=True)], "silver/fact_images": [image]},
    )
    monkeypatch.chdir(tmp_path)
    (code,) = re.findall(r"^```python\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    exec(compile(code, "docs/moments.md", "exec"), {})
    assert capsys.readouterr().out.splitlines() == [
        "100 FLF_0000 frame",
        "100 FLF_0001 not_fetched",
        "100 FLF_0002 thumbnail",
    ]
