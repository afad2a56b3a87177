"""The check-up of the upstreams, against the replica: as it should be, down, and drifted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.upstream import Upstream
from martian_moments.operations.doctor import Finding
from martian_moments.operations.live import check_live, endpoints
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import Fault, FaultPlan
from martian_moments.replica.running import RunningReplica, running
from martian_moments.resources import Resources
from martian_moments.settings import BUILT_SOURCES, Settings

ENDPOINTS = [
    "m20 latest",
    "m20 images",
    "msl items",
    *(f"pds label of mer{spacecraft}{instrument}o_0xxx" for spacecraft in (1, 2) for instrument in "pnhmd"),
    "v1 manifest of curiosity",
    "v1 photos of curiosity",
    "traverse of curiosity",
    "waypoints of curiosity",
    "traverse of perseverance",
    "waypoints of perseverance",
    "path of opportunity",
    "path of spirit",
]


@pytest.fixture(scope="module")
def replica() -> Iterator[RunningReplica]:
    with running(ReplicaConfig(sols=30, scale=0.3)) as serving:
        yield serving


@pytest.fixture
def resources(
    tmp_path: Path, replica: RunningReplica, no_settings: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Resources]:
    made = Resources(Settings.load(home=tmp_path, upstream=Upstream(**replica.addresses)))
    monkeypatch.setattr(made.nasa, "client", quick_client)
    yield made
    replica.control.faults(FaultPlan())


def quick_client(transport: httpx.AsyncBaseTransport | None = None) -> PoliteClient:
    return PoliteClient(requests_per_minute=1_000_000, concurrency=1, backoff=0.0, give_up_after=99, transport=transport)


def checked(resources: Resources) -> dict[str, Finding]:
    return {finding.what: finding for finding in check_live(resources)}


def test_every_endpoint_of_every_rover_is_asked_once_and_is_as_known(resources: Resources, replica: RunningReplica) -> None:
    found = checked(resources)
    assert {what.split()[0] for what in found} >= set(BUILT_SOURCES), "each source is asked by operations/live.py"
    assert sorted(found) == sorted(ENDPOINTS)
    assert {finding.detail for finding in found.values() if not finding.ok} == set()


def test_only_what_the_settings_use_is_asked(tmp_path: Path, replica: RunningReplica, no_settings: None) -> None:
    settings = Settings.load(home=tmp_path, rovers="spirit", sources="v1", upstream=Upstream(**replica.addresses))
    asked = [endpoint.what for endpoint in endpoints(Resources(settings))]
    assert asked == ["v1 manifest of spirit", "v1 photos of spirit", "path of spirit"]


def test_an_outage_is_a_line_for_each_endpoint(resources: Resources, replica: RunningReplica) -> None:
    replica.control.faults(FaultPlan(outage=True))
    found = checked(resources)
    assert sorted(found) == sorted(ENDPOINTS)
    assert all(not each.ok and "ask again later" in each.detail for each in found.values())


def test_a_web_page_instead_of_data_is_drift(resources: Resources, replica: RunningReplica) -> None:
    replica.control.faults(FaultPlan(share=1.0, kinds=(Fault.HTML,)))
    assert [each.what for each in check_live(resources) if each.ok] == []


def test_fields_that_went_and_came_are_named_and_an_address_that_is_gone_is_reported(
    resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    feature = {"type": "Feature", "properties": {"sol": 1, "RMC": "1_2", "lon": 1, "lat": 2, "elev": {"geoid": 3}}}

    def response(request: httpx.Request) -> httpx.Response:
        if "waypoints" not in request.url.path:
            return httpx.Response(404, text="not here")
        cut = json.dumps({"type": "FeatureCollection", "features": [feature, feature]})[:-40]
        return httpx.Response(206 if "range" in request.headers else 200, text=cut)

    monkeypatch.setattr(resources.nasa, "client", lambda: quick_client(httpx.MockTransport(response)))
    found = checked(resources)
    drift = "missing fields: dist_m, dist_total_m, elev_geoid, final, yaw; unknown fields: elev"
    assert found["waypoints of perseverance"] == Finding("waypoints of perseverance", ok=False, detail=drift)
    assert "status 404" in found["traverse of perseverance"].detail
    assert sum(each.ok for each in found.values()) == 0


@pytest.mark.parametrize(
    ("day", "missing"),
    [
        ("2021-03-15", "dist_total_m, final"),
        ("2021-03-22", "dist_m, dist_total_m, final"),
        ("2021-04-04", "dist_total_m"),
        ("2022-03-30_cut12of116", "dist_total_m"),
        ("2022-11-28_cut12of206", None),
        ("current_2021-07-06", "dist_total_m"),
        ("current_2024-11-22", None),
    ],
)
def test_no_name_that_the_map_server_ever_had_is_new(
    resources: Resources, monkeypatch: pytest.MonkeyPatch, real_payloads: Path, day: str, missing: str | None
) -> None:
    body = (real_payloads / f"mmgis_drift_m20_waypoints_{day}.json").read_bytes()
    server = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    monkeypatch.setattr(resources.nasa, "client", lambda: quick_client(server))
    found = checked(resources)["waypoints of perseverance"]
    assert (found.ok, found.detail) == (missing is None, f"missing fields: {missing}" if missing else "23 fields, all known")


def test_a_path_that_is_one_endless_line_is_drift(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    endless = httpx.MockTransport(lambda _: httpx.Response(200, content=b"8" * 200_000))
    monkeypatch.setattr(resources.nasa, "client", lambda: quick_client(endless))
    found = checked(resources)
    assert not found["path of spirit"].ok
    assert "a line of 200000 characters" in found["path of spirit"].detail
