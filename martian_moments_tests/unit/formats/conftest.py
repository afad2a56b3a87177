"""Published tables, and what is made of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from martian_moments.formats.export import OPEN_FORMATS, OpenFormat
from martian_moments.warehouse.published import Published
from martian_moments_tests.published_tables import publish_rows


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of what is published."""
    return tmp_path / "published"


@pytest.fixture
def published(folder: Path) -> Published:
    """All tables that the open formats are made of, with a few rows."""
    published = Published(folder.as_uri())
    publish_rows(published)
    return published


def open_format(name: str) -> OpenFormat:
    (found,) = (each for each in OPEN_FORMATS if each.name == name)
    return found
