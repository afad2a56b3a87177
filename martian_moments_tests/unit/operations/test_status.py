"""The status: exactly the promised shape, and settled only when nothing at all is left to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from martian_moments.dagster_runtime.processes import ProcessId
from martian_moments.defs.sensors import gap_sensor, requests_sensor, upload_sensor
from martian_moments.defs.sensors.requests_sensor import Refresh, RequestsCursor
from martian_moments.domain.coverage import Coverage
from martian_moments.domain.gaps import RetryState
from martian_moments.events.log import INGESTION_REQUESTS, UPLOADS, UPLOADS_DEAD, Message
from martian_moments.events.messages import refresh_request
from martian_moments.operations import backfill, counts
from martian_moments.operations import status as status_module
from martian_moments.operations.platform import RunningPlatform, write_state
from martian_moments.operations.status import RoverStatus, Status, status
from martian_moments.pipelines.load import load
from martian_moments.resources import Resources
from martian_moments.warehouse.base import LEDGER
from martian_moments_tests.platforms import ROVERS, Platform, build_loaded_objects, load_all
from martian_moments_tests.unit.conftest import Scripted

ROVER_KEYS = {
    "state": str, "sols_expected": int, "sols_in_lake": int, "sols_in_bronze": int, "photos_expected": int,
    "photos_in_lake": int, "photos_in_bronze": int, "photos_in_silver": int, "fallback": int, "gaps": list, "short": list,
    "unanswered": list,
}  # fmt: skip


@dataclass
class Stage:
    """A platform with everything done, and the sensors' cursors as they would be stored."""

    platform: Platform
    cursors: dict[str, str]
    running: bool = True

    def look(self) -> Status:
        return status(self.platform.resources, self.platform.instance, running=self.running)

    def load(self) -> None:
        resources = self.platform.resources
        load(resources.lake, resources.warehouse, resources.lake.list())
        resources.warehouse.publish(resources.published, [LEDGER])

    def read_all(self) -> None:
        """The sensors have read every event."""
        log = self.platform.resources.event_log
        offsets = {partition: mark.high for partition, mark in log.watermarks(UPLOADS).items()}
        self.cursors[upload_sensor.NAME] = upload_sensor.UploadCursor(offsets=offsets, log=log.identity(UPLOADS)).write()


@pytest.fixture
def stage(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Stage:
    cursors = {
        requests_sensor.NAME: RequestsCursor().write(),
        gap_sensor.NAME: gap_sensor.GapCursor().write(),
    }
    monkeypatch.setattr(status_module, "_cursor", lambda _, name: cursors.get(name))
    stage = Stage(platform, cursors)
    platform.manifest("curiosity", {1: 3, 2: 3})
    platform.photos("curiosity", [1, 2])
    stage.load()
    build_loaded_objects(platform, "bronze.raw_photos", "bronze.raw_manifests")
    stage.read_all()
    return stage


def test_a_finished_platform_is_settled(stage: Stage) -> None:
    now = stage.look()
    assert (now.settled, now.waiting_for) == (True, [])


def test_the_json_has_exactly_the_promised_keys_and_types(stage: Stage) -> None:
    stage.platform.manifest("spirit", {1: 3, 2: 4})
    stage.platform.photos("spirit", [2], count=1, promised=4)
    retry_state = RetryState()
    retry_state.attempts = {1: (2, 4e9)}
    stage.cursors[gap_sensor.NAME] = gap_sensor.GapCursor({"spirit": retry_state}).write()
    service = {"url": "http://127.0.0.1:9", "responds": False, "published_at": None, "reason": None}
    home, me = stage.platform.settings.home, str(ProcessId.mine())
    write_state(home, RunningPlatform(me, grpc_port=1, url=None, ready=True, service_url="http://127.0.0.1:9"))
    found: dict[str, Any] = json.loads(json.dumps(stage.look().to_json(), default=lambda moment: moment.isoformat()))
    assert set(found) == {"rovers", "dead_letters", "lag", "settled", "waiting_for", "pauses", "warnings", "service"}
    assert found["service"] == service
    assert type(found["dead_letters"]) is int
    assert found["settled"] is False
    assert list(found["rovers"]) == list(stage.platform.settings.rovers)
    for rover in found["rovers"].values():
        assert {name: type(value) for name, value in rover.items()} == ROVER_KEYS
    spirit = found["rovers"]["spirit"]
    assert spirit["state"] == "served"
    assert spirit["gaps"] == [
        {"sol": 1, "expected": 3, "found": 0, "attempts": 2, "next_attempt_at": "2096-10-02T07:07:00+00:00"}
    ]
    (short,) = spirit["short"]
    assert set(short) == {"sol", "expected", "found", "attempts", "next_attempt_at"}
    assert (short["sol"], short["expected"], short["found"], short["attempts"]) == (2, 4, 1, 1)
    curiosity = found["rovers"]["curiosity"]
    assert (curiosity["sols_expected"], curiosity["sols_in_lake"], curiosity["sols_in_bronze"]) == (2, 2, 2)
    assert (curiosity["photos_expected"], curiosity["photos_in_lake"], curiosity["photos_in_bronze"]) == (6, 6, 6)


def missing_sol(stage: Stage) -> None:
    stage.platform.manifest("spirit", {1: 3})
    stage.load()
    build_loaded_objects(stage.platform, "bronze.raw_photos", "bronze.raw_manifests")
    stage.read_all()


def short_and_due(stage: Stage) -> None:
    stage.platform.photos("curiosity", [3], count=1, promised=3)
    stage.platform.manifest("curiosity", {1: 3, 2: 3, 3: 3})
    stage.load()
    build_loaded_objects(stage.platform, "bronze.raw_photos", "bronze.raw_manifests")
    stage.read_all()
    retry_state = RetryState()
    retry_state.attempts = {3: (1, 1.0)}
    stage.cursors[gap_sensor.NAME] = gap_sensor.GapCursor({"curiosity": retry_state}).write()


def queued_run(stage: Stage) -> None:
    stage.platform.start("lake/curiosity/photos")


def active_backfill(stage: Stage) -> None:
    backfill.launch(stage.platform.instance, stage.platform.definitions, "curiosity", range(1, 3))


def unread_event(stage: Stage) -> None:
    stage.platform.resources.event_log.publish(UPLOADS, [Message("x", b"{}")])


def pending_event(stage: Stage) -> None:
    cursor = upload_sensor.UploadCursor.read(stage.cursors[upload_sensor.NAME])
    cursor.sols["curiosity"] = {1}
    stage.cursors[upload_sensor.NAME] = cursor.write()


def log_put_back(stage: Stage) -> None:
    stage.cursors[upload_sensor.NAME] = upload_sensor.UploadCursor(offsets={0: 900, 1: 900, 2: 900, 3: 900}).write()


def log_replaced(stage: Stage) -> None:
    """Its offsets are the same, there is nothing to read, and still nobody knows what the one before held."""
    stage.cursors[requests_sensor.NAME] = RequestsCursor(offsets={0: 0}, log="another").write()


def log_deleted(stage: Stage) -> None:
    (stage.platform.settings.home / "events.db").unlink()


def log_unreadable(stage: Stage) -> None:
    file = stage.platform.settings.home / "events.db"
    file.unlink()
    file.mkdir()


def unread_refresh(stage: Stage) -> None:
    stage.platform.resources.event_log.publish(INGESTION_REQUESTS, [refresh_request(["spirit"], young=False)])


def unfinished_refresh(stage: Stage) -> None:
    stage.cursors[requests_sensor.NAME] = RequestsCursor(refreshes={"spirit": Refresh("0-0", young=False)}).write()


def never_ticked(stage: Stage) -> None:
    del stage.cursors[requests_sensor.NAME]


def not_in_bronze(stage: Stage) -> None:
    stage.platform.photos("curiosity", [2], count=4, promised=4)
    stage.read_all()


def warehouse_deleted(stage: Stage) -> None:
    (stage.platform.settings.home / "warehouse.duckdb").unlink()


def published_deleted(stage: Stage) -> None:
    shutil.rmtree(stage.platform.settings.home / "published")


def garbage_ledger(stage: Stage) -> None:
    (stage.platform.settings.home / "published" / "bronze" / "ledger" / "ledger.parquet").write_bytes(b"garbage")


def deleted_table(stage: Stage) -> None:
    (stage.platform.settings.home / "published" / "silver" / "loaded_objects" / "loaded_objects.parquet").unlink()


def garbage_manifest(stage: Stage) -> None:
    (stage.platform.settings.home / "published" / "manifest.json").write_bytes(b"garbage")


def silver_lags(stage: Stage) -> None:
    not_in_bronze(stage)
    stage.load()


def not_running(stage: Stage) -> None:
    stage.running = False


@pytest.mark.parametrize(
    ("violate", "named"),
    [
        (missing_sol, "spirit: 1 sols missing"),
        (short_and_due, "curiosity: 0 sols missing, 1 short and due"),
        (queued_run, "1 runs queued or running"),
        (active_backfill, "1 backfills under way"),
        (unread_event, "1 upload events"),
        (pending_event, "1 upload events"),
        (log_put_back, "minio-events is another log than its sensor has read"),
        (log_replaced, "ingestion-scheduling is another log than its sensor has read"),
        (log_deleted, "minio-events is another log than its sensor has read"),
        (log_unreadable, "the event log cannot be read: event log "),
        (unread_refresh, "1 ingestion requests unread"),
        (unfinished_refresh, "to be fetched of spirit"),
        (never_ticked, "to be fetched of curiosity, perseverance, opportunity, spirit"),
        (not_in_bronze, "1 objects of the lake are not in bronze yet"),
        (warehouse_deleted, "3 objects of the lake are not in bronze yet; models are built once 3 that they were made from"),
        (published_deleted, "3 objects of the lake are not in bronze yet"),
        (garbage_ledger, "bronze/ledger/ledger.parquet was changed since it was published; the running platform makes it"),
        (deleted_table, "silver/loaded_objects/loaded_objects.parquet is gone; the running platform makes it again"),
        (garbage_manifest, "manifest.json is damaged"),
        (silver_lags, "silver and gold have not seen all of bronze"),
        (not_running, "the platform is not running"),
    ],
)
def test_one_thing_left_to_do_is_not_settled_and_is_named(
    stage: Stage, violate: Callable[[Stage], None], named: str
) -> None:
    violate(stage)
    now = stage.look()
    assert now.settled is False
    (why,) = now.waiting_for
    assert named in why


def test_where_the_log_cannot_be_read_its_numbers_are_unknown_and_not_zero(stage: Stage) -> None:
    log_unreadable(stage)
    now = stage.look()
    assert (now.dead_letters, now.lag) == (None, {UPLOADS: {}, INGESTION_REQUESTS: {}})
    assert now.rovers["curiosity"].photos_in_lake == 6, "everything else is reported as before"


def test_what_a_damaged_ledger_would_report_is_unknown_and_not_zero(stage: Stage) -> None:
    garbage_ledger(stage)
    rover = stage.look().rovers["curiosity"]
    assert (rover.sols_in_bronze, rover.photos_in_bronze, rover.photos_in_silver) == (None, None, 0)
    assert (rover.sols_in_lake, rover.photos_in_lake) == (2, 6)


def test_while_the_manifest_of_the_published_tables_is_gone_nobody_knows_that_all_is_there(stage: Stage) -> None:
    (stage.platform.settings.home / "published" / "manifest.json").unlink()
    now = stage.look()
    assert not now.settled
    (reason,) = now.waiting_for
    assert "manifest.json is gone" in reason
    assert now.rovers["curiosity"].photos_in_bronze == 6, "what is there is reported"


def test_a_cursor_of_the_release_before_knows_no_identity_and_is_settled_as_it_was(stage: Stage) -> None:
    cursor = json.loads(stage.cursors[upload_sensor.NAME])
    del cursor["log"]
    stage.cursors[upload_sensor.NAME] = json.dumps(cursor)
    assert stage.look().settled


def test_a_short_sol_that_waits_for_its_next_attempt_does_not_unsettle(stage: Stage) -> None:
    short_and_due(stage)
    retry_state = RetryState()
    retry_state.attempts = {3: (3, 4e9)}
    stage.cursors[gap_sensor.NAME] = gap_sensor.GapCursor({"curiosity": retry_state}).write()
    now = stage.look()
    assert now.settled
    (short,) = now.rovers["curiosity"].short
    assert (short.attempts, short.found, short.expected) == (3, 1, 3)
    assert short.next_attempt_at is not None


def test_an_unserved_rover_is_reported_and_does_not_unsettle(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    platform: Platform = scripted(rovers="spirit")
    platform.source.status = None
    platform.run("lake/manifests", "spirit")
    platform.run("bronze/manifests", "spirit")
    build_loaded_objects(platform, "bronze.raw_manifests")
    stage = Stage(platform, {requests_sensor.NAME: RequestsCursor().write()})
    stage.read_all()
    monkeypatch.setattr(status_module, "_cursor", lambda _, name: stage.cursors.get(name))
    now = stage.look()
    assert now.rovers["spirit"].state == "unserved"
    assert (now.settled, now.waiting_for) == (True, [])


def test_dead_letters_are_counted_and_do_not_unsettle(stage: Stage) -> None:
    stage.platform.resources.event_log.publish(UPLOADS_DEAD, [Message("x", b"{}"), Message("y", b"{}")])
    now = stage.look()
    assert (now.dead_letters, now.settled) == (2, True)


def test_it_responds_while_a_load_or_dbt_holds_the_warehouse(stage: Stage) -> None:
    import duckdb

    with stage.platform.resources.warehouse.writing(), duckdb.connect(stage.platform.settings.home / "warehouse.duckdb"):
        assert stage.look().settled


def test_it_works_before_anything_was_ever_done(platform: Platform) -> None:
    with dg.instance_for_test() as instance:
        now = status(platform.resources, instance, running=False)
    assert not now.settled
    assert all(rover.sols_expected == 0 for rover in now.rovers.values())


def test_a_look_counts_again_only_what_has_changed_and_says_what_a_new_process_says(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[str] = []
    count = counts._held

    def noted(known: Coverage) -> counts.LakeCounts:
        counted.append(known.rover)
        return count(known)

    def look(resources: Resources) -> dict[str, RoverStatus]:
        counted.clear()
        return status(resources, platform.instance, running=True).rovers

    monkeypatch.setattr(counts, "_held", noted)
    monkeypatch.setattr(status_module, "_cursor", lambda *_: None)
    for rover in ("spirit", "curiosity"):
        platform.manifest(rover, {1: 3, 2: 3})
        platform.photos(rover, [1])
    first = look(platform.resources)
    assert sorted(counted) == sorted(ROVERS)
    assert (first["spirit"].sols_in_lake, first["spirit"].sols_in_bronze, len(first["spirit"].gaps)) == (1, 0, 1)
    platform.photos("spirit", [2], count=2)
    load_all(platform)
    second = look(platform.resources)
    assert counted == ["spirit"]
    assert (second["spirit"].photos_in_lake, second["spirit"].photos_in_bronze, len(second["spirit"].short)) == (5, 5, 1)
    assert second == look(Resources(platform.settings))
    assert second == look(platform.resources)
    assert counted == []
    platform.lake_file("spirit", 1).unlink()
    assert look(platform.resources)["spirit"].sols_in_lake == 1
