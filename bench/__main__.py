"""``python -m bench [NAME...] [--quick]``: measure, and print one table."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from typing import Final

import psutil
from rich.console import Console

from bench.report import Line, show
from bench.upstream import real_counts
from services.errors import ServicesError

_REPOSITORY: Final = Path(__file__).resolve().parent.parent
_FILE_WIDTH: Final = 150
"""Columns of the table where the output is no terminal."""

PARTS: Final = (
    "imports",
    "ingest",
    "dialects",
    "history",
    "platform",
    "latency",
    "moments",
    "serving",
    "snowflake",
    "deployed",
)


def main() -> None:
    """Run the benchmarks that are named, all of them by default."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Speed and memory, each beside its baseline.")
    parser.add_argument("names", nargs="*", choices=[*PARTS, []], metavar="NAME", help=f"of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="small sizes, once each: shows that it works, not how fast")
    asked = parser.parse_args()
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _FILE_WIDTH)
    lines: list[Line] = []
    failed = False
    try:
        with _no_env_file():
            for name in asked.names or PARTS:
                busy = os.getloadavg()[0]
                console.print(f"{name}: measuring (load average before: {busy:.1f})")
                try:
                    lines += importlib.import_module(f"bench.{name}").measure(quick=asked.quick)
                except ServicesError as error:
                    console.print(f"{name}: left out, {error}")
                    failed = name in asked.names
    finally:
        # Also of a part that fails: what was measured before may have taken a quarter of an hour.
        cores, gigabytes = psutil.cpu_count(), psutil.virtual_memory().total / 1e9
        console.print(f"{cores} cores, {gigabytes:.0f} GB, Python {platform.python_version()}, {platform.system()}")
        show(lines, console)
    sys.exit(failed)


@contextmanager
def _no_env_file() -> Iterator[None]:
    """An empty working directory for this process and its children: what measures never follows a person's ``.env``."""
    os.environ["PYTHONPATH"] = str(_REPOSITORY)
    # Modules are compiled once, as they are for whoever does not forbid it: a third of the CPU of a short process otherwise.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    if payloads := real_counts():
        os.environ["MARS_REAL_PAYLOADS"] = str(payloads.absolute())
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        yield


if __name__ == "__main__":
    main()
