"""Pictures from their servers to the lake, without Dagster: what is kept, what is recorded, what is asked for again."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from martian_moments.domain.documents import Document, Header, Kind, decode
from martian_moments.domain.errors import DiskFull, LakeError, NoPicture, PicturesFull
from martian_moments.domain.pictures import Fault, Picture, document_of, records_of
from martian_moments.lake.store import Lake
from martian_moments.media.quality import measure
from martian_moments.nasa.http import PoliteClient
from martian_moments.pipelines.images import Budget, Outcome, PictureResult, SolPictures, Wanted, fetch_pictures
from martian_moments_tests.picture_server import PictureServer, jpeg, picture_server, png_bomb

KEY = "images/rover=curiosity/sol=00100.json.gz"
FOLDER = "pictures/rover=curiosity/sol=00100/"
GB = 10**9
NEVER = datetime.min.replace(tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as served:
        yield served


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake((tmp_path / "lake").as_uri())


def serving(server: PictureServer, count: int, sol: int = 100) -> list[Wanted]:
    """So many pictures of a sol on the server, all of them wanted."""
    paths = [f"/raw/sol/{sol:05d}/opgs/F_{sol}_{number}.JPG" for number in range(count)]
    server.files |= {path: jpeg(sol * 100 + number) for number, path in enumerate(paths)}
    return [Wanted(f"curiosity|msl|{sol}{number}", server.url + path) for number, path in enumerate(paths)]


def path_of(server: PictureServer, wanted: Wanted) -> str:
    return wanted.url.removeprefix(server.url)


def fetch(
    lake: Lake,
    tmp_path: Path,
    wanted: Mapping[int, Sequence[Wanted]],
    *,
    rover: str = "curiosity",
    most_bytes: int = GB,
    held: Mapping[str, datetime] | None = None,
    **options: Any,
) -> dict[int, SolPictures]:
    async def run() -> dict[int, SolPictures]:
        async with PoliteClient(requests_per_minute=1_000_000, concurrency=4, backoff=0.0, held=held) as client:
            given: dict[str, Any] = {
                "measure": measure,
                "scratch": tmp_path / "scratch",
                "in_flight": 4,
                "budget": Budget(lake, most_bytes),
            }
            results = fetch_pictures(client, lake, rover, wanted, **(given | options))
            return {each.sol: each async for each in results}

    return asyncio.run(run())


def outcomes(result: SolPictures) -> list[Outcome]:
    return [each.outcome for each in sorted(result.results, key=lambda each: each.wanted.photo_key)]


def document(lake: Lake, key: str = KEY) -> Document:
    return decode(key, lake.get(key))


def records(lake: Lake, key: str = KEY) -> list[Picture]:
    return sorted(records_of(document(lake, key)).values(), key=lambda each: each.photo_key)


def as_if_of(lake: Lake, age: timedelta) -> None:
    """Make the sol's records as old as this."""
    aged = [replace(each, fetched_at=each.fetched_at - age) for each in records(lake)]
    made = document_of("curiosity", 100, aged, synthetic=False)
    lake.put_now(made)


def test_a_picture_is_kept_as_it_came_and_recorded(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    wanted = serving(server, 2)
    seen: list[PictureResult] = []
    written: list[str] = []
    lake = Lake(lake.url, announce=lambda info: written.append(info.key))
    result = fetch(lake, tmp_path, {100: wanted}, progress=seen.append)[100]
    assert outcomes(result) == [Outcome.FETCHED] * 2
    assert sorted(each.wanted.photo_key for each in seen) == [each.photo_key for each in wanted]
    assert written == [KEY], "the document is announced, the bytes are not"
    for each, record in zip(wanted, records(lake), strict=True):
        body = server.files[path_of(server, each)]
        assert record.picture_key == FOLDER + each.url.rpartition("/")[2]
        assert lake.get(record.picture_key) == body
        image = Image.open(io.BytesIO(body))
        assert (record.width_px, record.height_px, record.mode) == (*image.size, image.mode)
        pixels = list(image.getdata())
        assert record.mean == pytest.approx(sum(pixels) / len(pixels), abs=0.01)
        assert (record.bytes, record.sha256) == (len(body), hashlib.sha256(body).hexdigest())
        assert (record.source_url, record.error) == (each.url, None)
    header = document(lake).header
    assert (header.kind, header.rover, header.sol, header.source) == (Kind.IMAGES, "curiosity", 100, "pictures")
    assert (header.record_count, header.promised, header.complete, header.synthetic) == (2, None, True, False)
    assert list((tmp_path / "scratch").rglob("*.*")) == []


def test_what_is_held_is_not_asked_for_and_nothing_is_written(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    wanted = serving(server, 3)
    fetch(lake, tmp_path, {100: wanted[:2]})
    server.requests.clear()
    result = fetch(lake, tmp_path, {100: wanted})[100]
    assert outcomes(result) == [Outcome.HELD, Outcome.HELD, Outcome.FETCHED]
    before = lake.list()
    again = fetch(lake, tmp_path, {100: wanted})[100]
    assert (outcomes(again), again.put) == ([Outcome.HELD] * 3, None)
    assert [path for path, _ in server.requests] == [path_of(server, wanted[2])]
    assert lake.list() == before, "not even its time of modification"


def test_pictures_without_a_document_are_recorded_without_a_request(
    server: PictureServer, lake: Lake, tmp_path: Path
) -> None:
    """As after a kill: the bytes are in the lake, the document is not, or it is damaged."""
    wanted = serving(server, 3)
    fetch(lake, tmp_path, {100: wanted})
    before = [replace(each, fetched_at=NEVER) for each in records(lake)]
    server.requests.clear()
    lake.remove(KEY)
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.HELD] * 3
    assert [replace(each, fetched_at=NEVER) for each in records(lake)] == before
    lake.put_bytes(KEY, b"no document")
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.HELD] * 3
    assert [replace(each, fetched_at=NEVER) for each in records(lake)] == before
    assert server.requests == []


def test_a_picture_that_was_removed_or_cut_in_the_lake_comes_again(
    server: PictureServer, lake: Lake, tmp_path: Path
) -> None:
    wanted = serving(server, 3)
    fetch(lake, tmp_path, {100: wanted})
    keys = [each.picture_key or "" for each in records(lake)]
    lake.remove(keys[0])
    lake.put_bytes(keys[1], lake.get(keys[1])[:-100])
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.FETCHED, Outcome.FETCHED, Outcome.HELD]
    assert [lake.get(key) for key in keys] == [server.files[path_of(server, each)] for each in wanted]


@pytest.mark.parametrize(
    ("wrong", "known"),
    [
        ("404", (Fault.MISSING, 7)),
        ("403", (Fault.MISSING, 7)),
        ("damaged", (Fault.DAMAGED, 1)),
        ("elsewhere", (Fault.REFUSED, 1)),
    ],
)
def test_what_a_server_does_not_have_is_known_for_a_while(
    server: PictureServer, lake: Lake, tmp_path: Path, wrong: str, known: tuple[Fault, int]
) -> None:
    word, days = known
    wanted = serving(server, 2)
    server.faults[path_of(server, wanted[0])] = [wrong] * 20
    result = fetch(lake, tmp_path, {100: wanted})[100]
    assert outcomes(result) == [Outcome.FAILED, Outcome.FETCHED]
    assert isinstance(result.errors[wanted[0].photo_key], NoPicture)
    record = records(lake)[0]
    assert (record.error, record.picture_key, record.bytes, record.sha256, record.mean) == (word, None, None, None, None)
    assert [each.key for each in lake.list(FOLDER)] == [records(lake)[1].picture_key]
    server.requests.clear()
    server.faults.clear()
    almost = timedelta(days=days) - timedelta(minutes=10)
    as_if_of(lake, almost)
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.KNOWN, Outcome.HELD]
    assert server.requests == []
    as_if_of(lake, timedelta(minutes=20))
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.FETCHED, Outcome.HELD]
    assert [each.error for each in records(lake)] == [None, None]


def test_what_failed_is_asked_for_by_the_next_run_and_writes_one_document_until_then(
    server: PictureServer, lake: Lake, tmp_path: Path
) -> None:
    wanted = serving(server, 2)
    server.faults[path_of(server, wanted[0])] = ["html"] * 8
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.FAILED, Outcome.FETCHED]
    assert [each.error for each in records(lake)] == [Fault.FAILED, None]
    assert not document(lake).header.complete
    before = lake.list()
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.FAILED, Outcome.HELD]
    assert lake.list() == before
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.FETCHED, Outcome.HELD]
    assert document(lake).header.complete


def test_bombs_and_files_that_are_no_pictures_are_never_kept(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    wanted = serving(server, 3)
    server.files[path_of(server, wanted[0])] = png_bomb(60_000)
    server.files[path_of(server, wanted[1])] = b"PDS_VERSION_ID = PDS3"
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.FAILED, Outcome.FAILED, Outcome.FETCHED]
    assert [each.error for each in records(lake)] == [Fault.REFUSED, Fault.REFUSED, None]
    assert len(lake.list("pictures/")) == 1


def test_thirty_percent_of_faults_cost_time_and_no_picture(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    sols = {sol: serving(server, 12, sol) for sol in range(100, 108)}
    chance = random.Random(14)
    kinds = ["html", "404", "503", "cut", "long", "short", "damaged", "elsewhere"]
    for path in server.files:
        server.faults[path] = [chance.choice(kinds) if chance.random() < 0.3 else "" for _ in range(40)]
    keys = [f"images/rover=curiosity/sol={sol:05d}.json.gz" for sol in sols]
    found: list[Picture] = []
    while not found or not all(each.is_held for each in found):
        fetch(lake, tmp_path, sols)
        found = [record for key in keys for record in records(lake, key)]
        assert {each.error for each in found} <= {None, Fault.FAILED}, "nothing false is believed for a week"
    assert {each.source_url: lake.get(each.picture_key or "") for each in found} == {
        server.url + path: body for path, body in server.files.items()
    }


def test_the_budget_is_never_exceeded_and_says_what_to_do(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    wanted = serving(server, 8)
    sizes = [len(server.files[path_of(server, each)]) for each in wanted]
    most = sum(sizes[:5])
    result = fetch(lake, tmp_path, {100: wanted}, most_bytes=most, in_flight=4)[100]
    held = [each.size for each in lake.list("pictures/")]
    assert sum(held) <= most
    assert result.count(Outcome.FETCHED) == len(held) == len(records(lake)) >= 4
    assert result.count(Outcome.LEFT) == 8 - len(held)
    errors = [error for error in result.errors.values() if isinstance(error, PicturesFull)]
    assert "MARS_IMAGES_MAX_GB" in str(errors[0])
    server.requests.clear()
    assert outcomes(fetch(lake, tmp_path, {100: wanted}, most_bytes=0)[100]).count(Outcome.HELD) == len(held)
    assert server.requests == [], "a full lake asks nobody"
    assert not fetch(lake, tmp_path, {100: wanted})[100].errors
    # What had arrived when there was no room is not asked for again either.
    assert max(server.sent[path_of(server, each)] / size for each, size in zip(wanted, sizes, strict=True)) == 1


def test_a_full_disk_leaves_the_rest(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    def full() -> None:
        raise DiskFull("1 MB free")

    result = fetch(lake, tmp_path, {100: serving(server, 2)}, before_each=full)[100]
    assert outcomes(result) == [Outcome.LEFT] * 2
    assert (result.put, server.requests, lake.list()) == (None, [], [])


def test_a_server_that_is_down_is_left_alone_and_nothing_is_recorded_of_what_was_not_asked(
    server: PictureServer, lake: Lake, tmp_path: Path
) -> None:
    wanted = serving(server, 30)
    for each in wanted:
        server.faults[path_of(server, each)] = ["503"] * 9
    result = fetch(lake, tmp_path, {100: wanted})[100]
    failed, left = result.count(Outcome.FAILED), result.count(Outcome.LEFT)
    assert failed + left == 30
    assert left >= 20
    assert len(records(lake)) == failed
    assert len(server.requests) <= 40


def test_a_server_that_wants_a_long_pause_is_left_alone_and_nothing_is_recorded(
    server: PictureServer, lake: Lake, tmp_path: Path
) -> None:
    pause = {"127.0.0.1": datetime.now(UTC) + timedelta(hours=1)}
    result = fetch(lake, tmp_path, {100: serving(server, 3)}, held=pause)[100]
    assert outcomes(result) == [Outcome.LEFT] * 3
    assert "wants no requests" in str(result.results[0].error)
    assert (result.put, server.requests, lake.list()) == (None, [], [])


def test_a_lake_that_does_not_respond_leaves_everything(
    server: PictureServer, lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: str) -> None:
        raise LakeError("the store does not respond")

    monkeypatch.setattr(lake, "list", down)
    assert outcomes(fetch(lake, tmp_path, {100: serving(server, 3)})[100]) == [Outcome.LEFT] * 3
    assert server.requests == []


def test_two_servers_that_name_their_files_alike_and_two_photos_of_one_file(
    server: PictureServer, lake: Lake, tmp_path: Path
) -> None:
    server.files = {"/a/F.JPG": jpeg(1), "/b/F.JPG": jpeg(2)}
    wanted = [
        Wanted("1", server.url + "/a/F.JPG"),
        Wanted("2", server.url + "/b/F.JPG"),
        Wanted("3", server.url + "/a/F.JPG"),
        Wanted("3", server.url + "/a/F.JPG"),
    ]
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.FETCHED] * 3
    assert [lake.get(each.picture_key or "") for each in records(lake)] == [jpeg(1), jpeg(2), jpeg(1)]
    assert len(server.requests) == 2
    lake.remove(KEY)
    assert outcomes(fetch(lake, tmp_path, {100: wanted})[100]) == [Outcome.HELD] * 3
    assert [lake.get(each.picture_key or "") for each in records(lake)] == [jpeg(1), jpeg(2), jpeg(1)]


@pytest.mark.parametrize("path", ["/a/..%2F..%2Fx.jpg", "/a/.hidden", "/a/", "/a/x.jpg?version=2", "/a/" + "x" * 200])
def test_no_address_leads_out_of_the_sols_folder(server: PictureServer, lake: Lake, tmp_path: Path, path: str) -> None:
    server.files = {path: jpeg(1)}
    fetch(lake, tmp_path, {100: [Wanted("1", server.url + path)]})
    (key,) = [each.key for each in lake.list("pictures/")]
    assert key.startswith(FOLDER + "picture-")
    assert lake.get(key) == jpeg(1)


def test_another_rendition_takes_the_place_of_the_record_and_going_back_costs_nothing(
    server: PictureServer, lake: Lake, tmp_path: Path
) -> None:
    server.files = {"/a/F_320.jpg": jpeg(1), "/a/F_1200.jpg": jpeg(2)}
    small, large = (Wanted("1", server.url + path) for path in server.files)
    for each in (small, large, small, large):
        fetch(lake, tmp_path, {100: [each]})
        assert [record.source_url for record in records(lake)] == [each.url]
    assert len(server.requests) == 2
    server.files.clear()
    gone = Wanted("1", server.url + "/a/F.png")
    assert outcomes(fetch(lake, tmp_path, {100: [gone]})[100]) == [Outcome.FAILED]
    assert [record.source_url for record in records(lake)] == [large.url], "a picture stays before an error"


def test_a_refetch_asks_for_everything_and_takes_what_has_changed(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    wanted = serving(server, 2)
    fetch(lake, tmp_path, {100: wanted})
    before = lake.head(KEY)
    assert outcomes(fetch(lake, tmp_path, {100: wanted}, refetch=True)[100]) == [Outcome.FETCHED] * 2
    assert lake.head(KEY) == before
    server.files[path_of(server, wanted[0])] = jpeg(999)
    fetch(lake, tmp_path, {100: wanted}, refetch=True)
    assert lake.get(records(lake)[0].picture_key or "") == jpeg(999)
    assert records(lake)[0].sha256 == hashlib.sha256(jpeg(999)).hexdigest()


def test_what_is_refetched_takes_no_room_a_second_time(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    wanted = serving(server, 8)
    fetch(lake, tmp_path, {100: wanted})
    most = sum(each.size for each in lake.list("pictures/")) + 1
    assert outcomes(fetch(lake, tmp_path, {100: wanted}, most_bytes=most, refetch=True)[100]) == [Outcome.FETCHED] * 8


def test_what_two_runs_of_one_sol_find_stands_side_by_side(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    one, two = serving(server, 2)

    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda each: fetch(lake, tmp_path, {100: [each]}), (one, two)))
    fetch(lake, tmp_path, {100: [one, two]})
    assert [each.photo_key for each in records(lake)] == [one.photo_key, two.photo_key]
    assert len(server.requests) == 2


def test_what_nobody_went_on_with_for_a_week_is_removed(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    folder = tmp_path / "scratch" / "pictures"
    folder.mkdir(parents=True)
    for name, days in (("old.part", 8), ("old.part-note", 8), ("new.part", 6)):
        (folder / name).write_bytes(b"1")
        then = (datetime.now(UTC) - timedelta(days=days)).timestamp()
        os.utime(folder / name, (then, then))
    fetch(lake, tmp_path, {100: serving(server, 1)})
    assert [each.name for each in folder.iterdir()] == ["new.part"]


def test_the_replicas_pictures_are_marked_as_its_photos_are(server: PictureServer, lake: Lake, tmp_path: Path) -> None:
    header = Header(Kind.PHOTOS, "curiosity", "msl", 100, datetime.now(UTC), "f", 1, 1, True, synthetic=True)
    lake.put_now(Document(header, (b"{}",)))
    fetch(lake, tmp_path, {100: serving(server, 1), 101: serving(server, 1, 101)})
    assert document(lake).header.synthetic
    assert not document(lake, KEY.replace("00100", "00101")).header.synthetic
