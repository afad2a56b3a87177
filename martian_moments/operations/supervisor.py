"""The embedded platform as one command: code server, daemon, webserver and service, kept alive and never left behind."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import httpx
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from filelock import FileLock, Timeout

from martian_moments.dagster_runtime.code_server import is_serving
from martian_moments.dagster_runtime.launcher import worker_of
from martian_moments.dagster_runtime.processes import SUPERVISOR_VARIABLE, ProcessId
from martian_moments.dagster_runtime.worker import end_run
from martian_moments.domain.errors import PlatformFailed, PlatformRunning
from martian_moments.operations.children import POLL_SECONDS, Child, stop_all
from martian_moments.operations.instance import prepare_instance
from martian_moments.operations.pausing import Pause
from martian_moments.operations.platform import RunningPlatform, clear_state, read_state, write_state
from martian_moments.operations.service import ask_service
from martian_moments.serving.addresses import service_address
from martian_moments.settings import ARRIVING_PICTURES, SCRATCH

LOCATION: Final = "martian_moments"
"""The name of the code location."""

_LOOPBACK: Final = "127.0.0.1"
_READY_SECONDS: Final = 120.0
_STOP_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_UNSETTLED: Final = (DagsterRunStatus.STARTING, DagsterRunStatus.STARTED, DagsterRunStatus.CANCELING)


class Supervisor:
    """The processes of one platform. Use :func:`supervise`; it cleans up before and after.

    Attributes:
        instance: the platform's Dagster instance.
        pause: the pause while a disk has too little room.
        state: what the state file says.
    """

    def __init__(
        self,
        home: Path,
        *,
        instance: DagsterInstance,
        module: str,
        port: int | None,
        service: tuple[str, int] | None,
        folders: Sequence[Path],
        on_event: Callable[[str], None],
    ) -> None:
        self.instance = instance
        self._home = home
        self._module = module
        self._on_event = on_event
        self.state = RunningPlatform(
            process=str(ProcessId.mine()),
            grpc_port=_free_port(),
            url=None if port is None else f"http://{_LOOPBACK}:{_free_port(port)}",
            ready=False,
            service_url=None if service is None else service_address(service[0], _free_port(service[1], of="SERVE")),
        )
        self.pause = Pause([home, *folders], on_event)
        self._children: list[Child] = []
        self._daemon: Child | None = None

    def start(self) -> None:
        """Starts the processes, each when those that it needs are ready.

        Raises:
            PlatformFailed: one did not become ready; the message has the end of its log.
        """
        write_state(self._home, self.state)
        workspace = self._write_workspace()
        grpc_port = str(self.state.grpc_port)
        code = ("dagster", "api", "grpc", "-h", _LOOPBACK, "-p", grpc_port, "-m", self._module, "-a", "defs")
        code_server = self._spawn("code server", *code, "--location-name", LOCATION, "--log-level", "warning")
        code_server.wait_ready(lambda: is_serving(self.state.grpc_port), timeout=_READY_SECONDS)

        service = self._start_service()
        started = time.time()
        daemon = self._daemon = self._spawn(
            "daemon", "martian_moments.dagster_runtime.daemon", "run", "-w", str(workspace), "--log-level", "warning"
        )
        if self.state.url is not None:
            address = httpx.URL(self.state.url)
            listen = ("-h", address.host, "-p", str(address.port))
            webserver = self._spawn("webserver", "dagster_webserver", *listen, "-w", str(workspace))
            webserver.wait_ready(self._webserver_responds, timeout=_READY_SECONDS)
        daemon.wait_ready(lambda: self._daemon_beats_since(started), timeout=_READY_SECONDS)

        if service is not None:
            service.wait_ready(self._service_responds, timeout=_READY_SECONDS)

        self.state = replace(self.state, ready=True)
        write_state(self._home, self.state)
        where = [f"ready at {self.state.url}" if self.state.url else "ready"]
        self._on_event(", ".join([*where, *([f"service at {self.state.service_url}"] if service else [])]))

    def look_after(self) -> None:
        """One round: restarts what has died, unless a disk has too little room.

        Raises:
            PlatformFailed: a process keeps dying.
        """
        if self._daemon is None or self.pause.look(self._daemon, self._children):
            return
        for child in self._children:
            child.look_after(self._on_event)

    def _start_service(self) -> Child | None:
        if self.state.service_url is None:
            return None
        # The port that was picked, which stays the same when the process has to start again.
        port = {"MARS_SERVE_PORT": str(httpx.URL(self.state.service_url).port)}
        return self._spawn("service", "martian_moments.serving", environment=port)

    def _spawn(self, name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Child:
        environment = {
            **os.environ,
            **(environment or {}),
            "PYTHONUNBUFFERED": "1",
            SUPERVISOR_VARIABLE: self.state.process,
        }
        log = self._home / "logs" / f"{name.replace(' ', '-')}.log"
        child = Child(name, arguments=arguments, environment=environment, log=log)
        child.start()
        self._children.append(child)
        self._on_event(f"{name} started (pid {child.pid})")
        return child

    def _write_workspace(self) -> Path:
        file = self._home / "workspace.yaml"
        file.write_text(
            "# Written by every `martian-moments up`: the code server's port changes with it.\n"
            "load_from:\n"
            f"  - grpc_server: {{host: {_LOOPBACK}, port: {self.state.grpc_port}, location_name: {LOCATION}}}\n"
        )
        return file

    def _webserver_responds(self) -> bool:
        try:
            return httpx.get(f"{self.state.url}/server_info", timeout=5, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def _service_responds(self) -> bool:
        return self.state.service_url is not None and ask_service(self.state.service_url).responds

    def _daemon_beats_since(self, moment: float) -> bool:
        beats = self.instance.get_daemon_heartbeats()
        required = self.instance.get_required_daemon_types()
        return all(name in beats and beats[name].timestamp >= moment for name in required)


@contextmanager
def supervise(
    home: Path,
    *,
    instance_config: Path,
    module: str,
    port: int | None,
    pools: Mapping[str, int],
    on_event: Callable[[str], None],
    folders: Sequence[Path] = (),
    service: tuple[str, int] | None = None,
) -> Iterator[Supervisor]:
    """A started platform, whose every process is gone and every run settled when the block is left.

    Args:
        home: the embedded platform's folder; DAGSTER_HOME is its folder ``dagster``.
        instance_config: the dagster.yaml to use; copied to DAGSTER_HOME.
        module: the module with the definitions, in its attribute ``defs``.
        port: the web interface's port on 127.0.0.1, 0 for a free one, None for no web interface.
        pools: limits to set in the instance, by pool.
        on_event: gets a line for people whenever something happens.
        folders: others that the platform writes to; it pauses while the disk of one of them, or of home, is short of room.
        service: the HTTP service's host, and its port, 0 for a free one; None for no service. Its other settings are those
            of the environment.

    Raises:
        PlatformRunning: another platform runs on this home.
        PlatformFailed: a process did not become ready.
    """
    home.mkdir(parents=True, exist_ok=True)
    with _only_one(home):
        before = read_state(home)
        if before is not None:
            stop_all(before.supervisor, patience=0)
        with prepare_instance(home / "dagster", instance_config=instance_config, pools=pools) as instance:
            for run in settle_runs(instance, "The platform stopped while the run was under way."):
                on_event(f"run {run} was cut off when the platform stopped; it counts as a crash")
            _clear(home / SCRATCH)
            platform = Supervisor(
                home, instance=instance, module=module, port=port, service=service, folders=folders, on_event=on_event
            )
            try:
                platform.start()
                yield platform
            finally:
                with _signals(dict.fromkeys(_STOP_SIGNALS, signal.SIG_IGN)):
                    # Whoever listened may be gone, with the terminal.
                    with suppress(OSError):
                        on_event("stopping")
                    stop_all(platform.state.supervisor)
                    clear_state(home)
                    # On a full disk the next start does it.
                    if not platform.pause.active:
                        list(settle_runs(instance, "The platform was stopped while the run was under way."))


def _clear(scratch: Path) -> None:
    """Remove what runs that were killed have left, none of which is under way now, but for pictures that were cut.

    The next run goes on with those, and the command ``movie`` may be fetching some now.
    """
    for left in scratch.iterdir() if scratch.is_dir() else ():
        if left.name != ARRIVING_PICTURES:
            shutil.rmtree(left, ignore_errors=True)


def run_platform(
    home: Path,
    *,
    instance_config: Path,
    module: str = "martian_moments.definitions",
    port: int | None,
    pools: Mapping[str, int],
    on_event: Callable[[str], None],
    folders: Sequence[Path] = (),
    service: tuple[str, int] | None = None,
    on_round: Callable[[Supervisor], bool] | None = None,
) -> None:
    """Runs the platform until SIGINT, SIGTERM or SIGHUP; call it from the main thread.

    Args:
        home: as for :func:`supervise`, like all that follow.
        instance_config: see there.
        module: see there.
        port: see there.
        pools: see there.
        on_event: see there.
        folders: see there.
        service: see there.
        on_round: called after every round of looking after the processes; True stops the platform.

    Raises:
        PlatformRunning: another platform runs on this home.
        PlatformFailed: a process did not become ready, or keeps dying.
    """
    # Set, not assumed: a shell without job control starts background commands with SIGINT ignored.
    try:
        with (
            _signals(dict.fromkeys(_STOP_SIGNALS, signal.default_int_handler)),
            supervise(
                home,
                instance_config=instance_config,
                module=module,
                port=port,
                pools=pools,
                on_event=on_event,
                folders=folders,
                service=service,
            ) as platform,
        ):
            while on_round is None or not on_round(platform):
                platform.look_after()
                time.sleep(POLL_SECONDS)
    except KeyboardInterrupt:
        on_event("stopped")


def settle_runs(instance: DagsterInstance, explanation: str) -> Iterator[str]:
    """Gives every run that claims to be under way its final status; for when no worker can be alive.

    A failed one is repeated by the next daemon, because nothing in the run itself failed.

    Yields:
        The id of each.
    """
    for run in instance.get_runs(RunsFilter(statuses=list(_UNSETTLED))):
        worker = worker_of(run)
        if worker is not None:
            worker.send(signal.SIGKILL)
        end_run(instance, run, explanation)
        yield run.run_id


@contextmanager
def _only_one(home: Path) -> Iterator[None]:
    try:
        with FileLock(home / "platform.lock", timeout=0):
            yield
    except Timeout:
        state = read_state(home)
        who = f"pid {state.supervisor.pid}" if state and state.supervisor.alive else "it has just started"
        raise PlatformRunning(f"The platform on {home} runs already ({who}); stop that one first.") from None


@contextmanager
def _signals(handlers: Mapping[signal.Signals, Any]) -> Iterator[None]:
    previous = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _free_port(port: int = 0, *, of: str = "UI") -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError as error:
            raise PlatformFailed(
                f"Port {port} on {_LOOPBACK} cannot be used ({error.strerror}); stop what uses it, or set "
                f"MARS_{of}_PORT to another one (0 picks a free one)."
            ) from error
        return int(probe.getsockname()[1])
