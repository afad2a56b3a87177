"""Where the generated pictures look: every witness of a response agrees, computed here from the published definitions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import orjson
import pytest

from martian_moments.domain.rovers import ROVERS
from martian_moments.domain.sun import Sun
from martian_moments.replica.archive import Archive, open_archive
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.truth import ids_of, observations_of

ROVER = {"m20": "perseverance", "msl": "curiosity"}
BOTH = pytest.mark.parametrize("source", ROVER)
SOURCES = pytest.mark.parametrize(
    ("source", "rover"), [*ROVER.items(), ("pds", "spirit"), ("pds", "opportunity"), ("v1", "curiosity"), ("v1", "spirit")]
)

Vector = tuple[float, ...]


@pytest.fixture(scope="module")
def archive() -> Archive:
    return open_archive(ReplicaConfig(sols=40, scale=0.3))


def images(archive: Archive, source: str) -> list[dict[str, Any]]:
    """The images that say where they look."""
    feed = archive.feeds[source]
    made = [orjson.loads(orjson.dumps(image)) for sol in feed.sols for image in feed.images(sol)]
    return [image for image in made if camera_of(image)["camera_vector"] not in {None, "UNK"}]


def camera_of(image: dict[str, Any]) -> dict[str, Any]:
    """The object that has the camera's fields: in the Mars 2020 feed one of its own."""
    return dict(image.get("camera", image))


def vector(text: str) -> Vector:
    return tuple(map(float, text.strip("()").split(",")))


def size(image: dict[str, Any]) -> Vector:
    """Width and height of the delivered picture."""
    return vector(image["extended"]["dimension"]) if "camera" in image else vector(image["subframe_rect"])[2:]


def cross(a: Vector, b: Vector) -> Vector:
    return (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])


def dot(a: Vector, b: Vector) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))


def angle_deg(a: Vector, b: Vector) -> float:
    return math.degrees(math.atan2(math.hypot(*cross(a, b)), dot(a, b)))


def minus(a: Vector, factor: float, b: Vector) -> Vector:
    return tuple(x - factor * y for x, y in zip(a, b, strict=True))


def model_of(image: dict[str, Any]) -> Sequence[Vector]:
    return [vector(part) for part in camera_of(image)["camera_model_component_list"].split(";") if "," in part]


def ray(image: dict[str, Any], column: float, row: float) -> Vector:
    """The ray through a pixel by CAHV: perpendicular to H - column A and to V - row A."""
    _, axis, horizontal, vertical = model_of(image)[:4]
    found = cross(minus(horizontal, column, axis), minus(vertical, row, axis))
    return found if dot(found, axis) > 0 else tuple(-each for each in found)


def turned(quaternion: Vector, v: Vector) -> Vector:
    w, axis = quaternion[0], quaternion[1:]
    twice = tuple(2 * each for each in cross(axis, v))
    return tuple(a + w * b + c for a, b, c in zip(v, twice, cross(axis, twice), strict=True))


def azimuth_of(v: Vector) -> float:
    return math.degrees(math.atan2(v[1], v[0])) % 360


def apart_deg(a: float, b: float) -> float:
    return abs((a - b + 180) % 360 - 180)


@BOTH
def test_the_reported_direction_is_the_ray_of_the_centre_by_the_reported_model(archive: Archive, source: str) -> None:
    found = images(archive, source)
    assert len(found) > 500
    for image in found:
        width, height = size(image)
        looks = vector(camera_of(image)["camera_vector"])
        assert math.hypot(*looks) == pytest.approx(1)
        assert angle_deg(ray(image, width / 2, height / 2), looks) < 0.01
        assert camera_of(image)["camera_position"] == camera_of(image)["camera_model_component_list"].split(";")[0]


@BOTH
def test_a_model_has_as_many_components_as_its_kind(archive: Archive, source: str) -> None:
    kinds: dict[str, set[int]] = defaultdict(set)
    for image in images(archive, source):
        kinds[camera_of(image)["camera_model_type"]].add(len(camera_of(image)["camera_model_component_list"].split(";")))
    assert kinds == {"CAHVOR": {6}, "CAHVORE": {9}}


@BOTH
def test_the_attitude_has_the_yaw_pitch_and_roll_of_the_waypoint(archive: Archive, source: str) -> None:
    layer = {"m20": "M20_waypoints.json", "msl": "MSL_waypoints.json"}[source]
    features = [feature["properties"] for feature in orjson.loads(archive.layer(layer).body)["features"]]
    stood = {(place["site"], place["drive"]): place for place in features}
    places = set()
    for image in images(archive, source):
        at = image["site"], int(image["drive"])
        w, x, y, z = vector(image["attitude"])
        yaw = math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
        pitch = math.degrees(math.asin(2 * (w * y - z * x)))
        roll = math.degrees(math.atan2(2 * (w * x + y * z), 1 - 2 * (x * x + y * y)))
        assert apart_deg(yaw, stood[at]["yaw"]) < 0.001
        assert pitch == pytest.approx(stood[at]["pitch"], abs=0.001)
        assert roll == pytest.approx(stood[at]["roll"], abs=0.001)
        places.add(at)
    assert len(places) > 10


@BOTH
def test_mast_angles_are_those_of_a_whole_frame_within_a_third_of_a_degree(archive: Archive, source: str) -> None:
    names = ("mastAz", "mastEl") if source == "m20" else ("mast_az", "mast_el")
    turning = 0
    for image in images(archive, source):
        azimuth, elevation = (image["extended"][name] for name in names)
        if azimuth in {None, "UNK"}:
            continue
        looks = vector(camera_of(image)["camera_vector"])
        if source == "msl" or image["extended"]["scaleFactor"] != "2":  # the scale of tiles
            assert abs(math.degrees(math.asin(-looks[2])) - float(elevation)) < 0.3
            assert apart_deg(azimuth_of(looks), float(azimuth)) * math.cos(math.radians(float(elevation))) < 0.3
            turning += 1
    assert turning > 100


def test_tiles_cover_the_frame_share_a_border_and_look_apart(archive: Archive) -> None:
    exposures: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for image in images(archive, "m20"):
        if image["sample_type"] == "Full" and image["camera"]["instrument"].startswith("NAVCAM"):
            exposures[image["camera"]["instrument"] + image["extended"]["sclk"]].append(image)
    tiled = [tiles for tiles in exposures.values() if len(tiles) > 1]
    assert tiled
    for tiles in tiled:
        shown = [tuple(map(int, vector(tile["extended"]["subframeRect"]))) for tile in tiles]
        columns = {column for x, y, width, height in shown if y == 1 for column in range(x, x + width)}
        rows = {row for x, y, width, height in shown if x == 1 for row in range(y, y + height)}
        assert columns == set(range(1, 5121))
        assert rows == set(range(1, 3841))
        assert len(set(shown)) == len(tiles) == 4
        assert sum(width * height for *_, width, height in shown) > 5120 * 3840
        assert len({tile["extended"]["mastAz"] for tile in tiles}) == 1
        azimuths = sorted(azimuth_of(vector(tile["camera"]["camera_vector"])) for tile in tiles)
        assert max(apart_deg(a, b) for a in azimuths for b in azimuths) > 20


def test_sizes_subframes_and_scales_fit_each_other(archive: Archive) -> None:
    for image in images(archive, "m20"):
        extended = image["extended"]
        shown, scale = vector(extended["subframeRect"]), int(extended["scaleFactor"])
        assert tuple(each // scale for each in shown[2:]) == vector(extended["dimension"])
    sizes = {(item["extended"]["sample_type"], item["scale_factor"], size(item)) for item in images(archive, "msl")}
    # The real server reports the subframe of a downsampled picture in its own pixels.
    assert {("full", 1, (1024.0, 1024.0)), ("downsampled", 2, (512.0, 512.0)), ("thumbnail", 16, (64.0, 64.0))} <= sizes


@pytest.mark.parametrize(
    ("source", "left", "right", "baseline_m"),
    [
        ("m20", "NAVCAM_LEFT", "NAVCAM_RIGHT", 0.424),
        ("m20", "MCZ_LEFT", "MCZ_RIGHT", 0.244),
        ("m20", "FRONT_HAZCAM_LEFT_A", "FRONT_HAZCAM_RIGHT_A", 0.248),
        ("msl", "NAV_LEFT_B", "NAV_RIGHT_B", 0.424),
        ("msl", "FHAZ_LEFT_B", "FHAZ_RIGHT_B", 0.167),
    ],
)
def test_the_eyes_of_a_pair_are_the_baseline_apart_and_look_alike(
    archive: Archive, source: str, left: str, right: str, baseline_m: float
) -> None:
    identity = {"m20": "imageid", "msl": "id"}[source]
    by_id = {str(image[identity]): image for image in images(archive, source)}
    pairs = [
        (by_id[observed["frames"][one][0]], by_id[observed["frames"][other][0]])
        for observed in observations_of(archive, source, ROVER[source])
        if observed["pointed"]
        for one, other in observed["pairs"]
    ]
    found = [(one, other) for one, other in pairs if camera_of(one)["instrument"] == left]
    assert found
    for one, other in found:
        assert camera_of(other)["instrument"] == right
        assert math.dist(model_of(one)[0], model_of(other)[0]) == pytest.approx(baseline_m, abs=0.001)
        assert camera_of(one)["camera_vector"] == camera_of(other)["camera_vector"]
        # The left eye is on the left of the direction of view.
        between = minus(model_of(other)[0], 1, model_of(one)[0])
        assert dot(between, model_of(one)[2]) - dot(between, model_of(one)[1]) * size(one)[0] / 2 > 0
        times = ("date_taken_utc", "date_taken")[source == "msl"]
        assert (one[times], one["sol"]) == (other[times], other["sol"])


@pytest.mark.parametrize(
    ("source", "camera", "width_deg"),
    [("m20", "NAVCAM_LEFT", 96), ("m20", "FRONT_HAZCAM_LEFT_A", 136), ("m20", "MCZ_LEFT", 20.3), ("msl", "NAV_LEFT_B", 45)],
)
def test_fields_of_view_are_near_the_published_ones(archive: Archive, source: str, camera: str, width_deg: float) -> None:
    image = next(image for image in images(archive, source) if camera_of(image)["instrument"] == camera)
    _, axis, horizontal, _, _, distortion, *_ = model_of(image)
    half = size(image)[0] / 2 / math.hypot(*cross(axis, horizontal))
    if camera_of(image)["camera_model_type"] == "CAHVORE":
        # The angle whose distorted image is that far from the middle, by bisection.
        low, high = 0.0, math.pi / 2
        for _ in range(60):
            angle = (low + high) / 2
            image_at = angle * (1 + distortion[1] * angle**2 + distortion[2] * angle**4)
            low, high = (angle, high) if image_at < half else (low, angle)
    else:
        low = math.atan(half)
    assert math.degrees(2 * low) == pytest.approx(width_deg, abs=1)


@BOTH
def test_a_panorama_closes_the_circle_and_crosses_north(archive: Archive, source: str) -> None:
    identity = {"m20": "imageid", "msl": "id"}[source]
    by_id = {str(image[identity]): image for image in images(archive, source)}
    wide = {"m20": 96, "msl": 45}[source]
    panoramas = [each for each in observations_of(archive, source, ROVER[source]) if each["kind"] == "panorama"]
    whole = [each for each in panoramas if each["pointed"]]
    assert whole
    for panorama in whole:
        frames = [by_id[ids[0]] for ids in panorama["frames"]]
        bearings = sorted(
            azimuth_of(turned(vector(frame["attitude"]), vector(camera_of(frame)["camera_vector"]))) for frame in frames
        )
        assert all(apart_deg(a, b) < wide for a, b in pairwise([*bearings, bearings[0]]))
        assert len({(frame["site"], frame["drive"], camera_of(frame)["instrument"]) for frame in frames}) == 1
        clocks = [float(frame.get("spacecraft_clock") or frame["extended"]["sclk"]) for frame in frames]
        assert 0 < max(clocks) - min(clocks) < 7_200


@BOTH
def test_an_image_sequence_looks_at_one_point_in_equal_steps(archive: Archive, source: str) -> None:
    identity = {"m20": "imageid", "msl": "id"}[source]
    by_id = {str(image[identity]): image for image in images(archive, source)}
    sequences = [
        each
        for each in observations_of(archive, source, ROVER[source])
        if each["kind"] == "image_sequence" and each["pointed"]
    ]
    assert sequences
    for sequence in sequences:
        frames = [by_id[ids[0]] for ids in sequence["frames"]]
        clocks = [float(frame.get("spacecraft_clock") or frame["extended"]["sclk"]) for frame in frames]
        steps = {round(later - earlier, 3) for earlier, later in pairwise(clocks)}
        assert len(frames) >= 4
        assert len(steps) == 1
        assert 13 <= steps.pop() <= 25
        assert len({camera_of(frame)["camera_vector"] for frame in frames}) == 1
        assert {f"CAM{sequence['sequence']:05}" in frame["imageid"] for frame in frames} == {True}


@SOURCES
def test_the_observations_of_the_truth_are_all_pictures_that_there_are_each_once(
    archive: Archive, source: str, rover: str
) -> None:
    observed = observations_of(archive, source, rover)
    listed = [(each["sol"], name) for each in observed for frame in each["frames"] for name in frame]
    had = {(int(sol), name) for sol, ids in ids_of(archive, source, rover).items() for name in ids}
    assert len(listed) == len(set(listed))
    assert set(listed) <= had
    thumbnails = {"m20": "_T", "pds": "ETH"}
    if source in thumbnails:
        assert {name for _, name in had - set(listed)} == {name for _, name in had if thumbnails[source] in name}
    if source == "v1":
        assert set(listed) == had
    assert {"stereo", "single"} <= {each["kind"] for each in observed}
    assert observations_of(archive, source, "nobody") == []


def test_a_sequence_is_of_one_observation_of_a_camera_on_a_sol(archive: Archive) -> None:
    for rover in ROVERS:
        seen = set()
        for each in observations_of(archive, "v1", rover):
            if each["kind"] in {"panorama", "image_sequence", "mosaic"}:
                key = each["sol"], each["sequence"], each["kind"]
                assert key not in seen
                seen.add(key)
    sequences = {
        each["sequence"] % 1000
        for each in observations_of(archive, "m20", "perseverance")
        if each["kind"] == "image_sequence"
    }
    assert sequences == {518}


def test_what_is_late_is_missing_from_the_truth_and_the_rest_of_its_observation_stays() -> None:
    late = open_archive(ReplicaConfig(rovers=("curiosity",), sols=12, seed=7, late_share=0.3))
    short, whole = (observations_of(each, "msl", "curiosity") for each in (late, late.released(photos=True)))

    def members(observed: list[dict[str, Any]]) -> dict[tuple[int, int, str], set[str]]:
        found: dict[tuple[int, int, str], set[str]] = defaultdict(set)
        for each in observed:
            found[each["sol"], each["sequence"], each["kind"]] |= {name for frame in each["frames"] for name in frame}
        return found

    before, after = members(short), members(whole)
    assert all(names <= after[key] for key, names in before.items())
    assert any(names < after[key] and len(names) > 3 for key, names in before.items())


# The index of Spirit and Opportunity


def lines(archive: Archive, rover: str, volume: str) -> list[dict[str, str]]:
    label = archive.index(rover, volume, "edrindex.lbl", None).body.decode()
    table = archive.index(rover, volume, "edrindex.tab", None).body.decode()
    names = [line.split("=")[1].strip() for line in label.splitlines() if line.strip().startswith("NAME ")]
    starts = [int(line.split("=")[1]) for line in label.splitlines() if line.strip().startswith("START_BYTE")]
    widths = [int(line.split("=")[1]) for line in label.splitlines() if line.strip().startswith("BYTES ")]
    columns = list(zip(names, starts, widths, strict=True))
    return [
        {name: line[start - 1 : start - 1 + width].strip() for name, start, width in columns} for line in table.splitlines()
    ]


@pytest.mark.parametrize(("rover", "volume"), [("opportunity", "mer1no_0xxx"), ("spirit", "mer2po_0xxx")])
def test_the_index_says_where_a_picture_looks_in_the_site_and_in_the_rover_frame(
    archive: Archive, rover: str, volume: str
) -> None:
    turns = defaultdict(set)
    for line in lines(archive, rover, volume):
        site, own = float(line["SITE_INSTRUMENT_AZIMUTH"]), float(line["ROVER_INSTRUMENT_AZIMUTH"])
        assert -180 <= site <= 180
        assert -180 <= own <= 180
        elevation = float(line["SITE_INSTRUMENT_ELEVATION"])
        assert abs(elevation - float(line["ROVER_INSTRUMENT_ELEVATION"])) < 0.6  # the rover's tilt
        turns[line["ROVER_MOTION_COUNTER"]].add(round((site - own) % 360))
        assert float(line["AZIMUTH_FOV"]) == pytest.approx({"n": 45, "p": 15.84}[volume[4]], abs=0.6)
        assert line["SEQUENCE_ID"] == "p" + line["PRODUCT_ID"][19:23]
    assert len(turns) > 5
    headings = {place: min(seen) for place, seen in turns.items()}
    # Within the tilt, all pictures of a place are turned by one heading.
    assert all(apart_deg(one, headings[place]) <= 2 for place, seen in turns.items() for one in seen)
    assert max(apart_deg(one, other) for one in headings.values() for other in headings.values()) > 10


@pytest.mark.parametrize(("rover", "volume"), [("opportunity", "mer1po_0xxx"), ("spirit", "mer2no_0xxx")])
def test_the_index_says_where_the_sun_stands(archive: Archive, rover: str, volume: str) -> None:
    found = lines(archive, rover, volume)
    assert found
    for line in found[::5]:
        sun = Sun.at(datetime.fromisoformat(line["START_TIME"]))
        sky = sun.seen_from(*ROVERS[rover].landing_place)  # the rovers are still near
        assert apart_deg(float(line["SOLAR_LONGITUDE"]), sun.solar_longitude_deg) < 0.02
        assert float(line["SOLAR_ELEVATION"]) == pytest.approx(sky.elevation_deg, abs=0.1)
        assert apart_deg(float(line["SOLAR_AZIMUTH"]), sky.azimuth_deg) * math.cos(math.radians(sky.elevation_deg)) < 0.1
        hours, minutes, seconds = map(int, line["LOCAL_TRUE_SOLAR_TIME"].split(":"))
        assert hours * 3600 + minutes * 60 + seconds == pytest.approx(sky.true_solar_seconds, abs=20)


@pytest.mark.parametrize("rover", ["opportunity", "spirit"])
def test_the_eyes_of_a_mer_pair_have_one_clock_and_one_sequence(archive: Archive, rover: str) -> None:
    pairs = [
        (observed["frames"][one][0], observed["frames"][other][0])
        for observed in observations_of(archive, "pds", rover)
        for one, other in observed["pairs"]
    ]
    assert {left[1] for left, _ in pairs} >= {"N", "P", "F"}
    for left, right in pairs:
        assert (left[23], right[23]) == ("L", "R")
        assert left[:23] == right[:23]
