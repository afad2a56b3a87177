"""The download of one picture, from a server that does everything that servers do."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from martian_moments.domain.errors import DiskFull, LakeError, NoPicture, PictureDamaged, PictureRefused
from martian_moments.nasa import pictures
from martian_moments.nasa.http import PoliteClient
from martian_moments_tests.picture_server import HTML, PictureServer, jpeg, picture_server

PATH = "/raw/sol/00100/FLF_0100.JPG"
BODY = jpeg(1)


@pytest.fixture
def server() -> Iterator[PictureServer]:
    with picture_server() as served:
        served.files[PATH] = BODY
        yield served


def whole(body: bytes) -> bytes:
    """What measuring finds: a JPEG without its end is damaged."""
    if not body.endswith(b"\xff\xd9"):
        raise PictureDamaged("it ends too early")
    return body


def fetch(
    server: PictureServer,
    folder: Path,
    *,
    path: str = PATH,
    take: Callable[[bytes], bytes] = whole,
    attempts: int = 4,
    transport: httpx.AsyncBaseTransport | None = None,
) -> bytes:
    async def run() -> bytes:
        async with PoliteClient(
            requests_per_minute=1_000_000, concurrency=1, backoff=0.0, attempts=attempts, transport=transport
        ) as client:
            return await pictures.picture(client, server.url + path, pictures.arriving(folder), take)

    return asyncio.run(run())


def fault(server: PictureServer, folder: Path, **options: object) -> str:
    with pytest.raises(NoPicture) as raised:
        fetch(server, folder, **options)  # type: ignore[arg-type]
    return raised.value.fault


def left(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def test_a_picture_arrives_as_it_is_and_leaves_nothing_behind(server: PictureServer, tmp_path: Path) -> None:
    assert fetch(server, tmp_path) == BODY
    assert left(tmp_path) == []
    asked = server.requests[0][1]
    assert asked["accept"] == "image/jpeg, image/png"
    assert asked["accept-encoding"] == "identity"
    assert asked["user-agent"].startswith("martian-moments/")
    assert "range" not in asked


@pytest.mark.parametrize("wrong", ["html", "503", "long", "short", "damaged", "cut", "404", "elsewhere"])
def test_what_goes_wrong_once_costs_a_request_and_nothing_else(server: PictureServer, tmp_path: Path, wrong: str) -> None:
    server.faults[PATH] = [wrong]
    assert fetch(server, tmp_path) == BODY
    assert left(tmp_path) == []
    # Of a file that is shorter than was announced there is no rest (416): it is asked for once more.
    assert server.asked(PATH) == (3 if wrong == "long" else 2)


@pytest.mark.parametrize(
    ("wrong", "word", "requests"),
    [
        ("404", "missing", 3),
        ("403", "missing", 3),
        ("400", "refused", 3),
        ("elsewhere", "refused", 3),
        ("damaged", "damaged", 4),
        ("html", "failed", 4),
        ("503", "failed", 4),
        ("long", "failed", 4),
    ],
)
def test_what_stays_wrong_has_its_word(server: PictureServer, tmp_path: Path, wrong: str, word: str, requests: int) -> None:
    server.faults[PATH] = [wrong] * 9
    server.with_ranges = False
    assert fault(server, tmp_path) == word
    assert server.asked(PATH) == requests


def test_attempts_that_contradict_each_other_prove_nothing(server: PictureServer, tmp_path: Path) -> None:
    server.faults[PATH] = ["404", "damaged", "404", "elsewhere"]
    assert fault(server, tmp_path) == "failed"


def test_what_was_cut_goes_on_where_it_was_cut(server: PictureServer, tmp_path: Path) -> None:
    server.faults[PATH] = ["cut", "cut"]
    assert fetch(server, tmp_path) == BODY
    ranges = [asked.get("range") for _, asked in server.requests]
    half = len(BODY) // 2
    assert ranges == [None, f"bytes={half}-", f"bytes={half + (len(BODY) - half) // 2}-"]
    assert server.sent[PATH] == len(BODY), "no byte twice"


def test_a_later_process_goes_on_as_well(server: PictureServer, tmp_path: Path) -> None:
    server.faults[PATH] = ["cut"]
    assert fault(server, tmp_path, attempts=1) == "failed"
    assert fetch(server, tmp_path) == BODY
    assert server.requests[-1][1]["range"] == f"bytes={len(BODY) // 2}-"
    assert server.sent[PATH] == len(BODY)


def test_the_rest_of_another_version_is_never_joined(server: PictureServer, tmp_path: Path) -> None:
    server.faults[PATH] = ["cut"]
    assert fault(server, tmp_path, attempts=1) == "failed"
    server.files[PATH] = jpeg(2)
    assert fetch(server, tmp_path) == jpeg(2)


def test_what_has_no_name_for_its_version_is_asked_for_anew(server: PictureServer, tmp_path: Path) -> None:
    """Neither ETag nor time: nobody could say that the rest belongs to the beginning."""
    asked: list[str | None] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("range"))

        async def pieces() -> AsyncIterator[bytes]:
            yield BODY[:500]
            if len(asked) == 1:
                raise httpx.ReadError("cut")
            yield BODY[500:]

        return httpx.Response(200, headers={"Content-Length": str(len(BODY))}, content=pieces())

    assert fetch(server, tmp_path, transport=httpx.MockTransport(respond)) == BODY
    assert asked == [None, None]


@pytest.mark.parametrize(
    "wrong",
    ["bytes 0-999/1000", "bytes 500-998/1000", "bytes 500-999/*", "nonsense", ""],
)
def test_a_rest_that_does_not_fit_is_not_taken(server: PictureServer, tmp_path: Path, wrong: str) -> None:
    body = b"\xff\xd8\xff" + bytes(995) + b"\xff\xd9"
    asked: list[str | None] = []

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers.get("range"))

        async def beginning() -> AsyncIterator[bytes]:
            yield body[:500]
            raise httpx.ReadError("cut")

        match len(asked):
            case 1:
                return httpx.Response(200, headers={"ETag": '"a"', "Content-Length": "1000"}, content=beginning())
            case 2:
                return httpx.Response(206, headers={"Content-Range": wrong}, content=body[500:])
        return httpx.Response(200, headers={"ETag": '"a"'}, content=body)

    assert fetch(server, tmp_path, transport=httpx.MockTransport(respond)) == body
    assert asked == [None, "bytes=500-", None]


def test_what_is_whole_but_was_not_stored_is_not_asked_for_again(server: PictureServer, tmp_path: Path) -> None:
    def full(body: bytes) -> bytes:
        raise LakeError("no space")

    with pytest.raises(LakeError):
        fetch(server, tmp_path, take=full)
    assert fetch(server, tmp_path) == BODY
    assert server.asked(PATH) == 1


def test_whoever_is_cancelled_while_a_picture_is_stored_waits_until_it_is(server: PictureServer, tmp_path: Path) -> None:
    storing, told_to_end, stored = threading.Event(), threading.Event(), list[bytes]()

    def store(body: bytes) -> bytes:
        storing.set()
        assert told_to_end.wait(30)
        stored.append(body)
        return body

    async def run() -> None:
        async with PoliteClient(requests_per_minute=1_000_000, concurrency=1) as client:
            asking = asyncio.create_task(pictures.picture(client, server.url + PATH, pictures.arriving(tmp_path), store))
            assert await asyncio.to_thread(storing.wait, 30)
            for _ in range(2):  # whoever presses Ctrl-C once does it again
                asking.cancel()
                await asyncio.sleep(0.05)
                assert not asking.done(), "or the file would be closed that is being read"
            told_to_end.set()
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert stored == [BODY]

    asyncio.run(run())
    assert left(tmp_path) == []


def test_nothing_is_asked_for_where_the_folder_takes_nothing(server: PictureServer, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DiskFull, match="did not take a file"):
        fetch(server, tmp_path / "file")
    assert server.requests == []


def test_redirects_are_followed_on_the_same_host_only(server: PictureServer, tmp_path: Path) -> None:
    server.files[f"/moved{PATH}"] = jpeg(3)
    server.faults[PATH] = ["moved"]
    assert fetch(server, tmp_path) == jpeg(3)
    server.faults[PATH] = ["moved"] * 9
    server.faults[f"/moved{PATH}"] = ["elsewhere"] * 9
    assert fault(server, tmp_path) == "refused"


def test_redirects_without_an_end_end(server: PictureServer, tmp_path: Path) -> None:
    loop = httpx.MockTransport(lambda request: httpx.Response(302, headers={"Location": str(request.url)}))
    assert fault(server, tmp_path, transport=loop) == "refused"


def test_nothing_but_a_picture_is_taken(server: PictureServer, tmp_path: Path) -> None:
    taken: list[bytes] = []

    def take(body: bytes) -> bytes:
        taken.append(body)
        return body

    for body in (HTML, b"", b"PDS_VERSION_ID = PDS3", b"\xef\xbb\xbf<html>", b'{"error": 1}'):
        server.files[PATH] = body
        fault(server, tmp_path, take=take)
    assert taken == []


def test_a_bomb_is_refused(server: PictureServer, tmp_path: Path) -> None:
    def bomb(body: bytes) -> bytes:
        raise PictureRefused("60,000 x 60,000 pixels")

    assert fault(server, tmp_path, take=bomb) == "refused"
    assert server.asked(PATH) == 3


def test_a_file_without_end_is_left(server: PictureServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_BYTES", 1_000)
    assert fault(server, tmp_path) == "refused"
    assert left(tmp_path) == []


def test_two_that_ask_for_one_picture_at_once_do_not_mix_their_bytes(server: PictureServer, tmp_path: Path) -> None:
    async def run() -> list[bytes]:
        async with PoliteClient(requests_per_minute=1_000_000, concurrency=4, backoff=0.0) as client:
            folder = pictures.arriving(tmp_path)
            each = (pictures.picture(client, server.url + PATH, folder, whole) for _ in range(4))
            return await asyncio.gather(*each)

    server.faults[PATH] = ["cut", "", "cut", "damaged", "cut"]
    assert asyncio.run(run()) == [BODY] * 4
    assert left(tmp_path) == []
