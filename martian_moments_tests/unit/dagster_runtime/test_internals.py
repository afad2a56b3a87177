"""What Dagster does not export is used in one place, which says with which release it was checked."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from martian_moments.dagster_runtime import CHECKED_WITH

REPOSITORY = Path(__file__).parents[3]

PLACES = ("martian_moments/dagster_runtime/", "bench/launching.py")
"""The package's, and the benchmarks' own, which launch runs as a person does."""


def internal_imports(source: str) -> Iterator[str]:
    """Modules of Dagster and its integrations that a file imports and that are named as private."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                modules = [name.name for name in names]
            case ast.ImportFrom(module=str(module), names=names):
                modules = [f"{module}.{name.name}" for name in names]
            case _:
                continue
        for module in modules:
            first, *rest = module.split(".")
            if first == "dagster_shared" or (first.startswith("dagster") and any(part.startswith("_") for part in rest)):
                yield module


def test_an_internal_is_recognized_however_it_is_imported() -> None:
    source = (
        "import dagster as dg\nimport dagster._core.events\nfrom dagster import _check\nfrom dagster_dbt import dbt_assets\n"
        "def f():\n    from dagster_celery._core import x\n    from dagster_shared.serdes import y\n"
    )
    assert set(internal_imports(source)) == {
        "dagster._core.events", "dagster._check", "dagster_celery._core.x", "dagster_shared.serdes.y",
    }  # fmt: skip


@pytest.mark.parametrize("folder", ["martian_moments", "bench", "services"])
def test_internals_of_dagster_are_imported_in_their_places_only(folder: str) -> None:
    elsewhere = {
        file.relative_to(REPOSITORY).as_posix(): modules
        for file in (REPOSITORY / folder).rglob("*.py")
        if not file.relative_to(REPOSITORY).as_posix().startswith(PLACES)
        and (modules := list(internal_imports(file.read_text())))
    }
    assert elsewhere == {}


def test_they_were_checked_with_the_release_that_is_installed() -> None:
    """When it fails: run everything (bash .ci/run), read what Dagster changed, and set the new release there."""
    assert version("dagster") == CHECKED_WITH
