"""The description of the service for programs: requests made of it get responses that it describes, whatever they ask."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, reject, settings
from schemathesis import GenerationMode
from starlette.testclient import TestClient

EXAMPLES = 6
"""Requests of each path and kind."""


@pytest.fixture(scope="module")
def document(client: TestClient) -> dict[str, Any]:
    """``/openapi.json``."""
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def test_it_is_openapi_3_1_with_a_description_of_every_parameter(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    for path, methods in document["paths"].items():
        if path.startswith("/api/v2"):
            for parameter in methods["get"].get("parameters", []):
                assert parameter["description"], (path, parameter["name"])


def test_limits_of_parameters_are_described(document: dict[str, Any]) -> None:
    parameters = {each["name"]: each["schema"] for each in document["paths"]["/api/v2/photos"]["get"]["parameters"]}
    limits = {
        name: (parameters[name]["minimum"], parameters[name]["maximum"]) for name in ("sol", "limit", "view_azimuth_min")
    }
    assert limits == {"sol": (0, 99_999), "limit": (1, 10_000), "view_azimuth_min": (0, 360)}
    assert parameters["format"]["enum"] == ["json", "geojson", "csv", "parquet", "arrow"]


QUICK = settings(
    max_examples=EXAMPLES, phases=[Phase.generate], deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


def statuses_of(client: TestClient, operation: Any, mode: GenerationMode) -> Counter[int]:
    """Make requests as an operation describes them, or otherwise, and look at the responses; how often each status came."""
    statuses: Counter[int] = Counter()

    def ask(case: Any) -> None:
        request = case.as_transport_kwargs()
        try:
            response = client.request(
                request["method"],
                request["url"],
                params=request.get("params"),
                json=request.get("json"),
                headers=request.get("headers"),
            )
        except httpx.InvalidURL:  # of more than 65,536 characters, which httpx does not send
            reject()
        statuses[response.status_code] += 1
        assert response.status_code < 500, (str(response.request.url), response.text)
        operation.validate_response(response)

    QUICK(given(case=operation.as_strategy(generation_mode=mode))(ask))()
    return statuses


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as described", "otherwise"])
def test_no_request_finds_a_failure_or_a_response_that_is_not_described(
    client: TestClient, document: dict[str, Any], mode: GenerationMode
) -> None:
    total: Counter[int] = Counter()
    for found in schemathesis.openapi.from_dict(document).get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]
        if mode is GenerationMode.POSITIVE or operation.query:
            total += statuses_of(client, operation, mode)
    assert total[200 if mode is GenerationMode.POSITIVE else 400] > 10, total
