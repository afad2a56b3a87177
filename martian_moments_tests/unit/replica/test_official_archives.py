"""The replica's PDS indexes and paths, through the real client and over real HTTP, beside the replica's own truth."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from martian_moments.domain.errors import UpstreamUnavailable
from martian_moments.domain.rovers import ROVERS
from martian_moments.lake.store import Lake
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.mer import MER
from martian_moments.nasa.mmgis import MMGIS
from martian_moments.nasa.pds import PDS, read_promises
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import FaultPlan
from martian_moments.replica.running import RunningReplica, running

MER_ROVERS = ("opportunity", "spirit")


@pytest.fixture(scope="module")
def replica() -> Iterator[RunningReplica]:
    with running(ReplicaConfig(sols=30, scale=0.3, seed=7, late_sols=2)) as started:
        yield started


@asynccontextmanager
async def asking(attempts: int = 4) -> AsyncIterator[PoliteClient]:
    async with PoliteClient(
        requests_per_minute=1e6, concurrency=4, backoff=0.0, attempts=attempts, give_up_after=99
    ) as made:
        yield made


def fetch(url: str) -> httpx.Response:
    return httpx.get(url, trust_env=False)


@pytest.mark.parametrize("rover", MER_ROVERS)
async def test_every_sol_of_an_index_is_the_truth_although_every_third_response_is_faulty(
    replica: RunningReplica, tmp_path: Path, rover: str
) -> None:
    truth = replica.control.truth()["sources"]["pds"][rover]["sols"]
    ids = fetch(f"{replica.base_url}/truth/ids?source=pds&rover={rover}").json()
    replica.control.faults(FaultPlan(share=0.3, retry_after_s=0))
    async with asking(attempts=12) as client:
        source = PDS(client, replica.pds_url, Lake(tmp_path.as_uri()), tmp_path)
        manifest = await source.manifest(rover)
        documents = {sol: await source.photos(rover, int(sol)) for sol in truth}
    replica.control.faults(FaultPlan())
    assert manifest.header.synthetic
    assert {str(sol): count for sol, count in read_promises(manifest).sols.items()} == truth
    for sol, document in documents.items():
        assert document.header.synthetic
        rows = [row for page in document.parsed_pages() for row in page["lines"]]
        assert sorted(row["PRODUCT_ID"] for row in rows) == sorted(ids[sol])
        assert (document.header.record_count, document.header.complete) == (truth[sol], True)
        for row in rows:
            assert row["PLANET_DAY_NUMBER"] == sol
            assert (row["IMAGE_TYPE"] == "THUMBNAIL") == ("ETH" in row["PRODUCT_ID"])
            assert ROVERS[rover].sol_of(datetime.fromisoformat(row["START_TIME"])) == int(sol)


async def test_an_index_is_downloaded_again_only_when_late_sols_have_appeared(tmp_path: Path) -> None:
    with running(ReplicaConfig(rovers=("spirit",), sols=12, seed=7, late_sols=2)) as replica:
        async with asking() as client:
            source = PDS(client, replica.pds_url, Lake(tmp_path.as_uri()), tmp_path)
            first = await source.manifest("spirit")
            again = await source.manifest("spirit")
            replica.control.release_everything()
            late = await source.manifest("spirit")
            newest = read_promises(late).newest_sol
            photos = await source.photos("spirit", newest or 0)
        truth = replica.control.truth()["sources"]["pds"]["spirit"]["sols"]
    assert again.header.fingerprint == first.header.fingerprint
    assert len(read_promises(first).sols) == 10
    assert {str(sol): count for sol, count in read_promises(late).sols.items()} == truth
    assert photos.header.record_count == truth[str(newest)] > 0


async def test_the_descent_volume_has_its_own_label(replica: RunningReplica, tmp_path: Path) -> None:
    async with asking() as client:
        source = PDS(client, replica.pds_url, Lake(tmp_path.as_uri()), tmp_path)
        pages = (await source.photos("spirit", 1)).parsed_pages()
    columns = {page["volume"]: set(page["lines"][0]) for page in pages}
    assert columns["mer2po_0xxx"] - columns["mer2do_0xxx"] == {"PATH_NAME", "FILE_NAME", "ROVER_MOTION_COUNTER"}


async def test_a_cut_download_is_an_error_and_the_index_stays(tmp_path: Path) -> None:
    with running(ReplicaConfig(rovers=("spirit",), sols=10, seed=3, late_sols=1)) as replica:
        async with asking(attempts=1) as client:
            source = PDS(client, replica.pds_url, Lake(tmp_path.as_uri()), tmp_path)
            first = await source.manifest("spirit")
            replica.control.release_everything()
            replica.control.faults(FaultPlan.from_json({"share": 1.0, "kinds": ["cut"]}))
            with pytest.raises(UpstreamUnavailable, match="no response"):
                await source.manifest("spirit")
            sol = max(read_promises(first).sols)
            assert (await source.photos("spirit", sol)).header.record_count == read_promises(first).sols[sol]


@pytest.mark.parametrize("rover", MER_ROVERS)
async def test_the_path_of_a_mer_is_shuffled_repeats_and_says_that_it_is_generated(
    replica: RunningReplica, rover: str
) -> None:
    async with asking() as client:
        document = await MER(client, replica.mer_traverse_url).traverse(rover)
    truth = replica.control.truth()["traverse"][rover]
    rows = document.parsed_pages()[0]["places"]
    places = [(int(row["SITE"]), int(row["DRIVE"])) for row in rows]
    assert document.header.synthetic
    assert len(places) > len(set(places)) == truth["waypoints"] == truth["legs"] + 1
    assert places != sorted(places)


async def test_curiositys_map_has_the_faults_of_the_real_one(replica: RunningReplica) -> None:
    async with asking() as client:
        maps = MMGIS(client, replica.mmgis_url)
        legs = (await maps.traverse("curiosity")).parsed_pages()[0]["features"]
        waypoints = (await maps.waypoints("curiosity")).parsed_pages()[0]["features"]
    truth = replica.control.truth()["traverse"]["curiosity"]
    assert [leg["geometry"]["type"] for leg in legs[:2]] == ["MultiLineString", "LineString"]
    assert all(set(leg["properties"]) == {"Length"} for leg in legs)
    assert legs[1] == legs[2]
    reported = legs[1:2] + legs[3:]
    assert len(legs[0]["geometry"]["coordinates"]) + len(reported) == truth["legs"]
    assert sum(leg["properties"]["Length"] for leg in [legs[0], *reported]) == pytest.approx(truth["distance_m"], abs=0.01)
    places = [tuple(waypoint["geometry"]["coordinates"]) for waypoint in waypoints]
    ends = [(tuple(leg["geometry"]["coordinates"][0]), tuple(leg["geometry"]["coordinates"][-1])) for leg in reported]
    order = [(places.index(start), places.index(end)) for start, end in ends]
    assert sum(start > end for start, end in order) == 1
    assert len(waypoints) == truth["waypoints"] == truth["legs"] + 1


async def test_recorded_paths_are_served_unchanged(real_payloads: Path) -> None:
    recorded = real_payloads / "mer_spirit_traverse_path_pds.csv"
    with running(ReplicaConfig(rovers=("spirit", "curiosity"), recorded=real_payloads, unrecorded="omit")) as replica:
        response = fetch(f"{replica.mer_traverse_url}/MERA_traverse.csv")
        traverse = fetch(f"{replica.mmgis_url}/MSL/Layers/json/MSL_traverse.json")
        truth = replica.control.truth()["traverse"]
        async with asking() as client:
            document = await MER(client, replica.mer_traverse_url).traverse("spirit")
    assert response.content == recorded.read_bytes()
    assert traverse.content == (real_payloads / "mmgis_msl_traverse_2026-04.json").read_bytes()
    assert len(list(csv.DictReader(recorded.open()))) == document.header.record_count == 8_804
    assert truth["spirit"] == {"legs": 8_527, "waypoints": 8_528, "distance_m": pytest.approx(7_210, abs=0.2)}
    assert truth["curiosity"] == {"legs": 1_273, "waypoints": 1, "distance_m": pytest.approx(36_821.32, abs=0.01)}
