"""Everything wired together: ``build_defs`` makes the Definitions, ``defs`` is what Dagster loads."""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import dagster as dg

from martian_moments.dagster_runtime.follows import RUNS
from martian_moments.defs.alerts import failure_alert, warning_alert
from martian_moments.defs.assets.bronze import bronze_assets
from martian_moments.defs.assets.images import image_assets
from martian_moments.defs.assets.lake import lake_assets
from martian_moments.defs.assets.models import model_assets
from martian_moments.defs.assets.moments import moment_assets
from martian_moments.defs.assets.open_formats import open_format_assets
from martian_moments.defs.schedules import schedules
from martian_moments.defs.sensors.gap_sensor import gap_sensor
from martian_moments.defs.sensors.images_sensor import images_sensor
from martian_moments.defs.sensors.moments_sensor import moments_sensor
from martian_moments.defs.sensors.reconcile_sensor import reconcile_sensor
from martian_moments.defs.sensors.requests_sensor import requests_sensor
from martian_moments.defs.sensors.retry_sensor import retry_sensor
from martian_moments.defs.sensors.upload_sensor import upload_sensor
from martian_moments.resources import DESCRIPTIONS, Resources
from martian_moments.settings import Settings


def build_defs(settings: Settings | None = None, resources: Resources | None = None) -> dg.Definitions:
    """The platform's definitions.

    Args:
        settings: by default from the environment.
        resources: by default made from the settings.

    Raises:
        SettingsError: a setting has a wrong value, or the dbt project has not been parsed.
    """
    settings = settings or Settings.load()
    with warnings.catch_warnings():
        # Backfill policies and conditions of one's own are beta in Dagster 1.13: a warning for each would stand in front of
        # what a command prints.
        warnings.simplefilter("ignore", dg.BetaWarning)
        models = model_assets(settings)
        open_formats = open_format_assets(settings)
        moments = moment_assets(settings)
        in_lake = [*lake_assets(settings), *image_assets(settings)]
        assets = [*in_lake, *bronze_assets(settings), models, open_formats, *moments]
        automations = _automations(models, open_formats, moments)
    sensors: list[dg.SensorDefinition] = [
        upload_sensor(settings),
        gap_sensor(settings),
        images_sensor(settings),
        requests_sensor(settings),
        reconcile_sensor(settings, sorted(models.keys), sorted(open_formats.keys)),
        retry_sensor(),
        moments_sensor(settings),
        *automations,
    ]
    if settings.alert_webhook_url is not None:
        sensors += [failure_alert(settings.alert_webhook_url), warning_alert(settings.alert_webhook_url)]
    return dg.Definitions(
        assets=assets,
        sensors=sensors,
        schedules=schedules(settings),
        resources=resource_definitions(resources or Resources(settings)),
        # One process per run: a multiprocess executor would import everything again for its single step.
        executor=dg.in_process_executor,
    )


def _automations(
    models: dg.AssetsDefinition, open_formats: dg.AssetsDefinition, moments: Sequence[dg.AssetsDefinition]
) -> list[dg.SensorDefinition]:
    """The sensors that ask for what is made of bronze."""
    return [
        # Ahead of the loads that are queued: silver must not wait for a bronze that is never idle.
        _automation("automation", [models], 1, "Starts dbt when bronze has changed."),
        # Behind everything else that is queued: nothing in the platform waits for them.
        _automation(
            "open_formats",
            [open_formats],
            -1,
            "Makes the open formats when the tables they are made of were published.",
        ),
        _automation(
            "movies",
            moments,
            -1,
            "Chooses the frames of moments again, and makes the movies of which they changed.",
        ),
    ]


def _automation(name: str, target: Sequence[dg.AssetsDefinition], priority: int, description: str) -> dg.SensorDefinition:
    """The sensor that asks for assets by their conditions, in runs of this priority in the queue."""
    return dg.AutomationConditionSensorDefinition(
        name,
        target=list(target),
        minimum_interval_seconds=5,
        tags=RUNS,
        # Where the conditions of our own are: the daemon knows Dagster's alone.
        use_user_code_server=True,
        default_status=dg.DefaultSensorStatus.RUNNING,
        run_tags={"dagster/priority": str(priority)},
        description=description,
    )


def resource_definitions(resources: Resources) -> dict[str, dg.ResourceDefinition]:
    """The resources as Dagster has them: one is opened when something that names it runs, and kept by its process."""

    def definition(name: str, description: str) -> dg.ResourceDefinition:
        def opened(_: dg.InitResourceContext) -> object:
            return getattr(resources, name)

        return dg.ResourceDefinition(opened, description=description)

    return {name: definition(name, description) for name, description in DESCRIPTIONS.items()}


defs = build_defs()
