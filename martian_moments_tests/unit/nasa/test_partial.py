"""What has arrived of a file, on disk and in memory."""

from contextlib import AbstractContextManager
from io import FileIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from martian_moments.nasa import partial
from martian_moments.nasa.partial import Arriving, Partial

URL = "https://mars.example/1.jpg"
MB = 1024**2


def arriving(folder: Path) -> AbstractContextManager[Partial]:
    """What has arrived of the address, as a new process sees it."""
    return Arriving(folder, forget_after_s=60).file(URL)


def test_pieces_are_written_together_and_nothing_is_missing_afterwards(tmp_path: Path) -> None:
    pieces = [bytes([number]) * (MB // 4) for number in range(6)]
    on_disk: list[int | None] = []
    with arriving(tmp_path) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": str(6 * MB // 4)}))
        for piece in pieces:
            part.write(piece)
            on_disk.append(part.path.stat().st_size if part.path.exists() else None)
        part.end()
        assert part.is_whole
        assert part.content() == b"".join(pieces)
    assert on_disk == [None, None, None, MB, MB, MB]


def test_what_waits_is_on_disk_when_the_response_is_cut(tmp_path: Path) -> None:
    with arriving(tmp_path) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "10"}))
        part.write(b"1234")
    with arriving(tmp_path) as part:
        assert part.rest() == {"Range": "bytes=4-", "If-Range": '"1"'}


def test_what_comes_slowly_is_written_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "_HELD_S", -1.0)
    with arriving(tmp_path) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "10"}))
        part.write(b"1234")
        assert part.path.read_bytes() == b"1234"


def test_another_version_begins_without_what_waited_of_the_first(tmp_path: Path) -> None:
    with arriving(tmp_path) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "10"}))
        part.write(b"1234")
        part.begin(httpx.Response(200, headers={"ETag": '"2"', "Content-Length": "2"}))
        part.write(b"ab")
        part.end()
        assert (part.is_whole, part.content()) == (True, b"ab")


def test_a_disk_that_takes_a_part_of_what_waits_gets_no_byte_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class NearlyFull(FileIO):
        def write(self, data: Any) -> int:
            return super().write(bytes(data)[:3])

    monkeypatch.setattr(partial, "FileIO", NearlyFull)
    with arriving(tmp_path) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "8"}))
        part.write(b"12345678")
        part.end()
        assert part.content() == part.path.read_bytes() == b"12345678"


def test_what_is_whole_is_on_disk_before_anything_is_made_of_it(tmp_path: Path) -> None:
    with arriving(tmp_path) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "4"}))
        part.write(b"1234")
        part.end()
        assert part.content() == b"1234"
        copies = [(each.name, each.read_bytes()) for each in tmp_path.iterdir()]
    (tmp_path / "after a kill").mkdir()
    for name, body in copies:
        (tmp_path / "after a kill" / name).write_bytes(body)
    with arriving(tmp_path / "after a kill") as part:
        assert (part.is_whole, part.content()) == (True, b"1234")


def test_what_is_forgotten_leaves_nothing_on_disk(tmp_path: Path) -> None:
    with arriving(tmp_path) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "4"}))
        part.write(b"1234")
        part.content()
        assert len(list(tmp_path.iterdir())) == 2
        part.forget()
        assert list(tmp_path.iterdir()) == []
        assert part.rest() == {}


def test_what_somebody_else_is_downloading_is_neither_read_nor_written_by_another(tmp_path: Path) -> None:
    headers = {"ETag": '"1"', "Content-Length": "4"}
    with arriving(tmp_path) as first, arriving(tmp_path) as second:
        for part, body in ((first, b"12"), (second, b"ab")):
            part.begin(httpx.Response(200, headers=headers))
            part.write(body)
            part.content()
        with arriving(tmp_path) as third:
            assert third.size == 0
        first.write(b"34")
        second.write(b"cd")
        assert (first.content(), second.content()) == (b"1234", b"abcd")
