"""The steps of docs/contributing.md, walked with an invented rover, source, gold model and sensor, beside the package."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import dagster as dg
import duckdb
import pytest

from martian_moments import settings as settings_module
from martian_moments.defs.dbt_specs import make_specs
from martian_moments.domain.documents import Document
from martian_moments.domain.errors import SettingsError
from martian_moments.domain.rovers import ROVERS, read_rovers
from martian_moments.lake.store import Lake
from martian_moments.nasa import dialects, v1
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments.warehouse.duckdb import CATALOG
from martian_moments.warehouse.models import find_models
from martian_moments_tests.conftest import REPOSITORY
from martian_moments_tests.dbt_builds import dbt_build
from martian_moments_tests.platforms import Platform, ScriptedSource
from martian_moments_tests.scripts import script

ROVER: Final = "rosalind"
SOURCE: Final = "gallery"

MODEL: Final = """
select
    rover,
    source,
    count(*) as photos
from {{ ref('photo_records') }}
group by rover, source
"""
MODEL_YML: Final = """
version: 2
models:
  - name: photos_by_source
    config: {meta: {published: {sort_by: [rover, source]}}}
    description: One row per rover and source that has the photos.
    data_tests:
      - unique_combination:
          arguments: {columns: [rover, source]}
    columns:
      - {name: rover, data_type: varchar, data_tests: [not_null], description: "The rover."}
      - {name: source, data_type: varchar, data_tests: [not_null], description: "The source."}
      - {name: photos, data_type: bigint, description: "Photos."}
"""


class Gallery:
    """An invented source: its pages look like those of v1, its documents are its own."""

    name = SOURCE

    def __init__(self) -> None:
        self._script = ScriptedSource({1: 3, 2: 2})

    @staticmethod
    def serves(rover: str) -> bool:
        return rover == ROVER

    async def manifest(self, rover: str) -> Document:
        return _of_gallery(await self._script.manifest(rover))

    async def photos(self, rover: str, sol: int, promised: int | None = None) -> Document:
        return _of_gallery(await self._script.photos(rover, sol, promised))


def _of_gallery(document: Document) -> Document:
    return replace(document, header=replace(document.header, source=SOURCE))


def add_rover(monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    """As rows of the seeds would; here every module gets what is read of them by its name."""
    for name in ("rovers", "cameras"):
        with (project / "seeds" / f"{name}.csv").open("r+") as seed:
            rows = [line for line in seed if line.startswith("perseverance,")]
            seed.writelines(
                row.replace("perseverance,Perseverance", f"{ROVER},Rosalind")
                .replace("perseverance,", f"{ROVER},")
                .replace(",mars2020,", ",of_its_own,")
                for row in rows
            )
    invented = read_rovers(project)
    for name, module in list(sys.modules.items()):
        if name.startswith("martian_moments.") and getattr(module, "ROVERS", None) is ROVERS:
            monkeypatch.setattr(module, "ROVERS", invented)


def add_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a line of ``DIALECTS`` and a name in the variable ``sources`` of dbt_project.yml would."""
    dialect = dialects.PhotoDialect(lambda *_: Gallery(), Gallery.serves, v1.read_promises)
    monkeypatch.setattr(dialects, "DIALECTS", {**dialects.DIALECTS, SOURCE: dialect})
    monkeypatch.setattr(settings_module, "BUILT_SOURCES", (*settings_module.BUILT_SOURCES, SOURCE))


def add_models(project: Path) -> None:
    """What docs/contributing.md has people add to the dbt project: a gold model, and the staging of a source."""
    gold, staging = project / "models" / "gold", project / "models" / "silver" / "staging"
    (gold / "photos_by_source.sql").write_text(MODEL)
    (gold / "_photos_by_source.yml").write_text(MODEL_YML)
    for name in ("photos", "manifest_sols"):
        of_v1 = (staging / f"stg_v1__{name}.sql").read_text()
        (staging / f"stg_{SOURCE}__{name}.sql").write_text(of_v1.replace("'v1'", f"'{SOURCE}'"))
    kept = project / "models" / "silver" / "photos"
    (kept / f"{SOURCE}_photos.sql").write_text((kept / "v1_photos.sql").read_text().replace("'v1'", f"'{SOURCE}'"))
    settings = project / "dbt_project.yml"
    settings.write_text(re.sub(r"(?m)^  sources: \[(.+)\]$", rf"  sources: [\1, {SOURCE}]", settings.read_text()))


@dataclass(frozen=True)
class Mission:
    """A platform that knows the invented rover and source, and a copy of the dbt project that was built on its warehouse."""

    platform: Platform
    manifest: Path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            file = self.platform.settings.home / "warehouse.duckdb"
            connection.execute(f"attach '{file}' as {CATALOG} (read_only); use {CATALOG}")
            return connection.sql(sql).fetchall()


@pytest.fixture(scope="module")
def mission(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mission]:
    folder = tmp_path_factory.mktemp("mission")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("MARS_", "DAGSTER_"))]:
            patch.delenv(name)
        patch.chdir(folder)
        project = folder / "project"
        shutil.copytree(REPOSITORY / "martian_moments_dbt", project, ignore=shutil.ignore_patterns("target", "logs"))
        add_rover(patch, project)
        add_source(patch)
        settings = Settings.load(home=folder / "home", rovers=ROVER, sources=SOURCE)
        platform = Platform(settings, Resources(settings))
        assert platform.run("lake/manifests", ROVER).success
        assert platform.run(f"lake/{ROVER}/photos", sols=(1, 2)).success
        for request in platform.tick("upload_events").run_requests or ():
            assert platform.execute(request).success
        add_models(project)
        patch.setenv("MARS_DBT_SOURCES", SOURCE)
        only = ("--select", "+photos_by_source", "dim_rovers", "--exclude", "resource_type:unit_test", "resource_type:test")
        dbt_build(platform.resources.warehouse, folder / "target", *only, project=project)
        dbt_build(platform.resources.warehouse, folder / "target", "--select", "no_unknown_grammar", project=project)
        yield Mission(platform, folder / "target" / "manifest.json")


def test_an_invented_rover_is_asked_for_loaded_and_named(mission: Mission) -> None:
    assert mission.platform.lake_sols(ROVER) == [1, 2]
    ledger = mission.platform.resources.warehouse.ledger()
    assert set(ledger["rover"].to_pylist()) == {ROVER}
    assert (ROVER, "Rosalind") in mission.query("select rover, title from silver.dim_rovers")


def test_file_names_of_a_grammar_that_is_not_known_are_not_read_as_those_of_another_rover_and_are_counted(
    mission: Mission,
) -> None:
    facts = mission.query(
        "select product_identity, product_type, site, drive, count(*) from silver.source_photos group by all"
    )
    assert facts == [(None, None, None, None, 5)]
    results = json.loads(mission.manifest.with_name("run_results.json").read_bytes())["results"]
    (check,) = [each for each in results if each["unique_id"].endswith(".no_unknown_grammar")]
    assert (check["status"], check["failures"]) == ("warn", 1)


def test_an_invented_source_reaches_silver_by_its_staging_models_and_its_name(mission: Mission) -> None:
    found = mission.query("select rover, source, sol, count(*) from silver.photo_records group by all order by sol")
    assert found == [(ROVER, SOURCE, 1, 3), (ROVER, SOURCE, 2, 2)]


def test_an_invented_gold_model_is_an_asset_and_is_published_as_its_yml_says(mission: Mission) -> None:
    specs = {spec.key.to_user_string(): spec for spec in make_specs(mission.manifest).models}
    assert specs["gold/photos_by_source"].group_name == "gold"
    table = next(each for each in find_models(mission.manifest) if each.name == "photos_by_source")
    resources = mission.platform.resources
    resources.warehouse.publish(resources.published, [table])
    read = resources.published.read("gold", "photos_by_source")
    assert read is not None
    assert read.to_pylist() == [{"rover": ROVER, "source": SOURCE, "photos": 5}]


def test_an_invented_gold_model_has_a_chapter_on_the_page_of_the_tables_with_its_questions(
    mission: Mission, tmp_path: Path
) -> None:
    query = "select source, photos from gold.photos_by_source"
    (tmp_path / "photos_by_source.sql").write_text(f"-- Which source has photos?\n{query};\n")
    page = script("docs/tables.py").page(mission.manifest, tmp_path)
    assert "* [gold.photos_by_source](#goldphotos_by_source): One row per rover and source that has the photos\n" in page
    chapter = page.partition("\n## gold.photos_by_source\n")[2].partition("\n## ")[0]
    assert "| `photos` | bigint |  | Photos. |\n" in chapter
    assert f"\nWhich source has photos?\n\n```sql\n{query};\n```\n" in chapter
    assert mission.query(query) == [(SOURCE, 5)]


def test_a_gold_model_whose_yml_does_not_say_how_it_is_published_is_refused_by_name(
    mission: Mission, tmp_path: Path
) -> None:
    kept = json.loads(mission.manifest.read_bytes())
    node = next(each for each in kept["nodes"].values() if each["name"] == "photos_by_source")
    del node["config"]["meta"]["published"]
    (tmp_path / "manifest.json").write_text(json.dumps(kept))
    with pytest.raises(SettingsError, match=r"photos_by_source\.sql .*config\.meta\.published\.sort_by"):
        find_models(tmp_path / "manifest.json")


def test_an_invented_sensor_gets_the_resources_that_its_signature_names(mission: Mission) -> None:
    @dg.sensor(name="first_sols", minimum_interval_seconds=60)
    def first_sols(context: dg.SensorEvaluationContext, lake: dg.ResourceParam[Lake]) -> dg.SkipReason:
        return dg.SkipReason(f"{len(lake.list('photos'))} documents of photos; the cursor is {context.cursor}")

    platform = mission.platform
    repository = dg.Definitions.merge(platform.definitions, dg.Definitions(sensors=[first_sols])).get_repository_def()
    context = dg.build_sensor_context(
        instance=platform.instance, cursor="7", repository_def=repository, resources={"lake": platform.resources.lake}
    )
    tick = repository.get_sensor_def("first_sols").evaluate_tick(context)
    assert tick.skip_message == "2 documents of photos; the cursor is 7"
