"""The object store: MinIO, built from its archived source by Go. For tests on loopback only: its open CVEs stay open."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from services import cache
from services.environment import HOST
from services.processes import Command, run
from services.program import Program

_VERSION: Final = "v0.0.0-20260212201848-7aac2a2c5b7c"
"""The last commit of github.com/minio/minio."""

_FOLDER: Final = f"minio-{_VERSION.split('-')[1]}"


class ObjectStore(Program):
    """One MinIO server on one folder, which announces uploads to Kafka."""

    name = "objectstore"
    port_variable = "MINIO_PORT"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.environment.minio_port

    def provide(self) -> str | None:
        """Only a build needs Go."""
        if cache.has(_FOLDER) or shutil.which("go"):
            return None
        return "Go 1.24 or newer, to build MinIO: https://go.dev/dl, or your system's package (golang, go)"

    def prepare(self) -> Command:
        """Its keys and its Kafka target are in the environment, which others cannot read."""
        environment, folder = self.environment, self.daemon.folder
        return Command(
            # --quiet: the greeting may show the password.
            [self.binary(), "server", "--quiet", "--address", f"{HOST}:{self.port}", folder / "objects"],
            {
                "MINIO_ROOT_USER": environment.access_key,
                "MINIO_ROOT_PASSWORD": environment.secret_key,
                "MINIO_BROWSER": "off",
                "MINIO_UPDATE": "off",
                # A PUT is confirmed when its event lies in the queue's folder: no crash of broker or store loses it.
                "MINIO_API_SYNC_EVENTS": "on",
                "MINIO_NOTIFY_KAFKA_ENABLE_PRIMARY": "on",
                "MINIO_NOTIFY_KAFKA_BROKERS_PRIMARY": f"{HOST}:{environment.kafka_port}",
                "MINIO_NOTIFY_KAFKA_TOPIC_PRIMARY": "minio-events",
                "MINIO_NOTIFY_KAFKA_QUEUE_DIR_PRIMARY": str(folder / "events"),
            },
        )

    def binary(self) -> Path:
        """The program, built where it is not yet."""
        return cache.built(_FOLDER, self._build) / "minio"

    def _build(self, folder: Path) -> None:
        print(f"{self.name}: building MinIO, once; this takes 2 to 4 minutes", flush=True)
        run(
            ["go", "install", f"github.com/minio/minio@{_VERSION}"],
            log=self.daemon.log.with_suffix(".build.log"),
            environment={"GOBIN": str(folder)},
        )
