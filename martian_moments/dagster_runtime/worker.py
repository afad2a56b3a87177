"""The processes that execute runs: ``python -m martian_moments.dagster_runtime.worker`` is the fork server that makes them.

Importing Dagster takes longer than most of our runs. The fork server does it once and forks one worker per run. That is
safe because it stays single-threaded and opens nothing: no database, no channel, no event loop. It never imports our own
code beyond this module, so a worker always executes the definitions that are on disk. It also sees every end of a worker
first-hand, and reports a run whose worker died.

Orders arrive on standard input, one JSON object a line: ``run`` (Dagster's serialized ExecuteRunArgs) and ``log`` (the file
that takes the worker's output). The response to each is a line on standard output: ``{"pid": …}`` or ``{"error": …}``. When
there are no more orders, the fork server stays until its last worker has ended.

Measured on two cores, medians of seven runs, from the launch to RUN_START and to the asset's first line: 0.17 s and 0.27 s,
beside 1.33 s and 1.41 s for ``dagster api execute_run``; four workers at once take 55 MB each (PSS), a plain one 97 MB.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
from dagster._cli.api import _execute_run_command_body
from dagster._core.instance import InstanceRef
from dagster._grpc.types import ExecuteRunArgs
from dagster._serdes import deserialize_value
from dagster._utils import get_run_crash_explanation
from dagster._utils.interrupts import capture_interrupts

from martian_moments.dagster_runtime import warm_dbt
from martian_moments.dagster_runtime.processes import WATCH_SECONDS, ProcessId, die_with_supervisor, supervisor
from martian_moments.infrastructure.without_pandas import do_without_pandas

WORKER_TAG: Final = "martian_moments/worker"
"""The tag of a run that names who executes it: a process of this machine (``pid@start``), or a Celery worker."""

PRELOADED: Final = (
    "dagster._core.run_coordinator.queued_run_coordinator",
    "dagster._core.storage.sqlite_storage",
    "dagster._core.storage.upath_io_manager",
    "dagster_dbt",
    warm_dbt.IMPORTS,
    "httpcore",
    "httpx",
    "obstore",
    "orjson",
    "pydantic_settings",
    "tenacity",
    "upath.implementations.local",
)
"""What nearly every run imports. Third-party, stateless, without threads: anything else breaks the fork."""

_Order = dict[str, str]


def main() -> None:
    """The fork server: forks a worker per order until the orders end and the last worker is gone, or the supervisor is."""
    # A Ctrl-C at the terminal reaches the whole process group: the workers end by it, and somebody has to report on them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    do_without_pandas()
    for module in PRELOADED:
        importlib.import_module(module)
    # Untouched by the collector, what was imported stays shared between the workers.
    gc.freeze()
    watched = supervisor()
    workers: dict[int, _Order] = {}
    taking_orders = True
    while taking_orders or workers:
        ready, _, _ = select.select([sys.stdin] if taking_orders else [], [], [], WATCH_SECONDS)
        if ready:
            line = sys.stdin.buffer.readline()
            taking_orders = bool(line)
            if line:
                # A line at a time is enough for select: the launcher waits for each response.
                _take_order(json.loads(line), workers)
        _bury_the_dead(workers)
        if watched is not None and not watched.alive:
            for pid in workers:
                os.kill(pid, signal.SIGKILL)
            return


def _take_order(order: _Order, workers: dict[int, _Order]) -> None:
    try:
        pid = _fork_to(_work, order)
    except OSError as error:
        response: dict[str, str | int] = {"error": f"no process could be made for it ({error})"}
    else:
        workers[pid] = order
        response = {"pid": pid}
    sys.stdout.write(json.dumps(response) + "\n")
    sys.stdout.flush()


def _bury_the_dead(workers: dict[int, _Order]) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        order = workers.pop(pid, None)
        if order is not None and status != 0:
            explanation = get_run_crash_explanation(f"The worker (pid {pid})", os.waitstatus_to_exitcode(status))
            _fork_to(_report_death, {**order, "explanation": f"{explanation} Its output is in {order['log']}."})


def _fork_to(task: Callable[[_Order], int], order: _Order) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _become_a_process_of_its_own(Path(order["log"]))
        code = task(order)
    except BaseException:  # noqa: BLE001 - the last frame of a process: everything goes to its log, nothing up the stack
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        # Not sys.exit: a forked child must not run what its parent registered for its own end.
        os._exit(code)


def _become_a_process_of_its_own(log: Path) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    log.parent.mkdir(parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(nothing)
    os.close(output)


def _work(order: _Order) -> int:
    """What ``dagster api execute_run`` does, without keeping every event of the run in memory."""
    with warm_dbt.dbt_waiting(), capture_interrupts():
        die_with_supervisor()
        args = deserialize_value(order["run"], ExecuteRunArgs)
        with DagsterInstance.from_ref(_ref_of(args)) as instance:
            # The worker tags the run itself, before it starts: whoever sees a started run can ask for its worker.
            instance.add_run_tags(args.run_id, {WORKER_TAG: str(ProcessId.mine())})
            return execute(instance, args.run_id)


def execute(instance: DagsterInstance, run_id: str) -> int:
    """Execute a run in this process; returns the exit code. Call it within ``capture_interrupts``."""
    return _execute_run_command_body(run_id, instance, _discard, set_exit_code_on_failure=True)


def _report_death(order: _Order) -> int:
    die_with_supervisor()
    args = deserialize_value(order["run"], ExecuteRunArgs)
    with DagsterInstance.from_ref(_ref_of(args)) as instance:
        run = instance.get_run_by_id(args.run_id)
        if run is not None:
            end_run(instance, run, order["explanation"])
    return 0


def _ref_of(args: ExecuteRunArgs) -> InstanceRef:
    if args.instance_ref is None:
        raise ValueError(f"run {args.run_id} was ordered without its Dagster instance")
    return args.instance_ref


def _discard(_event: object) -> None:
    """The events are in the instance already."""


def end_run(instance: DagsterInstance, run: DagsterRun, explanation: str) -> None:
    """Gives a run whose worker is gone its final status: canceled if someone had asked for that, else failed."""
    if run.is_finished:
        return
    if run.status is DagsterRunStatus.CANCELING:
        instance.report_run_canceled(run, explanation)
    else:
        instance.report_run_failed(run, explanation)


if __name__ == "__main__":
    main()
