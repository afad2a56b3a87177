"""The running replica: its addresses, its controls, its faults."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from martian_moments.domain.errors import InputError
from martian_moments.domain.rovers import ROVERS
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import Fault, FaultPlan, FaultStream
from martian_moments.replica.running import RunningReplica, running
from martian_moments.replica.server import serve
from martian_moments.replica.traverse import newly_driven_m

CONFIG = ReplicaConfig(sols=12, scale=0.2, seed=7)


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningReplica]:
    with running(CONFIG) as replica:
        yield replica


def held(client: httpx.Client, rover: str) -> dict[str, Any]:
    """What a client gets that asks for everything, in the form of the truth."""
    rows = client.get(f"/api/v1/manifests/{rover}").json()["photo_manifest"]["photos"]
    responses = {row["sol"]: client.get(f"/api/v1/rovers/{rover}/photos?sol={row['sol']}").json() for row in rows}
    ids = sorted(photo["id"] for response in responses.values() for photo in response["photos"])
    return {
        "sols": {str(sol): len(response["photos"]) for sol, response in responses.items()},
        "photos": len(ids),
        "photo_ids_sha256": hashlib.sha256("\n".join(map(str, ids)).encode()).hexdigest(),
        "newest_sol": rows[-1]["sol"],
    }


def test_who_asks_for_everything_holds_the_truth(replica: RunningReplica, client: httpx.Client) -> None:
    truth = replica.control.truth()
    assert {rover: held(client, rover) for rover in ROVERS} == truth["rovers"]
    legs = client.get("/mmgis-maps/M20/Layers/json/M20_traverse.json").json()["features"]
    waypoints = client.get("/mmgis-maps/M20/Layers/json/M20_waypoints.json").json()["features"]
    found = {"legs": len(legs), "waypoints": len(waypoints), "distance_m": newly_driven_m(legs)}
    assert found == truth["traverse"]["perseverance"]
    assert set(truth["traverse"]) == set(ROVERS)


def test_the_observations_are_of_pictures_that_the_truth_has(replica: RunningReplica) -> None:
    for source, rover in (("m20", "perseverance"), ("msl", "curiosity"), ("pds", "spirit"), ("v1", "opportunity")):
        ids = replica.control.ids(source, rover)
        observed = replica.control.observations(source, rover)
        assert observed
        assert all(set(frame) <= set(ids[each["sol"]]) for each in observed for frame in each["frames"])


def test_the_errors_are_those_of_the_original(client: httpx.Client) -> None:
    unknown = [client.get("/api/v1/manifests/sojourner"), client.get("/api/v1/rovers/sojourner/photos?sol=1")]
    assert [(response.status_code, response.text) for response in unknown] == [(400, '{"errors":"Invalid Rover Name"}')] * 2
    empty = {"photos": [], "synthetic": True}
    for query in ("sol=99999", "sol=1&camera=HUBBLE", "", "sol=x", "earth_date=1999-01-01"):
        response = client.get(f"/api/v1/rovers/spirit/photos?{query}")
        assert (response.status_code, response.json()) == (200, empty)
    for path in ("/mmgis-maps/M20/Layers/json/other.json", "/img/data/mer/spirit/mer1po_0xxx/index/edrindex.tab", "/api/v2"):
        missing = client.get(path)
        assert missing.status_code == 404
        assert missing.headers["content-type"].startswith("text/html")


def test_a_sol_comes_whole_or_in_pages_of_25_and_rover_names_in_any_case(client: httpx.Client) -> None:
    rows = client.get("/api/v1/manifests/Perseverance").json()["photo_manifest"]["photos"]
    row = max(rows, key=lambda row: row["total_photos"])
    address = f"/api/v1/rovers/PERSEVERANCE/photos?sol={row['sol']}"
    whole = client.get(address).json()["photos"]
    assert len(whole) == row["total_photos"] > 25
    assert client.get(f"{address}&page=1").json() == {"photos": whole[:25], "synthetic": True}
    assert client.get(f"{address}&page=2&per_page=10").json()["photos"] == whole[10:20]
    assert client.get(f"{address}&page=999").json() == {"photos": [], "synthetic": True}
    by_date = f"/api/v1/rovers/perseverance/photos?earth_date={row['earth_date']}"
    assert client.get(by_date).json()["photos"] == whole


def test_a_mirror_always_paginates_and_has_its_own_error() -> None:
    with running(ReplicaConfig(sols=3, paginated=True)) as mirror, httpx.Client(base_url=mirror.v1_url) as client:
        row = client.get("/manifests/perseverance").json()["photo_manifest"]["photos"][0]
        total = row["total_photos"]
        first = client.get(f"/rovers/perseverance/photos?sol={row['sol']}").json()
        pages = -(-total // 25)
        assert first["pagination"] == {"total_count": total, "page": 1, "per_page": 25, "total_pages": pages}
        assert len(first["photos"]) == min(25, total)
        most = client.get(f"/rovers/perseverance/photos?sol={row['sol']}&per_page=5000").json()
        assert most["pagination"]["per_page"] == 100
        unknown = client.get("/manifests/sojourner")
        assert (unknown.status_code, unknown.json()) == (404, {"error": "Rover 'sojourner' not found"})


def test_the_counters_show_every_upstream_request_and_none_of_the_controls(
    replica: RunningReplica, client: httpx.Client
) -> None:
    replica.control.truth()
    assert replica.control.requests() == {"total": 0, "paths": {}, "faults": {}}
    for path in ("/api/v1/rovers", "/api/v1/rovers/spirit/photos?sol=1", "/api/v1/rovers/spirit/photos?sol=1", "/nothing"):
        client.get(path)
    asked = {"/api/v1/rovers": 1, "/api/v1/rovers/spirit/photos?sol=1": 2, "/nothing": 1}
    assert replica.control.requests() == {"total": 4, "paths": asked, "faults": {}}


def observed(client: httpx.Client, address: str, whole: bytes) -> Fault | None:
    """Which fault a client sees."""
    try:
        response = client.get(address)
    except httpx.RemoteProtocolError as error:
        return Fault.CUT if "complete message body" in str(error) else Fault.DROPPED
    except httpx.ReadError:
        return Fault.DROPPED
    if response.content == whole:
        return None
    by_status = {429: Fault.RATE_LIMITED, 500: Fault.ERROR_500, 503: Fault.ERROR_503}
    if fault := by_status.get(response.status_code):
        assert (response.headers.get("retry-after") == "3") == (fault is Fault.RATE_LIMITED)
        return fault
    if response.headers["content-type"].startswith("text/html"):
        return Fault.HTML
    return Fault.JSON_ERROR if "error" in response.json() else Fault.EMPTY


def test_the_asked_share_of_the_responses_is_faulty_in_every_asked_way(
    replica: RunningReplica, client: httpx.Client
) -> None:
    address = "/api/v1/rovers/perseverance/photos?sol=0"
    whole = client.get(address).content
    plan = FaultPlan(share=0.4, retry_after_s=3)
    replica.control.faults(plan)
    replica.control.reset_counters()
    stream = FaultStream(plan, CONFIG.seed)
    expected = [stream.next("/") for _ in range(200)]
    assert [observed(client, address, whole) for _ in range(200)] == expected
    counts = Counter(fault for fault in expected if fault)
    assert set(counts) == set(plan.kinds) == set(Fault) - {Fault.WRONG_LENGTH, Fault.REDIRECT, Fault.NOT_FOUND, Fault.SLOW}
    assert 60 <= counts.total() <= 100
    assert replica.control.requests()["faults"] == counts


def test_only_the_asked_kinds_occur_and_a_response_that_is_no_photo_list_is_never_empty(
    replica: RunningReplica, client: httpx.Client
) -> None:
    replica.control.faults(FaultPlan(share=1, kinds=(Fault.EMPTY,)))
    assert client.get("/api/v1/rovers/perseverance/photos?sol=0").json() == {"photos": [], "synthetic": True}
    assert client.get("/api/v1/manifests/perseverance").status_code == 503


def test_an_outage_of_one_server_leaves_the_others_alone(replica: RunningReplica, client: httpx.Client) -> None:
    replica.control.faults(FaultPlan(outage=True, only=("/rss/api/",)))
    feed = "/rss/api/?feed=raw_images&category=mars2020&feedtype=json&latest=true"
    assert {observed(client, feed, b"") for _ in range(10)} == {Fault.ERROR_503, Fault.DROPPED}
    assert client.get("/api/v1/manifests/perseverance").is_success


def test_during_an_outage_nothing_is_served(replica: RunningReplica, client: httpx.Client) -> None:
    address = "/api/v1/manifests/spirit"
    whole = client.get(address).content
    replica.control.faults(FaultPlan(outage=True))
    assert {observed(client, address, whole) for _ in range(30)} == {Fault.ERROR_503, Fault.DROPPED}
    replica.control.faults(FaultPlan())
    assert client.get(address).content == whole


@pytest.mark.parametrize(
    "plan", [b'{"share": 2}', b'{"kinds": ["gremlins"]}', b'{"shares": 1}', b'{"share": "x"}', b"5", b"{"]
)
def test_a_fault_plan_that_is_not_understood_is_refused_and_changes_nothing(client: httpx.Client, plan: bytes) -> None:
    before = client.get("/control/faults").json()
    response = client.post("/control/faults", content=plan)
    assert response.status_code == 400
    assert (
        "fault plan" in response.json()["error"]
        or "JSON" in response.json()["error"]
        or "unexpected" in response.json()["error"]
    )
    assert client.get("/control/faults").json() == before


def test_withheld_sols_and_photos_appear_when_they_are_released_and_the_truth_follows() -> None:
    whole = ReplicaConfig(rovers=("spirit", "perseverance"), sols=12, seed=7)
    late = ReplicaConfig(rovers=("spirit", "perseverance"), sols=12, seed=7, late_sols=2, late_share=0.3)
    with running(whole) as complete:
        everything = complete.control.truth()
    with running(late) as replica, httpx.Client(base_url=replica.base_url) as client:
        states = [replica.control.truth()]
        assert {rover: held(client, rover) for rover in late.rovers} == states[0]["rovers"]
        replica.control.release(sols=1)
        states.append(replica.control.truth())
        assert {rover: held(client, rover) for rover in late.rovers} == states[1]["rovers"]
        replica.control.release(photos=True)
        states.append(replica.control.truth())
        replica.control.release_everything()
        states.append(replica.control.truth())
        assert {rover: held(client, rover) for rover in late.rovers} == states[3]["rovers"]
    assert states[3] == everything
    spirit = [state["rovers"]["spirit"] for state in states]
    assert [len(state["sols"]) for state in spirit] == [10, 11, 11, 12]
    assert spirit[0]["photos"] < spirit[1]["photos"] < spirit[2]["photos"] < spirit[3]["photos"]
    assert states[0]["traverse"]["perseverance"]["legs"] <= states[3]["traverse"]["perseverance"]["legs"]


def test_a_taken_port_is_a_clear_error(replica: RunningReplica) -> None:
    with pytest.raises(InputError, match="cannot listen"):
        serve(CONFIG, port=httpx.URL(replica.base_url).port or 0)


def test_the_blocking_server_says_when_it_responds_and_stops_on_ctrl_c() -> None:
    program = (
        "from martian_moments.replica.config import ReplicaConfig\n"
        "from martian_moments.replica.server import serve\n"
        "serve(ReplicaConfig(sols=2), on_ready=lambda url: print(url, flush=True))"
    )
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = process.stdout.readline().strip()
        assert httpx.get(f"{address}/api/v1/manifests/spirit").json()["synthetic"] is True
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
