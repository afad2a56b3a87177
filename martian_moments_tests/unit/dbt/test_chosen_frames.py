"""Which of the replica's pictures become frames of a moment, from its records to the choice, held against its truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from martian_moments.domain.documents import decode_text, encode
from martian_moments.domain.errors import MartianError
from martian_moments.domain.moments import Moment
from martian_moments.domain.pictures import Fault, Picture, held
from martian_moments.media.choosing import NOT_FETCHED, Candidate, Choice, choose, published_tables
from martian_moments.media.quality import measure
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.m20 import M20
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.running import RunningReplica, running
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import FETCHED_AT, Project

ROVER = "perseverance"
CONFIG = ReplicaConfig(rovers=(ROVER,), sols=40, scale=0.35, seed=3, bad_pictures=0.2)


@dataclass
class Mars:
    """The published photos of the replica's records, and what is true of their pictures."""

    replica: RunningReplica
    photos: Path
    truth: Mapping[str, Any]
    held: dict[str, Picture] = field(default_factory=dict)

    def chosen(self, cameras: Sequence[str], kind: str) -> Choice:
        """The choice when every picture that is wanted was asked for, and asked for again what is wanted then."""
        moment = Moment(name="x", rover=ROVER, cameras=tuple(cameras), kind=kind, sols="all", limit=10_000)  # type: ignore[arg-type]
        with httpx.Client() as client:
            while True:
                with published_tables(self.photos, None, self.held.values()) as tables:
                    choice = choose(moment, tables)
                if not choice.wanted:
                    return choice
                for candidate in choice.wanted:
                    assert candidate.photo_key not in self.held
                    self.held[candidate.photo_key] = fetched(client, candidate)


def fetched(client: httpx.Client, wanted: Candidate) -> Picture:
    address = str(wanted.address)
    response = client.get(address)
    if response.status_code == 404:
        return Picture(wanted.photo_key, address, FETCHED_AT, error=Fault.MISSING)
    content = response.raise_for_status().content
    try:
        quality = measure(content)
    except MartianError:
        return Picture(wanted.photo_key, address, FETCHED_AT, error=Fault.DAMAGED)
    return held(wanted.photo_key, address, f"pictures/{wanted.photo_key}", content, quality)


@pytest.fixture(scope="module")
async def mars(project: Callable[[], Project], tmp_path_factory: pytest.TempPathFactory) -> Any:
    made, photos = project(), tmp_path_factory.mktemp("fact_photos")
    with running(CONFIG) as replica:
        async with PoliteClient(requests_per_minute=1_000_000, concurrency=4, backoff=0.0) as client:
            source = M20(client, replica.m20_url)
            sols = replica.control.ids("m20", ROVER)
            documents = [await source.manifest(ROVER), *[await source.photos(ROVER, sol) for sol in sols]]
        made.warehouse.load(
            [
                BronzeObject(each.header.key, each.header.fingerprint, each.header, decode_text("", encode(each)))
                for each in documents
            ]
        )
        made.build("--select", "+fact_photos", "--exclude", "resource_type:unit_test")
        with duckdb.connect(str(made.path), read_only=True) as connection:
            connection.execute(f"copy (from silver.fact_photos) to '{photos}/fact_photos.parquet'")
        truth = {key: each for sol in sols for key, each in replica.control.pictures("m20", ROVER, sol).items()}
        yield Mars(replica, photos, truth)


def reasons(mars: Mars, choice: Choice) -> Iterator[tuple[str, str | None, str | None]]:
    """Of every candidate: its reason by the truth, and by the choice, if they differ."""
    for candidate in choice.candidates:
        expected = mars.truth[candidate.photo_key]["reason"]
        if candidate.reason != expected:
            yield candidate.photo_key, expected, candidate.reason


@pytest.mark.parametrize(("camera", "kind", "least"), [("FRONT_HAZCAM_LEFT_A", "all", 300), ("NAVCAM_LEFT", "sky", 130)])
def test_every_bad_frame_is_left_out_with_its_reason_and_no_good_one(mars: Mars, camera: str, kind: str, least: int) -> None:
    choice = mars.chosen([camera], kind)
    pictures = [each for each in choice.candidates if mars.truth[each.photo_key]["part"] == "whole"]
    assert len(pictures) >= least
    assert list(reasons(mars, choice)) == []
    seen = Counter(mars.truth[each.photo_key]["reason"] for each in pictures)
    flaws = {"missing", "damaged", "underexposed", "overexposed", "exposure_outlier", "blurred", "repeated"}
    assert set(seen) == ({None} | flaws if kind == "all" else {None} | flaws - {"blurred"})


def test_a_drive_has_one_good_frame_of_each_stop_and_its_pictures_are_only_asked_for_once(mars: Mars) -> None:
    """Every candidate is good, or has its reason, or there is a good one of its stop."""
    choice = mars.chosen(["FRONT_HAZCAM_LEFT_A"], "drive")
    assert not choice.wanted
    assert [found for found in reasons(mars, choice) if found[2] != "same_stop"] == []
    stops = [(each.site, each.drive) for each in choice.frames]
    assert len(stops) == len(set(stops)) > 8
    assert {each.reason for each in choice.candidates} >= {None, "same_stop", "thumbnail"}
    assert NOT_FETCHED not in choice.left_out
