"""Pictures from a server to the lake, beside a bare loop: ``python -m bench.pictures NAME WORK`` does the work once."""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bench.measuring import Measured, in_own_process, median_of, server
from bench.report import Line

_LATENCY_S: Final = 0.1
_IN_FLIGHT: Final = 16
_SOLS: Final = 50
_SIZE: Final = 1024
_RATIO: Final = 1.15


@dataclass(frozen=True, slots=True)
class Work:
    """What is to be done: so many pictures of a server, into an empty folder."""

    url: str
    pictures: int
    folder: str


def downloads(*, quick: bool) -> Iterator[Line]:
    """The line of the downloads."""
    pictures, times = (2 * _SOLS, 1) if quick else (10 * _SOLS, 3)
    with server("bench.pictures", "serve") as (url, _):
        ours, floor = (_median(name, url, pictures, times) for name in ("ours", "floor"))
    yield Line(
        name=f"{pictures} pictures of {_SIZE} x {_SIZE}, 100 ms",
        ours=ours.seconds,
        unit="s",
        baseline=floor.seconds,
        against="bare loop",
        ratio_at_most=_RATIO,
        peak_mb=ours.peak_mb,
        baseline_peak_mb=floor.peak_mb,
    )


def _median(name: str, url: str, pictures: int, times: int) -> Measured:
    def once() -> Measured:
        with tempfile.TemporaryDirectory() as folder:
            measured = in_own_process("bench.pictures", name, json.dumps(asdict(Work(url, pictures, folder))))
        if measured.result["held"] != pictures:
            raise RuntimeError(f"{name} ended with {measured.result['held']} of {pictures} pictures")
        return measured

    return median_of(once, times)


def ours(work: Work) -> int:
    """The pipeline as the asset runs it: every picture checked, decoded, measured, stored for a power cut and recorded."""
    from martian_moments.lake.store import Lake
    from martian_moments.media.quality import measure as quality
    from martian_moments.nasa.http import PoliteClient
    from martian_moments.pipelines.images import Budget, Outcome, Wanted, fetch_pictures

    async def run() -> int:
        lake = Lake(Path(work.folder, "lake").as_uri())
        each = work.pictures // _SOLS
        wanted = {
            sol: [Wanted(f"{sol}-{number}", f"{work.url}/{sol:05d}/{number}.JPG") for number in range(each)]
            for sol in range(_SOLS)
        }
        held = 0
        async with PoliteClient(requests_per_minute=1_000_000, concurrency=_IN_FLIGHT) as client:
            async for result in fetch_pictures(
                client,
                lake,
                "curiosity",
                wanted,
                measure=quality,
                budget=Budget(lake, 10**12),
                scratch=Path(work.folder, "scratch"),
                in_flight=_IN_FLIGHT,
            ):
                held += result.count(Outcome.FETCHED)
        return held

    return asyncio.run(run())


def floor(work: Work) -> int:
    """The floor: GET and write. No checks, no limits, no records."""
    import httpx

    queue = iter(range(work.pictures))

    def write(name: str, content: bytes) -> None:
        Path(work.folder, name).write_bytes(content)

    async def worker(client: httpx.AsyncClient) -> None:
        for number in queue:
            response = await client.get(f"{work.url}/00000/{number}.JPG")
            write(f"{number}.JPG", response.raise_for_status().content)

    async def run() -> None:
        limits = httpx.Limits(max_connections=_IN_FLIGHT)
        async with httpx.AsyncClient(limits=limits, trust_env=False) as client, asyncio.TaskGroup() as group:
            for _ in range(_IN_FLIGHT):
                group.create_task(worker(client))

    asyncio.run(run())
    return len(list(Path(work.folder).glob("*.JPG")))


async def _serve() -> None:
    """Send one picture for every address, after the latency."""
    import cv2
    import numpy as np

    noise = np.random.default_rng(14).integers(0, 255, (_SIZE // 8, _SIZE // 8), np.uint8)
    body = cv2.imencode(".jpg", cv2.resize(noise, (_SIZE, _SIZE), interpolation=cv2.INTER_CUBIC))[1].tobytes()
    head = f'HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nETag: "1"\r\nContent-Length: {len(body)}\r\n\r\n'.encode()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline():
            while (await reader.readline()).strip():
                pass
            await asyncio.sleep(_LATENCY_S)
            writer.write(head + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(respond, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


def main() -> None:
    """Do the work that the command line names."""
    name, *more = sys.argv[1:]
    if name == "serve":
        asyncio.run(_serve())
    else:
        work = Work(**json.loads(more[0]))
        print(json.dumps({"held": {"ours": ours, "floor": floor}[name](work)}))


if __name__ == "__main__":
    main()
