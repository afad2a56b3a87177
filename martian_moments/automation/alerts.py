"""Telling a webhook of failed runs."""

from __future__ import annotations

from typing import Final

import dagster as dg
from pydantic import SecretStr

NAME: Final = "failure_alert"

_TIMEOUT_SECONDS: Final = 10.0


def failure_alert(webhook: SecretStr) -> dg.SensorDefinition:
    """A sensor that posts ``{"text", "run_id", "assets", "error"}`` as JSON for each failed run (Slack shows ``text``)."""

    @dg.run_failure_sensor(
        name=NAME,
        minimum_interval_seconds=10,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Posts a message to MARS_ALERT_WEBHOOK_URL for each failed run.",
    )
    def alert(context: dg.RunFailureSensorContext) -> None:
        import httpx

        run = context.dagster_run
        assets = sorted(key.to_user_string() for key in run.asset_selection or ())
        body = {
            "text": f"martian-moments: a run of {', '.join(assets) or run.job_name} failed: {context.failure_event.message}",
            "run_id": run.run_id,
            "assets": assets,
            "error": context.failure_event.message,
        }
        response = httpx.post(webhook.get_secret_value(), json=body, timeout=_TIMEOUT_SECONDS)
        if response.is_error:
            # httpx's own message would print the address, which is a secret.
            raise dg.Failure(f"the alert webhook answered {response.status_code}; check MARS_ALERT_WEBHOOK_URL")

    return alert
