"""The models and data tests of the dbt project as Dagster's specs, kept in a small file beside dbt's manifest.

dagster_dbt makes them from the manifest, but importing it takes 3 s and 90 MB, four times what Dagster itself takes, and
every code server and run worker would pay that. So it is asked once, when the project is parsed (operations/baking.py).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dagster as dg

from martian_moments.dagster_runtime.serialization import UNREADABLE, from_text, to_text
from martian_moments.domain.errors import SettingsError
from martian_moments_dbt import PROJECT

if TYPE_CHECKING:
    from dagster_dbt import DagsterDbtTranslator

MANIFEST: Final = PROJECT / "target" / "manifest.json"
SPECS: Final = PROJECT / "target" / "dagster_specs.json"

UNIQUE_ID: Final = "dagster_dbt/unique_id"
"""The metadata of a spec with dbt's name of its node: ``model.<project>.<name>``, ``test.<project>.<name>.<hash>``."""

_IN_MEMORY_ONLY: Final = frozenset({"dagster_dbt/manifest", "dagster_dbt/dagster_dbt_translator"})
"""Metadata that hold Python objects for ``DbtCliResource.cli``."""


@dataclass(frozen=True, slots=True)
class DbtSpecs:
    """What dagster_dbt makes of the project: an asset per model, a check per data test of a model."""

    models: tuple[dg.AssetSpec, ...]
    tests: tuple[dg.AssetCheckSpec, ...]


def make_specs(manifest: Path) -> DbtSpecs:
    """The specs of a parsed project, made by dagster_dbt."""
    from dagster_dbt import dbt_assets

    # Facts of the project itself, which every build loads: no assets, and nothing that a model waits for. They go from what
    # dagster_dbt has made, because its own exclude takes the tests along that read them.
    nodes = json.loads(manifest.read_bytes())["nodes"].values()
    seeds = {translator().get_asset_key(node) for node in nodes if node["resource_type"] == "seed"}

    @dbt_assets(manifest=manifest, dagster_dbt_translator=translator(), name="dbt_models")
    def models() -> Iterator[Any]:  # only its specs are used
        yield from ()

    return DbtSpecs(
        models=tuple(
            spec.replace_attributes(
                deps=[dep for dep in spec.deps if dep.asset_key not in seeds], metadata=_storable(spec.metadata)
            )
            for spec in models.specs
            if spec.key not in seeds
        ),
        tests=tuple(_without(seeds, spec) for spec in models.check_specs if spec.asset_key not in seeds),
    )


def write_specs(specs: DbtSpecs, file: Path) -> None:
    """Keep specs in a file: their fields, because Dagster serializes what is in a spec, but no spec."""
    stored = {"models": list(map(_model_fields, specs.models)), "tests": list(map(_test_fields, specs.tests))}
    file.write_text(to_text(stored))


def read_specs(file: Path) -> DbtSpecs:
    """The specs in a file.

    Raises:
        SettingsError: the dbt project has not been parsed yet.
    """
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SettingsError(f"{file}: {error.strerror}; run `make setup`, which parses the dbt project") from error
    try:
        stored = from_text(text)
        return DbtSpecs(
            models=tuple(dg.AssetSpec(**fields) for fields in stored["models"]),
            tests=tuple(dg.AssetCheckSpec(**fields) for fields in stored["tests"]),
        )
    except UNREADABLE as error:
        raise SettingsError(f"{file} is damaged ({type(error).__name__}); delete it and run `make setup`") from error


def translator() -> DagsterDbtTranslator:
    """How dbt's nodes are named in Dagster: ``<schema>/<model>``, grouped by schema."""
    from dagster_dbt import DagsterDbtTranslator

    class Translator(DagsterDbtTranslator):
        """Sources keep the names that dagster_dbt gives them: ``bronze/<table>``."""

        def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
            if dbt_resource_props["resource_type"] == "source":
                return super().get_asset_key(dbt_resource_props)
            return dg.AssetKey([dbt_resource_props["config"]["schema"], dbt_resource_props["name"]])

        def get_description(self, dbt_resource_props: Mapping[str, Any]) -> str:
            # By default the whole SQL follows, in front of the columns and the picture.
            return str(dbt_resource_props["description"])

        def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
            return self.get_asset_key(dbt_resource_props).path[0]

    return Translator()


def node_names(specs: Iterable[dg.AssetSpec | dg.AssetCheckSpec]) -> list[str]:
    """The names in dbt of what the specs stand for, as ``--select`` takes them."""
    return sorted(spec.metadata[UNIQUE_ID].split(".")[2] for spec in specs)


def _storable(metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in metadata.items() if name not in _IN_MEMORY_ONLY}


def _without(seeds: Collection[dg.AssetKey], spec: dg.AssetCheckSpec) -> dg.AssetCheckSpec:
    fields = _test_fields(spec)
    return dg.AssetCheckSpec(**fields | {"additional_deps": [key for key in fields["additional_deps"] if key not in seeds]})


def _model_fields(spec: dg.AssetSpec) -> dict[str, Any]:
    return {
        "key": spec.key,
        "deps": sorted(dep.asset_key for dep in spec.deps),
        "description": spec.description,
        "metadata": spec.metadata,
        "skippable": spec.skippable,
        "group_name": spec.group_name,
        "code_version": spec.code_version,
        "tags": spec.tags,
    }


def _test_fields(spec: dg.AssetCheckSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "asset": spec.asset_key,
        "additional_deps": sorted(dep.asset_key for dep in spec.additional_deps),
        "description": spec.description,
        "blocking": spec.blocking,
        "metadata": spec.metadata,
    }
