"""dbt as a build of the platform starts it: what it is told, and the project as it was parsed before.

Parsing the project takes 3 s of the processor. dbt takes over what was parsed before where the profile is the same, and
parses again what reads a variable of the environment that has changed since. So the project is parsed ahead of time
(operations/baking.py) with what a build of a home with the default settings is told.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from shutil import copy
from subprocess import Popen
from typing import Final

from martian_moments.dagster_runtime.warm_dbt import ForkedDbt, start_dbt
from martian_moments.defs.dbt_specs import MANIFEST
from martian_moments_dbt import PROJECT

PARSED: Final = "partial_parse.msgpack"
"""The name of the file in which dbt keeps a parsed project, beside its manifest."""

PARSED_AHEAD: Final = MANIFEST.with_name("parsed_ahead.msgpack")
"""A copy of the file for homes to begin with: other commands in the project (sqlfluff's) put their own in its place."""


def project_variables(
    warehouse: Mapping[str, str], *, sources: Iterable[str], archive_url: str, photo_rules: str
) -> dict[str, str]:
    """The variables of the environment that name the project, and those that it and its profile read.

    Args:
        warehouse: those of the warehouse (:meth:`martian_moments.warehouse.base.Warehouse.dbt_environment`).
        sources: the photo dialects, in order of preference.
        archive_url: the address of the archive that the PDS index belongs to.
        photo_rules: by what rules the build reads photos (:func:`martian_moments.warehouse.rules.photo_rules`).
    """
    return {
        **warehouse,
        "DBT_PROJECT_DIR": str(PROJECT),
        "DBT_PROFILES_DIR": str(PROJECT),
        "MARS_DBT_SOURCES": ",".join(sources),
        "MARS_DBT_ARCHIVE_URL": archive_url.rstrip("/"),
        "MARS_DBT_PHOTO_RULES": photo_rules,
    }


def start_build(arguments: Sequence[str], variables: Mapping[str, str], folder: Path) -> Popen[bytes] | ForkedDbt:
    """Start ``dbt build`` with these arguments and :func:`project_variables`.

    Its lines of output are events, each a JSON object. In the folder, which is the same for all builds of a home, it keeps
    the parsed project and its log.
    """
    _take_over_parsed_project(folder)
    environment = {
        # Its log has what the run's has, and no statement; those are a tenth of what a small build takes.
        "DBT_LOG_LEVEL_FILE": "info",
        **os.environ,
        **variables,
        "DBT_TARGET_PATH": str(folder),
        "DBT_LOG_PATH": str(folder),
        # Whoever starts it reads its log lines, as they come. Nobody reads the files with all results and the manifest.
        "DBT_LOG_FORMAT": "json",
        "DBT_WRITE_JSON": "false",
        "PYTHONUNBUFFERED": "1",
    }
    return start_dbt(["build", *arguments], environment=environment, folder=PROJECT)


def _take_over_parsed_project(folder: Path) -> None:
    """Before its first build a home has no parsed project of its own."""
    if PARSED_AHEAD.exists() and not (folder / PARSED).exists():
        folder.mkdir(parents=True, exist_ok=True)
        copy(PARSED_AHEAD, folder / PARSED)
