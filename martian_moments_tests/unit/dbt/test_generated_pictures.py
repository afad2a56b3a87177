"""What silver says of the replica's pictures, beside what the replica means: of all dialects, in their own words."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from martian_moments.domain.documents import Document, decode_text, encode
from martian_moments.lake.store import Lake
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.m20 import M20
from martian_moments.nasa.mmgis import MMGIS
from martian_moments.nasa.msl import MSL
from martian_moments.nasa.pds import PDS
from martian_moments.nasa.protocols import PhotoSource
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.running import RunningReplica, running
from martian_moments.warehouse.base import BronzeObject
from martian_moments_tests.unit.dbt.conftest import Project

ROVERS = {"m20": "perseverance", "msl": "curiosity", "pds": "opportunity"}
CONFIG = ReplicaConfig(rovers=tuple(ROVERS.values()), sols=12, scale=0.5, seed=3)
BASELINES_M = {
    "NAVCAM_LEFT": 0.424,
    "MCZ_LEFT": 0.244,
    "FRONT_HAZCAM_LEFT_A": 0.248,
    "NAV_LEFT_B": 0.424,
    "FHAZ_LEFT_B": 0.167,
}
WIDTHS_DEG = {
    "m20": {"NAVCAM_LEFT": 96, "MCZ_RIGHT": 20.3, "FRONT_HAZCAM_LEFT_A": 136, "SUPERCAM_RMI": 1.08},
    "msl": {"NAV_RIGHT_B": 45, "FHAZ_LEFT_B": 124, "CHEMCAM_RMI": 1.15},
    "pds": {"NAVCAM_LEFT": 45, "PANCAM_LEFT": 15.84, "FRONT_HAZCAM_LEFT": 124},
}
COLUMNS = (
    "source_id, sol, site, drive, camera, is_thumbnail, view_azimuth_deg, view_elevation_deg, fov_h_deg, camera_x_m,"
    " camera_y_m, camera_z_m, epoch_ms(taken_at_utc) as taken_ms, photo_key, image_url, image_url_small, image_url_full,"
    " color_kind"
)


async def documents(replica: RunningReplica, folder: Path) -> list[Document]:
    async with PoliteClient(requests_per_minute=1_000_000, concurrency=4, backoff=0.0) as client:
        asking: dict[str, PhotoSource] = {
            "m20": M20(client, replica.m20_url),
            "msl": MSL(client, replica.msl_url),
            "pds": PDS(client, replica.pds_url, Lake(folder.as_uri()), folder),
        }
        made = [await source.manifest(ROVERS[name]) for name, source in asking.items()]
        for name, source in asking.items():
            made += [await source.photos(ROVERS[name], sol) for sol in replica.control.ids(name, ROVERS[name])]
        return [*made, await MMGIS(client, replica.mmgis_url).waypoints(ROVERS["m20"])]


class Generated:
    """What the replica means and what silver says of it."""

    def __init__(self, project: Project, replica: RunningReplica, waypoints: Document) -> None:
        places = [feature["properties"] for feature in waypoints.parsed_pages()[0]["features"]]
        self.yaw_deg = {(place["site"], place["drive"]): place["yaw"] for place in places}
        self.observed = {source: replica.control.observations(source, rover) for source, rover in ROVERS.items()}
        self.files = {
            source: {
                key: truth
                for sol in replica.control.ids(source, rover)
                for key, truth in replica.control.pictures(source, rover, sol).items()
            }
            for source, rover in ROVERS.items()
        }
        self.seen: dict[str, dict[str, dict[str, Any]]] = {}
        for source in ROVERS:
            rows = project.query(f"select {COLUMNS} from silver.source_photos where source = '{source}'")
            names = [column.split(" as ")[-1].strip() for column in COLUMNS.split(",")]
            pictures = [dict(zip(names, row, strict=True)) for row in rows]
            self.seen[source] = {picture["source_id"]: picture for picture in pictures}

    def frames(self, source: str, kind: str) -> list[list[dict[str, Any]]]:
        """Of each observation of a kind that the source has pointing of: its frames; of one in tiles the first."""
        found = [each for each in self.observed[source] if each["kind"] == kind and each["pointed"]]
        return [[self.seen[source][ids[0]] for ids in each["frames"]] for each in found]


@pytest.fixture(scope="module")
async def generated(project: Callable[[], Project], tmp_path_factory: pytest.TempPathFactory) -> Generated:
    made = project()
    with running(CONFIG) as replica, pytest.MonkeyPatch.context() as patched:
        patched.setenv("MARS_DBT_ARCHIVE_URL", replica.pds_url)
        loaded = await documents(replica, tmp_path_factory.mktemp("lake"))
        made.warehouse.load(
            [
                BronzeObject(each.header.key, each.header.fingerprint, each.header, decode_text("", encode(each)))
                for each in loaded
            ]
        )
        made.build("--select", "+source_photos", "--exclude", "resource_type:unit_test")
        return Generated(made, replica, loaded[-1])


@pytest.mark.parametrize("source", ROVERS)
def test_the_addresses_in_silver_are_those_at_which_the_replica_has_the_pictures(generated: Generated, source: str) -> None:
    """By the same photo_key; and the pixels are of the kind that silver reads from the name."""
    files = generated.files[source]
    assert {picture["photo_key"] for picture in generated.seen[source].values()} == set(files)
    for picture in generated.seen[source].values():
        renditions = files[picture["photo_key"]]["renditions"]
        addresses = [picture["image_url"], picture["image_url_small"], picture["image_url_full"]]
        of_pictures = {address for address in addresses if address and not address.endswith(".img")}
        assert picture["image_url"] in of_pictures <= set(renditions)
        kind, told = next(iter(renditions.values()))["kind"], picture["color_kind"]
        assert told is None or kind == ("gray" if told == "band" else told), picture


def apart_deg(a: float, b: float) -> float:
    return abs((a - b + 180) % 360 - 180)


@pytest.mark.parametrize("source", ROVERS)
def test_every_picture_of_a_pointed_observation_has_a_direction_and_the_width_of_its_camera(
    generated: Generated, source: str
) -> None:
    pointed = [each for each in generated.observed[source] if each["pointed"]]
    pictures = [generated.seen[source][name] for each in pointed for frame in each["frames"] for name in frame]
    assert len(pictures) > 100
    assert all(picture["view_azimuth_deg"] is not None and picture["fov_h_deg"] for picture in pictures)
    widths: dict[str, list[float]] = defaultdict(list)
    for frame in (frame for each in pointed for frame in each["frames"] if len(frame) == 1):
        picture = generated.seen[source][frame[0]]
        widths[picture["camera"]].append(picture["fov_h_deg"])
    for camera, width_deg in WIDTHS_DEG[source].items():
        assert widths[camera] == [pytest.approx(width_deg, abs=1)] * len(widths[camera])
    unpointed = [each for each in generated.observed[source] if not each["pointed"]]
    assert unpointed
    for each in unpointed:
        assert {generated.seen[source][name]["view_azimuth_deg"] for frame in each["frames"] for name in frame} == {None}


def test_a_hazcam_looks_where_the_rovers_nose_points(generated: Generated) -> None:
    pictures = [each for each in generated.seen["m20"].values() if each["camera"].startswith("FRONT_HAZCAM")]
    assert pictures
    for picture in pictures:
        assert apart_deg(picture["view_azimuth_deg"], generated.yaw_deg[picture["site"], picture["drive"]]) < 1


@pytest.mark.parametrize("source", ["m20", "msl"])
def test_both_eyes_of_a_pair_are_the_baseline_apart_at_one_time(generated: Generated, source: str) -> None:
    found = set()
    for observed, frames in zip(
        (each for each in generated.observed[source] if each["kind"] == "stereo" and each["pointed"]),
        generated.frames(source, "stereo"),
        strict=True,
    ):
        for one, other in observed["pairs"]:
            left, right = frames[one], frames[other]
            assert left["taken_ms"] == right["taken_ms"]
            eyes = [[picture[f"camera_{axis}_m"] for axis in "xyz"] for picture in (left, right)]
            if left["camera"] in BASELINES_M:
                assert math.dist(*eyes) == pytest.approx(BASELINES_M[left["camera"]], abs=0.001)
                found.add(left["camera"])
    assert len(found) >= 2


@pytest.mark.parametrize(("source", "widest_deg"), [("m20", 96), ("msl", 45)])
def test_a_panorama_closes_the_circle(generated: Generated, source: str, widest_deg: float) -> None:
    panoramas = generated.frames(source, "panorama")
    assert panoramas
    for frames in panoramas:
        bearings = sorted(frame["view_azimuth_deg"] for frame in frames)
        assert all(apart_deg(a, b) < widest_deg for a, b in pairwise([*bearings, bearings[0]]))
        assert len({(frame["site"], frame["drive"], frame["camera"]) for frame in frames}) == 1


@pytest.mark.parametrize("source", ROVERS)
def test_an_image_sequence_has_one_direction_and_equal_steps(generated: Generated, source: str) -> None:
    sequences = generated.frames(source, "image_sequence")
    assert sequences
    for frames in sequences:
        assert len({(frame["view_azimuth_deg"], frame["view_elevation_deg"]) for frame in frames}) == 1
        steps = {later["taken_ms"] - earlier["taken_ms"] for earlier, later in pairwise(frames)}
        assert len(steps) == 1
        assert 13_000 <= steps.pop() <= 25_000
