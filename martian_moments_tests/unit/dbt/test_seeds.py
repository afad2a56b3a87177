"""The seeds: facts that stand once, read by dbt and by Python."""

from __future__ import annotations

import csv
import json
from collections import Counter
from datetime import date

import pytest

from martian_moments.defs.dbt_specs import MANIFEST
from martian_moments.domain.rovers import ROVERS
from martian_moments.operations.baking import bake
from martian_moments_dbt import PROJECT

KEYS = {
    "rovers": ["rover"],
    "cameras": ["rover", "camera"],
    "camera_names": ["rover", "name"],
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


def test_pauses_and_clock_points_are_in_order_and_pauses_are_of_sols_that_there_were() -> None:
    for row in rows("expected_pauses"):
        assert ROVERS[row["rover"]].first_sol <= int(row["first_sol"]) <= int(row["last_sol"]), row
        assert date.fromisoformat(row["source"].split()[1]), row
    clocks = {rover: [float(row["clock"]) for row in rows("clock_points") if row["rover"] == rover] for rover in ROVERS}
    assert {"curiosity", "perseverance", "opportunity", "spirit"} <= {rover for rover, points in clocks.items() if points}
    for rover, points in clocks.items():
        assert points == sorted(points), rover
        assert len(points) != 1, f"{rover}: a straight line takes two points; without any, its clock is not read"
