"""dbt and the loads see one catalog, whatever the warehouse's file is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from martian_moments_dbt import PROJECT
from martian_moments_tests.odd_paths import ODD
from martian_moments_tests.unit.dbt.conftest import Project, photos


def test_views_that_carry_the_name_of_the_file_as_earlier_releases_wrote_it_are_made_anew(tmp_path: Path) -> None:
    project = Project(tmp_path / ODD / "temp.2026?.duckdb", tmp_path / ODD / "target")
    project.warehouse.ensure()
    project.warehouse.load([photos("spirit", 7, [{"id": 1, "sol": 7}])])
    with duckdb.connect() as connection:
        path = str(project.path).replace("'", "''")
        connection.execute(f"attach '{path}' as mars")
        connection.execute("create schema mars.silver")
        connection.execute("create view mars.silver.stg_v1__photos as select * from mars.bronze.raw_photos")
    _build(project, "stg_v1__photos")
    assert project.query("select sol from warehouse.silver.stg_v1__photos") == [(7,)]
    assert [each.name for each in tmp_path.iterdir()] == [ODD]


def _build(project: Project, model: str) -> None:
    """In a process of its own, which is given the paths as arguments and in its environment, as in production."""
    command = [
        *(sys.executable, "-m", "dbt.cli.main", "build", "--indirect-selection", "cautious"),
        *("--select", "resource_type:seed", model),
        *("--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)),
        *("--target-path", str(project.target), "--log-path", str(project.target)),
    ]
    environment = os.environ | project.warehouse.dbt_environment()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:]
