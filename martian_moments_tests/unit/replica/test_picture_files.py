"""Pictures on the wire: as a static server gives files, with faults of their own, and without the extra that draws them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import OF_PICTURES, Fault, FaultPlan
from martian_moments.replica.pictures import files
from martian_moments.replica.running import RunningReplica, running

CONFIG = ReplicaConfig(rovers=("perseverance",), sols=3, scale=0.1, bad_pictures=0, seed=3)
SOL = 1


@pytest.fixture(scope="module")
def shared() -> Iterator[RunningReplica]:
    with running(CONFIG) as replica:
        yield replica


def small(replica: RunningReplica) -> list[str]:
    """The addresses of the smallest renditions of a sol."""
    truths = replica.control.pictures("m20", "perseverance", SOL).values()
    return [list(truth["renditions"])[-1] for truth in truths if truth["part"] == "whole"]


def test_a_file_has_a_length_a_type_an_etag_and_a_date_and_is_the_same_for_head(
    replica: RunningReplica, client: httpx.Client
) -> None:
    address = small(replica)[0]
    whole, head = client.get(address), client.head(address)
    assert whole.content.startswith(b"\xff\xd8\xff")
    assert whole.headers["content-length"] == str(len(whole.content))
    assert (whole.headers["content-type"], whole.headers["accept-ranges"]) == ("image/jpeg", "bytes")
    assert {key: head.headers[key] for key in head.headers if key != "date"} == {
        key: whole.headers[key] for key in whole.headers if key != "date"
    }
    assert head.content == b""
    png = client.head(address.replace("_320.jpg", ".png"))
    assert png.headers["content-type"] == "image/png"
    assert png.headers["etag"] != whole.headers["etag"]


def test_parts_of_a_file_are_sent_when_asked_for(replica: RunningReplica, client: httpx.Client) -> None:
    address = small(replica)[0]
    whole = client.get(address)
    content, size = whole.content, len(whole.content)
    for asked, part in {
        "bytes=100-": slice(100, None),
        "bytes=0-99": slice(0, 100),
        "bytes=-7": slice(-7, None),
        f"bytes=10-{size * 2}": slice(10, None),
    }.items():
        response = client.get(address, headers={"Range": asked})
        first = range(size)[part][0]
        assert (response.status_code, response.content) == (206, content[part]), asked
        assert response.headers["content-range"] == f"bytes {first}-{first + len(content[part]) - 1}/{size}"
        assert response.headers["etag"] == whole.headers["etag"]
    for asked in ("bytes=7-3", "bytes=-", "lines=1-2", "bytes=1-2,5-6", "bytes=x-"):
        response = client.get(address, headers={"Range": asked})
        assert (response.status_code, len(response.content)) == (200, size), asked
    for asked in (f"bytes={size}-", "bytes=-0"):
        response = client.get(address, headers={"Range": asked})
        assert (response.status_code, response.headers["content-range"]) == (416, f"bytes */{size}"), asked


def test_a_part_is_sent_only_of_the_file_that_the_client_has_begun(replica: RunningReplica, client: httpx.Client) -> None:
    address = small(replica)[0]
    known = client.head(address).headers
    for same in (known["etag"], known["last-modified"]):
        assert client.get(address, headers={"Range": "bytes=5-", "If-Range": same}).status_code == 206
    assert client.get(address, headers={"Range": "bytes=5-", "If-Range": '"other"'}).status_code == 200


def test_a_file_that_the_client_has_is_not_sent_again(replica: RunningReplica, client: httpx.Client) -> None:
    address = small(replica)[0]
    known = client.head(address).headers
    for header, value in {
        "If-None-Match": known["etag"],
        "If-Modified-Since": known["last-modified"],
    }.items():
        response = client.get(address, headers={header: value})
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", known["etag"])
    for header, value in {"If-None-Match": '"other"', "If-Modified-Since": "Thu, 01 Jan 2004 00:00:00 GMT"}.items():
        assert client.get(address, headers={header: value}).status_code == 200


def seen(client: httpx.Client, address: str, whole: bytes) -> Fault | None:
    """Which fault a client sees that asks for a picture."""
    received = b""
    try:
        with client.stream("GET", address) as response:
            for part in response.iter_raw():
                received += part
    except httpx.RemoteProtocolError:
        return {b"": Fault.DROPPED, whole: Fault.WRONG_LENGTH}.get(received, Fault.CUT)
    except httpx.ReadError:
        return Fault.DROPPED
    if received == whole:
        return None
    by_status = {
        429: Fault.RATE_LIMITED,
        500: Fault.ERROR_500,
        503: Fault.ERROR_503,
        302: Fault.REDIRECT,
        404: Fault.NOT_FOUND,
    }
    if response.status_code in by_status:
        return by_status[response.status_code]
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return Fault.HTML


def test_pictures_have_faults_of_their_own(replica: RunningReplica, client: httpx.Client) -> None:
    address = small(replica)[0]
    whole = client.get(address).content
    replica.control.faults(FaultPlan(share=0.3, slow_ms=0))
    replica.control.reset_counters()
    found = Counter(seen(client, address, whole) for _ in range(300))
    counted = replica.control.requests()["faults"]
    # A slow response is right in the end.
    assert {fault.value: count for fault, count in found.items() if fault} == {
        kind: count for kind, count in counted.items() if kind != "slow"
    }
    assert set(counted) == {fault.value for fault in OF_PICTURES}
    assert sum(counted.values()) == pytest.approx(90, abs=30)


@pytest.mark.parametrize("fault", [*OF_PICTURES, Fault.NOT_FOUND])
def test_each_fault_can_be_asked_for_alone_and_leaves_the_records_alone(
    replica: RunningReplica, client: httpx.Client, fault: Fault
) -> None:
    address = small(replica)[0]
    whole = client.get(address).content
    replica.control.faults(FaultPlan(share=1, pictures=(fault,), slow_ms=1, only=("/mars2020-raw-images/",)))
    assert seen(client, address, whole) == (None if fault is Fault.SLOW else fault)
    assert client.get("/rss/api/").json()["images"]


def test_who_follows_a_redirect_to_another_host_is_counted_and_gets_nothing(
    replica: RunningReplica, client: httpx.Client
) -> None:
    address = small(replica)[0]
    replica.control.faults(FaultPlan(share=1, pictures=(Fault.REDIRECT,)))
    response = client.get(address)
    target = httpx.URL(response.headers["location"])
    assert (target.host, target.port) == ("localhost", httpx.URL(address).port)
    replica.control.faults(FaultPlan())
    assert client.get(target).status_code == 404
    assert [path for path in replica.control.requests()["paths"] if path.startswith("/elsewhere/")] == [target.path]


def test_a_picture_that_is_withheld_is_not_served_yet() -> None:
    with running(ReplicaConfig(rovers=("perseverance",), sols=4, scale=0.1, late_sols=1, bad_pictures=0)) as late:
        before = set(late.control.ids("m20", "perseverance"))
        late.control.release_everything()
        (appeared,) = set(late.control.ids("m20", "perseverance")) - before
        address = next(iter(late.control.pictures("m20", "perseverance", appeared).values()))["renditions"].popitem()[0]
        assert httpx.get(address).status_code == 200
    with running(ReplicaConfig(rovers=("perseverance",), sols=4, scale=0.1, late_sols=1, bad_pictures=0)) as late:
        assert late.control.pictures("m20", "perseverance", appeared) == {}
        assert httpx.get(late.base_url + httpx.URL(address).path).status_code == 404


def test_without_the_extra_only_pictures_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    files._file.cache_clear()
    with running(CONFIG) as bare:
        response = httpx.get(small(bare)[0])
        assert response.status_code == 503
        assert (
            response.text == "the replica draws no pictures without the extra media: pip install 'martian-moments[media]'\n"
        )
        assert httpx.get(f"{bare.base_url}/rss/api/").json()["images"]
        assert bare.control.pictures("m20", "perseverance", SOL)
