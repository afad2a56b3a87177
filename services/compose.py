"""The services as containers, as docker-compose.yml describes them."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from services.environment import NAMES, Environment
from services.errors import ServicesError

PROJECT: Final = "martian-moments"
"""As docker-compose.yml names it, so every checkout on a machine has the same."""

_SERVICES: Final = ("objectstore", "kafka", "postgres", "redis")
_PLATFORM: Final = frozenset({"daemon", "worker"})
_ASK_SECONDS: Final = 20
_LABEL: Final = "com.docker.compose"


class Compose:
    """The four containers of the project in this folder.

    Args:
        project: the folder of docker-compose.yml.
        name: of a set of containers and volumes beside the project's own.
        env_file: with its ports and passwords, instead of the project's ``.env``.
    """

    def __init__(self, project: Path, *, name: str = PROJECT, env_file: Path | None = None) -> None:
        self._project = project
        self._name = name
        self._options = ["--project-name", name, "--env-file", str(env_file)] if env_file else []

    def available(self) -> bool:
        """Whether an engine responds that knows compose."""
        return bool(shutil.which("docker")) and all(_ask(words) is not None for words in (["info"], ["compose", "version"]))

    def exist(self) -> bool:
        """Whether there are containers of this very checkout; another one's project has the same name."""
        return bool(_ask(["ps", "--all", "--quiet", "--filter", self._own]))

    def platform_runs(self) -> bool:
        """Whether the platform itself runs on the services of this checkout."""
        services = _ask(["ps", "--filter", self._own, "--format", f'{{{{.Label "{_LABEL}.service"}}}}'])
        return not _PLATFORM.isdisjoint((services or "").splitlines())

    def up(self, environment: Environment) -> None:  # noqa: ARG002 -- compose reads the env file itself
        """Starts what does not run, and waits until each is healthy."""
        self._run("up", "--detach", "--wait", *_SERVICES)

    def down(self, *, volumes: bool) -> None:
        """Removes the containers; with ``volumes`` their data goes as well.

        Raises:
            ServicesError: the data could be another checkout's, whose containers are there.
        """
        if volumes:
            self._refuse_data_of_others()
        self._run("down", *(["--volumes"] if volumes else []))

    def kill(self, name: str) -> None:
        """Ends one of them with SIGKILL."""
        self._run("kill", name)

    @property
    def _own(self) -> str:
        return f"label={_LABEL}.project.working_dir={self._project}"

    def _refuse_data_of_others(self) -> None:
        project, folder = f"label={_LABEL}.project={self._name}", f'{{{{.Label "{_LABEL}.project.working_dir"}}}}'
        folders = _ask(["ps", "--all", "--filter", project, "--format", folder])
        if folders is None:
            raise ServicesError("docker does not report whose containers there are; nothing of theirs was removed")
        # A shell that came by a symbolic link left its own spelling in the label.
        if others := {each for each in folders.splitlines() if Path(each).resolve() != self._project.resolve()}:
            raise ServicesError(
                f"the containers of {', '.join(sorted(others))} have the same volumes, so none was removed. "
                "Run this there, if their data has to go"
            )

    def _run(self, *words: str) -> None:
        # Compose prefers the environment to the env file; the services are those of the file.
        variables = {name: value for name, value in os.environ.items() if name not in NAMES}
        done = subprocess.run(["docker", "compose", *self._options, *words], cwd=self._project, env=variables, check=False)
        if done.returncode:
            raise ServicesError(f"docker compose {words[0]} failed ({done.returncode}); its lines above say why")


def _ask(words: Sequence[str]) -> str | None:
    """What docker prints; None when it cannot, or not soon."""
    try:
        asked = subprocess.run(["docker", *words], capture_output=True, text=True, check=False, timeout=_ASK_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return None if asked.returncode else asked.stdout.strip()
