"""The seeds: facts that stand once, read by dbt and by Python."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from martian_moments.defs.dbt_specs import MANIFEST
from martian_moments.domain.rovers import ROVERS
from martian_moments.operations.baking import bake
from martian_moments_dbt import PROJECT

KEYS = {
    "rovers": ["rover"],
    "cameras": ["rover", "camera"],
    "camera_names": ["rover", "name"],
    "instruments": ["rover", "name"],
    "clock_points": ["rover", "clock"],
    "expected_pauses": ["rover", "first_sol"],
    "solar_conjunctions": ["day"],
    "known_fields": ["dialect", "name"],
}


def rows(seed: str) -> list[dict[str, str]]:
    with (PROJECT / "seeds" / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_seed_is_held_here() -> None:
    assert {file.stem for file in (PROJECT / "seeds").glob("*.csv")} == set(KEYS)


@pytest.mark.parametrize("seed", KEYS)
def test_no_fact_stands_twice_and_each_is_of_a_rover_that_there_is(seed: str) -> None:
    keys = Counter(tuple(row[column] for column in KEYS[seed]) for row in rows(seed))
    assert {key: count for key, count in keys.items() if count > 1} == {}
    assert {row["rover"] for row in rows(seed) if "rover" in row} <= set(ROVERS)


def test_every_column_of_a_seed_has_a_type_and_a_description() -> None:
    """Without a type dbt guesses one from the values, which would be another one after the next value."""
    bake()
    nodes = json.loads(MANIFEST.read_text())["nodes"].values()
    seeds = {node["name"]: node for node in nodes if node["resource_type"] == "seed"}
    for seed in KEYS:
        columns = list(rows(seed)[0])
        assert list(seeds[seed]["config"]["column_types"]) == columns
        assert [name for name in columns if not seeds[seed]["columns"][name]["description"]] == []


def test_every_name_of_a_camera_is_of_a_camera_that_there_is() -> None:
    known = {(row["rover"], row["camera"]) for row in rows("cameras")}
    assert {(row["rover"], row["camera"]) for row in rows("camera_names")} <= known


def instruments() -> dict[tuple[str, str], dict[str, str]]:
    return {(row["rover"], row["name"]): row for row in rows("instruments")}


def canonical(rover: str, name: str) -> str:
    names = {(row["rover"], row["name"]): row["camera"] for row in rows("camera_names")}
    return names.get((rover, name), name)


def test_every_camera_has_instruments_and_every_name_of_one_is_an_instrument() -> None:
    cameras = {(row["rover"], row["camera"]) for row in rows("cameras")}
    assert {(rover, canonical(rover, name)) for rover, name in instruments()} == cameras
    assert {(row["rover"], row["name"]) for row in rows("camera_names")} <= set(instruments())


def test_stereo_partners_are_each_others_left_and_right_eye() -> None:
    eyes = {key: row["eye"] for key, row in instruments().items()}
    partners = {key: (key[0], row["stereo_partner"]) for key, row in instruments().items() if row["stereo_partner"]}
    assert {key for key, eye in eyes.items() if eye} == set(partners)
    assert {partner: key for key, partner in partners.items()} == partners
    assert {(eyes[key], eyes[partner]) for key, partner in partners.items()} == {("left", "right"), ("right", "left")}
    # The two computers of Curiosity, and the pairs of Perseverance: 12 + 2 and 10 cameras; 8 of each older rover.
    assert Counter(rover for rover, _ in partners) == {"curiosity": 14, "perseverance": 10, "opportunity": 8, "spirit": 8}


def test_the_facts_of_a_camera_have_a_source_and_those_of_one_canonical_camera_agree() -> None:
    for (rover, name), row in instruments().items():
        assert re.fullmatch(r"[\w -]+ et al\. (2003|201[0-9]|202[01])", row["fact_source"]), name
        camera = rover, canonical(rover, name)
        same = [other for key, other in instruments().items() if (key[0], canonical(*key)) == camera]
        for column in ("detector_width_px", "detector_height_px", "is_bayer", "fact_source"):
            assert {other[column] for other in same} == {row[column]}, (name, column)


def test_no_real_picture_is_larger_than_the_detector(real_payloads: Path) -> None:
    sizes: dict[tuple[str, str], set[tuple[int, int]]] = {}
    for file in real_payloads.glob("m20_feed_*.json"):
        payload = json.loads(file.read_bytes())
        for image in payload.get("images", [payload] if "camera" in payload else []):
            scale = int(image["extended"]["scaleFactor"]) if image["extended"].get("scaleFactor", "UNK") != "UNK" else 1
            width, height = (int(number) * scale for number in image["extended"]["dimension"].strip("()").split(","))
            sizes.setdefault(("perseverance", image["camera"]["instrument"]), set()).add((width, height))
    for item in json.loads((real_payloads / "msl_api_sol86_nav_16items.json").read_bytes())["items"]:
        _, _, width, height = (int(number) for number in item["subframe_rect"].strip("()").split(","))
        sizes.setdefault(("curiosity", item["instrument"]), set()).add((width, height))
    for line in (real_payloads / "mer_edrindex_row_sample.tab").read_text().splitlines():
        fields = [field.strip().strip('"').strip() for field in line.split("\t")]
        sizes.setdefault(("opportunity", fields[3]), set()).add((int(fields[22]), int(fields[21])))
    assert {
        ("perseverance", "NAVCAM_LEFT"),
        ("perseverance", "SKYCAM"),
        ("curiosity", "NAV_LEFT_A"),
        ("opportunity", "PANCAM_LEFT"),
    } <= set(sizes)
    for key, seen in sizes.items():
        for column, size in zip(("detector_width_px", "detector_height_px"), zip(*seen, strict=True), strict=True):
            known = instruments()[key][column]
            assert not known or max(size) <= int(known), (key, column)


def test_pauses_and_clock_points_are_in_order_and_pauses_are_of_sols_that_there_were() -> None:
    for row in rows("expected_pauses"):
        assert ROVERS[row["rover"]].first_sol <= int(row["first_sol"]) <= int(row["last_sol"]), row
        assert date.fromisoformat(row["source"].split()[1]), row
    clocks = {rover: [float(row["clock"]) for row in rows("clock_points") if row["rover"] == rover] for rover in ROVERS}
    assert {"curiosity", "perseverance", "opportunity", "spirit"} <= {rover for rover, points in clocks.items() if points}
    for rover, points in clocks.items():
        assert points == sorted(points), rover
        assert len(points) != 1, f"{rover}: a straight line takes two points; without any, its clock is not read"
