"""The lake assets in real runs: partial success is honest, and nothing is asked for that the lake already knows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster._core.storage.partition_status_cache import AssetPartitionStatus

from martian_moments.defs.assets.lake import photos_run
from martian_moments.defs.partitions import Span
from martian_moments.domain.errors import BrokenResponse, UpstreamUnavailable
from martian_moments.events.log import UPLOADS
from martian_moments.nasa.upstream import Upstream
from martian_moments.replica.config import ReplicaConfig
from martian_moments.replica.faults import Fault, FaultPlan
from martian_moments.replica.running import RunningReplica, running
from martian_moments.resources import Resources
from martian_moments.settings import Settings
from martian_moments_tests.platforms import Platform, failure_of, requests_of
from martian_moments_tests.unit.conftest import Scripted

GOOD, FAILED = AssetPartitionStatus.MATERIALIZED, AssetPartitionStatus.FAILED
PHOTOS = "lake/curiosity/photos"


@pytest.fixture
def replica(no_settings: None) -> Iterator[RunningReplica]:
    config = ReplicaConfig(rovers=("curiosity", "perseverance"), sols=12, scale=0.05, late_sols=2, late_share=0.4)
    with running(config) as running_replica:
        yield running_replica


@pytest.fixture
def offline(tmp_path: Path, replica: RunningReplica) -> Platform:
    """A platform against a replica, fast enough for tests."""
    settings = Settings.load(
        home=tmp_path / "home",
        upstream=Upstream(v1_url=replica.v1_url, mmgis_url=replica.mmgis_url, mer_traverse_url=replica.mer_traverse_url),
        requests_per_minute=100_000,
        concurrency=8,
    )
    return Platform(settings, Resources(settings))


def test_a_manifest_registers_every_sol_and_reports_what_is_promised(scripted: Scripted) -> None:
    platform: Platform = scripted({1: 3, 4: 2})
    result = platform.run("lake/manifests", "spirit")
    assert result.success
    shown = platform.materialized(result)["spirit"]
    reported = ("v1: sols with photos", "newest sol", "v1: photos promised", "new sols registered")
    assert [shown[name] for name in reported] == [2, 4, 5, 4]
    assert shown["served"] is True
    assert shown["v1: changed"] is True
    assert shown["v1: object key"] == "manifests/rover=spirit/source=v1/manifest.json.gz"
    assert platform.instance.get_dynamic_partitions("spirit_sols") == ["00001", "00002", "00003", "00004"]
    again = platform.run("lake/manifests", "spirit")
    assert platform.materialized(again)["spirit"]["v1: changed"] is False
    assert len(platform.events(UPLOADS)) == 1


def test_a_partial_success_is_reported_sol_by_sol(scripted: Scripted) -> None:
    platform: Platform = scripted({0: 3, 2: 3, 3: 3, 4: 3, 6: 3, 7: 3})
    platform.run("lake/manifests", "curiosity")
    assert platform.run(PHOTOS, sols=(3, 3)).success
    platform.source.errors = {
        2: UpstreamUnavailable("nobody responds; ask later"),
        4: BrokenResponse("a web page; check the address", url="u", body=b"<html>"),
        6: UpstreamUnavailable("nobody responds; ask later"),
    }
    platform.source.asked_since()
    result = platform.run(PHOTOS, sols=(0, 7))
    assert platform.statuses("curiosity") == {0: GOOD, 1: GOOD, 2: FAILED, 3: GOOD, 4: FAILED, 5: GOOD, 6: FAILED, 7: GOOD}
    message = failure_of(result)
    assert message.startswith("3 of 8 sols of curiosity failed")
    assert "re-execute the failed partitions" in message
    assert message.count("nobody responds; ask later") == 1
    assert "00002" in message
    assert "00006" in message
    assert message.count("a web page; check the address") == 1
    assert platform.source.asked_since() == [0, 1, 2, 4, 5, 6, 7], "sol 3 is held"
    outcomes = {sol: shown["outcome"] for sol, shown in platform.materialized(result).items()}
    assert outcomes == {"00000": "stored", "00001": "stored", "00003": "held", "00005": "stored", "00007": "stored"}


def test_the_failed_sols_alone_are_asked_for_again_and_end_good(scripted: Scripted) -> None:
    platform: Platform = scripted({0: 3, 1: 3, 2: 3})
    platform.run("lake/manifests", "curiosity")
    platform.source.errors = {1: UpstreamUnavailable("down")}
    assert not platform.run(PHOTOS, sols=(0, 2)).success
    platform.source.errors.clear()
    platform.source.asked_since()
    assert platform.run(PHOTOS, sols=(0, 2)).success
    assert platform.source.asked_since() == [1]
    assert set(platform.statuses("curiosity").values()) == {GOOD}


def test_a_failing_run_does_not_fail_the_sols_that_it_is_not_for(scripted: Scripted) -> None:
    """Dagster marks every sol of a failing run FAILED that the run does not report."""
    platform: Platform = scripted({0: 3, 2: 3, 4: 3, 6: 3})
    platform.run("lake/manifests", "curiosity")
    platform.source.photos_of[4] = 1  # short, and waiting for its next attempt
    assert platform.run(PHOTOS, sols=(2, 4)).success
    platform.source.errors = {0: UpstreamUnavailable("down")}
    platform.source.asked_since()
    tick = platform.tick("gaps")
    request = next(each for each in requests_of(tick) if (each.asset_selection or ())[0].path[1] == "curiosity")
    assert request.run_config["ops"]["lake__curiosity__photos"]["config"]["sols"] == [0, 6]
    result = platform.execute(request)
    assert platform.source.asked_since() == [0, 6]
    assert failure_of(result).startswith("1 of 2 sols")
    assert platform.statuses("curiosity") == {0: FAILED, 1: GOOD, 2: GOOD, 3: GOOD, 4: GOOD, 5: GOOD, 6: GOOD}
    shown = platform.materialized(result)
    assert shown["00001"]["outcome"] == "not promised"
    assert (shown["00004"]["outcome"], shown["00004"]["complete"]) == ("held", False)


def test_a_sol_that_is_missing_and_not_asked_for_is_not_called_good(scripted: Scripted) -> None:
    platform: Platform = scripted({0: 3, 1: 3, 2: 3})
    platform.run("lake/manifests", "curiosity")
    assert platform.execute(photos_run("curiosity", Span(0, 2, (0, 2)))).success
    assert platform.statuses("curiosity") == {0: GOOD, 1: None, 2: GOOD}


def test_a_persons_run_of_a_sol_without_promise_stores_an_empty_document(scripted: Scripted) -> None:
    platform: Platform = scripted({0: 3, 2: 3})
    platform.run("lake/manifests", "curiosity")
    result = platform.run(PHOTOS, "00001")
    assert platform.materialized(result)["00001"]["records"] == 0
    assert platform.lake_sols("curiosity") == [1]
    platform.source.asked_since()
    assert platform.run(PHOTOS, "00001").success
    assert platform.source.asked_since() == []


def test_an_empty_response_for_a_promised_sol_is_shown_as_incomplete(scripted: Scripted) -> None:
    platform: Platform = scripted({0: 3})
    platform.run("lake/manifests", "curiosity")
    platform.source.photos_of[0] = 0
    shown = platform.materialized(platform.run(PHOTOS, "00000"))["00000"]
    assert (shown["records"], shown["promised"], shown["complete"]) == (0, 3, False)


def test_an_inverted_range_fails_instead_of_doing_nothing(scripted: Scripted) -> None:
    platform: Platform = scripted({0: 3, 2: 3})
    platform.run("lake/manifests", "curiosity")
    assert "ascending order" in failure_of(platform.run(PHOTOS, sols=(2, 1)))


def test_a_denial_after_a_manifest_fails_the_run_and_keeps_what_was_known(scripted: Scripted) -> None:
    platform: Platform = scripted({0: 3})
    assert platform.run("lake/manifests", "curiosity").success
    platform.source.status = None
    assert "now denies it" in failure_of(platform.run("lake/manifests", "curiosity"))
    platform.source.status = "active"
    assert platform.run("lake/manifests", "curiosity").success


def test_an_unserved_rover_fails_no_run_and_has_no_sols(scripted: Scripted) -> None:
    platform: Platform = scripted()
    platform.source.status = None
    result = platform.run("lake/manifests", "curiosity")
    assert result.success
    assert platform.materialized(result)["curiosity"]["served"] is False
    assert platform.instance.get_dynamic_partitions("curiosity_sols") == []


def test_through_http_every_photo_is_kept_once_and_asked_for_once(offline: Platform, replica: RunningReplica) -> None:
    assert offline.run("lake/manifests", "curiosity").success
    truth = replica.control.truth()["rovers"]["curiosity"]
    newest = truth["newest_sol"]
    replica.control.reset_counters()
    result = offline.run(PHOTOS, sols=(0, newest))
    assert result.success
    records = {int(sol): shown["records"] for sol, shown in offline.materialized(result).items()}
    assert {sol: count for sol, count in records.items() if count} == {int(sol): n for sol, n in truth["sols"].items()}
    asked = replica.control.requests()
    assert asked["total"] == newest + 1
    assert set(asked["paths"].values()) == {1}
    assert offline.run(PHOTOS, sols=(0, newest)).success
    assert replica.control.requests()["total"] == asked["total"], "no request for what the lake already knows"


def test_late_photos_and_late_sols_are_found_by_the_next_manifest(offline: Platform, replica: RunningReplica) -> None:
    offline.run("lake/manifests", "curiosity")
    before = replica.control.truth()["rovers"]["curiosity"]
    offline.run(PHOTOS, sols=(0, before["newest_sol"]))
    replica.control.release_everything()
    after = replica.control.truth()["rovers"]["curiosity"]
    changed = {sol for sol, count in after["sols"].items() if before["sols"].get(sol) != count}
    assert len(changed) > 3
    offline.run("lake/manifests", "curiosity")
    replica.control.reset_counters()
    tick = offline.tick("gaps")
    (request,) = (each for each in tick.run_requests or () if (each.asset_selection or ())[0].path[1] == "curiosity")
    due = {str(sol) for sol in request.run_config["ops"]["lake__curiosity__photos"]["config"]["sols"]}
    # Short sols wait half a minute after they were fetched; new ones are due at once.
    assert due == {sol for sol in after["sols"] if sol not in before["sols"]}
    assert offline.run(PHOTOS, sols=(0, after["newest_sol"])).success
    paths = Counter(replica.control.requests()["paths"])
    assert {path.split("=")[-1] for path in paths} >= changed
    headers = offline.resources.lake.heads("photos/rover=curiosity/")
    assert {str(h.sol): h.record_count for h in headers.values() if h.record_count} == after["sols"]


def test_an_outage_fails_every_sol_and_the_next_run_ends_it(offline: Platform, replica: RunningReplica) -> None:
    offline.run("lake/manifests", "curiosity")
    replica.control.faults(FaultPlan(share=1.0, kinds=(Fault.HTML,)))
    message = failure_of(offline.run(PHOTOS, sols=(0, 3)))
    assert message.startswith("4 of 4 sols of curiosity failed")
    assert {offline.statuses("curiosity")[sol] for sol in range(4)} == {FAILED}
    replica.control.faults(FaultPlan())
    assert offline.run(PHOTOS, sols=(0, 3)).success
    assert {offline.statuses("curiosity")[sol] for sol in range(4)} == {GOOD}


def test_the_traverse_and_its_waypoints_are_one_partition(offline: Platform, replica: RunningReplica) -> None:
    result = offline.run("lake/traverse", "perseverance")
    assert result.success
    shown = offline.materialized(result)["perseverance"]
    truth = replica.control.truth()["traverse"]["perseverance"]
    assert (shown["traverse: records"], shown["waypoints: records"]) == (truth["legs"], truth["waypoints"])
    events = len(offline.events(UPLOADS))
    assert offline.run("lake/traverse", "perseverance").success
    assert len(offline.events(UPLOADS)) == events == 2
    replica.control.faults(FaultPlan(share=1.0, kinds=(Fault.HTML,)))
    message = failure_of(offline.run("lake/traverse", "perseverance"))
    assert message.startswith("2 of 2 traverse maps of perseverance could not be fetched")
