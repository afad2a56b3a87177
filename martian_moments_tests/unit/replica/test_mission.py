"""The generated mission follows from its seed and is like a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from martian_moments.domain.errors import InputError
from martian_moments.domain.rovers import ROVERS
from martian_moments.replica.archive import Archive, open_archive
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.recorded import Recording
from martian_moments.replica.traverse import newly_driven_m, path_length_m
from martian_moments.replica.truth import truth_of
from martian_moments_tests.unit.replica.responses import manifest, photos, sols


def everything(archive: Archive) -> list[bytes]:
    responses = [archive.layer("M20_traverse.json").body, archive.layer("M20_waypoints.json").body, archive.rovers().body]
    for rover in ROVERS:
        responses.append(archive.manifest(rover).body)
        responses += [orjson.dumps(photos(archive, rover, sol)) for sol in sols(archive, rover)]
    return responses


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_mission() -> None:
    config = ReplicaConfig(sols=8, scale=0.1)
    assert everything(open_archive(config)) == everything(open_archive(config))
    other = everything(open_archive(ReplicaConfig(sols=8, scale=0.1, seed=2)))
    assert not set(everything(open_archive(config))) & set(other)


def test_a_sol_does_not_depend_on_what_was_asked_before() -> None:
    config = ReplicaConfig(sols=12, scale=0.1)
    archive = open_archive(config)
    backwards = {sol: photos(archive, "curiosity", sol) for sol in reversed(sols(archive, "curiosity"))}
    assert all(photos(open_archive(config), "curiosity", sol) == found for sol, found in backwards.items())


@pytest.mark.parametrize("rover", ROVERS)
def test_each_sol_has_the_photos_and_cameras_that_the_manifest_promises(rover: str) -> None:
    archive = open_archive(ReplicaConfig(sols=25, scale=0.4))
    for row in manifest(archive, rover)["photo_manifest"]["photos"]:
        found = photos(archive, rover, row["sol"])["photos"]
        assert len(found) == row["total_photos"]
        assert sorted({photo["camera"]["name"] for photo in found}) == row["cameras"]
        assert {photo["earth_date"] for photo in found} == {row["earth_date"]}
        assert {photo["sol"] for photo in found} == {row["sol"]}
        order = [(photo["camera"]["id"], photo["id"]) for photo in found]
        assert order == sorted(order)


def test_photo_ids_are_unique_over_all_rovers_and_rise_with_the_sol() -> None:
    archive = open_archive(ReplicaConfig(sols=20, scale=0.2))
    seen: list[int] = []
    for rover in ("curiosity", "opportunity", "spirit", "perseverance"):  # by rover id
        for sol in sols(archive, rover):
            seen += sorted(photo["id"] for photo in photos(archive, rover, sol)["photos"])
    assert seen == sorted(set(seen))


def test_with_recorded_counts_the_generated_history_has_the_size_of_the_real_one(real_payloads: Path) -> None:
    archive = open_archive(ReplicaConfig(counts=real_payloads))
    truth = truth_of(archive)["rovers"]
    assert sum(len(rover["sols"]) for rover in truth.values()) == 11_476
    assert sum(rover["photos"] for rover in truth.values()) == 1_192_103
    for rover in ROVERS:
        real = orjson.loads(Recording(real_payloads).manifest(rover) or b"")["photo_manifest"]
        assert manifest(archive, rover)["photo_manifest"] == real
    assert truth["curiosity"]["sols"]["0"] == len(photos(archive, "curiosity", 0)["photos"]) == 3702


@pytest.mark.parametrize(("rover", "share", "most"), [("curiosity", 0.09, 3702), ("spirit", 0.04, 415)])
def test_without_recorded_counts_gaps_and_counts_are_like_the_real_ones(rover: str, share: float, most: int) -> None:
    facts = manifest(open_archive(ReplicaConfig(rovers=(rover,))), rover)["photo_manifest"]
    listed = [row["sol"] for row in facts["photos"]]
    counts = [row["total_photos"] for row in facts["photos"]]
    absent = 1 - len(listed) / (listed[-1] - listed[0] + 1)
    assert share / 2 < absent < share * 2
    assert most / 4 < max(counts) <= most
    assert min(counts) == 1


def test_a_scaled_mission_keeps_its_sols_and_at_least_one_photo_of_each() -> None:
    whole = truth_of(open_archive(ReplicaConfig(sols=30)))["rovers"]["spirit"]["sols"]
    scaled = truth_of(open_archive(ReplicaConfig(sols=30, scale=0.1)))["rovers"]["spirit"]["sols"]
    assert scaled == {sol: max(1, round(count / 10)) for sol, count in whole.items()}


def test_the_lengths_of_the_generated_path_agree_with_its_coordinates_and_with_the_known_distance() -> None:
    archive = open_archive(ReplicaConfig(rovers=("perseverance",), sols=150, scale=0.01))
    legs = orjson.loads(archive.layer("M20_traverse.json").body)["features"]
    for leg in legs:
        measured = path_length_m(leg["geometry"]["coordinates"])
        assert leg["properties"]["length"] == pytest.approx(measured, abs=0.02)
    truth = truth_of(archive)["traverse"]["perseverance"]
    published = sum(leg["properties"]["length"] for leg in legs)
    assert truth["legs"] == len(legs)
    assert published > truth["distance_m"] + 1  # an overlapping leg is published, and not driven twice
    assert newly_driven_m(legs) == pytest.approx(truth["distance_m"], abs=0.01)
    waypoints = orjson.loads(archive.layer("M20_waypoints.json").body)["features"]
    final = [point["properties"] for point in waypoints if point["properties"]["final"] == "y"]
    assert final[-1]["dist_total_m"] == pytest.approx(truth["distance_m"], abs=0.001)
    assert {leg["properties"]["toRMC"] for leg in legs} == {point["RMC"] for point in final[1:]}


@pytest.mark.parametrize(
    "wrong",
    [{"rovers": ("sojourner",)}, {"sols": 0}, {"scale": 0}, {"late_share": 2}, {"recorded": Path("/nowhere/at/all")}],
)
def test_a_parameter_that_cannot_be_served_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        ReplicaConfig(**wrong)
