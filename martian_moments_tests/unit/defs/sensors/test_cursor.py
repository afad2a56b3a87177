"""The sensors' cursors: those of earlier releases keep their meaning, and one that cannot be read starts again."""

from __future__ import annotations

import json

import pytest

from martian_moments.defs.sensors.cursor import Cursor
from martian_moments.defs.sensors.gap_sensor import GapCursor
from martian_moments.defs.sensors.reconcile_sensor import ReconcileCursor
from martian_moments.defs.sensors.requests_sensor import Refresh, RequestsCursor, first_look
from martian_moments.defs.sensors.retry_sensor import RetryCursor
from martian_moments.defs.sensors.upload_sensor import UploadCursor
from martian_moments.domain.gaps import RetryState

# Written by the release before this one, 0.1.0.
UPLOADS = (
    '{"log":"a9f3","offsets":{"0":41,"1":7},"sols":{"curiosity":[3,12]},'
    '"rovers":{"manifests":["spirit"],"traverse":["curiosity","opportunity"]}}'
)
REQUESTS = (
    '{"offsets":{"0":5},"refreshes":{"spirit":{"id":"a9f3-0-4","young":true},'
    '"curiosity":{"id":"first","young":false}},"log":"a9f3"}'
)
GAPS = (
    '{"spirit":{"attempts":{"5":[1,1795433000.0],"7":[2,1795433618.6]},"batch":[7],"fallback":true,"fruitless":3,'
    '"asked_at":1795433618.6,"manifests":[2,1795433600.0]},'
    '"curiosity":{"attempts":{},"batch":[],"fallback":false,"fruitless":0,"asked_at":0.0,"manifests":[0,0.0]}}'
)
RECONCILE = '{"photos/rover=spirit/source=pds/sol=00007.json.gz 0f1e":[1,1795433618],"silver":[2,1795433618]}'
RETRIES = '{"4711": 2}'

MODELS = [
    (UploadCursor, UPLOADS),
    (RequestsCursor, REQUESTS),
    (GapCursor, GAPS),
    (ReconcileCursor, RECONCILE),
    (RetryCursor, RETRIES),
]


def test_the_upload_sensor_goes_on_where_the_release_before_was() -> None:
    cursor = UploadCursor.read(UPLOADS)
    assert (cursor.log, cursor.offsets, cursor.sols) == ("a9f3", {0: 41, 1: 7}, {"curiosity": {3, 12}})
    assert cursor.rovers == {"manifests": {"spirit"}, "traverse": {"curiosity", "opportunity"}}
    assert cursor.pending == 5


def test_the_requests_sensor_goes_on_where_the_release_before_was() -> None:
    cursor = RequestsCursor.read(REQUESTS)
    assert (cursor.log, cursor.offsets) == ("a9f3", {0: 5})
    assert cursor.refreshes == {"spirit": Refresh("a9f3-0-4", young=True), "curiosity": Refresh("first", young=False)}


def test_the_gap_sensor_goes_on_where_the_release_before_was() -> None:
    assert GapCursor.read(GAPS).root == {
        "spirit": RetryState(
            attempts={5: (1, 1795433000.0), 7: (2, 1795433618.6)},
            batch=[7],
            fallback=True,
            fruitless=3,
            asked_at=1795433618.6,
            manifests=(2, 1795433600.0),
        ),
        "curiosity": RetryState(),
    }


def test_the_reconcile_and_the_retry_sensor_go_on_where_the_release_before_was() -> None:
    assert ReconcileCursor.read(RECONCILE).root == {
        "photos/rover=spirit/source=pds/sol=00007.json.gz 0f1e": (1, 1795433618),
        "silver": (2, 1795433618),
    }
    assert RetryCursor.read(RETRIES).root == {4711: 2}


def test_what_a_release_of_several_sources_and_of_other_logs_added_has_a_default_in_a_cursor_from_before() -> None:
    assert UploadCursor.read('{"offsets":{"0":3},"sols":{},"rovers":{}}') == UploadCursor(offsets={0: 3})
    assert RequestsCursor.read('{"offsets":{"0":3},"refreshes":{}}').log is None
    old = GapCursor.read('{"spirit":{"attempts":{"7":[2,99.5]},"batch":[7],"fruitless":1,"asked_at":99.5}}').of("spirit")
    assert old == RetryState(attempts={7: (2, 99.5)}, batch=[7], fruitless=1, asked_at=99.5)


def test_the_images_that_wait_for_a_load_are_in_the_cursor_beside_the_photos() -> None:
    text = UPLOADS[:-1] + ',"images":{"spirit":[4]}}'
    cursor = UploadCursor.read(text)
    assert (cursor.images, cursor.pending) == ({"spirit": {4}}, 6)
    assert json.loads(cursor.write()) == json.loads(text)


@pytest.mark.parametrize(("model", "text"), MODELS)
def test_a_cursor_is_written_as_the_release_before_reads_it(model: type[Cursor], text: str) -> None:
    assert json.loads(model.read(text).write()) == json.loads(text)


@pytest.mark.parametrize(("model", "text"), MODELS)
def test_a_cursor_that_cannot_be_read_starts_again_with_a_warning(model: type[Cursor], text: str) -> None:
    for damaged in (text[: len(text) // 2], "[]", '{"offsets": "many", "spirit": 7, "x": "y"}', "\x00"):
        warnings: list[str] = []
        assert model.read(damaged, warn=warnings.append) == model()
        assert len(warnings) == 1
        assert f"A {model.__name__} cannot be read and starts again" in warnings[0]


def test_a_requests_cursor_that_cannot_be_read_asks_for_the_first_look_once_more() -> None:
    warnings: list[str] = []
    assert RequestsCursor.read("{", first=lambda: first_look(["spirit"]), warn=warnings.append) == first_look(["spirit"])
    assert len(warnings) == 1


def test_what_a_later_release_has_added_is_passed_over() -> None:
    later = UPLOADS[:-1] + ',"sounds":{"spirit":[4]}}'
    assert UploadCursor.read(later) == UploadCursor.read(UPLOADS)
