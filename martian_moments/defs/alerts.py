"""Messages to a webhook: failed runs, and what NASA has changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any, Final

import dagster as dg
from pydantic import SecretStr

_TIMEOUT_SECONDS: Final = 10.0

_QUIET: Final = frozenset({"photo_counts_agree_with_the_manifest", "agrees_with_the_lake"})
"""Warnings that come and go with every load."""

_ROWS: Final = "dagster_dbt/failed_row_count"
_HISTORY: Final = 50
"""Evaluations of a check that are looked through for the one before a run's."""


def failure_alert(webhook: SecretStr) -> dg.SensorDefinition:
    """A sensor that posts ``{"text", "run_id", "assets", "error"}`` as JSON for each failed run (Slack shows ``text``)."""

    @dg.run_failure_sensor(
        name="failure_alert",
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Posts a message to MARS_ALERT_WEBHOOK_URL for each failed run.",
    )
    def alert(context: dg.RunFailureSensorContext) -> None:
        run = context.dagster_run
        assets = sorted(key.to_user_string() for key in run.asset_selection or ())
        error = context.failure_event.message
        text = f"martian-moments: a run of {', '.join(assets) or run.job_name} failed: {error}"
        _post(webhook, {"text": text, "run_id": run.run_id, "assets": assets, "error": error})

    return alert


def warning_alert(webhook: SecretStr) -> dg.SensorDefinition:
    """A sensor that posts ``{"text", "run_id", "assets", "check", "rows"}`` when a check warns of more rows than before.

    Such as a camera that nobody knows, or fields of a map that were renamed.
    """

    @dg.run_status_sensor(
        run_status=dg.DagsterRunStatus.SUCCESS,
        name="warning_alert",
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Posts a message to MARS_ALERT_WEBHOOK_URL when a check of the models warns of more than before.",
    )
    def alert(context: dg.RunStatusSensorContext) -> None:
        run_id = context.dagster_run.run_id
        for check in _evaluations(context.instance, run_id):
            rows, before = _rows(check), _rows_before(context.instance, check.asset_check_key, run_id)
            if rows > before and check.check_name not in _QUIET:
                asset = check.asset_key.to_user_string()
                text = f"martian-moments: {check.check_name} of {asset} warns of {rows} rows, {before} before"
                _post(
                    webhook,
                    {"text": text, "run_id": run_id, "assets": [asset], "check": check.check_name, "rows": rows},
                )

    return alert


def _evaluations(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.AssetCheckEvaluation]:
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION):
        if entry.dagster_event is not None:
            yield entry.dagster_event.asset_check_evaluation_data


def _rows(check: dg.AssetCheckEvaluation) -> int:
    """Of how many rows a check warns; 1 where it does not count."""
    if check.passed:
        return 0
    reported = check.metadata.get(_ROWS)
    return reported.value or 1 if isinstance(reported, dg.IntMetadataValue) else 1


def _rows_before(instance: dg.DagsterInstance, key: dg.AssetCheckKey, run_id: str) -> int:
    """Of how many rows the evaluation before a run's own warned; 0 where there was none."""
    newest_first = iter(instance.event_log_storage.get_asset_check_execution_history(key, limit=_HISTORY))
    next((record for record in newest_first if record.run_id == run_id), None)
    for record in newest_first:
        if record.event is not None and record.event.dagster_event is not None and record.run_id != run_id:
            return _rows(record.event.dagster_event.asset_check_evaluation_data)
    return 0


def _post(webhook: SecretStr, body: dict[str, Any]) -> None:
    import httpx

    from martian_moments.infrastructure.web import environment_accepted

    # At INFO httpx logs the address, which is a secret; so does the message of its own errors.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        with environment_accepted():
            client = httpx.Client(timeout=_TIMEOUT_SECONDS)
        with client:
            response = client.post(webhook.get_secret_value(), json=body)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise dg.Failure(
            f"the alert webhook did not respond ({type(error).__name__}); check MARS_ALERT_WEBHOOK_URL"
        ) from None
    if response.is_error:
        raise dg.Failure(f"the alert webhook responded with {response.status_code}; check MARS_ALERT_WEBHOOK_URL")
