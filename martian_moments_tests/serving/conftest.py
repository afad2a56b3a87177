"""The service on a home that is made once for all workers of a test run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from starlette.testclient import TestClient

from martian_moments_tests.serving.home import ServedHome, make_home, running


@pytest.fixture(scope="session")
def served(real_payloads: Path, tmp_path_factory: pytest.TempPathFactory) -> ServedHome:
    """A home with every real record, which all tests share and none changes."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    folder, done = shared / "served", shared / "served.done"
    with FileLock(shared / "served.lock"):
        if not done.exists():
            folder.mkdir()
            make_home(folder, real_payloads)
            done.touch()
    return ServedHome(folder)


@pytest.fixture(scope="session")
def client(served: ServedHome) -> Iterator[TestClient]:
    """A client of the service, which has its first snapshot."""
    app = served.app()
    with TestClient(app, raise_server_exceptions=False) as client:
        assert app.state.snapshots.wait(60)
        assert app.state.snapshots.reason is None
        yield client


@pytest.fixture(scope="session")
def address(served: ServedHome) -> Iterator[str]:
    """The service on a port, for clients that know nothing of Python."""
    with running(served.app()) as address:
        yield address
