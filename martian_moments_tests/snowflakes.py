"""Snowflake accounts for tests and benchmarks, on a double in a process of its own."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from pydantic import SecretStr

from martian_moments.warehouse.snowflake_account import SnowflakeAccount


@pytest.fixture(scope="session")
def fakesnow() -> Iterator[Callable[[], SnowflakeAccount]]:
    """Makes accounts, each on a new database, on a double that serves for the whole session."""
    with double("martian_moments_tests.fakesnow_server") as accounts:
        yield accounts


@contextmanager
def double(module: str, *arguments: str, log: Path | None = None) -> Iterator[Callable[[], SnowflakeAccount]]:
    """Makes accounts, each on a new database, while ``python -m module PORT arguments`` serves as the double.

    Args:
        module: says ``serving`` on its standard output when it does, and ends with its standard input.
        arguments: what it is given behind the port.
        log: the file of its standard error; without one that of this process.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", module, str(port), *arguments]
    # Closing its standard input ends it, whatever ends this process.
    with (
        nullcontext() if log is None else log.open("w") as errors,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True) as server,
    ):
        assert server.stdout is not None
        assert server.stdout.readline() == "serving\n", "fakesnow did not start"
        yield lambda: SnowflakeAccount(
            account="fakesnow",
            user="tester",
            password=SecretStr(secrets.token_hex(8)),
            database=f"MARS_{secrets.token_hex(4).upper()}",
            host="127.0.0.1",
            port=port,
            protocol="http",
        )
