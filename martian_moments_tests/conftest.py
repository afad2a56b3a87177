"""Fixtures that every test may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest_plugins = [
    f"martian_moments_tests.{name}" for name in ("services", "mortal_services", "buckets", "topics", "snowflakes")
]

REPOSITORY = Path(__file__).parent.parent

# No timed assertions: on a busy machine an example takes as long as it takes.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Lay out the tests for ``pytest -n``: which of them share a worker, and which come first.

    The tests of a module stay together, because they share what is expensive (a parsed dbt project, a platform, a double of
    Snowflake), and modules may name a group that they share: three platforms at once starve each other on two processors.
    End-to-end tests mostly wait, so they come first and the others fill the processors meanwhile; without that order one
    worker would be left alone with them at the end.
    """
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))
    items.sort(key=lambda item: item.get_closest_marker("e2e") is None)


@pytest.fixture(autouse=True)
def _same_environment_for_the_next_test() -> Iterator[None]:
    """A command run in this process sets DAGSTER_HOME, as it does in its own; the next test must not open that instance."""
    before = dict(os.environ)
    yield
    for name in os.environ.keys() - before.keys():
        del os.environ[name]
    os.environ.update(before)


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


@pytest.fixture(scope="session")
def cases(real_payloads: Path) -> Path:
    """The folder of small inputs that once broke the platform, beside the real payloads."""
    return real_payloads.parent / "cases"
