"""The pictures of every dialect, from a server of which three responses in ten go wrong: exact, only later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from martian_moments.domain.documents import Coordinates, Kind, object_key
from martian_moments.domain.pictures import Fault, Picture
from martian_moments.lake.store import Lake
from martian_moments.pipelines.images import Wanted
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import OF_PICTURES, FaultPlan
from martian_moments.replica.faults import Fault as Wrong
from martian_moments.replica.running import RunningReplica, running
from martian_moments_tests.unit.pipelines.test_images import fetch, records

# A pause that a server asks for is kept whole, which nobody needs to wait for here.
KINDS = tuple(kind for kind in OF_PICTURES if kind is not Wrong.RATE_LIMITED)


@pytest.fixture(scope="module")
def replica() -> Iterator[RunningReplica]:
    with running(ReplicaConfig(sols=3, scale=0.1, bad_pictures=0.5, seed=3)) as made:
        made.control.faults(FaultPlan(share=0.3, pictures=KINDS, slow_ms=1))
        yield made


def settled(lake: Lake, folder: Path, rover: str, sol: int, wanted: list[Wanted]) -> dict[str, Picture]:
    """The records of a sol, once no run has anything left to ask for."""
    key = object_key(Coordinates(Kind.IMAGES, rover, None, sol))
    while True:
        fetch(lake, folder, {sol: wanted}, rover=rover)
        found = {each.photo_key: each for each in records(lake, key)}
        if len(found) == len(wanted) and all(each.error is not Fault.FAILED for each in found.values()):
            return found


@pytest.mark.parametrize(
    ("source", "rover", "sol"),
    [("m20", "perseverance", 0), ("msl", "curiosity", 2), ("pds", "spirit", 2), ("v1", "spirit", 1), ("v1", "curiosity", 2)],
)
def test_what_is_good_is_held_and_what_is_not_has_its_reason(
    replica: RunningReplica, tmp_path: Path, source: str, rover: str, sol: int
) -> None:
    lake = Lake((tmp_path / "lake").as_uri())
    truths = replica.control.pictures(source, rover, sol)
    # The last rendition is the smallest one.
    addresses = {key: list(truth["renditions"])[-1] for key, truth in truths.items()}
    found = settled(lake, tmp_path, rover, sol, [Wanted(key, url) for key, url in addresses.items()])
    not_held = {"missing", "damaged"}
    flaws = {key: truth["flaw"] for key, truth in truths.items() if truth["flaw"] in not_held}
    assert flaws
    assert {key: record.error for key, record in found.items() if record.error} == flaws
    sizes = {key: truths[key]["renditions"][addresses[key]] for key in found.keys() - flaws.keys()}
    held = {key: record for key, record in found.items() if record.is_held}
    assert {key: (record.width_px, record.height_px) for key, record in held.items()} == {
        key: (size["width"], size["height"]) for key, size in sizes.items()
    }
    # The draws are seeded: four of the first eight responses go wrong, and no sol has fewer pictures. How many follow
    # depends on the order in which pictures are asked for.
    assert sum(replica.control.requests()["faults"].values()) >= 4
    assert all(len(lake.get(record.picture_key or "")) == record.bytes for record in held.values())
