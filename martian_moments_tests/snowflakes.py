"""Snowflake accounts for tests, on a double that serves for the whole session."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from pydantic import SecretStr

from martian_moments.warehouse.snowflake_account import SnowflakeAccount


@pytest.fixture(scope="session")
def fakesnow() -> Iterator[Callable[[], SnowflakeAccount]]:
    """Makes accounts, each on a new database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    command = [sys.executable, "-m", "martian_moments_tests.fakesnow_server", str(port)]
    # Closing its standard input ends it, whatever ends this process.
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
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
