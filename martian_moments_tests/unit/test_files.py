"""The files of the code: none is longer than somebody reads in one go."""

from __future__ import annotations

from pathlib import Path

from martian_moments_tests.conftest import REPOSITORY

CODE = ("martian_moments", "martian_moments_dbt", "martian_moments_tests", "bench", "services")
MOST_LINES = 400


def lines(file: Path) -> int:
    return len(file.read_bytes().splitlines())


def test_no_file_of_code_is_longer_than_400_lines() -> None:
    made = {"target", "dbt_packages"}
    files = [
        file
        for folder in CODE
        for kind in ("*.py", "*.sql")
        for file in (REPOSITORY / folder).rglob(kind)
        if not made & set(file.relative_to(REPOSITORY).parts)
    ]
    assert len(files) > 300
    assert {str(file.relative_to(REPOSITORY)): lines(file) for file in files if lines(file) > MOST_LINES} == {}
