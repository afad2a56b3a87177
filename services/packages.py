"""Programs from the system's packages."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from services.errors import ServicesError
from services.processes import run

_START_NOTHING: Final = {
    # Debian's packages start their servers unless this says no (policy-rc.d(8), exit code 101).
    Path("/usr/sbin/policy-rc.d"): "#!/bin/sh\nexit 101\n",
    # And PostgreSQL's makes a cluster "main" (pg_createcluster(8)).
    Path("/etc/postgresql-common/createcluster.d/martian-moments.conf"): "create_main_cluster = false\n",
}


def install(package: str, log: Path) -> str | None:
    """Installs a package where that is possible without asking: as root, with apt-get.

    Returns:
        None when it is installed, else what a person has to do.
    """
    if os.geteuid() or not shutil.which("apt-get"):
        return f"{package}: sudo apt-get install --no-install-recommends {package}, or your system's package of that program"
    print(f"{package}: installing the system's package", flush=True)
    quietly = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        with ExitStack() as stack:
            for file, text in _START_NOTHING.items():
                stack.enter_context(_for_a_while(file, text))
            run(["apt-get", "update"], log=log)
            run(["apt-get", "install", "--yes", "--no-install-recommends", package], log=log, environment=quietly)
    except ServicesError as error:
        return f"{package}, which apt-get could not install: {error}"
    return None


@contextmanager
def _for_a_while(file: Path, text: str) -> Iterator[None]:
    if file.exists():
        yield
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    try:
        yield
    finally:
        file.unlink()
