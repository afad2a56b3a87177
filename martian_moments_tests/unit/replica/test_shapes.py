"""The generated responses look like the real ones, key by key and type by type."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments.replica.archive import Archive, open_archive
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.file_names import mer_code
from martian_moments_tests.unit.replica.responses import manifest, photos, shape, sols

REAL_PHOTOS = {
    "curiosity": ("v1_photos_curiosity_sol1000_2023-07.json", "v1_photos_curiosity_sol0_2023-07_cut118of3702.json"),
    "perseverance": ("v1_photos_perseverance_sol0_2023-07.json", "v1_photos_perseverance_sol367_2022.json"),
    "opportunity": ("v1_photos_opportunity_sol1_2023-07.json",),
    "spirit": ("v1_photos_spirit_sol1_2023-07.json",),
}
PLACE = {
    "curiosity": re.compile(r"/[A-Z0-9]{3}_\d{9}(?:EDR|PRC)_[FSDT](\w{3})(\d{4})\w+_?\.(?:JPG|PNG)$"),
    "perseverance": re.compile(r"/\w{3}_\d{4}_\d{10}_\d{3}E\w\w_N(\d{3})(\d{4})[A-Z]{3}[A-Z_]\d{5}_\w{6}J\d\d_1200\.jpg$"),
    "opportunity": re.compile(r"/1[PNFRME]\d{9}E\w\w(\w\w)(\w\w)[A-Z]\d{4}[LRMN]\d[A-Z]\d-BR\.JPG$"),
    "spirit": re.compile(r"/2[PNFRME]\d{9}E\w\w(\w\w)(\w\w)[A-Z]\d{4}[LRMN]\d[A-Z]\d-BR\.JPG$"),
}
NAMELESS = re.compile(r"/msss/\d{5}/\w{4}/\d{4}M[RLHD]\w+_DXXX\.jpg$")


@pytest.fixture(scope="module")
def generated() -> Archive:
    return open_archive(ReplicaConfig(sols=40, scale=0.3))


def all_photos(archive: Archive, rover: str) -> list[dict[str, Any]]:
    return [photo for sol in sols(archive, rover) for photo in photos(archive, rover, sol)["photos"]]


def real_photos(folder: Path, rover: str) -> list[dict[str, Any]]:
    return [photo for name in REAL_PHOTOS[rover] for photo in orjson.loads((folder / name).read_bytes())["photos"]]


@pytest.mark.parametrize("rover", ROVERS)
def test_a_generated_manifest_has_the_keys_and_types_of_the_real_one_and_says_that_it_is_synthetic(
    generated: Archive, real_payloads: Path, rover: str
) -> None:
    real = orjson.loads(next(real_payloads.glob(f"v1_manifest_{rover}_*.json")).read_bytes())
    assert shape(manifest(generated, rover)) == (*shape(real), ("synthetic", "bool"))


@pytest.mark.parametrize("rover", ROVERS)
def test_generated_photos_have_the_keys_and_types_of_real_ones_with_both_rover_objects(
    generated: Archive, real_payloads: Path, rover: str
) -> None:
    real = {shape(photo) for photo in real_photos(real_payloads, rover)}
    found = {shape(photo) for photo in all_photos(generated, rover)}
    assert real <= found
    assert {len(dict(dict(photo)["rover"])) for photo in found} == {5, 9}
    assert len(found) == 2


def test_generated_responses_differ_from_real_ones_only_by_the_synthetic_mark(generated: Archive) -> None:
    assert list(photos(generated, "spirit", 1)) == ["photos", "synthetic"]
    assert photos(generated, "spirit", 99_999) == {"photos": [], "synthetic": True}


@pytest.mark.parametrize("rover", ROVERS)
def test_cameras_and_rovers_carry_the_ids_names_and_dates_of_the_real_api(
    generated: Archive, real_payloads: Path, rover: str
) -> None:
    cameras = {photo["camera"]["name"]: photo["camera"] for photo in all_photos(generated, rover)}
    real = real_photos(real_payloads, rover)
    shared = 0
    for photo in real:
        if camera := cameras.get(photo["camera"]["name"]):
            assert camera == photo["camera"]
            shared += 1
    assert shared > len(real) / 2
    changing = {"max_sol", "max_date", "total_photos"}
    long_rover = next(photo["rover"] for photo in all_photos(generated, rover) if len(photo["rover"]) == 9)
    real_rover = next(photo["rover"] for photo in real if len(photo["rover"]) == 9)
    assert {key: long_rover[key] for key in long_rover.keys() - changing} == {
        key: real_rover[key] for key in real_rover.keys() - changing
    }


def test_the_totals_in_a_rover_object_are_those_of_the_manifest(generated: Archive) -> None:
    facts = manifest(generated, "curiosity")["photo_manifest"]
    rovers = [photo["rover"] for photo in all_photos(generated, "curiosity") if len(photo["rover"]) == 9]
    for key in ("max_sol", "max_date", "total_photos"):
        assert {rover[key] for rover in rovers} == {facts[key]}
    assert facts["total_photos"] == sum(row["total_photos"] for row in facts["photos"])


def test_the_listing_has_the_keys_and_types_of_the_real_one(generated: Archive, real_payloads: Path) -> None:
    real = orjson.loads((real_payloads / "v1_rovers_listing_2018-09.json").read_bytes())
    listing = orjson.loads(generated.rovers().body)
    assert shape(listing) == (*shape(real), ("synthetic", "bool"))
    assert [rover["name"] for rover in listing["rovers"]] == ["Curiosity", "Opportunity", "Spirit", "Perseverance"]


@pytest.mark.parametrize("rover", ROVERS)
def test_file_names_follow_the_grammar_of_the_real_ones(generated: Archive, real_payloads: Path, rover: str) -> None:
    for photo in [*real_photos(real_payloads, rover), *all_photos(generated, rover)]:
        assert PLACE[rover].search(photo["img_src"]) or NAMELESS.search(photo["img_src"]), photo["img_src"]
    addresses = [photo["img_src"] for photo in all_photos(generated, rover)]
    assert len(addresses) == len(set(addresses))


def test_the_place_in_a_perseverance_file_name_is_where_the_traverse_says_the_rover_stood(generated: Archive) -> None:
    waypoints = orjson.loads(generated.layer("M20_waypoints.json").body)["features"]
    stood = {w["properties"]["sol"]: w["properties"] for w in waypoints if w["properties"]["final"] == "y"}
    places = set()
    for photo in all_photos(generated, "perseverance"):
        found = PLACE["perseverance"].search(photo["img_src"])
        assert found
        at = stood[max(sol for sol in stood if sol <= photo["sol"])]
        assert (int(found[1]), int(found[2])) == (at["site"], at["drive"])
        places.add(at["RMC"])
    assert len(places) > 5


@pytest.mark.parametrize(("counter", "code"), [(2, "02"), (11, "11"), (131, "AV"), (691, "QF"), (138, "B2"), (1230, "7M")])
def test_a_mer_counter_is_written_as_in_the_real_file_names(counter: int, code: str) -> None:
    assert mer_code(counter) == code


def with_one_kind_of_number(value: object) -> object:
    """A published whole number is an int, any other a float, in the same column."""
    if isinstance(value, dict):
        return {key: with_one_kind_of_number(item) for key, item in value.items()}
    if isinstance(value, list):
        return [with_one_kind_of_number(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


@pytest.mark.parametrize(
    ("layer", "recorded"),
    [
        ("M20_traverse.json", "mmgis_m20_traverse_2026-04.json"),
        ("M20_waypoints.json", "mmgis_m20_waypoints_full_2024-04-04.json"),
    ],
)
def test_generated_map_layers_have_the_keys_and_types_of_the_real_ones(
    generated: Archive, real_payloads: Path, layer: str, recorded: str
) -> None:
    real = orjson.loads((real_payloads / recorded).read_bytes())
    found = orjson.loads(generated.layer(layer).body)
    assert list(found) == [*real, "synthetic"]
    real_features, features = (
        {shape(with_one_kind_of_number(feature)) for feature in layer["features"]} for layer in (real, found)
    )
    assert features <= real_features
