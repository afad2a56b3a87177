"""The service on the full history, beside a bare Starlette that sends the same bytes from memory."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb
import httpx

from bench.clients import bodies, latencies_ms, requests_per_second
from bench.measuring import in_own_process, peak_memory, percentile, server
from bench.report import Line
from martian_moments.infrastructure.sql import from_folder
from martian_moments.serving.explorer.files import ROVERS_FILE
from martian_moments.serving.explorer.page import INDEX, page_files
from martian_moments_tests.browser import chromium, installed
from martian_moments_tests.waiting import wait_until

_STEPS: Final = ("hold_back", "load", "build", "publish")
_CONNECTIONS: Final = 64
_START_S: Final = 2.0
_PATIENCE_S: Final = 300.0
_PEAK_MB: Final = 400.0
_PAGES_PER_SECOND: Final = 300.0
_SCREEN_KB: Final = 300.0
_SCREEN_MS: Final = 1_000.0
_SCREENS: Final = 7
_PAGE: Final = "v1 page of 25"


@dataclass(frozen=True, slots=True)
class _Kind:
    """Requests of one kind.

    Attributes:
        goal_ms: for the median.
        sql: finds their addresses in the published tables.
    """

    goal_ms: float
    sql: str


_KINDS: Final[Mapping[str, _Kind]] = {
    "v1 sol of 800 to 900 photos": _Kind(
        20.0,
        "select '/api/v1/rovers/' || rover || '/photos?sol=' || sol from fact_photos group by rover, sol"
        " order by abs(count(*) - 856), rover, sol limit 10",
    ),
    _PAGE: _Kind(
        10.0,
        "select '/api/v1/rovers/' || rover || '/photos?sol=' || sol || '&page=1' from fact_photos group by rover, sol"
        " having count(*) >= 25 order by hash(rover || sol), rover, sol limit 200",
    ),
    "v1 photo by its id": _Kind(5.0, "select '/api/v1/photos/' || id from photo_ids order by hash(id), id limit 200"),
    "v1 manifest": _Kind(15.0, "select distinct '/api/v1/manifests/' || rover as target from fact_photos order by target"),
    "v2, three filters, all rovers": _Kind(
        60.0,
        # Of each camera the later half of its sols and the middle half of its seasons: the generated history has no Sun.
        "select '/api/v2/photos?camera=' || camera || '&sol_min=' || quantile_disc(sol, 0.5)"
        " || '&solar_longitude_min=' || round(quantile_disc(solar_longitude_deg, 0.25), 2)"
        " || '&solar_longitude_max=' || round(quantile_disc(solar_longitude_deg, 0.75), 2) || '&limit=100'"
        " from fact_photos where solar_longitude_deg is not null group by camera having count(*) >= 100"
        " order by hash(camera), camera limit 20",
    ),
}


_OTHERS: Final = ("/stac/search?limit=1", f"/explorer/data/{ROVERS_FILE}")
"""Asked besides, until the service counts as started."""


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the benchmark of the service."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        in_own_process("bench.history_steps", "generate", str(home), "4" if quick else "all")
        for step in _STEPS:
            in_own_process("bench.history_steps", step, str(home))
        yield from measured(home, times=20 if quick else 400)


def measured(home: Path, *, times: int) -> Iterator[Line]:
    """The lines of a home whose tables are published, with so many requests of each kind."""
    targets = {kind: _targets(home, each.sql) for kind, each in _KINDS.items()}
    first = [*(each[0] for each in targets.values()), *_OTHERS]
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as name, _service(home) as (address, pid):
        asyncio.run(bodies(address, first))
        started = time.perf_counter() - began
        yield Line(name="service: start, until every API has responded", ours=started, unit="s", at_most=_START_S)
        with peak_memory(pid) as peak:
            every = [target for each in targets.values() for target in each]
            responses = asyncio.run(bodies(address, every))
            expect_found(responses)
            with _bare(Path(name), responses) as bare:
                for kind, each in _KINDS.items():
                    yield _latency(kind, targets[kind], (address, bare), each.goal_ms, times)
                yield _throughput(targets[_PAGE], (address, bare), requests=times * 10)
                mixed = asyncio.run(requests_per_second(address, every, connections=_CONNECTIONS, requests=times * 5))
        yield Line(name=f"service: every kind, {_CONNECTIONS} connections", ours=mixed, unit="requests/s")
        yield Line(name="service: peak", ours=peak[0], unit="MB", at_most=_PEAK_MB)
        yield _first_screen(address)
        yield from _in_a_browser(address)


def expect_found(responses: Mapping[str, bytes]) -> None:
    """Every response has something in its first member, where photos, data and manifests are. Raises RuntimeError."""
    empty = [target for target, body in responses.items() if not next(iter(json.loads(body).values()))]
    if empty:
        raise RuntimeError(f"nothing is measured by an empty response: {', '.join(empty)}")


def _latency(kind: str, targets: Sequence[str], addresses: tuple[str, str], goal_ms: float, times: int) -> Line:
    ours, bare = (percentile(asyncio.run(latencies_ms(each, targets, times)), 50) for each in addresses)
    return Line(name=f"{kind}: p50", ours=ours, unit="ms", baseline=bare, against="bare Starlette", at_most=goal_ms)


def _throughput(targets: Sequence[str], addresses: tuple[str, str], *, requests: int) -> Line:
    ours, bare = (
        asyncio.run(requests_per_second(each, targets, connections=_CONNECTIONS, requests=requests)) for each in addresses
    )
    return Line(
        name=f"{_PAGE}, {_CONNECTIONS} connections",
        ours=ours,
        unit="requests/s",
        baseline=bare,
        against="bare Starlette",
        at_least=_PAGES_PER_SECOND,
    )


def _first_screen(address: str) -> Line:
    """What a browser fetches before the first screen is there, as it is sent: the page, all its files, the latest sols."""
    names = sorted(page_files().keys() - {INDEX})
    sizes = []
    with httpx.Client(base_url=f"{address}/explorer/", trust_env=False) as client:
        for name in ("", *names, f"data/{ROVERS_FILE}"):
            with client.stream("GET", name, headers={"Accept-Encoding": "gzip"}) as response:
                sizes.append(sum(map(len, response.raise_for_status().iter_raw())))
    return Line(name="explorer: first screen", ours=sum(sizes) / 1_000, unit="kB", at_most=_SCREEN_KB)


def _in_a_browser(address: str) -> Iterator[Line]:
    """How long it takes until the largest part of the first screen is painted, nothing of it in the browser's cache."""
    program = installed()
    if program is None:
        return
    painted = (
        "new Promise((done) => new PerformanceObserver((list) => done(list.getEntries().at(-1).startTime))"
        ".observe({type: 'largest-contentful-paint', buffered: true}))"
    )
    times = []
    with chromium(program) as browser:
        browser.call("Network.setCacheDisabled", cacheDisabled=True)
        for _ in range(_SCREENS):
            browser.open(f"{address}/explorer/")
            browser.wait_for("document.querySelector('.latest a')")
            times.append(float(browser.evaluate(painted)))
    yield Line(name="explorer: first screen in Chromium, p50", ours=percentile(times, 50), unit="ms", at_most=_SCREEN_MS)


def _targets(home: Path, sql: str) -> list[str]:
    with duckdb.connect() as connection:
        for schema, table in (("silver", "fact_photos"), ("gold", "photo_ids")):
            files = from_folder(home / "published" / schema / table)
            connection.execute(f"create view {table} as select * from {files}")
        return [str(target) for (target, *_) in connection.execute(sql).fetchall()]


@contextmanager
def _service(home: Path) -> Iterator[tuple[str, int]]:
    """The service on a home, from the moment on when it responds with a table: its address and process."""
    environment = {**os.environ, "MARS_HOME": str(home), "MARS_SERVE_PORT": "0", "PYTHONUNBUFFERED": "1"}
    with server("martian_moments.serving", environment=environment) as (address, pid):
        wait_until(
            lambda: bool(httpx.get(f"{address}/health", trust_env=False).json()["ready"]),
            "it has tables",
            _PATIENCE_S,
            pause=0.01,
        )
        yield address, pid


@contextmanager
def _bare(folder: Path, responses: Mapping[str, bytes]) -> Iterator[str]:
    names = {target: f"{number}.json" for number, target in enumerate(responses)}
    for target, body in responses.items():
        (folder / names[target]).write_bytes(body)
    (folder / "targets.json").write_text(json.dumps(names))
    with server("bench.bare", str(folder)) as (address, _):
        wait_until(lambda: _responds(address, next(iter(responses))), "it responds", _PATIENCE_S, pause=0.01)
        yield address


def _responds(address: str, target: str) -> bool:
    try:
        return httpx.get(f"{address}{target}", trust_env=False).is_success
    except httpx.ConnectError:
        return False
