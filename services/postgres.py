"""PostgreSQL from the system's package."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from pathlib import Path

from services import packages
from services.environment import DATABASE, HOST
from services.processes import Command, run
from services.program import Program


class Postgres(Program):
    """One PostgreSQL server with one database, and a user of the same name who owns it."""

    name = "postgres"
    port_variable = "POSTGRES_PORT"
    stop_signal = signal.SIGINT  # SIGTERM waits until the last client has left

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.environment.postgres_port

    def provide(self) -> str | None:
        """The package ``postgresql``, and for root a way to be someone else."""
        if _programs() is None and (lack := packages.install("postgresql", self.daemon.log)):
            return lack
        if not os.geteuid() and not shutil.which("setpriv"):
            return "setpriv, because PostgreSQL does not run as root: apt-get install util-linux; or be another user"
        return None

    def prepare(self) -> Command:
        """The data appears under its name when its user and its database are there."""
        programs = _programs() or Path()
        data = self.daemon.folder / "data"
        if not data.exists():
            part = self.daemon.folder / "part"
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            self._make(programs, part, self.daemon.log)
            part.rename(data)
        # Nothing lives here any more. PostgreSQL asks only whether there is a process of that number, a dead one included.
        (data / "postmaster.pid").unlink(missing_ok=True)
        options = {"port": self.port, "listen_addresses": HOST, "unix_socket_directories": ""}
        settings = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        return Command([*_as_owner_of(data), programs / "postgres", "-D", data, *settings])

    def _make(self, programs: Path, data: Path, log: Path) -> None:
        if not os.geteuid():
            user = _unprivileged()
            os.chown(data, user.pw_uid, user.pw_gid)
        become = _as_owner_of(data)
        options = [f"--username={DATABASE}", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]
        password = self.environment.postgres_password
        run([*become, programs / "initdb", "-D", data, "--pwfile=/dev/stdin", *options], log=log, text=password)
        alone: list[str | Path] = [*become, programs / "postgres", "--single", "-D", data, "postgres"]
        run(alone, log=log, text=f"CREATE DATABASE {DATABASE}\n")


def _programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: Debian keeps the newest of several versions out of PATH."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((each.parent for each in folders), key=lambda folder: float(folder.parent.name), default=None)


def _unprivileged() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def _as_owner_of(data: Path) -> list[str]:
    """The start of a command line that runs the rest as the owner of the data: PostgreSQL refuses root.

    That user may not enter every folder on the way to its data (a checkout in root's home), so one right of root stays.
    """
    if os.geteuid():
        return []
    owner = data.stat()
    right = "-all,+dac_override"
    ids = ["--reuid", str(owner.st_uid), "--regid", str(owner.st_gid), "--clear-groups"]
    return ["setpriv", *ids, "--inh-caps", right, "--ambient-caps", right]
