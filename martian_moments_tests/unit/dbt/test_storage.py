"""What a build does to the file besides its tables."""

from __future__ import annotations

from collections.abc import Callable

from martian_moments_tests.contract.test_warehouse_contract import photos
from martian_moments_tests.unit.dbt.conftest import Project

ROW_GROUPS = """
select row_group_id, sum(count)
from pragma_storage_info('bronze.raw_photos')
where column_name = 'document' and segment_type != 'VALIDITY'
group by all order by all
"""


def test_a_build_leaves_bronze_in_the_row_groups_that_the_load_has_written(project: Callable[[], Project]) -> None:
    """It would compress every document again, for which those of a full history take 4 GB of memory."""
    made = project()
    made.warehouse.load(photos(sol) for sol in range(1, 4_200))
    written = [(0, 2048), (1, 2048), (2, 103)]
    assert made.query(ROW_GROUPS) == written
    made.build("--select", "+v1_photos")
    assert made.query("select count(*) from silver.v1_photos") == [(4_199,)]
    assert made.query(ROW_GROUPS) == written
