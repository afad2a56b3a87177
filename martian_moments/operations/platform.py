"""The running platform as others see it: embedded by a state file under the home, deployed by its daemon's heartbeats."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson
from dagster import DagsterInstance
from pydantic import TypeAdapter

from martian_moments.dagster_runtime.processes import ProcessId
from martian_moments.domain.clock import waits
from martian_moments.domain.errors import PlatformDown
from martian_moments.settings import Settings

_STATE_FILE: Final = "platform.json"

FRESH_SECONDS: Final = 90.0
"""A daemon beats every 30 s; after three beats that did not come it counts as gone."""


_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RunningPlatform:
    """What a supervisor says about itself.

    Attributes:
        process: the supervisor, as ``pid@start``.
        grpc_port: port of the code server on 127.0.0.1.
        url: address of the web interface, or None when headless.
        ready: whether code server, daemon, webserver and service have responded.
        service_url: address of the service, or None without one. Older releases had none.
    """

    process: str
    grpc_port: int
    url: str | None
    ready: bool
    service_url: str | None = None

    def __post_init__(self) -> None:
        """Raise ValueError where ``process`` names none."""
        ProcessId.parse(self.process)

    @property
    def supervisor(self) -> ProcessId:
        """The supervisor's identity."""
        return ProcessId.parse(self.process)


_STATE: Final = TypeAdapter(RunningPlatform)


def is_running(settings: Settings, instance: DagsterInstance) -> bool:
    """Whether the platform that the settings name is up, seen from here."""
    if not settings.deployed:
        return find_running(settings.home) is not None
    beats = instance.get_daemon_heartbeats()
    now = time.time()
    return all(
        name in beats and waits(beats[name].timestamp, FRESH_SECONDS, now) for name in instance.get_required_daemon_types()
    )


def require_running(settings: Settings, instance: DagsterInstance) -> None:
    """Raise PlatformDown, with what to do, unless the platform is up."""
    if is_running(settings, instance):
        return
    if settings.deployed:
        raise PlatformDown(
            f"the platform of {settings.instance_home} is not running: no heartbeat of its daemon for "
            f"{FRESH_SECONDS:.0f} s; start the daemon, and see its log"
        )
    raise PlatformDown(f"the platform on {settings.home} is not running; start it with martian-moments up")


def find_running(home: Path) -> RunningPlatform | None:
    """The platform that runs on this home and has been ready, or None."""
    state = read_state(home)
    return state if state is not None and state.ready and state.supervisor.alive else None


def read_state(home: Path) -> RunningPlatform | None:
    """What the last supervisor on this home wrote, whether it lives or not; None when there was none."""
    file = home / _STATE_FILE
    try:
        return _STATE.validate_json(file.read_bytes(), strict=True)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        # Cut short or of another release: either way it says nothing about a platform that this release could talk to.
        why = error.strerror if isinstance(error, OSError) else "it is not what a platform writes"
        _log.warning("%s counts as absent: %s", file, why)
        return None


def write_state(home: Path, state: RunningPlatform) -> None:
    """Replaces the state file in one step."""
    draft = home / f"{_STATE_FILE}.new"
    draft.write_bytes(orjson.dumps(asdict(state), option=orjson.OPT_INDENT_2))
    draft.replace(home / _STATE_FILE)


def clear_state(home: Path) -> None:
    """No platform runs here any more."""
    (home / _STATE_FILE).unlink(missing_ok=True)
