"""Generated pictures: at every address that records name, as large and of the kind that they say, as the truth has them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from io import BytesIO
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image

from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.pictures.marks import read_mark
from martian_moments.replica.running import RunningReplica, running

CONFIG = ReplicaConfig(sols=14, scale=0.1, bad_pictures=0.4, seed=3)
SOURCES = {
    "perseverance": ("m20", "v1"),
    "curiosity": ("msl", "v1"),
    "opportunity": ("pds", "v1"),
    "spirit": ("pds", "v1"),
}


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningReplica]:
    with running(CONFIG) as replica:
        yield replica


@cache
def truths(replica: RunningReplica, source: str, rover: str) -> Mapping[str, Any]:
    """The truth about the pictures of all sols, by photo_key."""
    sols = replica.control.ids(source, rover)
    return {key: truth for sol in sols for key, truth in replica.control.pictures(source, rover, sol).items()}


def decoded(content: bytes) -> np.ndarray[Any, Any] | None:
    image: np.ndarray[Any, Any] | None = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    return image


def fetched(client: httpx.Client, address: str) -> np.ndarray[Any, Any]:
    image = decoded(client.get(address).raise_for_status().content)
    assert image is not None, address
    return image


def named(client: httpx.Client, rover: str, sol: int) -> list[tuple[str, tuple[int, int] | None]]:
    """Every address of a picture that the responses of a sol name, and the size that they tell."""
    photos = client.get(f"/api/v1/rovers/{rover}/photos?sol={sol}").json()["photos"]
    found: list[tuple[str, tuple[int, int] | None]] = [(photo["img_src"], None) for photo in photos]
    if rover == "perseverance":
        pages = (client.get(f"/rss/api/?num=100&page={page}&condition_2={sol}:sol:in").json() for page in range(9))
        for image in (image for page in pages for image in page["images"]):
            width, height = image["extended"]["dimension"].strip("()").split(",")
            found.append((image["image_files"].pop("full_res"), (int(width), int(height))))
            found += [(address, None) for address in image["image_files"].values()]
    if rover == "curiosity":
        for item in client.get(f"/api/v1/raw_image_items/?per_page=1000&condition_2={sol}:sol:in").json()["items"]:
            size = item["subframe_rect"] and tuple(map(int, item["subframe_rect"].strip("()").split(",")[2:]))
            found += [(item["url"], size), (item["https_url"], size)]
    return found


@pytest.mark.parametrize("rover", SOURCES)
def test_every_address_that_a_record_names_is_known_to_the_truth_and_the_other_way_round(
    replica: RunningReplica, client: httpx.Client, rover: str
) -> None:
    known = {
        address
        for source in SOURCES[rover]
        for truth in truths(replica, source, rover).values()
        for address in truth["renditions"]
    }
    addresses = {address for sol in replica.control.ids("v1", rover) for address, _ in named(client, rover, sol)}
    assert addresses
    assert all(address.startswith(f"{replica.base_url}/") for address in known)
    in_the_archive = {address for address in known if "/browse/" in address and "/img/data/mer/" in address}
    assert addresses == known - in_the_archive
    assert bool(in_the_archive) == (rover in {"spirit", "opportunity"})


@pytest.mark.parametrize("rover", ["perseverance", "curiosity"])
def test_a_picture_is_as_large_as_its_record_says(replica: RunningReplica, client: httpx.Client, rover: str) -> None:
    truth = truths(replica, SOURCES[rover][0], rover)
    whole = {address: each for key in truth.values() for address, each in key["renditions"].items() if key["flaw"] is None}
    seen = Counter[tuple[int, int]]()
    for sol in replica.control.ids("v1", rover):
        for address, size in named(client, rover, sol):
            if size and address in whole and not seen[size]:
                seen[size] += 1
                assert fetched(client, address).shape[1::-1] == size
    assert {(64, 64), (1024, 1024), (512, 512)} <= set(seen) or {(1280, 960), (1648, 1200), (64, 48)} <= set(seen)


@pytest.mark.parametrize(("rover", "source"), [(rover, source) for rover, sources in SOURCES.items() for source in sources])
def test_size_and_kind_are_what_the_truth_says_and_the_mark_can_be_read(
    replica: RunningReplica, client: httpx.Client, rover: str, source: str
) -> None:
    seen = Counter[tuple[Any, ...]]()
    for truth in truths(replica, source, rover).values():
        if truth["flaw"] is not None:
            continue
        for address, rendition in truth["renditions"].items():
            kind, size = rendition["kind"], (rendition["height"], rendition["width"])
            if seen[kind, size, truth["part"]] >= 2 or max(size) > 1700:
                continue
            seen[kind, size, truth["part"]] += 1
            image = fetched(client, address)
            assert image.shape == (*size, 3)[: 3 if kind == "rgb" else 2]
            if address == next(iter(truth["renditions"])):
                assert (found := read_mark(image)) == (truth["mark"] and (*truth["mark"],)), (found, address)
            if kind == "bayer" and min(size) > 100:
                planes = [image[row::2, column::2].mean() for row in (0, 1) for column in (0, 1)]
                red, green, other_green, blue = planes
                assert red > 1.1 * green
                assert blue < 0.9 * green
                assert green == pytest.approx(other_green, rel=0.05)
    assert seen


@pytest.mark.parametrize(("rover", "source"), [("perseverance", "m20"), ("curiosity", "msl"), ("spirit", "pds")])
def test_a_flawed_picture_is_what_the_truth_calls_it(
    replica: RunningReplica, client: httpx.Client, rover: str, source: str
) -> None:
    visible = {"missing", "damaged", "underexposed", "overexposed"}
    seen = Counter[str | None]()
    before: set[bytes] = set()
    for key, truth in truths(replica, source, rover).items():
        flaw = truth["flaw"]
        if truth["part"] != "whole" or seen[flaw] >= 8:
            continue
        seen[flaw] += 1
        response = client.get(list(truth["renditions"])[-1])
        assert verdict(response) == (flaw if flaw in visible else "good"), (key, flaw)
        if response.status_code == 200:
            assert flaw == "repeated" or response.content not in before, key
            before.add(response.content)
    assert set(seen) == visible | {None, "exposure_outlier", "blurred", "repeated"}


def test_a_repeated_picture_has_the_bytes_of_one_before(replica: RunningReplica, client: httpx.Client) -> None:
    seen = 0
    for source, rover in (("m20", "perseverance"), ("pds", "opportunity")):
        whole = [truth for truth in truths(replica, source, rover).values() if truth["part"] == "whole"]
        good = {tuple(truth["mark"]): list(truth["renditions"])[-1] for truth in whole if truth["good"]}
        for truth in [truth for truth in whole if truth["flaw"] == "repeated"][:6]:
            twin = good[tuple(truth["mark"])]
            assert client.get(list(truth["renditions"])[-1]).content == client.get(twin).content
            seen += 1
    assert seen >= 5


def verdict(response: httpx.Response) -> str:
    """What can be seen from the response alone."""
    if response.status_code == 404:
        return "missing"
    try:
        with Image.open(BytesIO(response.content)) as picture:
            image = np.asarray(picture)
    except OSError:
        return "damaged"
    if image.mean() < 10:
        return "underexposed"
    return "overexposed" if (image > 250).mean() > 0.6 else "good"
