"""Where a Kafka log is and how it is reached: its address, and the options of librdkafka."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import SplitResult

from martian_moments.domain.errors import EventLogError, SettingsError
from martian_moments.infrastructure.addresses import taken_apart
from martian_moments.infrastructure.redaction import Redaction

DELIVERY_SECONDS: Final = 30.0
"""A message that no broker has taken by then counts as failed."""

_DEFAULTS: Final[Mapping[str, Any]] = {
    # librdkafka would print every failed connection; the error that a call raises says why it failed.
    "log_level": 2,
    # From the library's 100 ms and 10 s: an outage is few attempts, and its end is noticed at once.
    "reconnect.backoff.ms": 250,
    "reconnect.backoff.max.ms": 2_000,
}

_OURS: Final[Mapping[str, Any]] = {
    "bootstrap.servers": None,
    # Consumers: offsets are the reader's own, so that no group is ever joined and nothing is ever committed.
    "group.id": "martian-moments",
    "enable.auto.commit": False,
    "auto.offset.reset": "error",
    "enable.partition.eof": True,
    "isolation.level": "read_committed",
    # A request at the end of a partition holds up the next one on its connection for this long; the default is 500 ms.
    "fetch.wait.max.ms": 10,
    # Producers: a message is in every replica that is in sync, once, in the partition that the embedded log would choose.
    "acks": "all",
    "enable.idempotence": True,
    "partitioner": "consistent",
    "delivery.timeout.ms": int(DELIVERY_SECONDS * 1_000),
}
"""What the log's promises rest on; no setting changes these."""

_PRODUCER_ONLY: Final = frozenset({"acks", "enable.idempotence", "partitioner", "delivery.timeout.ms"})
_CONSUMER_ONLY: Final = frozenset(
    {"group.id", "enable.auto.commit", "auto.offset.reset", "enable.partition.eof", "isolation.level", "fetch.wait.max.ms"}
)

_SECRET: Final = re.compile(r"password|secret|token|\.pem$|sasl\.oauthbearer\.config")
_TOPIC_CHARACTERS: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")
_MAX_PORT: Final = 65_535


@dataclass(frozen=True, slots=True)
class KafkaAddress:
    """Attributes: ``brokers``, as ``host:port,host:port``; ``prefix`` of the topics' names, which may be empty."""

    brokers: str
    prefix: str

    def topic(self, topic: str) -> str:
        """The name of one of our topics on the cluster."""
        return f"{self.prefix}.{topic}" if self.prefix else topic

    @classmethod
    def parse(cls, url: str) -> KafkaAddress:
        """From ``kafka://host:port,host:port[/prefix]``. Raises EventLogError."""
        if "@" in url:
            # The address itself is left out: it holds a password.
            raise EventLogError("MARS_EVENTS_URL holds no user; set MARS_KAFKA_SASL_USERNAME and MARS_KAFKA_SASL_PASSWORD")
        try:
            parts = taken_apart(url)
            problem = _problem(parts)
        except ValueError as error:
            problem = str(error)
        if problem:
            raise EventLogError(
                f"{url} is not the address of an event log: {problem}; use kafka://host:port,host:port[/prefix]"
            )
        return cls(parts.netloc, parts.path.strip("/"))


def _problem(parts: SplitResult) -> str | None:
    for broker in parts.netloc.split(","):
        host, _, port = broker.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= _MAX_PORT:
            return f"{broker or 'nothing'!r} is not host:port"
    prefix = parts.path.strip("/")
    if prefix and not _TOPIC_CHARACTERS.fullmatch(prefix):
        return f"the prefix {prefix!r} is not made of up to 100 letters, digits, dots, underscores and hyphens"
    return "it ends in a query or a fragment" if parts.query or parts.fragment else None


class KafkaOptions:
    """librdkafka's options: those of the settings, and those that the log needs.

    Attributes:
        brokers: as ``host:port,host:port``.
    """

    def __init__(self, brokers: str, given: Mapping[str, str]) -> None:
        """Take the options. Raises SettingsError for one that is the log's own."""
        if taken := sorted(given.keys() & _OURS.keys()):
            raise SettingsError(f"{_variable(taken[0])} cannot be set: the event log needs its own {taken[0]}; remove it")
        self.brokers = brokers
        self._given = given
        self._redaction = Redaction(value for name, value in given.items() if _SECRET.search(name))
        self._all = {**_DEFAULTS, **given, **_OURS, "bootstrap.servers": brokers}

    def consumer(self) -> dict[str, Any]:
        """For a consumer."""
        return {name: value for name, value in self._all.items() if name not in _PRODUCER_ONLY}

    def producer(self) -> dict[str, Any]:
        """For a producer."""
        return {name: value for name, value in self._all.items() if name not in _CONSUMER_ONLY}

    def admin(self) -> dict[str, Any]:
        """For an administrator."""
        return {name: value for name, value in self._all.items() if name not in _CONSUMER_ONLY | _PRODUCER_ONLY}

    def redacted(self, text: str) -> str:
        """The text without any of the secrets among the options."""
        return self._redaction(text)

    def refused(self, reason: str) -> SettingsError:
        """The error for options that librdkafka did not take, in one line that names the variable."""
        for name in self._given:
            if f'"{name}"' in reason:
                why = "there is no such option" if reason.startswith("No such") else "its value is not accepted"
                return SettingsError(f"{_variable(name)}: {why}; librdkafka's list of options says what {name} takes")
        return SettingsError(f"MARS_KAFKA_*: {self.redacted(' '.join(reason.split()))}")


def _variable(option: str) -> str:
    return f"MARS_KAFKA_{option.upper().replace('.', '_')}"
