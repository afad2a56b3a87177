from __future__ import annotations

import dagster as dg
import pytest

from martian_moments.dagster_runtime.storage import BatchingSqliteEventLogStorage


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many events each batch has that is stored."""
    sizes: list[int] = []
    store = BatchingSqliteEventLogStorage._store_asset_events

    def spy(self: BatchingSqliteEventLogStorage, run_id: str, events: list[dg.EventLogEntry]) -> None:
        sizes.append(len(events))
        store(self, run_id, events)

    monkeypatch.setattr(BatchingSqliteEventLogStorage, "_store_asset_events", spy)
    return sizes
