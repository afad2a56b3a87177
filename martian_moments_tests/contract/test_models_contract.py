"""The same models on every warehouse: what is published from the same bronze is the same, row by row and type by type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pytest

from martian_moments.domain.documents import Kind
from martian_moments.warehouse.base import LEDGER, BronzeObject, Warehouse
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.open import open_warehouse
from martian_moments.warehouse.published import Published
from martian_moments.warehouse.snowflake_account import SnowflakeAccount
from martian_moments_tests.dbt_builds import dbt_build
from martian_moments_tests.unit.dbt.conftest import bronze_object, photos
from martian_moments_tests.unit.dbt.test_feeds import m20_responses, msl_responses
from martian_moments_tests.unit.dbt.test_images import IMAGES
from martian_moments_tests.unit.dbt.test_paths import MAPS, map_of
from martian_moments_tests.unit.dbt.test_photos import objects_of_every_source
from martian_moments_tests.unit.dbt.test_places import HOLE, m20
from martian_moments_tests.unit.dbt.test_real_data import MANIFESTS, PRODUCTION, SOLS, photo

# Each of the two tests builds all models on the double of Snowflake.
pytestmark = pytest.mark.timeout(900)

TABLES = (LEDGER, *published_models())

MOMENTS = {"loaded_at", "changed_at", "appeared_at", "history_since"}
"""When something was loaded or built, which no two warehouses do at the same moment."""


@dataclass(frozen=True)
class Stack:
    """A warehouse with what dbt and the publishing leave in its folder."""

    warehouse: Warehouse
    folder: Path

    def advance(self, objects: Sequence[BronzeObject]) -> None:
        """Load, build and publish."""
        self.warehouse.ensure()
        self.warehouse.load(objects)
        dbt_build(self.warehouse, self.folder / "target", *PRODUCTION)
        self.warehouse.publish(self._published, TABLES)

    def tables(self) -> dict[str, pa.Table]:
        """All that is published, but for MOMENTS."""
        read = {table.name: self._published.read(table.schema, table.name) for table in TABLES}
        assert [name for name, table in read.items() if table is None] == []
        return {
            name: table.select([column for column in table.column_names if column not in MOMENTS])
            for name, table in read.items()
            if table is not None
        }

    @property
    def _published(self) -> Published:
        return Published((self.folder / "published").as_uri())


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory, fakesnow: Callable[[], SnowflakeAccount]) -> list[Stack]:
    folder = tmp_path_factory.mktemp("models")
    duckdb = open_warehouse(f"duckdb://{folder}/warehouse.duckdb")
    snowflake = open_warehouse("snowflake://", fakesnow())
    return [Stack(duckdb, folder / "duckdb"), Stack(snowflake, folder / "snowflake")]


def both(stacks: list[Stack], objects: Sequence[BronzeObject]) -> dict[str, pa.Table]:
    """Advance both and compare; returns what both have published."""
    for stack in stacks:
        stack.advance(objects)
    on_duckdb, on_snowflake = (stack.tables() for stack in stacks)
    for name, table in on_duckdb.items():
        assert on_snowflake[name].schema == table.schema, name
        assert on_snowflake[name].num_rows == table.num_rows, name
        assert list(differences(table, on_snowflake[name])) == [], name
    return on_duckdb


def differences(one: pa.Table, other: pa.Table) -> Iterator[dict[str, tuple[object, object]]]:
    """Of each row that differs, the columns in which it does."""
    for mine, theirs in zip(one.to_pylist(), other.to_pylist(), strict=True):
        if mine != theirs:
            yield {column: (mine[column], theirs[column]) for column in mine if mine[column] != theirs[column]}


async def test_all_that_is_published_is_the_same_on_both_warehouses(stacks: list[Stack], real_payloads: Path) -> None:
    def real(name: str) -> bytes:
        return (real_payloads / name).read_bytes()

    others = [(rover, kind) for rover, kind in MAPS if rover != "perseverance"]
    tables = both(
        stacks,
        [
            *(bronze_object(Kind.MANIFEST, rover, real(name)) for rover, name in MANIFESTS.items()),
            *objects_of_every_source(real_payloads),
            *[await map_of(rover, kind, real(MAPS[rover, kind])) for rover, kind in others],
            # A stray of another sol, a repeat, an unknown camera, a photo of which next to nothing is known.
            photos("spirit", 2, [photo(1, 2), photo(2, 3), photo(1, 2) | {"earth_date": "2004-01-06"}], count=1, promised=9),
            photos("spirit", 3, [photo(4, 3) | {"camera": {"name": "PERISCOPE"}}, {"id": "5", "sol": "3"}]),
            photos("opportunity", 5, []),
            *IMAGES,
        ],
    )
    feeds = sum(len(each["images"]) for each in m20_responses(real_payloads).values())
    feeds += sum(len(each["items"]) for each in msl_responses(real_payloads).values())
    # One line of Opportunity's archive, the twins of Spirit once, the wrong image, three of the strays.
    of_v1 = sum(count for (rover, _), (_, count) in SOLS.items() if rover != "opportunity")
    assert tables["fact_photos"].num_rows == of_v1 + feeds + 1 + 1 + 1 + 3
    legs = Counter(tables["fact_path"]["rover"].to_pylist())
    assert legs["perseverance"] == 522
    assert set(legs) == {"perseverance", "curiosity", "spirit"}
    assert [name for name, table in tables.items() if not table.num_rows] == []


async def test_so_it_is_after_a_sol_was_replaced_one_was_emptied_one_is_new_and_where_the_maps_say_nothing(
    stacks: list[Stack], real_payloads: Path, cases: Path
) -> None:
    newest_place = (real_payloads / "mmgis_msl_waypoints_current_2026-04.json").read_bytes()
    zero = (cases / "zero-odometer-waypoints.json").read_bytes()
    tables = both(
        stacks,
        [
            await map_of("curiosity", Kind.WAYPOINTS, newest_place),
            *[await map_of("opportunity", kind, HOLE.encode()) for kind in (Kind.TRAVERSE, Kind.WAYPOINTS)],
            bronze_object(Kind.WAYPOINTS, "zero", zero, source="mmgis"),
            *(m20(rover, 952, (46, 1870), (46, 2452), (46, 3032), (None, None)) for rover in ("zero", "perseverance")),
            *(m20("opportunity", sol, (64, 30), (None, None)) for sol in (1, 700)),
            *(m20("curiosity", sol, (None, None)) for sol in (1000, 4868)),
            photos("spirit", 1, [], hours=1),
            photos("spirit", 2, [photo(7, 2), photo(8, 2)], hours=1),
            photos("spirit", 4, [photo(9, 4)]),
        ],
    )
    qualities = Counter(tables["photo_locations"]["location_quality"].to_pylist())
    assert set(qualities) == {"exact", "parked", "interpolated", "uncertain", None}
    assert {"odometer", "path"} < set(tables["dim_waypoints"]["distance_total_method"].to_pylist())
    of_spirit = [(row["sol"], row["source_id"]) for row in tables["fact_photos"].to_pylist() if row["rover"] == "spirit"]
    assert of_spirit[:-1] == [(2, "7"), (2, "8"), (3, "4"), (3, "5"), (4, "9")]
    assert of_spirit[-1][0] == 2209
