"""What a clock that was wrong must not do: the rule itself, and the places where times decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData
from hypothesis import given
from hypothesis import strategies as st

from martian_moments.domain.clock import TOLERANCE, is_ahead, outdates, waits
from martian_moments.domain.documents import encode
from martian_moments.lake.succession import supersedes
from martian_moments.nasa.pds_index import IndexFolder, Volume
from martian_moments.operations import status as status_module
from martian_moments.operations.doctor import check_up
from martian_moments.operations.platform import FRESH_SECONDS, is_running
from martian_moments.operations.status import status
from martian_moments.settings import Settings
from martian_moments_tests.builders import FETCHED, photos_document
from martian_moments_tests.platforms import Platform, photos_of

YEARS = timedelta(days=5 * 365)
MOMENTS = st.integers(0, 20 * 365).map(lambda days: datetime(2015, 1, 1, tzinfo=UTC) + timedelta(days=days))


@given(MOMENTS, MOMENTS, MOMENTS)
def test_one_of_two_documents_outdates_the_other_and_never_the_one_that_is_dated_ahead(
    one: datetime, other: datetime, now: datetime
) -> None:
    forth, back = outdates((one, "a"), (other, "b"), now), outdates((other, "b"), (one, "a"), now)
    assert forth or back
    if is_ahead(one, now) != is_ahead(other, now):
        assert forth == is_ahead(other, now)
        assert back == is_ahead(one, now)
    elif not is_ahead(one, now):
        assert (forth, back) == (one > other, one <= other)


@pytest.mark.parametrize("moved", [YEARS, -YEARS], ids=["ahead", "behind"])
def test_whichever_way_the_clock_moves_the_next_response_replaces_what_is_held(moved: timedelta) -> None:
    """A document of the right time, one while the clock is wrong, and one when it is right again."""
    right = photos_document(content="a").header
    wrong = replace(photos_document(content="b").header, fetched_at=FETCHED + moved)
    again = replace(photos_document(content="c").header, fetched_at=FETCHED + timedelta(days=1))
    assert supersedes(wrong, right, now=wrong.fetched_at)
    assert supersedes(again, wrong, now=again.fetched_at)


@pytest.mark.parametrize("moved", [YEARS, -YEARS], ids=["back from ahead", "on from behind"])
def test_a_clock_that_is_corrected_during_a_run_leaves_the_older_document_until_the_next_response(moved: timedelta) -> None:
    """Fetched by the wrong clock, stored by the right one, beside a document of the right time."""
    right = photos_document(content="a").header
    wrong = replace(photos_document(content="b").header, fetched_at=FETCHED + moved)
    later = FETCHED + timedelta(hours=1)
    assert not supersedes(wrong, right, now=later)
    assert supersedes(replace(wrong, fetched_at=later), right, now=later)


def test_a_delay_that_began_at_a_time_still_to_come_is_over() -> None:
    now = 1_000_000.0
    assert waits(now - 5, 10, now)
    assert not waits(now - 10, 10, now)
    assert waits(now + TOLERANCE.total_seconds(), 10, now), "clocks of hosts differ"
    assert not waits(now + TOLERANCE.total_seconds() + 1, 10, now)


def test_an_index_that_is_dated_ahead_gives_way_to_the_next_one(tmp_path: Any) -> None:
    from martian_moments.lake.store import Lake

    folder = IndexFolder(Lake(tmp_path.as_uri()), "mer1po_0xxx", "index/rover=opportunity/volume=mer1po_0xxx/")
    now = datetime.now(UTC)
    for moment in (now + YEARS, now):
        folder.write_note(Volume("mer1po_0xxx", "https://nasa/x", moment))
    assert folder.read().fetched_at == now
    folder.write_note(Volume("mer1po_0xxx", "https://nasa/x", now - YEARS))
    assert folder.read().fetched_at == now, "of two runs at once the newer one stays"


class Beats:
    """An instance whose daemons have beaten at a time."""

    def __init__(self, moment: float) -> None:
        self.moment = moment

    def get_daemon_heartbeats(self) -> dict[str, Any]:
        return {"SENSOR": type("Beat", (), {"timestamp": self.moment})}

    def get_required_daemon_types(self) -> list[str]:
        return ["SENSOR"]


@pytest.mark.parametrize(("ago", "running"), [(10.0, True), (FRESH_SECONDS + 5, False), (-YEARS.total_seconds(), False)])
def test_a_heartbeat_of_a_time_still_to_come_is_of_nobody_who_lives(
    platform: Platform, ago: float, *, running: bool
) -> None:
    settings = Settings.load(home=platform.settings.home, dagster_home=platform.settings.home)
    assert settings.deployed
    assert is_running(settings, Beats(datetime.now(UTC).timestamp() - ago)) == running  # type: ignore[arg-type]


def test_status_reports_sensors_that_dagster_keeps_waiting_for_years(platform: Platform) -> None:
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("martian_moments"), "__repository__")
    now = datetime.now(UTC)
    with dg.instance_for_test() as instance:
        for name, moment in (("gaps", now + YEARS), ("reconcile", now + YEARS), ("uploads", now)):
            data = SensorInstigatorData(last_tick_timestamp=moment.timestamp())
            origin = RemoteInstigatorOrigin(repository, name)
            instance.add_instigator_state(
                InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.AUTOMATICALLY_RUNNING, data)
            )
        (warning,) = status(platform.resources, instance, running=True).warnings
    assert warning.startswith("2 sensors ran last at a time still to come, and Dagster starts none before that time")


def test_status_and_doctor_report_documents_that_are_dated_ahead(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_module, "_cursor", lambda *_: None)
    platform.photos("curiosity", [1])
    assert status(platform.resources, platform.instance, running=True).warnings == []
    ahead = photos_of("curiosity", 2)
    moment = datetime(2031, 5, 4, 3, 2, tzinfo=UTC)
    platform.resources.lake.put_bytes(
        ahead.header.key, encode(replace(ahead, header=replace(ahead.header, fetched_at=moment)))
    )
    (warning,) = status(platform.resources, platform.instance, running=True).warnings
    assert warning.startswith("1 documents of the lake say that they were fetched at a time still to come")
    assert f"{ahead.header.key} at 2031-05-04 03:02 UTC" in warning
    (found,) = [finding for finding in check_up(platform.resources) if finding.what == "lake"]
    assert not found.ok
    assert "2031-05-04 03:02 UTC" in found.detail
    platform.put(ahead)
    assert status(platform.resources, platform.instance, running=True).warnings == []
