"""Recorded payloads are served as they are, and nothing invented stands beside them unmarked."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import orjson
import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments.replica.archive import PhotoQuery, open_archive
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.truth import truth_of
from martian_moments_tests.unit.replica.responses import manifest, photos

RECORDED = {
    ("curiosity", 1000): ("v1_photos_curiosity_sol1000_2023-07.json", 856),
    ("perseverance", 0): ("v1_photos_perseverance_sol0_2023-07.json", 54),
    ("perseverance", 367): ("v1_photos_perseverance_sol367_2022.json", 162),
    ("opportunity", 1): ("v1_photos_opportunity_sol1_2023-07.json", 95),
    ("spirit", 1): ("v1_photos_spirit_sol1_2023-07.json", 77),
}


@pytest.mark.parametrize("unrecorded", ["refuse", "generate", "omit"])
def test_recorded_sols_and_maps_are_served_byte_for_byte(
    real_payloads: Path, unrecorded: Literal["refuse", "generate", "omit"]
) -> None:
    archive = open_archive(ReplicaConfig(recorded=real_payloads, unrecorded=unrecorded))
    for (rover, sol), (name, _) in RECORDED.items():
        assert archive.photos(rover, PhotoQuery(sol=sol)).body == (real_payloads / name).read_bytes()
    traverse = real_payloads / "mmgis_m20_traverse_2026-04.json"
    waypoints = real_payloads / "mmgis_m20_waypoints_full_2024-04-04.json"
    assert archive.layer("M20_traverse.json").body == traverse.read_bytes()
    assert archive.layer("M20_waypoints.json").body == waypoints.read_bytes()


def test_pages_of_a_recorded_sol_are_slices_of_the_whole(real_payloads: Path) -> None:
    archive = open_archive(ReplicaConfig(recorded=real_payloads))
    whole = photos(archive, "curiosity", 1000)["photos"]
    pages = [photos(archive, "curiosity", 1000, page=page) for page in range(1, 37)]
    assert [len(page["photos"]) for page in pages] == [25] * 34 + [6, 0]
    assert [record for page in pages for record in page["photos"]] == whole
    assert all(list(page) == ["photos"] for page in pages)
    mast = [photo for photo in whole if photo["camera"]["name"] == "MAST"]
    assert photos(archive, "curiosity", 1000, camera="MAST")["photos"] == mast
    assert photos(archive, "curiosity", 1000, page=2, per_page=40)["photos"] == whole[40:80]


def test_a_promised_sol_that_was_not_recorded_is_refused(real_payloads: Path) -> None:
    archive = open_archive(ReplicaConfig(recorded=real_payloads))
    assert archive.manifest("spirit").body == (real_payloads / "v1_manifest_spirit_2023-08.json").read_bytes()
    for sol in (0, 1001):  # of sol 0 there is only a cut recording
        response = archive.photos("curiosity", PhotoQuery(sol=sol))
        assert response.status == 503
        assert b"not recorded" in response.body
    assert archive.photos("curiosity", PhotoQuery(sol=4)).body == b'{"photos":[]}'  # the manifest knows no sol 4


def test_a_filled_sol_has_the_promised_photos_and_cameras_and_says_that_it_is_synthetic(real_payloads: Path) -> None:
    archive = open_archive(ReplicaConfig(recorded=real_payloads, unrecorded="generate"))
    for rover in ROVERS:
        rows = manifest(archive, rover)["photo_manifest"]["photos"]
        for row in [row for row in rows if (rover, row["sol"]) not in RECORDED][::400]:
            found = photos(archive, rover, row["sol"])
            assert found["synthetic"] is True
            assert len(found["photos"]) == row["total_photos"]
            assert sorted({photo["camera"]["name"] for photo in found["photos"]}) == row["cameras"]
    truth = truth_of(archive)["rovers"]
    assert sum(len(rover["sols"]) for rover in truth.values()) == 11_476
    assert sum(rover["photos"] for rover in truth.values()) == 1_192_103


def test_omitting_what_was_not_recorded_leaves_real_rows_in_a_manifest_marked_synthetic(real_payloads: Path) -> None:
    archive = open_archive(ReplicaConfig(recorded=real_payloads, unrecorded="omit"))
    for rover in ROVERS:
        real_file = next(real_payloads.glob(f"v1_manifest_{rover}_*.json"))
        real = orjson.loads(real_file.read_bytes())["photo_manifest"]
        wanted = [sol for name, sol in RECORDED if name == rover]
        found = manifest(archive, rover)
        assert found["synthetic"] is True
        facts = found["photo_manifest"]
        assert facts["photos"] == [row for row in real["photos"] if row["sol"] in wanted]
        assert facts["max_sol"] == max(wanted)
        assert facts["total_photos"] == sum(count for (name, _), (_, count) in RECORDED.items() if name == rover)
        assert list(facts) == list(real)


def test_the_truth_of_recorded_payloads_is_what_can_be_had_from_them(real_payloads: Path) -> None:
    for unrecorded in ("refuse", "omit"):
        truth = truth_of(open_archive(ReplicaConfig(recorded=real_payloads, unrecorded=unrecorded)))
        held = {(rover, int(sol)): n for rover, facts in truth["rovers"].items() for sol, n in facts["sols"].items()}
        assert held == {key: count for key, (_, count) in RECORDED.items()}
        traverse = truth["traverse"]["perseverance"]
        assert (traverse["legs"], traverse["waypoints"]) == (522, 380)
        assert traverse["distance_m"] == pytest.approx(41_737.781, abs=0.5)  # the rover's own total on sol 1840


def test_a_rover_without_a_recorded_manifest_is_generated_whole(real_payloads: Path, tmp_path: Path) -> None:
    for name in ("v1_manifest_spirit_2023-08.json", "v1_photos_curiosity_sol1000_2023-07.json"):
        (tmp_path / name).write_bytes((real_payloads / name).read_bytes())
    archive = open_archive(ReplicaConfig(recorded=tmp_path, counts=real_payloads))
    assert manifest(archive, "curiosity")["synthetic"] is True
    assert photos(archive, "curiosity", 1000)["synthetic"] is True
    assert "synthetic" not in manifest(archive, "spirit")
