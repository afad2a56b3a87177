"""The services as programs of this machine, for where no container engine runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from services.environment import Environment, is_free
from services.errors import ServicesError
from services.kafka import Kafka
from services.objectstore import ObjectStore
from services.postgres import Postgres
from services.probes import PROBES
from services.processes import Daemon
from services.program import Program
from services.redis import Redis

_PROGRAMS: Final[tuple[type[Program], ...]] = (ObjectStore, Kafka, Postgres, Redis)


class Native:
    """The four programs, with their data, logs and pids under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def running(self) -> bool:
        """Whether one of them runs."""
        return any(Daemon(each.name, self._root).process() for each in _PROGRAMS)

    def up(self, environment: Environment) -> None:
        """Starts what does not run, all at once, and waits until each responds.

        Raises:
            ServicesError: the machine lacks a program, or some did not start; the others are up all the same.
        """
        programs = [each(environment, self._root) for each in _PROGRAMS]
        if lacks := [lack for each in programs if (lack := each.provide())]:
            wanted = "\n".join(f"  - {lack}" for lack in lacks)
            raise ServicesError(f"No container engine responds here; to run without one, this is missing:\n{wanted}")
        _all_at_once(partial(_start, each) for each in programs)

    def down(self, *, volumes: bool) -> None:
        """Stops them all at once; with ``volumes`` their data goes as well."""
        _all_at_once(partial(self._stop, each) for each in _PROGRAMS)
        if volumes:
            shutil.rmtree(self._root / "data", ignore_errors=True)

    def kill(self, name: str) -> None:
        """Ends one of them and its children with SIGKILL."""
        Daemon(name, self._root).kill()

    def _stop(self, program: type[Program]) -> None:
        if Daemon(program.name, self._root).stop(program.stop_signal):
            print(f"{program.name}: stopped", flush=True)


def _start(program: Program) -> None:
    began = time.monotonic()
    if program.daemon.process() is None:
        program.daemon.kill()  # what one that crashed has left
        if not is_free(program.port):
            raise ServicesError(
                f"{program.name}: port {program.port} is taken by another program; "
                f"stop that, or name a free port in .env ({program.port_variable})"
            )
        program.daemon.start(program.prepare())
    program.daemon.wait(partial(PROBES[program.name], program.environment))
    print(f"{program.name}: responds on port {program.port} after {time.monotonic() - began:.1f} s", flush=True)


def _all_at_once(actions: Iterable[Callable[[], None]]) -> None:
    with ThreadPoolExecutor() as pool:
        done = [pool.submit(action) for action in actions]
    errors = [error for each in done if (error := each.exception())]
    if unforeseen := [error for error in errors if not isinstance(error, ServicesError)]:
        raise unforeseen[0]
    if errors:
        raise ServicesError("\n".join(str(error) for error in errors))
