from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr

from martian_moments.domain.documents import MAX_HEADER_BYTES, MAX_TEXT_BYTES, decode, decode_text
from martian_moments.domain.errors import DocumentError, LakeError
from martian_moments.infrastructure.s3 import S3Options
from martian_moments.lake.store import Lake, ObjectInfo
from martian_moments_tests.builders import photos_document

KEY = photos_document().header.key


def run(script: str, *arguments: str) -> str:
    return subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True, check=True).stdout


def reached(port: int) -> S3Options:
    """How to reach a stand-in for S3 on this machine."""
    return S3Options(endpoint=f"http://127.0.0.1:{port}", access_key_id="id", secret_access_key=SecretStr("hush"))


def test_what_a_killed_writer_leaves_behind_is_no_object(tmp_path: Path) -> None:
    lake = Lake(tmp_path.as_uri())
    lake.put_bytes("photos/a.json.gz", b"whole")
    (tmp_path / "photos" / "a.json.gz#1").write_bytes(b"wh")
    (tmp_path / "photos" / "b.json.gz#12").write_bytes(b"")
    assert [info.key for info in lake.list()] == ["photos/a.json.gz"]
    lake.put_bytes("photos/a.json.gz", b"whole again")
    assert lake.get("photos/a.json.gz") == b"whole again"


KILLED = """
import asyncio, os, signal, sys, threading
from martian_moments.lake.store import Lake
from martian_moments_tests.builders import photos_document

lake = Lake(sys.argv[1])
puts = 0
def kill(_):
    global puts
    puts += 1
    if puts == 20:  # in the middle of another thread's writes
        os.kill(os.getpid(), signal.SIGKILL)
lake._announce = kill

async def main():
    big = b'"' + os.urandom(200_000).hex().encode() + b'"'
    await asyncio.gather(*(lake.put_if_changed(photos_document(sol, pages=(big,))) for sol in range(200)))
asyncio.run(main())
"""


def test_every_object_is_whole_after_its_writer_was_killed(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path.as_uri()], capture_output=True, check=False)
    assert killed.returncode == -9
    lake = Lake(tmp_path.as_uri())
    stored = lake.list()
    assert len(stored) >= 20
    for info in stored:
        assert len(decode(info.key, lake.get(info.key)).pages[0]) == 400_002


# A limit on the size of files stands in for a full disk: the write fails half-way in the same place.
FULL = """
import asyncio, os, resource, sys
from martian_moments.domain.errors import LakeError
from martian_moments.lake.store import Lake
from martian_moments_tests.builders import photos_document

lake = Lake(sys.argv[1], announce=lambda info: print("announced", info.size < 50_000))
small, big = photos_document(), photos_document(content="b", pages=(b'"' + os.urandom(200_000).hex().encode() + b'"',))
asyncio.run(lake.put_if_changed(small))
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
try:
    asyncio.run(lake.put_if_changed(big))
except LakeError as error:
    print(error)
"""


def test_a_full_disk_leaves_the_old_object_and_announces_nothing(tmp_path: Path) -> None:
    first, message = run(FULL, tmp_path.as_uri()).splitlines()
    assert first == "announced True"
    assert f"cannot write {KEY}" in message
    assert "free space" in message
    lake = Lake(tmp_path.as_uri())
    assert decode(KEY, lake.get(KEY)) == photos_document()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["sol=01000.json.gz"]


# Root may write anywhere, so that the script becomes nobody first.
FORBIDDEN = """
import os, sys
from martian_moments.domain.errors import LakeError
from martian_moments.lake.store import Lake

lake = Lake(sys.argv[1])
if os.geteuid() == 0:
    os.setuid(65534)
try:
    lake.put_bytes("photos/a", b"")
except LakeError as error:
    print(error)
"""


def test_a_folder_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "lake"
    folder.mkdir(mode=0o500)
    message = run(FORBIDDEN, folder.as_uri())
    assert "cannot write photos/a" in message
    assert "this user may write" in message


async def test_a_document_whose_announcement_fails_is_stored_and_the_failure_is_reported(tmp_path: Path) -> None:
    def refuse(info: ObjectInfo) -> None:
        raise RuntimeError(info.key)

    lake = Lake(tmp_path.as_uri(), announce=refuse)
    with pytest.raises(RuntimeError, match=KEY):
        await lake.put_if_changed(photos_document())
    assert decode(KEY, lake.get(KEY)) == photos_document()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("file://lake", "three slashes and an absolute path are needed"),
        ("ftp://somewhere/else", "use file:///folder or s3://bucket"),
        ("s3://", "use file:///folder or s3://bucket"),
        ("lake", "use file:///folder or s3://bucket"),
    ],
)
def test_an_address_that_is_no_lake_is_refused(url: str, words: str) -> None:
    with pytest.raises(LakeError, match=words):
        Lake(url)


def test_secret_keys_are_not_shown() -> None:
    assert "hush" not in repr(S3Options(access_key_id="id", secret_access_key=SecretStr("hush")))


@contextmanager
def s3_responding(status: int, body: bytes) -> Iterator[Lake]:
    class Response(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_PUT = do_GET  # noqa: N815, the base class looks for this name

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Response) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield Lake("s3://mars", s3=reached(server.server_port))
        server.shutdown()


RESPONSES = {
    "init makes the bucket": (404, b"<Error><Code>NoSuchBucket</Code></Error>"),
    "keys and the policy": (403, b"<Error><Code>AccessDenied</Code></Error>"),
}


@pytest.mark.parametrize("advice", RESPONSES)
@pytest.mark.parametrize(
    "ask",
    [lambda lake: lake.get("a"), lambda lake: lake.list("a"), lambda lake: lake.put_bytes("a", b"x")],
    ids=["get", "list", "put"],
)
def test_an_s3_that_refuses_is_an_error_with_advice_and_never_an_empty_lake(
    advice: str, ask: Callable[[Lake], object]
) -> None:
    with s3_responding(*RESPONSES[advice]) as lake, pytest.raises(LakeError, match=f"s3://mars: .*{advice}") as caught:
        ask(lake)
    assert type(caught.value) is LakeError
    assert "hush" not in str(caught.value)


def test_an_s3_that_does_not_respond_is_an_error() -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        port = server.server_port
    with pytest.raises(LakeError, match=f"127.0.0.1:{port}.*that the store responds"):
        Lake("s3://mars", s3=reached(port)).get("a")


def bomb(beginning: bytes = b"") -> bytes:
    """A gzip file of 0.3 MB that holds 256 MB."""
    packer = zlib.compressobj(9, wbits=31)
    return packer.compress(beginning) + b"".join(packer.compress(bytes(1024**2)) for _ in range(256)) + packer.flush()


def test_a_gzip_bomb_takes_no_more_than_the_bounds_and_is_replaced(tmp_path: Path) -> None:
    lake, document = Lake(tmp_path.as_uri()), photos_document()
    key = document.header.key
    lake.put_bytes(key, bomb())
    tracemalloc.start()
    try:
        assert lake.heads("photos/") == {}
        assert tracemalloc.get_traced_memory()[1] < 8 * MAX_HEADER_BYTES
    finally:
        tracemalloc.stop()
    with pytest.raises(DocumentError, match=f"more than {MAX_TEXT_BYTES} bytes"):
        decode_text(key, lake.get(key))
    assert asyncio.run(lake.put_if_changed(document)).changed
    assert lake.heads("photos/") == {key: document.header}
    assert lake.get(f"quarantine/damaged/{key}") == bomb()


def test_an_object_that_is_larger_than_any_document_is_not_read(tmp_path: Path) -> None:
    lake, document = Lake(tmp_path.as_uri()), photos_document()
    key = document.header.key
    (tmp_path / key).parent.mkdir(parents=True)
    with (tmp_path / key).open("wb") as file:
        file.truncate(1024**3)
    assert lake.heads("photos/") == {}
    with pytest.raises(DocumentError, match="too large to be read"):
        lake.get(key)
    assert asyncio.run(lake.put_if_changed(document)).changed
    assert lake.heads("photos/") == {key: document.header}
