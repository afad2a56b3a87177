"""The dbt assets: silver and gold, built by dbt in one run, published, and shown with a preview and a picture."""

import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from subprocess import Popen
from typing import TYPE_CHECKING, Any, Final, cast

import dagster as dg

from martian_moments.dagster_runtime.bookkeeping import gathered
from martian_moments.defs.assets import bronze
from martian_moments.defs.assets.lake import OWNERS
from martian_moments.defs.conditions import refresh_from_bronze, ride_along
from martian_moments.defs.dbt_command import project_variables, start_build
from martian_moments.defs.dbt_specs import MANIFEST, SPECS, DbtSpecs, node_names, read_specs, translator
from martian_moments.defs.plots.pages import pages, prepare
from martian_moments.domain.errors import MartianError, PublishedDamaged, PublishingError
from martian_moments.infrastructure.space import require_space
from martian_moments.lake.store import Lake, ObjectInfo
from martian_moments.pipelines.differences import awaited, photo_rules_of, silver_lags
from martian_moments.settings import BUILT_SOURCES, WAREHOUSE_POOL, Settings
from martian_moments.warehouse.base import LEDGER, LOADED_OBJECTS, PublishedTable, Warehouse
from martian_moments.warehouse.models import published_models
from martian_moments.warehouse.published import Published
from martian_moments.warehouse.rules import model_rules, photo_rules
from martian_moments_dbt import PROJECT

if TYPE_CHECKING:
    from dagster_dbt import DbtCliInvocation

FIRST_MODEL: Final = dg.AssetKey(LOADED_OBJECTS)
"""The model that records which objects a build has seen. Every other model follows it, in the same run."""

BY_CONDITION: Final = "dagster/from_automation_condition"
"""The tag that Dagster gives the runs that a condition asks for."""

_MADE_BY: Final = "made by"
"""The metadata of the first model that say by what all of them were built."""

_PHOTOS: Final = frozenset(dg.AssetKey(["silver", f"{source}_photos"]) for source in BUILT_SOURCES)
"""The models that keep the photos that they have read of documents."""

_BROUGHT_ALONG: Final = ("resource_type:seed", "sampled_records")
"""What dbt makes in every build, whatever is selected: models read the seeds, checks of staging the sampled records."""

_OF_EACH_ROVER: Final = {
    dg.AssetKey(["bronze", "raw_photos"]): bronze.photos_key,
    dg.AssetKey(["bronze", "raw_images"]): bronze.images_key,
}
"""Sources of dbt that stand for one asset per rover."""


def model_assets(settings: Settings) -> dg.AssetsDefinition:
    """All models of the dbt project as assets; their data tests are asset checks.

    Raises:
        SettingsError: the dbt project has not been parsed yet.
    """
    specs = read_specs(SPECS)

    @dg.multi_asset(
        name="dbt_models",
        specs=[_model(spec, settings.rovers) for spec in specs.models],
        check_specs=specs.tests,
        can_subset=True,
        pool=WAREHOUSE_POOL,
    )
    def models(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        warehouse: dg.ResourceParam[Warehouse],
        published: dg.ResourceParam[Published],
    ) -> Iterator[Any]:
        require_space(settings.folders)
        if not _is_due(context, settings, lake, warehouse, published):
            return
        events: list[Any] = []
        failure: Exception | None = None
        with warehouse.writing():
            try:
                # extend keeps what came before an error.
                build = _build(
                    context, settings, warehouse.dbt_environment(), photo_rules_of(published), _selection(context, specs)
                )
                prepare()
                with _ended(build.process):
                    events.extend(_of_assets(context, build.stream()))
            except Exception as error:  # noqa: BLE001 - raised again below, after what was built has been reported
                failure = error
        if failure is not None:
            # Raises where the warehouse's file is why dbt failed: reconcile then loads bronze anew, and builds after it.
            warehouse.mend()
        # Readers use the published tables: a model counts as materialized when they can see it.
        tables = published_models() if failure is None else sound_tables(context, events)
        unpublished: set[dg.AssetKey] = set()
        changed: Sequence[PublishedTable] = tables
        try:
            changed = warehouse.publish(published, tables)
        except PublishingError as error:
            failure = failure or error
            unpublished = {dg.AssetKey(name.split(".")) for name in error.tables}
        shown = pages(
            published,
            [table for table in tables if _key(table) not in unpublished],
            before=lambda table: {} if table in changed else _page_before(context.instance, table),
        )
        if failure is None and len(context.selected_asset_keys) == len(specs.models):
            shown[FIRST_MODEL] = {**shown.get(FIRST_MODEL, {}), _MADE_BY: _made_by(settings)}
        with gathered(context.instance):
            for event in events:
                key = context.asset_key_for_output(event.output_name) if isinstance(event, dg.Output) else None
                if key not in unpublished:
                    yield event.with_metadata({**event.metadata, **shown[key]}) if key in shown else event
        if failure is not None:
            raise failure

    return models


def _only_follows(context: dg.AssetExecutionContext) -> bool:
    """Whether nobody but the automation condition has asked for the run: a person gets what he asked for."""
    return context.run.tags.get(BY_CONDITION) == "true"


def _is_current(instance: dg.DagsterInstance, settings: Settings, warehouse: Warehouse, published: Published) -> bool:
    """Whether a build would make what is published; on Snowflake a login and one query say so, dbt sends 400 statements.

    A load that has changed nothing is followed by a build, as every load is. What is in doubt is left to the build.
    """
    event = instance.get_latest_materialization_event(FIRST_MODEL)
    made = event.asset_materialization if event else None
    if made is None or made.metadata.get(_MADE_BY) != dg.MetadataValue.text(_made_by(settings)):
        return False
    try:
        warehouse.publish(published, [LEDGER])
        return not published.damaged() and not silver_lags(published, settings.sources)
    except MartianError:
        return False


def _made_by(settings: Settings) -> str:
    """What a build follows besides bronze and the order of sources: the project, and the archive's address."""
    return f"{model_rules()} {settings.upstream.pds_url}"


def _is_due(
    context: dg.AssetExecutionContext, settings: Settings, lake: Lake, warehouse: Warehouse, published: Published
) -> bool:
    """Whether there is something to build, and bronze is whole. Raises Failure where it was made anew and is empty."""
    if _only_follows(context) and _is_current(context.instance, settings, warehouse, published):
        context.log.info("nothing is built: bronze is as it was when the models were published, and so is the project")
        return False
    is_new = warehouse.ensure(published)
    if lost := _awaited(lake, warehouse, published, settings.rovers):
        context.log.warning(_waiting(len(lost)))
        return False
    if is_new:
        raise _nothing_to_build()
    return True


def _page_before(instance: dg.DagsterInstance, table: PublishedTable) -> Mapping[str, Any]:
    """What the last materialization says of a table."""
    event = instance.get_latest_materialization_event(_key(table))
    return event.asset_materialization.metadata if event and event.asset_materialization else {}


def _awaited(lake: Lake, warehouse: Warehouse, published: Published, rovers: Sequence[str]) -> list[ObjectInfo]:
    """The documents without which no model is built, see :func:`martian_moments.pipelines.differences.awaited`."""
    # Anew, for rows may have been removed from bronze since the last load: with a ledger that claims no more than there is,
    # reconcile loads them.
    try:
        warehouse.publish(published, [LEDGER])
    except PublishingError:
        # Raises where the warehouse's file is why bronze cannot be read.
        warehouse.mend()
        raise
    try:
        return awaited(lake, warehouse, published, rovers)
    except PublishedDamaged:
        # Only a build makes the damaged table again.
        return []


def _waiting(lost: int) -> str:
    """A build that waits is no failure, of which people would be informed at every load until bronze is whole again."""
    return (
        f"nothing is built: bronze is being made anew and still lacks {lost} documents of the lake that the published "
        "tables were made from. These stay as they are; reconcile loads the documents, and a build follows the last of them"
    )


def _nothing_to_build() -> dg.Failure:
    """Published tables stay as they were until bronze has something again."""
    return dg.Failure(
        "bronze was made anew in this moment and is empty: nothing is built from it. reconcile loads it from the lake "
        "within minutes, and builds the models after that",
        allow_retries=False,
    )


def sound_tables(context: dg.AssetExecutionContext, events: Sequence[Any]) -> list[PublishedTable]:
    """The published tables that a failed build has made: built, as all that they follow from, and good by their own tests.

    dbt goes on beside a model that fails and leaves out what follows from it. ``loaded_objects`` is not among them: it says
    that every table is current, so that without it the build is repeated.
    """
    built = {context.asset_key_for_output(event.output_name) for event in events if isinstance(event, dg.Output)}
    doubted = {
        event.asset_key
        for event in events
        if isinstance(event, dg.AssetCheckResult) and not event.passed and event.severity is dg.AssetCheckSeverity.ERROR
    }
    return [table for table in published_models() if _key(table) in built - doubted - {FIRST_MODEL}]


def _key(table: PublishedTable) -> dg.AssetKey:
    return dg.AssetKey([table.schema, table.name])


def _model(spec: dg.AssetSpec, rovers: Sequence[str]) -> dg.AssetSpec:
    """A model's spec with its condition, and the assets of each rover instead of the sources that stand for them."""
    upstream = [dep.asset_key for dep in spec.deps]
    deps = [key for key in upstream if key not in _OF_EACH_ROVER]
    deps += [key_of(rover) for source, key_of in _OF_EACH_ROVER.items() if source in upstream for rover in rovers]
    condition = refresh_from_bronze() if spec.key == FIRST_MODEL else ride_along()
    return spec.replace_attributes(deps=deps, owners=OWNERS, automation_condition=condition)


def _build(
    context: dg.AssetExecutionContext,
    settings: Settings,
    warehouse: Mapping[str, str],
    held_rules: str | None,
    selection: Sequence[str],
) -> "DbtCliInvocation":
    """A started ``dbt build`` of what is selected, in the warehouse that these environment variables name.

    Not through DbtCliResource: it first runs ``dbt --version``, which imports every adapter that is installed and asks the
    package index for news, and makes an adapter in this process (together 7 s), then reads the manifest from the specs.
    """
    import orjson
    from dagster_dbt import DbtCliInvocation
    from packaging.version import parse

    folder = settings.home / "dbt"  # builds take turns
    current = photo_rules()
    reads_photos = context.selected_asset_keys >= _PHOTOS
    variables = project_variables(
        warehouse,
        sources=settings.sources,
        archive_url=settings.upstream.pds_url,
        photo_rules=current if reads_photos else held_rules or "",
    )
    # What was read by other rules is read again; photo_versions, which knows what went, refuses to be made anew.
    anew = ["--full-refresh"] if reads_photos and held_rules != current else []
    dbt = start_build([*selection, *anew], variables, folder)
    invocation = DbtCliInvocation(
        # dagster_dbt asks no more of it than a ForkedDbt has.
        process=cast("Popen[bytes]", dbt),
        manifest=orjson.loads(MANIFEST.read_bytes()),
        dagster_dbt_translator=translator(),
        project_dir=PROJECT,
        target_path=folder,
        raise_on_error=True,
        context=context,
        cli_version=parse(version("dbt-core")),
    )
    context.log.info("Running dbt command: `%s`.", invocation.dbt_command)
    return invocation


@contextmanager
def _ended(dbt: Popen[bytes]) -> Iterator[None]:
    """While the block lasts dbt may run: where its output could not be read, it still has the warehouse's file in hand."""
    try:
        yield
    finally:
        dbt.send_signal(signal.SIGTERM)
        dbt.wait()


def _of_assets(context: dg.AssetExecutionContext, events: Iterable[Any]) -> Iterator[Any]:
    """The events of what the run has selected, without those of what is brought along."""
    outputs = {key.to_python_identifier() for key in context.selected_asset_keys}
    for event in events:
        if not isinstance(event, dg.Output) or event.output_name in outputs:
            yield event


def _selection(context: dg.AssetExecutionContext, specs: DbtSpecs) -> list[str]:
    """What dbt shall build: everything, or exactly the models and tests that the run selects, and what they read besides."""
    models = [spec for spec in specs.models if spec.key in context.selected_asset_keys]
    tests = [spec for spec in specs.tests if spec.key in context.selected_asset_check_keys]
    if len(models) == len(specs.models) and len(tests) == len(specs.tests):
        # Unit tests need no data: they run in CI, not with every build.
        return ["--exclude", "resource_type:unit_test"]
    return ["--indirect-selection", "empty", "--select", *_BROUGHT_ALONG, *node_names([*models, *tests])]
