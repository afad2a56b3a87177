"""What Snowflake accepts and its double does not distinguish: read in the words of the models, macros and tests."""

from __future__ import annotations

import re

import pytest

from martian_moments_dbt import PROJECT

FILES = {
    str(path.relative_to(PROJECT)): path
    for folder in ("models", "macros", "tests")
    for path in sorted((PROJECT / folder).rglob("*.sql"))
}


@pytest.mark.parametrize("name", FILES)
def test_values_stand_in_a_from_clause(name: str) -> None:
    """The double rewrites ``with x(a) as (values ...)``, which Snowflake refuses."""
    rows = re.findall(r"(\w+)\s*\(\s*values\b", FILES[name].read_text(), re.IGNORECASE)
    assert [before for before in rows if before.lower() != "from"] == []


@pytest.mark.parametrize("name", FILES)
def test_a_window_frame_says_both_of_its_ends(name: str) -> None:
    assert re.findall(r"\b(?:rows|range)\s+unbounded\b", FILES[name].read_text(), re.IGNORECASE) == []
