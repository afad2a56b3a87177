"""What appeared, changed and went, after any sequence of documents, beside plain sets."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from martian_moments.domain.documents import Kind
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import OF_CHANGED_DOCUMENTS, Project, bronze_object

ALL = ("--select", "+photo_changes", "--exclude", "resource_type:test", "resource_type:unit_test")
CHANGED = ("--select", *OF_CHANGED_DOCUMENTS, "photo_versions", *ALL[2:])

Seen = Mapping[str, tuple[int, str]]
"""Photos of fact_photos by key: the sol under which the picture is filed, and its address."""


def document(sol: int, source: str, pictures: Mapping[int, str], hours: float) -> BronzeObject:
    """What a source has of a sol: of each picture the id and the address."""
    array, address = ("photos", "img_src") if source == "v1" else ("items", "https_url")
    records = [{"id": number, "sol": sol, address: f"https://x/{url}.jpg"} for number, url in pictures.items()]
    body, count = json.dumps({array: records}).encode(), len(records)
    return bronze_object(Kind.PHOTOS, "curiosity", body, source=source, sol=sol, count=count, promised=count, hours=hours)


@dataclass
class Follower:
    """Who reads photo_changes after each build, and keeps a copy of fact_photos by it alone."""

    built: Project
    keys: set[str] = field(default_factory=set)
    seen_until: datetime | None = None
    reported: dict[str, set[str]] = field(default_factory=dict)
    """What the last reading brought: keys by change."""

    def read(self) -> None:
        rows = self.built.query("select photo_key, change, changed_at, history_since from gold.photo_changes")
        recent = [row for row in rows if self.seen_until is None or row[2] > self.seen_until]
        if any(self.seen_until is None or row[3] > self.seen_until for row in rows):
            self.keys &= {row[0] for row in rows}
        self.reported = {
            change: {row[0] for row in recent if row[1] == change} for change in ("appeared", "changed", "went")
        }
        self.keys = (self.keys | {row[0] for row in recent}) - self.reported["went"]
        self.seen_until = max((row[2] for row in rows), default=self.seen_until)


def held(built: Project) -> Seen:
    return {key: (sol, url) for key, sol, url in built.query("select photo_key, sol, image_url from silver.fact_photos")}


def between(before: Seen, after: Seen) -> dict[str, set[str]]:
    """The same by set arithmetic."""
    return {
        "appeared": set(after) - set(before),
        "changed": {key for key in set(before) & set(after) if before[key] != after[key]},
        "went": set(before) - set(after),
    }


def steps(seed: int) -> Iterator[list[BronzeObject]]:
    """Documents of three sols, by the preferred source and by v1: they come, grow, shrink, change, and share photos."""
    chance = random.Random(seed)
    pictures: dict[tuple[int, str], dict[int, str]] = {(sol, source): {} for sol in (1, 2, 3) for source in ("msl", "v1")}
    for step in range(5):
        changed = chance.sample(sorted(pictures), 3)
        for at in changed:
            kept = {number: url for number, url in pictures[at].items() if chance.random() < 0.7}
            moved = {number: f"{step}" for number in kept if chance.random() < 0.4}
            new = {chance.randrange(12): "a" for _ in range(chance.randrange(1, 6))}
            pictures[at] = {} if chance.random() < 0.2 else new | kept | moved
        yield [document(*at, pictures[at], hours=step) for at in changed]


@pytest.fixture(scope="module")
def follower(project: Callable[[], Project]) -> Follower:
    return Follower(project())


def test_who_follows_the_changes_has_the_photos_after_any_sequence_of_documents(follower: Follower) -> None:
    before: Seen = {}
    brought: set[str] = set()
    for step, documents in enumerate(steps(seed=8)):
        follower.built.warehouse.load(documents)
        follower.built.build(*(CHANGED if step else ALL))
        follower.read()
        now = held(follower.built)
        assert follower.reported == between(before, now)
        assert follower.keys == set(now)
        brought |= {change for change, keys in follower.reported.items() if keys}
        before = now
    assert brought == {"appeared", "changed", "went"}


def test_a_build_by_other_rules_forgets_nothing_and_changes_only_what_reads_differently(follower: Follower) -> None:
    whole = "select * from gold.photo_changes order by photo_key"
    before = follower.built.query(whole)
    assert {row[4] for row in before} == {"appeared", "changed", "went"}
    follower.built.build(*CHANGED, "--full-refresh")
    assert follower.built.query(whole) == before


def test_who_follows_notices_that_the_warehouse_was_made_anew(follower: Follower) -> None:
    follower.built.path.unlink()
    follower.built.warehouse.ensure()
    follower.built.warehouse.load([document(7, "v1", {1: "a", 2: "b"}, hours=9)])
    gone = set(follower.keys)
    follower.built.build(*ALL)
    follower.read()
    assert follower.keys == {"curiosity|v1|1", "curiosity|v1|2"}
    assert gone
    assert not gone & follower.keys
