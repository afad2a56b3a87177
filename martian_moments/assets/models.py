"""The dbt assets: silver and gold, built by dbt in one run, published, and shown with a preview and a picture."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from martian_moments.assets import bronze
from martian_moments.assets.conditions import refresh_from_bronze, ride_along
from martian_moments.assets.lake import OWNERS
from martian_moments.assets.pictures import pages
from martian_moments.errors import SettingsError
from martian_moments.rooms import Rooms
from martian_moments.settings import WAREHOUSE_POOL
from martian_moments.warehouse.base import MODELS

if TYPE_CHECKING:
    from dagster_dbt import DagsterDbtTranslator, DbtProject

PROJECT: Final = Path(__file__).resolve().parent.parent.parent / "martian_moments_dbt"
MANIFEST: Final = PROJECT / "target" / "manifest.json"

FIRST_MODEL: Final = dg.AssetKey(["silver", "loaded_objects"])
"""The model that records which objects a build has seen. Every other model follows it, in the same run."""

_RAW_PHOTOS: Final = dg.AssetKey(["bronze", "raw_photos"])
_REFERENCES: Final = (dg.AssetKey(["bronze", "rovers"]), dg.AssetKey(["bronze", "cameras"]))
"""Facts of rovers.py, which no asset makes."""


def model_assets(rovers: Sequence[str]) -> dg.AssetsDefinition:
    """All models of the dbt project as assets; their data tests are asset checks.

    Raises:
        SettingsError: the dbt project has not been parsed yet.
    """
    from dagster_dbt import DbtCliResource, dbt_assets

    if not MANIFEST.is_file():
        raise SettingsError(f"{MANIFEST} does not exist; run `make setup`, which parses the dbt project")

    @dbt_assets(manifest=MANIFEST, dagster_dbt_translator=_translator(rovers), name="dbt_models", pool=WAREHOUSE_POOL)
    def models(context: dg.AssetExecutionContext, rooms: dg.ResourceParam[Rooms]) -> Iterator[Any]:
        rooms.warehouse.ensure()
        os.environ |= rooms.warehouse.dbt_environment()
        # The dbt of this environment, which need not be on the PATH of whoever started the platform.
        executable = str(Path(sys.executable).with_name("dbt"))
        dbt = DbtCliResource(project_dir=str(PROJECT), profiles_dir=str(PROJECT), dbt_executable=executable)
        # Unit tests need no data: they run in CI, not with every build.
        command = ["build", "--exclude", "resource_type:unit_test"]
        events: list[Any] = []
        failure: Exception | None = None
        with rooms.warehouse.writing():
            try:
                # One folder for all builds: they take turns, and each finds the parsed project of the last.
                # extend keeps what came before an error.
                events.extend(dbt.cli(command, context=context, target_path=rooms.settings.home / "dbt").stream())
            except Exception as error:  # noqa: BLE001 - raised again below, after what was built has been published
                failure = error
        if failure is None:
            # Readers use the published tables: a model counts as materialized when they can see it.
            rooms.warehouse.publish(rooms.published, MODELS)
        shown = pages(rooms.published) if failure is None else {}
        for event in events:
            key = context.asset_key_for_output(event.output_name) if isinstance(event, dg.Output) else None
            yield event.with_metadata({**event.metadata, **shown[key]}) if key in shown else event
        if failure is not None:
            raise failure

    return models


def _translator(rovers: Sequence[str]) -> "DagsterDbtTranslator":
    from dagster_dbt import DagsterDbtTranslator

    photos = [dg.AssetDep(bronze.photos_key(rover)) for rover in rovers]

    class Translator(DagsterDbtTranslator):
        """Names, groups and conditions of the models; the source raw_photos stands for one asset per rover."""

        def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
            if dbt_resource_props["resource_type"] == "source":
                return super().get_asset_key(dbt_resource_props)
            return dg.AssetKey([dbt_resource_props["config"]["schema"], dbt_resource_props["name"]])

        def get_asset_spec(
            self, manifest: Mapping[str, Any], unique_id: str, project: "DbtProject | None"
        ) -> dg.AssetSpec:
            spec = super().get_asset_spec(manifest, unique_id, project)
            if self.get_resource_props(manifest, unique_id)["resource_type"] == "source":
                return spec
            upstream = {dep.asset_key for dep in spec.deps}
            deps = [dep for dep in spec.deps if dep.asset_key not in {_RAW_PHOTOS, *_REFERENCES}]
            if _RAW_PHOTOS in upstream:
                deps += photos
            condition = refresh_from_bronze() if spec.key == FIRST_MODEL else ride_along()
            group = spec.key.path[0]
            return spec.replace_attributes(deps=deps, group_name=group, owners=OWNERS, automation_condition=condition)

    return Translator()
