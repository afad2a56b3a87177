"""What NASA's servers name or respond is text on Dagster's pages: it never becomes HTML, a picture or formatting there."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from martian_moments.defs.plots.pages import page
from martian_moments.domain.errors import BrokenResponse
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments_tests.platforms import Platform, failure_of
from martian_moments_tests.published_tables import publish_rows
from martian_moments_tests.unit.conftest import Scripted

NAMES = (
    "<img src=x onerror=alert(1)>",
    "</td></table><script>alert(1)</script>",
    "![x](https://mars.example/x.png)",
    "[x](https://mars.example/?a=1)",
    "<https://mars.example>",
    "`a|b` <b>*c*</b>",
    "\n\n<iframe src=x>\n\n",
    "\\\\<svg onload=alert(1)>\\",
    "&lt;img&gt; <!-- x -->",
)
_FORMATS = ("em_open", "strong_open", "code_inline", "code_block", "fence", "link_open")
_OF_HTML = {"html_block", "html_inline", "image", *_FORMATS}


def tokens(markdown: str) -> Iterator[Token]:
    """What a renderer of Markdown that lets HTML pass makes of a text, the stricter of what Dagster's may do."""
    for block in MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown):
        yield block
        yield from block.children or ()


def made_of(markdown: str) -> set[str]:
    return {token.type for token in tokens(markdown)} & _OF_HTML


def visible(name: str) -> str:
    """The beginning of a name, which is short enough to be shown whole."""
    return name.strip()[:30]


def text_of(markdown: str) -> str:
    return "".join(token.content for token in tokens(markdown) if token.type == "text")


def test_what_is_looked_for_would_be_found() -> None:
    assert all(made_of(name) for name in NAMES)


def test_every_text_of_every_published_table_is_text_in_its_preview(tmp_path: Path) -> None:
    published = Published((tmp_path / "published").as_uri())
    tables = {f"{table.schema}/{table.name}": table for table in published_models()}
    texts = {each: [column for column, kind in table.types.items() if kind == "varchar"] for each, table in tables.items()}
    publish_rows(published, {each: [dict.fromkeys(columns, name) for name in NAMES] for each, columns in texts.items()})
    shown = {each: str(page(published, table)["preview"].value) for each, table in tables.items()}
    assert {each: made_of(preview) for each, preview in shown.items() if made_of(preview)} == {}
    lost = [each for each, preview in shown.items() if not all(visible(name) in text_of(preview) for name in NAMES)]
    assert lost == []


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_camera_is_drawn_and_stands_in_no_markup(tmp_path: Path, name: str) -> None:
    published = Published((tmp_path / "published").as_uri())
    publish_rows(published, {"gold/camera_summary": [{"rover": "curiosity", "camera": name, "photos": 3}]})
    (table,) = (each for each in published_models() if each.name == "camera_summary")
    picture = page(published, table)["picture"]
    (image,) = (token for token in tokens(str(picture.value)) if token.type == "image")
    assert str(image.attrs["src"]).startswith("data:image/png;base64,"), picture
    assert image.content == "camera_summary"


def markdown_of(metadata: Any) -> list[str]:
    return [str(value.value) for value in metadata.values() if isinstance(value, dg.MarkdownMetadataValue)]


def failed_reasons(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    (reasons,) = markdown_of(failure.metadata)
    return reasons


def test_the_words_of_a_server_are_text_in_a_failed_run_of_the_lake(scripted: Scripted) -> None:
    platform: Platform = scripted(dict.fromkeys(range(len(NAMES)), 3))
    platform.run("lake/manifests", "curiosity")
    platform.source.errors = {
        sol: BrokenResponse(f"the server said {name}", url="u", body=name.encode()) for sol, name in enumerate(NAMES)
    }
    result = platform.run("lake/curiosity/photos", sols=(0, len(NAMES) - 1))
    reasons = failed_reasons(result)
    assert made_of(reasons) == set()
    assert [name for name in NAMES[:3] if visible(name) not in text_of(reasons)] == []
    assert NAMES[0] in failure_of(result)


def test_the_words_of_a_document_are_text_in_a_failed_run_of_bronze(platform: Platform) -> None:
    platform.registered("curiosity", 2)
    platform.photos("curiosity", [1])
    header = {"kind": NAMES[0], "schema": 1}
    platform.lake_file("curiosity", 1).write_bytes(gzip.compress(json.dumps(header).encode()))
    result = platform.run("bronze/curiosity/photos", sols=(0, 2))
    reasons = failed_reasons(result)
    assert made_of(reasons) == set()
    assert NAMES[0] in text_of(reasons)
    # The run's log shows the description as it is.
    assert NAMES[0] in failure_of(result)
