"""How Celery works here; workers and launcher take the same."""

from __future__ import annotations

from typing import Any, Final

from martian_moments.dagster_runtime.worker import PRELOADED

QUEUE: Final = "dagster"

CONFIG: Final[dict[str, Any]] = {
    # A run gets a fresh process: its memory returns to the machine, and no state of an earlier run is met.
    "worker_max_tasks_per_child": 1,
    # An order stays in Redis until a process is free: a dead worker takes no waiting run with it.
    "worker_prefetch_multiplier": 1,
    "worker_disable_prefetch": True,
    # Imported before the fork. Third-party only: our own code is what is on disk when the run begins.
    "imports": (
        *PRELOADED,
        "dagster_aws.s3.compute_log_manager",
        "dagster_postgres.event_log.event_log",
        "dagster_postgres.run_storage",
        "dagster_postgres.schedule_storage",
    ),
    # Otherwise no output of a run reaches its compute log.
    "worker_redirect_stdouts": False,
    "broker_connection_retry_on_startup": True,
    "result_backend": "disabled://",
    "task_ignore_result": True,
    # The queue tries again later; a launch that waits would hold up those of every other run.
    "task_publish_retry_policy": {"max_retries": 2, "interval_start": 0.2, "interval_step": 0.5, "interval_max": 1},
    "broker_transport_options": {"socket_connect_timeout": 5, "socket_timeout": 30},
}
