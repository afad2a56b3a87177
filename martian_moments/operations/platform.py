"""The running platform as others see it: a state file under the home, and whether it still tells the truth."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import orjson

from martian_moments.automation.processes import ProcessId

_STATE_FILE: Final = "platform.json"


@dataclass(frozen=True, slots=True)
class RunningPlatform:
    """What a supervisor says about itself.

    Attributes:
        process: the supervisor, as ``pid@start``.
        grpc_port: port of the code server on 127.0.0.1.
        url: address of the web interface, or None when headless.
        ready: whether code server, daemon and webserver have answered.
    """

    process: str
    grpc_port: int
    url: str | None
    ready: bool

    @property
    def supervisor(self) -> ProcessId:
        """The supervisor's identity."""
        return ProcessId.parse(self.process)


def find_running(home: Path) -> RunningPlatform | None:
    """The platform that runs on this home and has been ready, or None."""
    state = read_state(home)
    return state if state is not None and state.ready and state.supervisor.alive else None


def read_state(home: Path) -> RunningPlatform | None:
    """What the last supervisor on this home wrote, whether it lives or not; None when there was none."""
    try:
        return RunningPlatform(**orjson.loads((home / _STATE_FILE).read_bytes()))
    except (FileNotFoundError, orjson.JSONDecodeError, TypeError):
        # Cut short or of another release: either way it says nothing about a platform that this release could talk to.
        return None


def write_state(home: Path, state: RunningPlatform) -> None:
    """Replaces the state file in one step."""
    draft = home / f"{_STATE_FILE}.new"
    draft.write_bytes(orjson.dumps(asdict(state), option=orjson.OPT_INDENT_2))
    draft.replace(home / _STATE_FILE)


def clear_state(home: Path) -> None:
    """No platform runs here any more."""
    (home / _STATE_FILE).unlink(missing_ok=True)
