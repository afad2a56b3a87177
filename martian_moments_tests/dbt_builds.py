"""dbt in the process of the tests.

A process of its own, as production has it, would import dbt for 3 s and parse the project for 4 s of processor time before
each build. That dbt runs as a process is proven where it matters: by the assets (unit/defs/assets/test_models.py) and, for
paths of any characters, by unit/dbt/test_catalog.py.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from martian_moments.defs.dbt_command import PARSED, PARSED_AHEAD
from martian_moments.operations.baking import usual_variables
from martian_moments.warehouse.base import Warehouse
from martian_moments.warehouse.duckdb import DuckDBWarehouse
from martian_moments_dbt import PROJECT

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest


def dbt_build(warehouse: Warehouse, target: Path, *arguments: str, project: Path = PROJECT) -> str:
    """dbt build on a warehouse, always with the seeds; what it printed. A failing build fails the test with its words."""
    # The parsed project names the database, which on Snowflake is another one in each test.
    # A copy for each build, 0.05 s: dbt notes in it what it has compiled.
    own = project == PROJECT and isinstance(warehouse, DuckDBWarehouse)
    manifest = parsed().deepcopy() if own else None  # type: ignore[no-untyped-call]
    if "--select" in arguments:
        at = arguments.index("--select") + 1
        arguments = (*arguments[:at], "resource_type:seed", *arguments[at:])
    # Of a part of the models: the tests that read nothing else.
    command = ("build", "--indirect-selection", "cautious", *arguments)
    return _run(command, project, target, warehouse.dbt_environment(), manifest)[0]


@cache
def parsed() -> Manifest:
    """The project, parsed once in this process: what changed since ``make setup`` has parsed it."""
    with TemporaryDirectory() as target:
        return dbt_parse(Path(target), usual_variables())[1]


def dbt_parse(target: Path, environment: Mapping[str, str]) -> tuple[str, Manifest]:
    """Parse the project, beginning with what ``make setup`` has parsed: what dbt printed, and the parsed project."""
    if PARSED_AHEAD.is_file():
        shutil.copy(PARSED_AHEAD, target / PARSED)
    return _run(("parse",), PROJECT, target, environment)


def _run(
    command: Sequence[str], project: Path, target: Path, environment: Mapping[str, str], manifest: Manifest | None = None
) -> tuple[str, Any]:
    """What dbt printed, and its result."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    where = ("--project-dir", str(project), "--profiles-dir", str(project))
    folders = ("--target-path", str(target), "--log-path", str(target), "--log-level-file", "none")
    printed = StringIO()
    with patch.dict(os.environ, environment), redirect_stdout(printed):
        done = dbtRunner(manifest).invoke([*command, *where, *folders])
        # Else dbt would keep the file open until this process ends.
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    assert done.success, f"{printed.getvalue()[-6000:]}\n{done.exception or ''}"
    return printed.getvalue(), done.result
