"""Kafka: one node that is broker and controller (KRaft), its jars fetched by Maven."""

from __future__ import annotations

import re
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Final

from services import cache
from services.environment import HOST, free_port
from services.processes import Command, run
from services.program import Program

_VERSION: Final = "4.3.1"
_SCALA: Final = "2.13"
_SLF4J: Final = "1.7.36"
"""Logs go to the standard error; the version is that of Kafka's own slf4j-api."""

_FOLDER: Final = f"kafka-{_VERSION}"
_OLDEST_JAVA: Final = 17

_POM: Final = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>services</groupId><artifactId>kafka</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_{_SCALA}</artifactId><version>{_VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>{_SLF4J}</version></dependency>
  </dependencies>
</project>
"""

_PROPERTIES: Final = """process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
offsets.topic.num.partitions=1
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=1000
"""
"""A broker that was killed is let in again when its old session has run out: by default after 9 s."""

# The last option: a start takes 3 s of a processor instead of 6.
_JAVA: Final = (
    "java",
    "-Xmx512m",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSZ",
    "-XX:TieredStopAtLevel=1",
)


class Kafka(Program):
    """One Kafka node."""

    name = "kafka"
    port_variable = "KAFKA_PORT"

    @property
    def port(self) -> int:
        """Where it listens."""
        return self.environment.kafka_port

    def provide(self) -> str | None:
        """Running it takes Java; Maven is needed once, to fetch it."""
        if _java_version() < _OLDEST_JAVA:
            return (
                f"Java {_OLDEST_JAVA} or newer, to run Kafka: apt-get install default-jre-headless, or https://adoptium.net"
            )
        if not cache.has(_FOLDER) and not shutil.which("mvn"):
            return "Maven, to fetch Kafka: apt-get install maven, or https://maven.apache.org"
        return None

    def prepare(self) -> Command:
        """The settings are written anew at each start; the data is formatted once."""
        java = [*_JAVA, "-cp", f"{self.jars()}/*"]
        properties = self.daemon.folder / "server.properties"
        data = self.daemon.folder / "data"
        self.daemon.folder.mkdir(parents=True, exist_ok=True)
        # The quorum is written here and not into the data (format --standalone), so the controller's port may change.
        controller_port = free_port(self.port + 1)
        properties.write_text(_PROPERTIES.format(host=HOST, port=self.port, controller_port=controller_port, data=data))
        if not (data / "meta.properties").exists():
            cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            run(
                [*java, "kafka.tools.StorageTool", "format", f"--cluster-id={cluster}", "--config", properties],
                log=self.daemon.log,
            )
        return Command([*java, "kafka.Kafka", properties])

    def jars(self) -> Path:
        """The folder with Kafka and all that it needs, fetched where it is not yet."""
        return cache.built(_FOLDER, self._fetch)

    def _fetch(self, folder: Path) -> None:
        print(f"{self.name}: fetching the jars, once", flush=True)
        pom = folder / "pom.xml"
        pom.write_text(_POM)
        run(
            ["mvn", "--batch-mode", "-f", pom, "dependency:copy-dependencies", f"-DoutputDirectory={folder}"],
            log=self.daemon.log.with_suffix(".build.log"),
        )


def _java_version() -> int:
    """The major version of the ``java`` in PATH; 0 for none."""
    if not shutil.which("java"):
        return 0
    reported = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', reported)
    return int(match[1]) if match else 0
