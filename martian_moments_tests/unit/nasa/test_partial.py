"""What has arrived of a file, on disk and in memory."""

from pathlib import Path

import httpx
import pytest

from martian_moments.nasa import partial
from martian_moments.nasa.partial import partial_file

URL = "https://mars.example/1.jpg"
MB = 1024**2


def test_pieces_are_written_together_and_nothing_is_missing_afterwards(tmp_path: Path) -> None:
    pieces = [bytes([number]) * (MB // 4) for number in range(6)]
    on_disk = []
    with partial_file(tmp_path, URL) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": str(6 * MB // 4)}))
        for piece in pieces:
            part.write(piece)
            on_disk.append(part.path.stat().st_size)
        part.end()
        assert part.is_whole
        assert part.content() == b"".join(pieces)
    assert on_disk == [0, 0, 0, MB, MB, MB]


def test_what_waits_is_on_disk_when_the_response_is_cut(tmp_path: Path) -> None:
    with partial_file(tmp_path, URL) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "10"}))
        part.write(b"1234")
    with partial_file(tmp_path, URL) as part:
        assert part.rest() == {"Range": "bytes=4-", "If-Range": '"1"'}


def test_what_comes_slowly_is_written_as_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(partial, "_HELD_S", -1.0)
    with partial_file(tmp_path, URL) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "10"}))
        part.write(b"1234")
        assert part.path.read_bytes() == b"1234"


def test_another_version_begins_without_what_waited_of_the_first(tmp_path: Path) -> None:
    with partial_file(tmp_path, URL) as part:
        part.begin(httpx.Response(200, headers={"ETag": '"1"', "Content-Length": "10"}))
        part.write(b"1234")
        part.begin(httpx.Response(200, headers={"ETag": '"2"', "Content-Length": "2"}))
        part.write(b"ab")
        part.end()
        assert (part.is_whole, part.content()) == (True, b"ab")
