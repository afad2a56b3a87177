"""The run queue of a deployed platform."""

from __future__ import annotations

from dagster._core.run_coordinator.queued_run_coordinator import QueuedRunCoordinator


class WorkersRunQueue(QueuedRunCoordinator):
    """Dagster's run queue under another name, so that ``max_concurrent_runs`` can come from the environment.

    In the section ``concurrency``, the number must stand in the file; here Dagster refuses it for the stock class as soon as
    that section also configures pools, although it reads both.
    """
