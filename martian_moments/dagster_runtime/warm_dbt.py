"""dbt in a process that has imported it already.

A run's worker is forked from a process that has imported what runs import. So that dbt need not be imported anew either,
each worker forks, before it has threads or connections, a process that waits for the one dbt command the run may have. Where
nobody waits (a Celery worker, a process that executes a run itself) dbt is started as always. Either way it is a process of
its own: its memory goes with it, and a signal ends it.
"""

from __future__ import annotations

import atexit
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import IO, Any, Final

from martian_moments.dagster_runtime.processes import ProcessId, die_with

IMPORTS: Final = "dbt.cli.main"
"""What the process that workers are forked from imports for it: the command, and no adapter, which would start threads."""

_FORK: Final = multiprocessing.get_context("fork")


class ForkedDbt:
    """A process that waits for a dbt command, then is that command: of ``subprocess.Popen`` what dagster_dbt uses.

    Attributes:
        args: the command, as it would be typed; empty while it waits.
        stdout: what dbt writes, errors included.
    """

    def __init__(self) -> None:
        """Fork it. Only while this process has no other thread."""
        orders, self._orders = _FORK.Pipe(duplex=False)
        reading, writing = os.pipe()
        ours = (self._orders.fileno(), reading)
        self._process = _FORK.Process(target=_wait_for_order, args=(orders, ours, writing, ProcessId.mine()), name="dbt")
        self._process.start()
        orders.close()
        os.close(writing)
        self.args: Sequence[str] = ()
        self.stdout: IO[bytes] = os.fdopen(reading, "rb")

    @property
    def returncode(self) -> int | None:
        """As in Popen."""
        return self._process.exitcode

    def begin(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        """Give it its command, whose first word is dbt itself."""
        self.args = command
        self._orders.send((command[1:], dict(environment), str(folder)))

    def wait(self, timeout: float | None = None) -> int:
        """As in Popen. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """As in Popen."""
        if self._process.is_alive() and self._process.pid is not None:
            os.kill(self._process.pid, number)

    def end(self) -> None:
        """It is not needed any more, whatever it is doing."""
        self._orders.close()
        self.stdout.close()
        if self.args:
            self._process.kill()
        self._process.join()


_waiting: list[ForkedDbt] = []


@contextmanager
def dbt_waiting() -> Iterator[None]:
    """While the block lasts, :func:`start_dbt` need not import dbt. Only for a process without other threads."""
    waits = ForkedDbt()
    _waiting.append(waits)
    try:
        yield
    finally:
        _waiting.clear()
        waits.end()


def start_dbt(
    arguments: Sequence[str], *, environment: Mapping[str, str], folder: Path
) -> subprocess.Popen[bytes] | ForkedDbt:
    """Start the dbt of this Python with these arguments, in a folder, with nothing in its environment but what is given."""
    # It need not be on the PATH of whoever started the platform.
    command = [str(Path(sys.executable).with_name("dbt")), *arguments]
    if _waiting:
        forked = _waiting.pop()
        forked.begin(command, environment, folder)
        return forked
    return subprocess.Popen(  # noqa: S603 - a fixed command
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(environment), cwd=folder
    )


def _wait_for_order(orders: Connection, of_worker: tuple[int, int], output: int, worker: ProcessId) -> None:
    """The forked process: ends when the worker does not need it, and with the worker."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for descriptor in of_worker:
        os.close(descriptor)
    try:
        arguments, environment, folder = orders.recv()
    except EOFError:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = ["dbt", *arguments]
    die_with(worker)
    from dbt.cli.main import cli

    _spare(environment)
    try:
        cli()
    finally:
        # Here DuckDB's file is closed, so that no write-ahead log is left. multiprocessing ends a process without it.
        atexit._run_exitfuncs()  # noqa: SLF001


def _spare(environment: Mapping[str, str]) -> None:
    """Leave out what dbt does for nobody: a quarter of its processor time, beside the statements of small builds.

    It makes a message of every event and two lines of every message, also of the nine in ten that are for debugging and are
    then not written. And the collector of garbage goes through the whole project again and again, which is in no cycle.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    if "debug" in (environment.get("DBT_LOG_LEVEL", "info"), environment.get("DBT_LOG_LEVEL_FILE", "debug")):
        return
    from dbt_common.events.base_types import BaseEvent, EventLevel
    from dbt_common.events.event_manager import EventManager

    fire = EventManager.fire_event

    def fire_event(manager: EventManager, e: BaseEvent, level: EventLevel | None = None, *rest: Any, **named: Any) -> None:
        if (level or e.level_tag()) is not EventLevel.DEBUG:
            fire(manager, e, level, *rest, **named)

    EventManager.fire_event = fire_event  # type: ignore[assignment, method-assign]
