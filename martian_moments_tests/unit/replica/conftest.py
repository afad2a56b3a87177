"""What the tests of the replica share."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from martian_moments.replica.faults import FaultPlan
from martian_moments.replica.running import RunningReplica


@pytest.fixture
def replica(shared: RunningReplica) -> RunningReplica:
    """The replica of a module (its fixture ``shared``), without the faults and the counts of the test before."""
    shared.control.faults(FaultPlan())
    shared.control.reset_counters()
    return shared


@pytest.fixture
def client(replica: RunningReplica) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=replica.base_url) as client:
        yield client
