"""What a start costs: importing the definitions, and the code server until it responds."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.measuring import free_port
from bench.report import Line
from martian_moments.dagster_runtime.code_server import is_serving

_DEFINITIONS = "martian_moments.definitions"


def measure(*, quick: bool) -> Iterator[Line]:
    """The lines of the start benchmark."""
    times = 2 if quick else 7
    with tempfile.TemporaryDirectory() as home:
        os.environ["MARS_HOME"] = home
        os.environ.pop("DAGSTER_HOME", None)  # with one, a code server opens its databases
        # Turn by turn, so that both see the same machine.
        turns = [(_import("dagster"), _import(_DEFINITIONS)) for _ in range(times)]
        dagster, ours = (statistics.median(seconds) for seconds in zip(*turns, strict=True))
        yield Line(
            name="import of the definitions",
            ours=ours,
            unit="s",
            baseline=dagster,
            against="import dagster",
            ratio_at_most=1.3,
        )
        servers = [(_code_server("bench.empty"), _code_server(_DEFINITIONS)) for _ in range(1 if quick else 3)]
        empty, ours = (statistics.median(seconds) for seconds in zip(*servers, strict=True))
        yield Line(name="start of the code server", ours=ours, unit="s", baseline=empty, against="without definitions")


def _import(module: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-W", "ignore", "-c", f"import {module}"], check=True)
    return time.perf_counter() - began


def _code_server(module: str) -> float:
    """Seconds from its start until it responds to a ping, which it does when the definitions are loaded."""
    port = free_port()
    log = Path(os.environ["MARS_HOME"]) / "code-server.log"
    began = time.perf_counter()
    command = [
        sys.executable,
        "-m",
        "dagster",
        "api",
        "grpc",
        "-h",
        "127.0.0.1",
        "-p",
        str(port),
        "-m",
        module,
        "-a",
        "defs",
    ]
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as server:
        try:
            while not is_serving(port):
                if server.poll() is not None:
                    raise RuntimeError(f"the code server ended: {log.read_text()[-3_000:]}")
                time.sleep(0.05)
            return time.perf_counter() - began
        finally:
            # Dagster gives SIGTERM the handler of SIGINT, which a script's background job ignores.
            server.kill()
