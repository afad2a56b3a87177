"""A Docker engine for the test: the one that responds, else one of our own, which is stopped at the end."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from shutil import which

from services import cache, packages
from services.errors import ServicesError
from services.processes import Command, Daemon, run

# Newer ones ask for an engine that Debian does not have.
COMPOSE = "v2.40.3"

_PACKAGES = {"dockerd": "docker.io", "docker": "docker.io", "iptables": "iptables"}

# Containers are put into control groups by the engine itself, for there may be no systemd; without the limit, none starts
# where the machine's own is unlimited.
_OPTIONS = ("--exec-opt", "native.cgroupdriver=cgroupfs", "--default-ulimit", "nofile=20000:20000")


class Engine:
    """How ``docker`` reaches an engine.

    Attributes:
        variables: of the environment that it is run with.
    """

    def __init__(self, variables: Mapping[str, str]) -> None:
        self.variables = variables

    def has(self, *words: str) -> bool:
        """Whether ``docker …`` succeeds."""
        return which("docker") is not None and self._run(words, {}).returncode == 0

    def docker(self, *words: str | Path, variables: Mapping[str, str] | None = None) -> str:
        """What ``docker …`` prints."""
        done = self._run(words, variables or {})
        assert done.returncode == 0, f"docker {' '.join(map(str, words))}\n{done.stdout}{done.stderr}"
        return done.stdout

    def _run(self, words: Sequence[str | Path], variables: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **self.variables, **variables}
        return subprocess.run(["docker", *words], env=environment, capture_output=True, text=True, check=False)


@contextmanager
def engine() -> Iterator[Engine]:
    """An engine with the compose plugin.

    Raises:
        ServicesError: none responds, and this machine or user cannot start one.
    """
    found = Engine({})
    if found.has("info") and found.has("compose", "version"):
        yield found
        return
    with tempfile.TemporaryDirectory(prefix="engine-") as folder:
        root = Path(folder)
        _install(root)
        socket = f"unix://{root}/docker.sock"
        data = cache.built("docker", lambda _: None)
        daemon = Daemon("dockerd", root)
        state = ("--exec-root", root / "exec", "--pidfile", root / "pid", "--data-root", data)
        daemon.start(Command(["dockerd", "--host", socket, *state, *_OPTIONS]))
        try:
            own = Engine({"DOCKER_HOST": socket, "DOCKER_CONFIG": str(cache.built(f"compose-{COMPOSE}", _build_compose))})
            daemon.wait(lambda: own.has("info"))
            yield own
        finally:
            daemon.stop(signal.SIGTERM)


def _install(root: Path) -> None:
    if os.geteuid():
        raise ServicesError("No Docker engine with compose responds here; start one. As root on Debian, the test does")
    for program, package in _PACKAGES.items():
        if which(program) is None and (lack := packages.install(package, root / "apt.log")):
            raise ServicesError(f"No Docker engine responds here, and one of our own needs {lack}")


def _build_compose(folder: Path) -> None:
    """The plugin in a folder for DOCKER_CONFIG."""
    if which("go") is None:
        raise ServicesError("Building Docker's compose plugin needs Go: https://go.dev/dl")
    print("compose: building the plugin, once; this takes 2 to 4 minutes", flush=True)
    command = "github.com/docker/compose/v2/cmd"
    plugin = folder / "cli-plugins" / "docker-compose"
    # A module of its own, because `go install` refuses a module that excludes others' releases.
    with tempfile.TemporaryDirectory() as module:
        log = Path(module) / "log"
        for words in (
            ["mod", "init", "plugin"],
            ["get", f"{command}@{COMPOSE}"],
            ["build", "-ldflags", "-s -w", "-o", plugin, command],
        ):
            run(["go", "-C", module, *words], log=log)
