"""A PDS index of the real size, from a server to 200 sols in the lake, in a process of its own whose memory is measured."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from martian_moments_tests.unit.nasa.pds_archive import WIDTH, line, real_label

SOLS = 5_000
LINES_PER_SOL = 75
TABLE_BYTES = SOLS * LINES_PER_SOL * WIDTH
"""350 MB: a little more than the biggest real volume, that of Opportunity's panoramic camera."""

MOST_BYTES = 500 * 1024 * 1024

BACKFILL = """
import asyncio, json, re, sys
from pathlib import Path
from martian_moments.lake.store import Lake
from martian_moments.nasa.http import PoliteClient
from martian_moments.nasa.pds import PDS, read_promises

async def main(url, home):
    lake = Lake((home / "lake").as_uri())
    async with PoliteClient(requests_per_minute=1e6, concurrency=4) as client:
        source = PDS(client, url, lake, home)
        manifest = await source.manifest("opportunity")
        await lake.put_if_changed(manifest)
        promised = read_promises(manifest).sols
        records = 0
        for sol in range(1, 201):
            document = await source.photos("opportunity", sol, promised[sol])
            await lake.put_if_changed(document)
            records += document.header.record_count
    # Of this program alone: getrusage also counts what its parent had before.
    peak = int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024
    print(json.dumps({"peak": peak, "records": records, "sols": len(promised), "promised": sum(promised.values())}))

asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
"""


@pytest.fixture
def archive(real_payloads: Path) -> Iterator[str]:
    """An archive whose one volume is made line by line while it is sent."""
    template = line(real_payloads, 0, 0)
    head, middle, tail = template[:196], template[223:288], template[292:]
    label = real_label(real_payloads, SOLS * LINES_PER_SOL)

    def lines_of(sol: int) -> bytes:
        products = (b"1P%09dEFF0000P2303L2M1" % (sol * LINES_PER_SOL + number) for number in range(LINES_PER_SOL))
        return b"".join(head + product + middle + f"{sol:<4}".encode() + tail for product in products)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            present = "/mer1po_0xxx/" in self.path
            size = (len(label) if self.path.endswith(".lbl") else TABLE_BYTES) if present else 0
            self.send_response(200 if present else 404)
            self.send_header("content-length", str(size))
            self.end_headers()
            if present and self.path.endswith(".lbl"):
                self.wfile.write(label)
            elif present:
                for sol in range(1, SOLS + 1):
                    self.wfile.write(lines_of(sol))

        def log_message(self, *args: object) -> None:
            """Nothing: the requests are not what is tested."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/img"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from /proc")
def test_a_backfill_of_200_sols_from_an_index_of_350_mb_stays_below_500_mb(archive: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BACKFILL, archive, str(tmp_path)], capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout)
    assert measured["peak"] < MOST_BYTES
    assert (measured["sols"], measured["promised"]) == (SOLS, SOLS * LINES_PER_SOL)
    assert measured["records"] == 200 * LINES_PER_SOL
    tables = list((tmp_path / "lake").rglob("*.tab"))
    assert [table.stat().st_size for table in tables] == [TABLE_BYTES] == [349_875_000]
