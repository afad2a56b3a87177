"""Pictures in every lake, in a folder and on S3: kept as they came, recorded once, found again, never announced."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from martian_moments.domain.documents import coordinates
from martian_moments.lake.store import Lake
from martian_moments.pipelines.images import Outcome
from martian_moments_tests.picture_server import PictureServer, picture_server
from martian_moments_tests.unit.pipelines.test_images import FOLDER, KEY, fetch, outcomes, path_of, records, serving


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as served:
        yield served


def test_pictures_are_kept_as_they_came_and_come_back(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    wanted = serving(server, 5)
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.FETCHED] * 5
    kept = {each.source_url: lake.get(each.picture_key or "") for each in records(lake)}
    assert kept == {each.url: server.files[path_of(server, each)] for each in wanted}
    listed = [each.key for each in lake.list()]
    assert sorted(key for key in listed if coordinates(key)) == [KEY]
    assert {key for key in listed if not coordinates(key)} == {each.picture_key for each in records(lake)}
    assert all(key.startswith(FOLDER) for key in listed if key != KEY)


def test_pictures_without_a_document_are_recorded_without_a_request(
    server: PictureServer, lake: Lake, tmp_path: Path
) -> None:
    wanted = serving(server, 3)
    fetch(lake, tmp_path, {100: wanted})
    lake.remove(KEY)
    server.requests.clear()
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.HELD] * 3
    assert (len(records(lake)), server.requests) == (3, [])


def test_runs_that_follow_each_other_add_to_one_document_and_the_budget_counts_them_all(
    server: PictureServer, lake: Lake, tmp_path: Path
) -> None:
    wanted = serving(server, 4)
    for each in wanted[:3]:
        fetch(lake, tmp_path, {100: [each]})
    assert [each.photo_key for each in records(lake)] == [each.photo_key for each in wanted[:3]]
    held = sum(each.size for each in lake.list("pictures/"))
    assert outcomes(fetch(lake, tmp_path, {100: wanted}, most_bytes=held)[100]) == [Outcome.HELD] * 3 + [Outcome.LEFT]


def test_runs_at_once_lose_no_record(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    """As those of the command ``movie`` beside the platform's."""
    wanted = serving(server, 8)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda each: fetch(lake, tmp_path, {100: [each]}), wanted))
    assert [each.photo_key for each in records(lake)] == [each.photo_key for each in wanted]
