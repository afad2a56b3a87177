"""Fixtures that every test may use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [f"martian_moments_tests.{name}" for name in ("services", "buckets", "topics", "snowflakes")]

REPOSITORY = Path(__file__).parent.parent

# No timed assertions: on a busy machine an example takes as long as it takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture(scope="session")
def real_payloads() -> Path:
    """The folder of real NASA payloads: MARS_REAL_PAYLOADS, by default ../shared/real beside the repository.

    Missing payloads fail the test in CI and skip it elsewhere.
    """
    folder = Path(os.environ.get("MARS_REAL_PAYLOADS", REPOSITORY.parent / "shared" / "real"))
    if not folder.is_dir():
        reason = f"no real payloads in {folder}; set MARS_REAL_PAYLOADS to the folder that holds them"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder
