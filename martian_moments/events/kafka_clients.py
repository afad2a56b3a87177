"""The clients of librdkafka that a process has open, and their errors in our words."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from martian_moments.domain.errors import EventLogError, EventLogUnavailable
from martian_moments.events.kafka_config import KafkaOptions

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Producer
    from confluent_kafka.admin import AdminClient

_Client = TypeVar("_Client")


class KafkaClients:
    """A consumer, a producer and an administrator, each opened when first needed, for one process and all its threads."""

    def __init__(self, options: KafkaOptions) -> None:
        self._options = options
        self._reading = threading.Lock()
        self._opening = threading.Lock()
        self._consumer: Consumer | None = None
        self._producer: Producer | None = None
        self._admin: AdminClient | None = None
        self._trouble: KafkaError | None = None

    @contextmanager
    def consumer(self) -> Iterator[Consumer]:
        """The consumer, for one thread at a time. Raises EventLogError for what librdkafka reports meanwhile."""
        from confluent_kafka import Consumer

        with self._reading:
            self._consumer = self._consumer or self._open(Consumer, self._options.consumer())
            with self._errors(self._consumer.poll):
                yield self._consumer

    @contextmanager
    def producer(self) -> Iterator[Producer]:
        """The producer, which threads share. Raises EventLogError for what librdkafka reports meanwhile."""
        from confluent_kafka import Producer

        with self._opening:
            producer = self._producer = self._producer or self._open(Producer, self._options.producer())
        with self._errors(producer.poll):
            yield producer

    @contextmanager
    def admin(self) -> Iterator[AdminClient]:
        """The administrator, which threads share. Raises EventLogError for what librdkafka reports meanwhile."""
        from confluent_kafka.admin import AdminClient

        with self._opening:
            admin = self._admin = self._admin or self._open(AdminClient, self._options.admin())
        with self._errors(admin.poll):
            yield admin

    def renew_producer(self) -> None:
        """Forget the producer after a failed delivery: an idempotent one may be of no more use."""
        with self._opening:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()

    def close(self) -> None:
        """Close all of them."""
        with self._reading:
            consumer, self._consumer = self._consumer, None
            if consumer is not None:
                consumer.close()
        self.renew_producer()
        self._admin = None

    def error(self, what: str, error: KafkaError) -> EventLogError:
        """What failed and why; where librdkafka said more about it (a refused connection, a wrong password), that too."""
        details = f" ({self._trouble.str()})" if self._trouble else ""
        why = self._options.redacted(f"{error.str()}{details}")
        kind = EventLogUnavailable if _passes(error) and not _stays(self._trouble) else EventLogError
        return kind(f"{what} at {self._options.brokers}: {why}; check MARS_EVENTS_URL, MARS_KAFKA_* and the brokers")

    def _open(self, kind: Callable[[dict[str, Any]], _Client], config: dict[str, Any]) -> _Client:
        from confluent_kafka import KafkaException

        try:
            return kind({**config, "error_cb": self._note})
        except KafkaException as error:
            # Without the cause: librdkafka repeats the value that it refuses.
            raise self._options.refused(error.args[0].str()) from None

    @contextmanager
    def _errors(self, serve: Callable[[float], object]) -> Iterator[None]:
        from confluent_kafka import KafkaException

        serve(0)  # what was reported before this call is not about it
        self._trouble = None
        try:
            yield
        except KafkaException as error:
            serve(0)
            raise self.error("event log", error.args[0]) from error

    def _note(self, error: KafkaError) -> None:
        from confluent_kafka import KafkaError

        # That all brokers are down only counts the others, and a refused password is often followed by a disconnection.
        if error.code() != KafkaError._ALL_BROKERS_DOWN and not _stays(self._trouble):  # noqa: SLF001 - the library's name
            self._trouble = error


def _stays(trouble: KafkaError | None) -> bool:
    """Whether a connection fails for what no waiting changes: a wrong password, a certificate that is not trusted."""
    from confluent_kafka import KafkaError as Codes

    return trouble is not None and trouble.code() in (Codes._AUTHENTICATION, Codes._SSL)  # noqa: SLF001


def _passes(error: KafkaError) -> bool:
    from confluent_kafka import KafkaError as Codes

    # The first six are librdkafka's own; its names of them begin with an underscore. Of the others, brokers report while
    # they start, while a partition's leader changes, and while a replica is away.
    return error.retriable() or error.code() in (
        Codes._TRANSPORT,  # noqa: SLF001
        Codes._TIMED_OUT,  # noqa: SLF001
        Codes._MSG_TIMED_OUT,  # noqa: SLF001
        Codes._ALL_BROKERS_DOWN,  # noqa: SLF001
        Codes._DESTROY_BROKER,  # noqa: SLF001
        Codes._RESOLVE,  # noqa: SLF001
        Codes.LEADER_NOT_AVAILABLE,
        Codes.NOT_LEADER_FOR_PARTITION,
        Codes.REPLICA_NOT_AVAILABLE,
        Codes.BROKER_NOT_AVAILABLE,
        Codes.NOT_ENOUGH_REPLICAS,
        Codes.NETWORK_EXCEPTION,
        Codes.REQUEST_TIMED_OUT,
        Codes.KAFKA_STORAGE_ERROR,
    )
