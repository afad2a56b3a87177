"""Redis from the system's package."""

from __future__ import annotations

import shutil

from services import packages
from services.environment import HOST
from services.processes import Command
from services.program import Program

_CONFIG = """bind {host}
port {port}
requirepass {password}
dir "{data}"
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
"""


class Redis(Program):
    """One Redis server that keeps what it is given: a queue must lose nothing and evict nothing."""

    name = "redis"
    port_variable = "REDIS_PORT"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.environment.redis_port

    def provide(self) -> str | None:
        """The package ``redis-server``."""
        return None if shutil.which("redis-server") else packages.install("redis-server", self.daemon.log)

    def prepare(self) -> Command:
        """The password is in the config file, which only the owner can read."""
        config = self.daemon.folder / "redis.conf"
        self.daemon.folder.mkdir(parents=True, exist_ok=True)
        config.touch(mode=0o600)
        config.write_text(
            _CONFIG.format(host=HOST, port=self.port, password=self.environment.redis_password, data=self.daemon.folder)
        )
        return Command([shutil.which("redis-server") or "redis-server", config])
