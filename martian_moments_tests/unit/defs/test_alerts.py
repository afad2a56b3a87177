"""The failure alert: what the webhook gets, and what nobody gets to see."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from pydantic import SecretStr

from martian_moments.definitions import build_defs
from martian_moments.defs.alerts import failure_alert, warning_alert
from martian_moments.settings import Settings


class Webhook(HTTPServer):
    """Keeps what is posted, and responds with a status."""

    status = 200

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/secret-part"


class Handler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@dg.asset
def broken() -> None:
    raise dg.Failure("the manifest of spirit could not be fetched", allow_retries=False)


def failed_run() -> tuple[dg.DagsterInstance, dg.ExecuteInProcessResult]:
    instance = dg.DagsterInstance.ephemeral()
    return instance, dg.materialize([broken], instance=instance, raise_on_error=False)


def context_of(instance: dg.DagsterInstance, result: dg.ExecuteInProcessResult) -> dg.RunStatusSensorContext:
    (event,) = result.filter_events(lambda event: event.is_run_failure)
    return dg.build_run_status_sensor_context("failure_alert", event, instance, result.dagster_run).for_run_failure()


def test_a_failed_run_is_reported_to_the_webhook(webhook: Webhook) -> None:
    instance, result = failed_run()
    failure_alert(SecretStr(webhook.url))(context_of(instance, result))
    (message,) = webhook.got
    assert message["run_id"] == result.run_id
    assert "failed" in message["text"]
    assert message["error"]


def test_a_webhook_that_refuses_is_reported_without_its_address(webhook: Webhook) -> None:
    webhook.status = 403
    instance, result = failed_run()
    with pytest.raises(dg.Failure, match="responded with 403; check MARS_ALERT_WEBHOOK_URL") as raised:
        failure_alert(SecretStr(webhook.url))(context_of(instance, result))
    assert "secret-part" not in str(raised.value.description)


def test_without_an_address_there_is_no_alert(tmp_path: Path, no_settings: None) -> None:
    def sensors(**settings: object) -> set[str]:
        return {each.name for each in build_defs(Settings.load(home=tmp_path, **settings)).sensors or ()}

    alerts = {"failure_alert", "warning_alert"}
    assert not alerts & sensors()
    assert alerts <= sensors(alert_webhook_url="http://127.0.0.1:9/x")


def test_a_check_that_warns_of_more_than_before_is_reported_once(webhook: Webhook) -> None:
    found = iter((0, 1, 1, 3, 0, 2))

    @dg.asset(check_specs=[dg.AssetCheckSpec("no_unknown_camera", asset="dim_cameras")])
    def dim_cameras() -> Iterator[object]:
        rows = next(found)
        check = dg.AssetCheckResult(
            check_name="no_unknown_camera",
            passed=not rows,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"dagster_dbt/failed_row_count": rows},
        )
        yield dg.MaterializeResult(check_results=[check])

    instance = dg.DagsterInstance.ephemeral()
    reported = []
    for _ in range(6):
        result = dg.materialize([dim_cameras], instance=instance)
        (event,) = result.filter_events(lambda event: event.event_type is dg.DagsterEventType.RUN_SUCCESS)
        context = dg.build_run_status_sensor_context("warning_alert", event, instance, result.dagster_run)
        warning_alert(SecretStr(webhook.url))(context)
        reported.append([message["text"].split(" warns of ")[1] for message in webhook.got])
        webhook.got.clear()
    assert reported == [[], ["1 rows, 0 before"], [], ["3 rows, 1 before"], [], ["2 rows, 0 before"]]
