"""What only a log on Kafka can meet: topics that are made, retention, transactions, forks, and a broker that dies."""

from __future__ import annotations

import itertools
import json
import multiprocessing
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewTopic

from martian_moments.defs.sensors.reading import read_on
from martian_moments.domain.errors import EventLogError, OffsetOutOfRange
from martian_moments.events.kafka_config import KafkaAddress
from martian_moments.events.log import TOPICS, UPLOADS, UPLOADS_DEAD, EventLog, Message, Watermarks
from martian_moments.events.open import open_log
from martian_moments.events.sqlite import partition_of
from martian_moments_tests.mortal_services import MortalServices
from martian_moments_tests.services import Services
from martian_moments_tests.topics import new_log

pytestmark = pytest.mark.services

_fork = multiprocessing.get_context("fork")


@pytest.fixture
def log(topics: str) -> Iterator[EventLog]:
    opened = open_log(topics)
    yield opened
    opened.close()


@pytest.fixture
def admin(services: Services) -> AdminClient:
    return AdminClient({"bootstrap.servers": services.kafka})


def name_of(url: str, topic: str) -> str:
    return KafkaAddress.parse(url).topic(topic)


def settings_of(admin: AdminClient, name: str) -> dict[str, str]:
    (found,) = admin.describe_configs([ConfigResource(ConfigResource.Type.TOPIC, name)]).values()
    return {setting: entry.value for setting, entry in found.result().items()}


def forget(admin: AdminClient, name: str, before: dict[int, int]) -> None:
    """What retention does: remove the messages before these offsets."""
    places = [TopicPartition(name, partition, offset) for partition, offset in before.items()]
    for removal in admin.delete_records(places).values():
        removal.result()


def test_topics_are_made_with_partitions_and_retention_and_making_them_again_changes_nothing(
    no_topics: str, admin: AdminClient
) -> None:
    log = open_log(no_topics)
    log.ensure()
    assert {topic: len(log.watermarks(topic)) for topic in TOPICS} == TOPICS
    day = 24 * 3600 * 1000
    assert {topic: int(settings_of(admin, name_of(no_topics, topic))["retention.ms"]) // day for topic in TOPICS} == {
        "minio-events": 7, "minio-events-dlq": 30, "ingestion-scheduling": 7, "ingestion-scheduling-dlq": 30,
        "warehouse-load-complete": 30,
    }  # fmt: skip
    assert settings_of(admin, name_of(no_topics, UPLOADS))["message.timestamp.type"] == "LogAppendTime"
    log.publish(UPLOADS, [Message("a", b"kept")])
    log.ensure()
    assert [record.value for record in log.read(UPLOADS, {}, limit=10)] == [b"kept"]
    log.close()


def test_a_topic_with_fewer_partitions_gets_more_and_keeps_its_messages_and_settings(
    no_topics: str, admin: AdminClient
) -> None:
    name = name_of(no_topics, UPLOADS)
    narrow = NewTopic(name, num_partitions=1, replication_factor=1, config={"retention.ms": "60000"})
    admin.create_topics([narrow])[name].result()
    while name not in admin.list_topics(timeout=10).topics:  # the controller has it a moment before the broker
        time.sleep(0.05)
    log = open_log(no_topics)
    log.publish(UPLOADS, [Message("a", b"kept")])
    log.ensure()
    assert len(log.watermarks(UPLOADS)) == TOPICS[UPLOADS]
    assert [record.value for record in log.read(UPLOADS, {}, limit=10)] == [b"kept"]
    assert settings_of(admin, name_of(no_topics, UPLOADS))["retention.ms"] == "60000"
    log.close()  # a producer looks for new partitions every five minutes
    log.publish(UPLOADS, [Message(f"key-{n}", b"") for n in range(100)])
    assert {record.partition for record in log.read(UPLOADS, {}, limit=200)} == set(range(TOPICS[UPLOADS]))
    log.close()


def test_a_missing_topic_says_what_creates_it(no_topics: str, admin: AdminClient) -> None:
    log = open_log(no_topics)
    for call in (
        lambda: log.publish(UPLOADS, [Message("a", b"")]),
        lambda: log.read(UPLOADS, {}, limit=1),
        lambda: log.watermarks(UPLOADS),
        lambda: log.identity(UPLOADS),
    ):
        with pytest.raises(EventLogError, match=r"no topic mars-\w+\.minio-events in Kafka; martian-moments init"):
            call()
    assert name_of(no_topics, UPLOADS) not in admin.list_topics(timeout=10).topics
    log.close()


def test_a_key_goes_to_the_partition_that_the_embedded_log_would_choose(log: EventLog) -> None:
    keys = ["", "mars/photos/rover=curiosity/source=v1/sol=00890.json.gz", "é", *(f"key-{n}" for n in range(50))]
    log.publish(UPLOADS, [Message(key, b"") for key in keys])
    found = {record.key: record.partition for record in log.read(UPLOADS, {}, limit=100)}
    assert found == {key: partition_of(key, TOPICS[UPLOADS]) for key in keys}


def test_after_retention_a_new_reader_starts_at_the_oldest_message_and_an_old_one_is_warned(
    topics: str, log: EventLog, admin: AdminClient
) -> None:
    log.publish(UPLOADS, [Message(f"key-{n}", b"%d" % n) for n in range(100)])
    high = {partition: mark.high for partition, mark in log.watermarks(UPLOADS).items()}
    forget(admin, name_of(topics, UPLOADS), {0: 5, 2: high[2]})
    assert log.watermarks(UPLOADS)[0] == Watermarks(5, high[0])
    records = log.read(UPLOADS, {}, limit=1_000)
    assert len(records) == 100 - 5 - high[2]
    assert min(record.offset for record in records if record.partition == 0) == 5
    with pytest.raises(OffsetOutOfRange, match=rf"minio-events\[0\]: offset 4 is outside 5 to {high[0]}"):
        log.read(UPLOADS, {0: 4}, limit=10)

    reported: list[str] = []
    batch = read_on(log, UPLOADS, {0: 4, 1: 7, 2: high[2], 3: 3}, of=None, limit=10, warn=reported.append)
    assert (batch.records, batch.offsets) == ([], {0: 5, 1: 7, 2: high[2], 3: 3})
    assert "offset 4 is outside" in reported[0]
    again = read_on(log, UPLOADS, batch.offsets, of=batch.log, limit=1_000, warn=reported.append)
    assert len(again.records) == sum(high.values()) - 5 - 7 - high[2] - 3
    assert (again.offsets, set(again.lag.values()), len(reported)) == (high, {0}, 1)


def transaction(url: str, count: int, *, commit: bool, partition: int) -> None:
    address = KafkaAddress.parse(url)
    producer = Producer({"bootstrap.servers": address.brokers, "transactional.id": f"{address.prefix}-{commit}"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for n in range(count):
        producer.produce(address.topic(UPLOADS), key=str(commit), value=str(n), partition=partition)
    producer.flush(30)
    (producer.commit_transaction if commit else producer.abort_transaction)(30)


def test_holes_in_the_offsets_neither_stop_a_reader_nor_starve_a_partition(topics: str, log: EventLog) -> None:
    transaction(topics, 400, commit=False, partition=0)
    transaction(topics, 3, commit=True, partition=0)
    busy = next(key for key in map(str, itertools.count()) if partition_of(key, TOPICS[UPLOADS]) == 1)
    log.publish(UPLOADS, [Message(busy, b"%d" % n) for n in range(500)])
    records = log.read(UPLOADS, {}, limit=100)
    assert Counter(record.partition for record in records) == {0: 3, 1: 97}, "only what was committed, and the limit is used"
    offsets: dict[int, int] = {}
    seen = 0
    for _ in range(6):
        batch = read_on(log, UPLOADS, offsets, of=None, limit=100, warn=pytest.fail)
        offsets, seen = batch.offsets, seen + len(batch.records)
    assert seen == 503
    assert set(batch.lag.values()) == {0}, "also past the marks at the end of transactions"
    assert offsets == {partition: mark.high for partition, mark in log.watermarks(UPLOADS).items()}
    assert log.read(UPLOADS, offsets, limit=100) == []


def publish_and_read(log: EventLog) -> None:
    log.publish(UPLOADS_DEAD, [Message("child", b"2")])
    assert [record.key for record in log.read(UPLOADS_DEAD, {}, limit=10)] == ["parent", "child"]


def test_a_forked_process_opens_clients_of_its_own(log: EventLog) -> None:
    log.publish(UPLOADS_DEAD, [Message("parent", b"1")])
    assert len(log.read(UPLOADS_DEAD, {}, limit=10)) == 1
    child = _fork.Process(target=publish_and_read, args=(log,))
    child.start()
    child.join(60)
    assert child.exitcode == 0
    log.publish(UPLOADS_DEAD, [Message("parent", b"3")])
    assert [record.key for record in log.read(UPLOADS_DEAD, {}, limit=10)] == ["parent", "child", "parent"]


# Publishes and follows until it has met an outage and done much after it; prints each failure, then what was seen.
THROUGH_AN_OUTAGE = """
import json, sys, threading
from martian_moments.defs.sensors.reading import read_on
from martian_moments.domain.errors import EventLogUnavailable
from martian_moments.events import kafka
from martian_moments.events.log import UPLOADS, Message
from martian_moments.events.open import open_log

kafka._RESPONSE_SECONDS = 2.0
log = open_log(sys.argv[1])
failures, seen, published = [], [], []

def persistently(what, call):
    while True:
        try:
            return call()
        except EventLogUnavailable as error:
            failures.append(what)
            print(f"{what}: {error}", flush=True)

def follow():
    offsets, complete = {}, False
    while not complete:
        # The last message may be read before older ones of other partitions: what is unread afterwards counts.
        last_is_known = b"last" in seen
        batch = persistently("reading", lambda: read_on(log, UPLOADS, offsets, of=None, limit=1_000, warn=sys.exit))
        offsets = batch.offsets
        seen.extend(record.value for record in batch.records)
        complete = last_is_known and not any(batch.lag.values())

follower = threading.Thread(target=follow)
follower.start()
after = 0
while after < 50:
    batch = [Message(f"key-{n}", b"%d-%d" % (len(published), n)) for n in range(100)]
    persistently("publishing", lambda: log.publish(UPLOADS, batch))
    published.extend(message.value for message in batch)
    print("published", flush=True)
    after += "reading" in failures
persistently("publishing", lambda: log.publish(UPLOADS, [Message("key", b"last")]))
follower.join()
repeated = len(seen) - len(set(seen))
print(json.dumps({"lost": len(set(published) - set(seen)), "repeated": repeated, "failures": failures}), flush=True)
"""


def test_a_broker_that_is_killed_costs_time_and_nothing_else_and_no_line_of_librdkafka(
    mortal_services: MortalServices, tmp_path: Path
) -> None:
    topics = new_log(mortal_services.at)
    open_log(topics).ensure()
    with (tmp_path / "errors").open("w") as errors:
        command = [sys.executable, "-c", THROUGH_AN_OUTAGE, topics]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    for line in itertools.islice(process.stdout, 20):
        assert line == "published\n"
    with mortal_services.killed("kafka"):
        reported = next(line for line in process.stdout if line != "published\n")
    last = reported
    for last in process.stdout:  # noqa: B007 - to its end
        pass
    assert process.wait() == 0
    found = json.loads(last)
    assert "check MARS_EVENTS_URL" in reported
    assert found["lost"] == 0
    assert found["repeated"] == 0 or "publishing" in found["failures"], (
        "what is published again after a failure may come twice"
    )
    assert (tmp_path / "errors").read_text() == "", "librdkafka itself prints nothing: the calls that fail say why"
