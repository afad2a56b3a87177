"""What holds for every route."""

from __future__ import annotations

from starlette.testclient import TestClient


def test_the_service_says_of_which_build_its_tables_are(client: TestClient) -> None:
    found = client.get("/health")
    assert (found.status_code, found.json()["ready"], found.json()["reason"]) == (200, True, None)
    assert found.headers["x-data-through"] == found.json()["published_at"]
