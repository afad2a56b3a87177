"""The examples of docs/operations.md read what is published."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from martian_moments.formats.export import OPEN_FORMATS, export
from martian_moments.warehouse.published import Published
from martian_moments_tests.conftest import REPOSITORY
from martian_moments_tests.published_tables import publish_rows

PAGE = (REPOSITORY / "docs" / "operations.md").read_text()
CHAPTER = PAGE[PAGE.index("## Maps and catalogues") : PAGE.index("## What breaks")]
EXAMPLES = re.findall(r"^```python\n(.*?)^```", CHAPTER, flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(
    ("example", "shown"),
    zip(
        EXAMPLES,
        [
            ["Mars (2015) - Sphere / Ocentric", "curiosity"],
            ["spirit", "items.parquet", "https://mars.example/1.JPG", "12.5"],
        ],
        strict=True,
    ),
    ids=["maps", "catalogues"],
)
def test_an_example_shows_what_is_there(
    example: str, shown: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    published = Published((tmp_path / ".mars" / "published").as_uri())
    publish_rows(published)
    for each in OPEN_FORMATS:
        export(published, each)
    monkeypatch.chdir(tmp_path)
    exec(example, {})
    printed = capsys.readouterr().out
    assert [text for text in shown if text not in printed] == [], printed
