"""Fixtures of several modules here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from martian_moments_tests.e2e.stage import Stage


@pytest.fixture
def patient(stage: Stage) -> Iterator[tuple[str, int]]:
    """A run of the module's stage, in the middle of its asset, and the process that executes it."""
    run, child = stage.begin_patient_run()
    yield run, child
    stage.let_go(run)
    stage.start_workers()
