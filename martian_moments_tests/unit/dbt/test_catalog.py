"""dbt and the loads see one catalog, whatever the warehouse's file is called."""

from __future__ import annotations

from pathlib import Path

import duckdb

from martian_moments.defs.dbt_command import start_build
from martian_moments.operations.baking import usual_variables
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
    """In a process of its own, which is given the paths in its environment, as in production."""
    arguments = ("--indirect-selection", "cautious", "--select", "resource_type:seed", model)
    dbt = start_build(arguments, usual_variables() | project.warehouse.dbt_environment(), project.target)
    output = b"".join(dbt.stdout or ())
    assert dbt.wait() == 0, output.decode()[-6000:]
