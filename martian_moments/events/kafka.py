"""The deployed event log: Kafka, through librdkafka.

There is no consumer group: readers bring their offsets, as they do with the embedded log. Clients are opened by the first
call that needs them and belong to the process that opened them: after a fork the child opens its own, since librdkafka's
threads do not survive one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from martian_moments.domain.errors import EventLogError, EventLogUnavailable, OffsetOutOfRange
from martian_moments.events.kafka_clients import KafkaClients
from martian_moments.events.kafka_config import DELIVERY_SECONDS, KafkaAddress, KafkaOptions
from martian_moments.events.log import RETENTION_DAYS, TOPICS, Message, Record, Watermarks
from martian_moments.events.offsets import fair_shares, starts

if TYPE_CHECKING:
    from confluent_kafka import Consumer, KafkaError, Producer
    from confluent_kafka import Message as KafkaMessage
    from confluent_kafka.cimpl import NewTopic

_RESPONSE_SECONDS: Final = 10.0
"""How long a question about topics and watermarks may take. A broker that is restarted responds after some 6 s."""

_READ_SECONDS: Final = 30.0
"""How long a read may take: half of what Dagster gives a sensor."""

_MAX_CONSUMED: Final = 10_000
"""Messages that one call into librdkafka may give."""

_DAY_MS: Final = 24 * 3600 * 1000


class KafkaEventLog:
    """An EventLog on Kafka. Safe to use from several threads and processes."""

    def __init__(self, url: str, options: Mapping[str, str] | None = None) -> None:
        """Take the address, ``kafka://host:port,host:port[/prefix]``, and options of librdkafka; nothing is asked yet.

        Raises:
            EventLogError: the address is none.
            SettingsError: an option is the log's own.
        """
        self._address = KafkaAddress.parse(url)
        self._options = KafkaOptions(self._address.brokers, options or {})
        self._clients: dict[int, KafkaClients] = {}
        self._known: set[str] = set()

    def ensure(self) -> None:
        """Create the topics that are missing and add partitions where there are fewer; nothing is ever removed."""
        from confluent_kafka.cimpl import NewPartitions

        with self._mine().admin() as admin:
            topics = admin.list_topics(timeout=_RESPONSE_SECONDS).topics
            has = {name: len(topic.partitions) for name, topic in topics.items()}
            wanted = {self._address.topic(topic): partitions for topic, partitions in TOPICS.items()}
            timeouts = {"operation_timeout": _RESPONSE_SECONDS, "request_timeout": 2 * _RESPONSE_SECONDS}
            if new := [self._new_topic(topic) for topic in TOPICS if self._address.topic(topic) not in has]:
                _wait_for(admin.create_topics(new, **timeouts))
            if wider := [NewPartitions(name, n) for name, n in wanted.items() if has.get(name, n) < n]:
                _wait_for(admin.create_partitions(wider, **timeouts))
        for topic, partitions in TOPICS.items():
            self._wait_until_ready(topic, partitions)

    def publish(self, topic: str, messages: Iterable[Message]) -> None:
        """Append messages; on return every replica that is in sync has them."""
        name = self._existing(topic)
        clients = self._mine()
        failures: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: KafkaMessage) -> None:
            if error is not None:
                failures.append(error)

        with clients.producer() as producer:
            for message in messages:
                _enqueue(producer, name, message, delivered)
            # Each message's own deadline ends the wait; the extra seconds are for the last of them to be reported.
            unreported = producer.flush(DELIVERY_SECONDS + 5)
        if failures or unreported:
            clients.renew_producer()
        if failures:
            raise clients.error(f"{len(failures)} messages to topic {name} were not delivered", failures[0])
        if unreported:
            raise EventLogUnavailable(f"{unreported} messages to topic {name} at {self._address.brokers} are not confirmed")

    def read(self, topic: str, offsets: Mapping[int, int], *, limit: int) -> list[Record]:
        """See :class:`martian_moments.events.log.EventLog`. Messages of open and aborted transactions are not read."""
        name = self._address.topic(topic)
        with self._mine().consumer() as consumer:
            marks = _watermarks(consumer, name)
            reader = _Reader(consumer, name, starts(topic, offsets, marks), marks)
            messages: list[KafkaMessage] = []
            # Holes in the offsets leave a partition's share unused: the next round gives it to the others.
            while (room := limit - len(messages)) and (waiting := reader.waiting):
                messages += reader.fetch(fair_shares(waiting, room))
        messages.sort(key=_place)
        return [_record(topic, message) for message in messages]

    def watermarks(self, topic: str) -> dict[int, Watermarks]:
        """Per partition of the topic; the high one is before the first transaction that is still open."""
        with self._mine().consumer() as consumer:
            return _watermarks(consumer, self._address.topic(topic))

    def identity(self, topic: str) -> str | None:
        """The topic's id, which the cluster gives to each topic once; None before Kafka 2.8."""
        from confluent_kafka import KafkaError, KafkaException, TopicCollection

        name = self._address.topic(topic)
        with self._mine().admin() as admin:
            (description,) = admin.describe_topics(TopicCollection([name]), request_timeout=_RESPONSE_SECONDS).values()
            try:
                found = description.result().topic_id
            except KafkaException as error:
                if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                    raise _no_topic(name) from error
                raise
        reported = found.get_most_significant_bits() or found.get_least_significant_bits()
        return str(found) if reported else None

    def probe(self) -> None:
        """Nothing to look for: brokers check what they store, a read that meets damage says so."""

    def close(self) -> None:
        """Close this process's clients."""
        if clients := self._clients.pop(os.getpid(), None):
            clients.close()

    def _wait_until_ready(self, topic: str, partitions: int) -> None:
        """Brokers know of a topic, and of each leader, a moment before the leader itself does."""
        patiently = stop_after_delay(_RESPONSE_SECONDS)
        for attempt in Retrying(
            retry=retry_if_exception_type(EventLogError), stop=patiently, wait=wait_fixed(0.05), reraise=True
        ):
            with attempt:
                if len(self.watermarks(topic)) < partitions:
                    raise EventLogUnavailable(f"{self._address.topic(topic)} has not got {partitions} partitions yet")

    def _mine(self) -> KafkaClients:
        return self._clients.setdefault(os.getpid(), KafkaClients(self._options))

    def _existing(self, topic: str) -> str:
        """The topic's name on the cluster. It is looked up once: a producer would create the topic, or wait 30 s for it."""
        name = self._address.topic(topic)
        if name not in self._known:
            with self._mine().consumer() as consumer:
                _partitions(consumer, name)
            self._known.add(name)
        return name

    def _new_topic(self, topic: str) -> NewTopic:
        from confluent_kafka.cimpl import NewTopic

        return NewTopic(
            self._address.topic(topic),
            num_partitions=TOPICS[topic],
            replication_factor=-1,  # the cluster's default
            config={"retention.ms": str(RETENTION_DAYS[topic] * _DAY_MS), "message.timestamp.type": "LogAppendTime"},
        )


class _Reader:
    """One read: from the positions given up to the high watermarks that were seen at its start.

    Attributes:
        position: the next offset, by partition.
    """

    def __init__(self, consumer: Consumer, name: str, position: dict[int, int], marks: Mapping[int, Watermarks]) -> None:
        self.position = position
        self._consumer = consumer
        self._name = name
        self._ends = {partition: mark.high for partition, mark in marks.items()}
        self._deadline = time.monotonic() + _READ_SECONDS

    @property
    def waiting(self) -> dict[int, int]:
        """How many offsets are left, by partition; without those that are at their end."""
        return {p: end - self.position[p] for p, end in self._ends.items() if self.position[p] < end}

    def fetch(self, shares: Mapping[int, int]) -> list[KafkaMessage]:
        """At most as many messages of each partition as its share; fewer only of one that is at its end then."""
        from confluent_kafka import TopicPartition

        left = {partition: share for partition, share in shares.items() if share}
        self._consumer.assign([TopicPartition(self._name, partition, self.position[partition]) for partition in left])
        try:
            return list(self._messages(left))
        finally:
            self._consumer.unassign()

    def _messages(self, left: dict[int, int]) -> Iterator[KafkaMessage]:
        from confluent_kafka import TopicPartition

        while left:
            if time.monotonic() > self._deadline:
                raise EventLogUnavailable(f"{self._name} was not read within {_READ_SECONDS:.0f} s; look at the brokers")
            for message in self._consumer.consume(min(sum(left.values()), _MAX_CONSUMED), timeout=0.1):
                _raise_for(message)
                partition, offset = _place(message)
                if partition not in left:
                    continue
                if offset >= self._ends[partition]:  # the report of the end, or a message that was published meanwhile
                    self.position[partition] = self._ends[partition]
                elif message.error() is None:
                    yield message
                    self.position[partition] = offset + 1
                    left[partition] -= 1
                if not left[partition] or self.position[partition] == self._ends[partition]:
                    del left[partition]
                    self._consumer.incremental_unassign([TopicPartition(self._name, partition)])


def _place(message: KafkaMessage) -> tuple[int, int]:
    return message.partition() or 0, message.offset() or 0


def _raise_for(message: KafkaMessage) -> None:
    """Raise for what is in a message's place, but for the report of a partition's end."""
    from confluent_kafka import KafkaError, KafkaException

    match message.error():
        case None:
            return
        case error if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - the library's name
            return
        case error if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001
            raise OffsetOutOfRange(f"{message.topic()}[{message.partition()}]: {error.str()}")
        case error:
            raise KafkaException(error)


def _partitions(consumer: Consumer, name: str) -> list[int]:
    from confluent_kafka import KafkaError, KafkaException

    found = consumer.list_topics(name, timeout=_RESPONSE_SECONDS).topics[name]
    if found.error is None:
        return sorted(found.partitions)
    if found.error.code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
        raise _no_topic(name)
    raise KafkaException(found.error)


def _no_topic(name: str) -> EventLogError:
    return EventLogError(f"there is no topic {name} in Kafka; martian-moments init creates it")


def _watermarks(consumer: Consumer, name: str) -> dict[int, Watermarks]:
    from confluent_kafka import TopicPartition

    return {
        partition: Watermarks(*consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=_RESPONSE_SECONDS))
        for partition in _partitions(consumer, name)
    }


def _enqueue(
    producer: Producer, name: str, message: Message, on_delivery: Callable[[KafkaError | None, KafkaMessage], None]
) -> None:
    """Hand a message to the producer; while its queue is full, wait for deliveries, which end by their deadlines at last."""
    while True:
        try:
            return producer.produce(name, key=message.key.encode(), value=message.value, on_delivery=on_delivery)
        except BufferError:
            producer.poll(1)


def _record(topic: str, message: KafkaMessage) -> Record:
    _, timestamp_ms = message.timestamp()
    key = (message.key() or b"").decode(errors="replace")
    return Record(topic, *_place(message), key, message.value(), timestamp_ms)


def _wait_for(changes: Mapping[str, Future[None]]) -> None:
    """Wait for changes of topics. One that somebody else has made meanwhile is as good."""
    from confluent_kafka import KafkaError, KafkaException

    for change in changes.values():
        try:
            change.result()
        except KafkaException as error:
            if error.args[0].code() not in (KafkaError.TOPIC_ALREADY_EXISTS, KafkaError.INVALID_PARTITIONS):
                raise
