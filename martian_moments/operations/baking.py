"""Parsing the dbt project ahead of time (``python -m martian_moments.operations.baking``), so that no start waits for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from shutil import copy
from typing import Final

from martian_moments.defs import dbt_specs
from martian_moments.defs.dbt_command import PARSED, PARSED_AHEAD, project_variables
from martian_moments.defs.dbt_specs import MANIFEST, SPECS, make_specs, write_specs
from martian_moments.domain.errors import SettingsError
from martian_moments.infrastructure.addresses import url_of
from martian_moments.nasa.upstream import Upstream
from martian_moments.settings import BUILT_SOURCES
from martian_moments.warehouse import models
from martian_moments.warehouse.models import PUBLISHED, find_models, published_models, write_models
from martian_moments.warehouse.open import DUCKDB_FILE, open_warehouse
from martian_moments.warehouse.rules import photo_rules
from martian_moments_dbt import PROJECT

_SOURCES: Final = ("dbt_project.yml", "profiles.yml", "models", "macros", "seeds", "tests")


def bake() -> bool:
    """Parse the dbt project where that has not been done since it changed; returns whether it was needed.

    Raises:
        SettingsError: dbt could not parse it, and the message is dbt's; or what is published is not said as it has to be.
    """
    if baked():
        return False
    command = (sys.executable, "-m", "dbt.cli.main", "--quiet", "--log-level-file", "none", "parse")
    result = subprocess.run(  # noqa: S603 - a fixed command
        command, env=os.environ | usual_variables(), capture_output=True, text=True, check=False
    )
    if result.returncode != 0:
        raise SettingsError(f"dbt could not parse {PROJECT}:\n{result.stdout}{result.stderr}")
    copy(MANIFEST.with_name(PARSED), PARSED_AHEAD)
    write_models(find_models(MANIFEST), PUBLISHED)
    # Last, because whether the project is parsed is read from it.
    write_specs(make_specs(MANIFEST), SPECS)
    published_models.cache_clear()
    return True


def usual_variables() -> dict[str, str]:
    """What the first build of a home with the default settings is told: it finds the project parsed with the same."""
    return project_variables(
        open_warehouse(url_of("duckdb", PROJECT / DUCKDB_FILE)).dbt_environment(),
        sources=BUILT_SOURCES,
        archive_url=Upstream().pds_url,
        photo_rules=photo_rules(),
    )


def baked() -> bool:
    """Whether the dbt project has been parsed since it changed."""
    made = PUBLISHED.is_file() and PARSED_AHEAD.is_file() and SPECS.is_file()
    return made and SPECS.stat().st_mtime >= _last_change()


def _last_change() -> float:
    makers = [Path(dbt_specs.__file__), Path(models.__file__)]
    sources = [file for name in _SOURCES for file in _files(PROJECT / name)]
    return max(file.stat().st_mtime for file in (*makers, *sources))


def _files(path: Path) -> list[Path]:
    return [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]


if __name__ == "__main__":
    try:
        bake()
    except SettingsError as error:
        sys.exit(str(error))
