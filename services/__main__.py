"""``python -m services up|down [--volumes]``: start the services and wait until they respond, or stop them."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Final

from filelock import FileLock

from services.compose import PROJECT, Compose
from services.environment import HOST, complete
from services.errors import ServicesError
from services.native import Native

REPOSITORY: Final = Path(__file__).resolve().parent.parent
STATE: Final = REPOSITORY / ".services"
_ENV: Final = REPOSITORY / ".env"
_BESIDE: Final = "beside"

_NEXT: Final = """
Passwords and ports are in .env. To put the lake and the event log there, add these lines to it and run martian-moments init:

MARS_LAKE_URL=s3://mars
MARS_EVENTS_URL=kafka://{kafka}

docs/operations.md shows how Dagster itself comes to PostgreSQL and Redis.
"""


def main() -> int:
    """Do what the command line asks for; 1 when it could not be done."""
    parser = argparse.ArgumentParser(
        prog="python -m services", description="MinIO, Kafka, PostgreSQL and Redis on loopback."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start what does not run, and wait until each responds")
    down = commands.add_parser("down", help="stop them")
    down.add_argument("--volumes", action="store_true", help="remove their data as well")
    asked = parser.parse_args()
    STATE.mkdir(exist_ok=True)
    # One at a time: two that start would each find nothing running.
    with FileLock(STATE / "lock"):
        try:
            _up() if asked.command == "up" else _down(volumes=asked.volumes)
        except ServicesError as error:
            print(error, file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print("interrupted; the same command goes on from here", file=sys.stderr)
            return 130
    return 0


def chosen() -> Native | Compose:
    """How the services run on this machine: as they already do, else in containers where an engine responds."""
    native, containers = Native(STATE), Compose(REPOSITORY)
    return native if native.running() or not containers.available() else containers


def beside(name: str, env_file: Path) -> Native | Compose:
    """A second set of services, of the same kind as the usual ones, under a name and with an env file of its own."""
    if isinstance(chosen(), Compose):
        return Compose(REPOSITORY, name=f"{PROJECT}-{name}", env_file=env_file)
    return Native(STATE / _BESIDE / name)


def _up() -> None:
    environment = complete(_ENV)
    chosen().up(environment)
    print(_NEXT.format(kafka=f"{HOST}:{environment.kafka_port}"))


def _down(*, volumes: bool) -> None:
    for each in (STATE / _BESIDE).glob("*"):  # what a test process that was killed has left
        Native(each).down(volumes=True)
        shutil.rmtree(each)
    Native(STATE).down(volumes=volumes)
    containers = Compose(REPOSITORY)
    if _ENV.exists() and containers.available() and (volumes or containers.exist()):
        containers.down(volumes=volumes)


if __name__ == "__main__":
    sys.exit(main())
