"""Which sols are whole, short or missing: gold.photo_gaps says of every sol what the lake's own view says of it."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from martian_moments.domain.coverage import Coverage, Gap, LakeView, State
from martian_moments.domain.documents import Document, Header, Kind
from martian_moments.nasa.sources import read_promises, sources_of
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project, bronze_object

SOLS = 120
LIST = {"m20": "images", "msl": "items", "pds": "lines", "v1": "photos"}
PREFERRED = ("m20", "msl", "pds", "v1")


def manifest(rover: str, source: str, chance: random.Random) -> bytes:
    """A manifest that leaves out some sols before its last one."""
    if source == "m20":
        return json.dumps({"latest_sol": SOLS}).encode()
    if source == "msl":
        return json.dumps({"items": [{"id": 1, "sol": SOLS}], "total": 9}).encode()
    counts = {sol: chance.choice([3, 4, 5, 6]) for sol in range(1, SOLS + 1) if chance.random() < 0.8}
    if source == "pds":
        return json.dumps({"volumes": [], "sols": [{"sol": sol, "photos": n} for sol, n in counts.items()]}).encode()
    rows = [{"sol": sol, "total_photos": n} for sol, n in counts.items()]
    return json.dumps({"photo_manifest": {"max_sol": max(counts), "photos": rows}}).encode()


def document(rover: str, source: str, sol: int, chance: random.Random) -> BronzeObject:
    """A document of this release or of the one before, with repeats on its own and on other pages, or whole, or empty."""
    records, repeats, elsewhere = chance.choice([0, 1, 3, 4, 5, 6]), chance.choice([0, 0, 1, 2]), chance.choice([0, 0, 1, 2])
    promised = chance.choice([records, records + repeats, records + repeats + elsewhere, 7])
    is_old = chance.random() < 0.5
    made = bronze_object(
        Kind.PHOTOS,
        rover,
        json.dumps({LIST[source]: []}).encode(),
        source=source,
        sol=sol,
        count=records,
        promised=promised,
        complete=records + repeats + (elsewhere if is_old else 0) >= promised,
    )
    return replace(made, header=replace(made.header, repeats=None if is_old else repeats))


def views(objects: list[BronzeObject], rover: str) -> Coverage:
    def of(source: str) -> list[BronzeObject]:
        return [each for each in objects if (each.header.rover, each.header.source) == (rover, source)]

    def view(source: str) -> LakeView:
        photos: dict[int, Header] = {each.header.sol: each.header for each in of(source) if each.header.sol is not None}
        (told,) = [each for each in of(source) if each.header.kind is Kind.MANIFEST]
        pages = json.loads(told.text)["pages"]
        promises = read_promises(Document(told.header, tuple(json.dumps(page).encode() for page in pages)))
        return LakeView(rover, source, promises, photos)

    return Coverage(rover, [view(source) for source in sources_of(rover, PREFERRED)])


@pytest.mark.parametrize("seed", [1])
def test_status_and_photo_gaps_agree_on_every_sol(project: Callable[[], Project], seed: int) -> None:
    chance = random.Random(seed)
    objects: list[BronzeObject] = []
    for rover in ("curiosity", "perseverance", "opportunity"):
        for source in sources_of(rover, PREFERRED):
            objects.append(bronze_object(Kind.MANIFEST, rover, manifest(rover, source, chance), source=source))
            objects += [document(rover, source, sol, chance) for sol in range(1, SOLS + 1) if chance.random() < 0.7]
    mars = project()
    mars.warehouse.load(objects)
    mars.build("--select", "+photo_gaps", "--exclude", "resource_type:test", "resource_type:unit_test")
    rows = mars.query("select rover, sol, expected, found, reason from gold.photo_gaps where reason <> 'expected_gap'")
    published: dict[tuple[str, int], tuple[Any, ...]] = {(rover, sol): tuple(rest) for rover, sol, *rest in rows}
    known = [views(objects, rover) for rover in ("curiosity", "perseverance", "opportunity")]
    lacking: dict[tuple[str, int], Gap] = {
        (each.rover, sol): gap for each in known for sol, gap in each.gaps.items() if gap.state is not State.FALLBACK
    }
    assert {at: (gap.expected, gap.found or 0, gap.state.value) for at, gap in lacking.items()} == published
    assert {State.SHORT, State.MISSING} == {gap.state for gap in lacking.values()}
    chosen = {
        (each.rover, sol): view.source for each in known for sol in each.sols if (view := each.chosen(sol)) is not None
    }
    documents = mars.query("select rover, sol, source from silver.photo_documents where is_chosen")
    assert {(rover, sol): source for rover, sol, source in documents} == chosen
