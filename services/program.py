"""What the starter knows about a program that runs without containers."""

from __future__ import annotations

import signal
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from services.environment import Environment
from services.processes import Command, Daemon


class Program(ABC):
    """One of the services as a program of this machine.

    Attributes:
        name: as docker-compose.yml calls it.
        port_variable: the variable of the env file with its port.
        stop_signal: what makes it put its data in order and end.
        environment: where it listens, and what it is entered with.
        daemon: its process and folders.
    """

    name: ClassVar[str]
    port_variable: ClassVar[str]
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM

    def __init__(self, environment: Environment, root: Path) -> None:
        self.environment = environment
        self.daemon = Daemon(self.name, root)

    @property
    @abstractmethod
    def port(self) -> int:
        """Where it listens on loopback."""

    @abstractmethod
    def provide(self) -> str | None:
        """Installs what can be had without asking; returns what a person has to install, or None when nothing."""

    @abstractmethod
    def prepare(self) -> Command:
        """Builds what is not built, makes the data, and returns how to start it.

        Raises:
            ServicesError: a build, a download or the making of the data failed.
        """
